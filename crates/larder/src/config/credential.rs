//! Credentials of upstreams and repositories.

mod form;

use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::environment::Environment;
use super::pattern::{self, Pattern};
use super::secret::{self, Found, Secret};

pub use form::Form;
use form::NoForm;

/// Why a text or a table is not a credential. Values are not repeated: one of them may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No origin.
    #[error("the credential has no `origin`; write https://HOST or https://HOST:PORT")]
    NoOrigin,
    /// An origin that is not one.
    #[error(
        "the `origin` of a credential is https://HOST or https://HOST:PORT and nothing more; for an `ssh_key` \
         ssh://USER@HOST or ssh://USER@HOST:PORT"
    )]
    Origin,
    /// An origin whose connection everybody on the way could read.
    #[error(
        "the `origin` of a credential begins with https://: over http everybody on the way could read it"
    )]
    Insecure,
    /// None of the four forms.
    #[error("a credential has either `username` and `password`, or `token`, or `ssh_key`, or `app`")]
    Form,
    /// An app that is not whole, or what belongs to one without it.
    #[error(
        "an `app` goes together with `app_key`, and with either `installation` or `owner`; `api` goes with nothing else"
    )]
    App,
    /// An account is a word of letters, digits and dashes.
    #[error("the `owner` is the name of an organisation or a person at GitHub, such as corp")]
    Owner,
    /// The API of an app.
    #[error("the `api` is https://HOST, and maybe a path behind it")]
    Api,
    /// A key is for ssh, and ssh takes keys only.
    #[error("an `ssh_key` goes to an `origin` that begins with ssh://, and nothing else goes there")]
    Key,
    /// Host keys without a key.
    #[error("`known_hosts` goes together with `ssh_key`")]
    KnownHosts,
    /// A form of a token without a token.
    #[error("`form` says how a `token` is sent, and there is none")]
    NoToken,
    /// A form that needs a user.
    #[error("a token of the form `{0}` is sent together with a `username`")]
    NoUser(Form),
    /// A form that has a user of its own, or none.
    #[error(
        "a token of the form `{0}` is sent without a `username`; with one write `basic` or `gitlab-deploy`"
    )]
    User(Form),
    /// The form is none.
    #[error(transparent)]
    NoForm(#[from] NoForm),
    /// The name is none.
    #[error("the `name` of a credential is one word")]
    Name,
    /// A pattern in `match` is wrong.
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
    /// The short form has other words.
    #[error("as text a credential is ORIGIN token=WHERE or ORIGIN username=NAME password=WHERE")]
    Words,
    /// A colon separates the user from the password.
    #[error("a `username` holds no colon")]
    Colon,
    /// The place of the secret is none.
    #[error("the place of the secret: {0}")]
    Secret(#[from] secret::Error),
}

/// What is sent to one upstream or to the repositories of one host: a user and a password, a token, or a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Where it is sent: `https://HOST` or `https://HOST:PORT`; for a key `ssh://USER@HOST` or `ssh://USER@HOST:PORT`, or
    /// without `USER@` for every user. Nobody else is sent the credential, whatever redirects say.
    pub origin: String,
    /// What `larder explain`, `larder doctor` and the log call it. Unset: its origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Patterns of module paths: it is sent to repositories of these modules, and with questions where they are, and
    /// never to an upstream. Empty: upstreams, and all modules that are private, begin with the host of `origin`, or are in
    /// `vanity`.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Pattern>,
    /// The user, together with `password`, or with a `token` of the form `basic` or `gitlab-deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where the password is: the path of a file, beginning with `/` or `./`, or `env:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Where the token is that is sent in place of a user and a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// How the token is sent: `bearer`, `basic` (as a password), `github`, `gitlab`, `gitlab-job`, `gitlab-deploy`,
    /// `bitbucket`, `gitea`, `azure`, `private-token`. Unset: `bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The file of a private key for ssh, without a passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<PathBuf>,
    /// The file of the host keys that are accepted, in the form of ssh's `known_hosts`. Unset: ssh's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// The client id, or the app id, of a GitHub App: its tokens are made here, and sent to repositories only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Where the private key of the app is, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_key: Option<Secret>,
    /// The number of the app's installation; it stands at the end of the address of its settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installation: Option<u64>,
    /// The organisation or person on whose account the app is installed, in place of `installation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The address of the app's API. Unset: what follows from `origin`: `https://api.github.com`, `https://api.HOST` below
    /// ghe.com, and `https://HOST/api/v3` for a GitHub Enterprise Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// The host of GitHub itself.
const GITHUB: &str = "github.com";
/// Below it are the hosts of GitHub Enterprise Cloud with data residency.
const GHE: &str = ".ghe.com";

impl Credential {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.origin)
    }

    /// How its token is sent, if it has one.
    pub fn token_form(&self) -> Form {
        self.form.unwrap_or(Form::Bearer)
    }

    /// The address of the API that belongs to the origin, if it is GitHub's (GitHub's documentation, "About the REST API").
    pub fn api(&self) -> String {
        let host = self.origin.trim_start_matches("https://");
        match &self.api {
            Some(api) => api.clone(),
            None if host == GITHUB || host.ends_with(GHE) => format!("https://api.{host}"),
            None => format!("https://{host}/api/v3"),
        }
    }

    /// Where its secrets are.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [&self.password, &self.token, &self.app_key].into_iter().flatten()
    }

    /// Takes the values of variables.
    pub(super) fn resolve(&mut self, environment: &Environment) {
        let secrets = [&mut self.password, &mut self.token, &mut self.app_key];
        secrets.into_iter().flatten().for_each(|secret| secret.resolve(environment));
    }

    /// The variable that should hold its secret and does not.
    pub(super) fn unset(&self) -> Option<&str> {
        self.secrets().find_map(|secret| match secret.find() {
            Found::Unset(name) => Some(name),
            Found::Value(_) | Found::File(_) => None,
        })
    }
}

