//! Credentials: what is sent along to one origin, and nowhere else.
//!
//! A credential belongs to an exact origin: scheme, host and port. The scheme is https, because over plain http
//! everybody on the way could read it (cmd/go: `refusing to pass credentials to insecure URL`), or ssh, where it is a key.
//! An upstream takes the one of its own origin when it is built, and sends it on each hop that leads to that origin; what a
//! redirect leads to elsewhere gets none, not even one that is configured for it: who redirects must not choose what is
//! read with it. A repository is given the one of its own place.
//!
//! A credential may be for some modules only: then it goes with questions about those and no others, and never to an
//! upstream, which serves them all. Of several the nearest counts: a user in the upstream's URL, then the first that was
//! [listed](Credentials::with), then [`Netrc`]; and of repositories, what the tools are configured with besides. Nothing
//! here can be printed. Not here: reading files or the environment; the texts are handed in.

mod app;
mod listed;
mod netrc;

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gomod::ModulePath;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use vcs::jail::{Secret, Sent};
use vcs::{Place, System};

pub(crate) use app::Via;
pub use app::{App, AppKey, AppSettings, AppState, Apps, Installation, NoToken, TokenFault};
pub use listed::Listed;
pub use netrc::Netrc;

/// What a credential of a netrc is called.
const NETRC: &str = "netrc";

/// The user whose password the token of an app is (GitHub's documentation, "Authenticating as a GitHub App installation").
const APP_USER: &str = "x-access-token";

/// What proves who asks. Printed as `****`.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password (RFC 7617).
    Basic {
        /// The user, without a colon.
        username: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer {
        /// The token.
        token: String,
    },
    /// A token in a header of its own, such as `PRIVATE-TOKEN`.
    Header {
        /// The name of the header.
        name: String,
        /// The token.
        token: String,
    },
    /// A GitHub App, which makes its own tokens. They go to repositories only.
    App(App),
    /// A key for ssh.
    Key {
        /// The file of the private key.
        file: PathBuf,
        /// The file of the host keys that are accepted.
        known_hosts: Option<PathBuf>,
    },
}

/// Why a credential cannot be sent. Neither it nor the URL is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No `https://host[:port]`, or no `ssh://[user@]host[:port]` for a key.
    #[error("its origin is not https://HOST or https://HOST:PORT, or for a key ssh://USER@HOST")]
    Origin,
    /// The origin is plain http.
    #[error("its origin is plain http, where everybody on the way could read it; write https")]
    Insecure,
    /// Characters that no header can carry, such as a line end in the middle.
    #[error("it holds characters that cannot be sent")]
    Unsendable,
    /// Basic authentication separates the user from the password by a colon.
    #[error("its user holds a colon, which cannot be told from the one before the password")]
    Colon,
    /// The address of the API of an app.
    #[error("the address of its API is not https://HOST, and maybe a path behind it")]
    Api,
    /// The key of an app.
    #[error("its key is not the private RSA key of an app, in PEM")]
    AppKey,
    /// An earlier one for the same origin is for all modules.
    #[error("there is another one for the same origin")]
    Repeated,
}

/// What is known of a repository before anything is sent to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trust {
    /// Certificates are not looked at, so that anybody may be the repository: nothing is sent. ssh knows hosts by their keys,
    /// whatever is said of certificates.
    pub is_insecure: bool,
    /// That the module is in this repository is not only a stranger's word: it is private, or its path begins with the
    /// repository's host, or the operator's table leads there. A page of anybody's may name a private repository as the place
    /// of a public module, for us to fetch it with what we alone have, and to serve it to everybody. So for other
    /// modules only that is sent which is for them by name.
    pub is_ours: bool,
}

/// A header that proves who asks.
pub(crate) type Proof = (HeaderName, HeaderValue);

/// The credentials of a server.
#[derive(Clone, Default)]
pub struct Credentials {
    listed: Vec<Listed>,
    netrc: Netrc,
}

impl Credentials {
    /// Adds a credential for an origin, `https://host[:port]`, and all modules; the origin is what it is called.
    ///
    /// # Errors
    /// See [`Self::with_listed`].
    pub fn with(self, origin: &str, credential: &Credential) -> Result<Self, CredentialError> {
        self.with_listed(Listed::new(origin, origin, credential.clone())?)
    }

    /// Adds a credential behind the others.
    ///
    /// # Errors
    /// It could never be sent, since an earlier one is for the same origin and all modules.
    pub fn with_listed(mut self, listed: Listed) -> Result<Self, CredentialError> {
        if self.listed.iter().any(|earlier| earlier.hides(&listed)) {
            return Err(CredentialError::Repeated);
        }
        self.listed.push(listed);
        Ok(self)
    }

    /// Asks this netrc for origins that have no credential of their own.
    #[must_use]
    pub fn with_netrc(self, netrc: Netrc) -> Self {
        Self { netrc, ..self }
    }

