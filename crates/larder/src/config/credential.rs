//! Credentials of upstreams.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::environment::Environment;
use super::secret::{self, Found, Secret};

/// Why a text or a table is not a credential. Values are not repeated: one of them may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No origin.
    #[error("the credential has no `origin`; write https://HOST or https://HOST:PORT")]
    NoOrigin,
    /// An origin that is not one.
    #[error("the `origin` of a credential is https://HOST or https://HOST:PORT and nothing more")]
    Origin,
    /// An origin whose connection everybody on the way could read.
    #[error(
        "the `origin` of a credential begins with https://: over http everybody on the way could read it"
    )]
    Insecure,
    /// Neither of the two forms.
    #[error("a credential has either `username` and `password`, or `token`")]
    Form,
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

/// What is sent to one upstream: a user and a password, or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The upstream: `https://HOST` or `https://HOST:PORT`. Nobody else is sent the credential, whatever redirects say.
    pub origin: String,
    /// The user, together with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where the password is: the path of a file, beginning with `/` or `./`, or `env:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Where the token is that is sent in place of a user and a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

impl Credential {
    /// Takes the values of variables.
    pub(super) fn resolve(&mut self, environment: &Environment) {
        self.password.iter_mut().chain(&mut self.token).for_each(|secret| secret.resolve(environment));
    }

    /// The variable that should hold its secret and does not.
    pub(super) fn unset(&self) -> Option<&str> {
        self.password.iter().chain(&self.token).find_map(|secret| match secret.find() {
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
    username: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
}

impl TryFrom<Table> for Credential {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        let Table { origin, username, password, token } = table;
        let origin = parse_origin(&origin.ok_or(Error::NoOrigin)?)?;
        if username.as_ref().is_some_and(|name| name.contains(':')) {
            return Err(Error::Colon);
        }
        match (&username, &password, &token) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => {
                Ok(Self { origin, username, password, token })
            }
            _ => Err(Error::Form),
        }
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
                ("username", name) => table.username = Some(name.to_owned()),
                ("password", place) => table.password = Some(place.parse()?),
                ("token", place) => table.token = Some(place.parse()?),
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

/// In lower case and without the slash at the end, so that two spellings of one are seen to be the same.
fn parse_origin(text: &str) -> Result<String, Error> {
    let origin = text.trim().trim_end_matches('/').to_ascii_lowercase();
    if origin.starts_with("http://") {
        return Err(Error::Insecure);
    }
    let host = origin.strip_prefix("https://").ok_or(Error::Origin)?;
    let is_bare = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/?#@\\".contains(c));
    if is_bare { Ok(origin) } else { Err(Error::Origin) }
}