/// The table form, before it is known to be whole.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    origin: Option<String>,
    name: Option<String>,
    #[serde(rename = "match", default)]
    patterns: Vec<Pattern>,
    username: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    form: Option<Form>,
    ssh_key: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    app: Option<String>,
    app_key: Option<Secret>,
    installation: Option<u64>,
    owner: Option<String>,
    api: Option<String>,
}

impl Table {
    /// Whether it is one of the kinds of credentials, and nothing of another.
    fn check(&self) -> Result<(), Error> {
        let (user, form) = (self.username.as_ref(), self.form);
        if user.is_some_and(|name| name.contains(':')) {
            return Err(Error::Colon);
        }
        if self.known_hosts.is_some() && self.ssh_key.is_none() {
            return Err(Error::KnownHosts);
        }
        if form.is_some() && self.token.is_none() {
            return Err(Error::NoToken);
        }
        self.check_app()?;
        match (user, &self.password, &self.token, &self.ssh_key) {
            (None, None, None, None) if self.app.is_some() => Ok(()),
            _ if self.app.is_some() => Err(Error::Form),
            (Some(_), Some(_), None, None) | (None, None, None, Some(_)) => Ok(()),
            (user, None, Some(_), None) => match (form, user) {
                (None, Some(_)) => Err(Error::Form),
                (Some(form), None) if form.has_user_of_choice() => Err(Error::NoUser(form)),
                (Some(form), Some(_)) if !form.has_user_of_choice() => Err(Error::User(form)),
                _ => Ok(()),
            },
            _ => Err(Error::Form),
        }
    }
}

impl Table {
    /// Whether all that belongs to an app is there with it, and nothing of it without.
    fn check_app(&self) -> Result<(), Error> {
        let Self { app, app_key, installation, owner, api, .. } = self;
        let is_known =
            app.as_ref().is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()));
        let is_whole = is_known && app_key.is_some() && installation.is_some() != owner.is_some();
        let is_none =
            app.is_none() && app_key.is_none() && installation.is_none() && owner.is_none() && api.is_none();
        let is_name = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !is_whole && !is_none {
            return Err(Error::App);
        }
        if !owner.as_ref().is_none_or(is_name) {
            return Err(Error::Owner);
        }
        let is_address = |api: &String| {
            api.strip_prefix("https://")
                .is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']))
        };
        if api.as_ref().is_none_or(is_address) { Ok(()) } else { Err(Error::Api) }
    }
}

impl TryFrom<Table> for Credential {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        let origin = parse_origin(table.origin.as_deref().ok_or(Error::NoOrigin)?)?;
        table.check()?;
        if origin.starts_with("ssh://") != table.ssh_key.is_some() {
            return Err(Error::Key);
        }
        let is_word = |name: &String| !name.is_empty() && !name.contains(char::is_whitespace);
        if !table.name.as_ref().is_none_or(is_word) {
            return Err(Error::Name);
        }
        Ok(Self {
            origin,
            name: table.name,
            patterns: table.patterns,
            username: table.username,
            password: table.password,
            token: table.token,
            form: table.form,
            ssh_key: table.ssh_key,
            known_hosts: table.known_hosts,
            app: table.app,
            app_key: table.app_key,
            installation: table.installation,
            owner: table.owner,
            api: table.api,
        })
    }
}

impl FromStr for Credential {
    type Err = Error;

    /// The short form, `ORIGIN token=WHERE`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = text.split_whitespace();
        let mut table = Table { origin: words.next().map(str::to_owned), ..Table::default() };
        for word in words {
            match word.split_once('=').ok_or(Error::Words)? {
                ("name", name) => table.name = Some(name.to_owned()),
                ("match", list) => {
                    table.patterns = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                ("username", name) => table.username = Some(name.to_owned()),
                ("password", place) => table.password = Some(place.parse()?),
                ("token", place) => table.token = Some(place.parse()?),
                ("form", form) => table.form = Some(form.parse()?),
                ("ssh_key", path) => table.ssh_key = Some(path.into()),
                ("known_hosts", path) => table.known_hosts = Some(path.into()),
                ("app", id) => table.app = Some(id.to_owned()),
                ("app_key", place) => table.app_key = Some(place.parse()?),
                ("installation", id) => table.installation = Some(id.parse().map_err(|_| Error::App)?),
                ("owner", name) => table.owner = Some(name.to_owned()),
                ("api", address) => table.api = Some(address.to_owned()),
                _ => return Err(Error::Words),
            }
        }
        table.try_into()
    }
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::text_or_table::<D, Self, Table>(deserializer)
    }
}

/// Without the slash at the end and, but for a user, in lower case, so that two spellings of one are seen to be the same.
fn parse_origin(text: &str) -> Result<String, Error> {
    let (scheme, rest) = text.trim().trim_end_matches('/').split_once("://").ok_or(Error::Origin)?;
    let scheme = scheme.to_ascii_lowercase();
    let (user, host) = match (scheme.as_str(), rest.split_once('@')) {
        ("http", _) => return Err(Error::Insecure),
        ("ssh", Some((user, host))) => (Some(user), host),
        ("https" | "ssh", None) => (None, rest),
        _ => return Err(Error::Origin),
    };
    let is_bare =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "/?#@\\".contains(c));
    let is_user = |user: &str| is_bare(user) && !user.contains(':') && !user.starts_with('-');
    if !is_bare(host) || !user.is_none_or(is_user) {
        return Err(Error::Origin);
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    Ok(format!("{scheme}://{user}{}", host.to_ascii_lowercase()))
}