    /// What is sent to a repository that is asked for a module. `None` leaves it to what the repository's tool is
    /// configured with.
    pub(crate) fn for_place(&self, path: &ModulePath, place: &Place, trust: Trust) -> Option<Chosen<'_>> {
        let url = unambiguous(place)?;
        let is_https = url.scheme() == "https";
        if trust.is_insecure && is_https {
            return None;
        }
        let system = place.system();
        let is_meant = |one: &Listed| one.is_for(path.as_str()) && (trust.is_ours || !one.is_for_all());
        let mut listed = self.listed.iter().filter(|one| is_meant(one) && one.is_at(&url));
        let listed = listed.find(|one| one.credential().is_known_to(system));
        let of_netrc =
            || self.netrc.find(&url).filter(|_| is_https && trust.is_ours).map(|found| (NETRC, found));
        let found = listed.map(|one| (one.name(), one.credential())).or_else(of_netrc);
        let (name, credential) = found.filter(|(_, credential)| credential.is_known_to(system))?;
        Some(Chosen { name, credential, system })
    }

    /// What that is called which is sent to a repository that is asked for a module.
    pub fn name_for_place(&self, path: &ModulePath, place: &Place, trust: Trust) -> Option<&str> {
        self.for_place(path, place, trust).map(|chosen| chosen.name)
    }

    /// What that is called which is sent to the upstream at a URL.
    pub fn name_for_upstream(&self, url: &str) -> Option<&str> {
        self.for_upstream(&Url::parse(url).ok()?).map(|(name, _)| name)
    }

    /// What that is called which is sent with the question for the page of an import path, which stands at a URL.
    pub fn name_for_page(&self, path: &str, url: &str) -> Option<&str> {
        self.for_page(path, &Url::parse(url).ok()?).map(|(name, _)| name)
    }

    /// What is sent to the upstream at a URL, and what it is called.
    pub(crate) fn for_upstream(&self, url: &Url) -> Option<(&str, Proof)> {
        self.proof(url, Listed::is_for_all)
    }

    /// What is sent with the question for the page of an import path, which stands at a URL.
    pub(crate) fn for_page(&self, path: &str, url: &Url) -> Option<(&str, Proof)> {
        self.proof(url, |one| one.is_for(path))
    }

    fn proof(&self, url: &Url, is_meant: impl Fn(&Listed) -> bool) -> Option<(&str, Proof)> {
        if url.scheme() != "https" {
            return None;
        }
        let is_app = |one: &Listed| matches!(one.credential(), Credential::App(_));
        match self.listed.iter().find(|one| !is_app(one) && is_meant(one) && one.is_at(url)) {
            Some(one) => Some((one.name(), one.credential().proof().ok()?)),
            None => Some((NETRC, self.netrc.find(url)?.proof().ok()?)),
        }
    }
}

impl Credential {
    /// As a header. A key is none, nor is an app before it has a token.
    fn proof(&self) -> Result<Proof, CredentialError> {
        let (name, text) = match self {
            Self::Basic { username, .. } if username.contains(':') => return Err(CredentialError::Colon),
            Self::Basic { username, password } => {
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
            }
            Self::Bearer { token } => (AUTHORIZATION, format!("Bearer {token}")),
            Self::Header { name, token } => {
                let name = HeaderName::try_from(name.as_str());
                (name.map_err(|_| CredentialError::Unsendable)?, token.clone())
            }
            Self::App(_) | Self::Key { .. } => return Err(CredentialError::Unsendable),
        };
        let mut header = HeaderValue::try_from(text).map_err(|_| CredentialError::Unsendable)?;
        header.set_sensitive(true);
        Ok((name, header))
    }

    /// Whether the tool of a system can send it.
    fn is_known_to(&self, system: System) -> bool {
        matches!(self, Self::App(_)) || self.sent(system).is_some()
    }

    /// As the tool of a system is given it; none if it cannot send such.
    fn sent(&self, system: System) -> Option<Sent> {
        if let Self::Key { file, known_hosts } = self {
            return Some(Sent::Key { file: file.clone(), known_hosts: known_hosts.clone() });
        }
        // Curl forgets `Authorization` where a redirect leads to another host, and no other header that it was given.
        if system == System::Git && !matches!(self, Self::Header { .. }) {
            let (name, value) = self.proof().ok()?;
            let value = Secret::new(value.to_str().ok()?);
            return Some(Sent::Header { name: name.as_str().to_owned(), value });
        }
        match self {
            Self::Basic { username, password } => {
                Some(Sent::Basic { user: username.clone(), password: Secret::new(password) })
            }
            _ => None,
        }
    }
}

/// The URL of a place, if there is but one way to read its host: a tool that reads it in another way than we do would go to
/// another host with what is meant for the one that we have read.
fn unambiguous(place: &Place) -> Option<Url> {
    let url = Url::parse(place.url()).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    let written = place.host().to_ascii_lowercase();
    let read = match url.port() {
        Some(port) => format!("{host}:{port}"),
        // Which a URL of https does not repeat.
        None if url.scheme() == "https" && written.ends_with(":443") => format!("{host}:443"),
        None => host,
    };
    (read == written).then_some(url)
}

/// A credential that is sent to a repository.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<'a> {
    name: &'a str,
    credential: &'a Credential,
    system: System,
}

impl<'a> Chosen<'a> {
    /// What it is called.
    pub(crate) fn name(self) -> &'a str {
        self.name
    }

    /// As the repository's tool is given it, with a token that is made if it is to be made.
    pub(crate) async fn ready(self, via: &Via) -> Result<Sent, NoToken> {
        let sent = match self.credential {
            Credential::App(app) => {
                let (username, token) = (APP_USER.to_owned(), app.token(via).await?);
                Credential::Basic { username, password: token.to_string() }.sent(self.system)
            }
            credential => credential.sent(self.system),
        };
        let unsent =
            || NoToken { name: self.name.to_owned(), fault: TokenFault::Answer("it cannot be sent") };
        sent.ok_or_else(unsent)
    }

    /// Notes that the repository did not accept it.
    pub(crate) fn doubt(self) {
        if let Credential::App(app) = self.credential {
            app.doubt();
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(****)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.listed.iter().map(Listed::name);
        f.debug_struct("Credentials").field("listed", &names.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
