//! Credentials of upstreams: what is sent along to one origin, and nowhere else.
//!
//! A credential belongs to an exact origin: scheme, host and port. The scheme is https, because over plain http
//! everybody on the way could read it (cmd/go: `refusing to pass credentials to insecure URL`). An upstream takes the one
//! of its own origin when it is built, and sends it on each hop that leads to that origin; what a redirect leads to
//! elsewhere gets none, not even one that is configured for it: who redirects must not choose what is read with it.
//!
//! Of several the nearest counts: a user in the upstream's URL, then what was [listed](Credentials::with), then
//! [`Netrc`]. Nothing here can be printed. Not here: reading files or the environment; the texts are handed in.

mod netrc;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

pub use netrc::Netrc;

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
}

/// Why a credential cannot be sent. Neither it nor the URL is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No `https://host[:port]`.
    #[error("its origin is not https://HOST or https://HOST:PORT")]
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
    /// A second one for the same origin.
    #[error("there is another one for the same origin")]
    Repeated,
}

/// The credentials of a server.
#[derive(Clone, Default)]
pub struct Credentials {
    listed: Vec<(Url, HeaderValue)>,
    netrc: Netrc,
}

impl Credentials {
    /// Adds a credential for an origin, `https://host[:port]`.
    ///
    /// # Errors
    /// The origin is not one, or not https, or has one already; the credential cannot be sent.
    pub fn with(mut self, origin: &str, credential: &Credential) -> Result<Self, CredentialError> {
        let origin = parse_origin(origin)?;
        if self.listed.iter().any(|(other, _)| other.origin() == origin.origin()) {
            return Err(CredentialError::Repeated);
        }
        self.listed.push((origin, credential.header()?));
        Ok(self)
    }

    /// Asks this netrc for origins that have no credential of their own.
    #[must_use]
    pub fn with_netrc(self, netrc: Netrc) -> Self {
        Self { netrc, ..self }
    }

    /// What is sent to the origin of a URL.
    pub(crate) fn for_origin_of(&self, url: &Url) -> Option<HeaderValue> {
        if url.scheme() != "https" {
            return None;
        }
        let listed = self.listed.iter().find(|(origin, _)| origin.origin() == url.origin());
        match listed {
            Some((_, header)) => Some(header.clone()),
            None => self.netrc.find(url)?.header().ok(),
        }
    }
}

/// `https://host[:port]` and nothing else but a slash.
fn parse_origin(text: &str) -> Result<Url, CredentialError> {
    let url = Url::parse(text.trim()).map_err(|_| CredentialError::Origin)?;
    if url.scheme() == "http" {
        return Err(CredentialError::Insecure);
    }
    let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
    let bare = bare && url.query().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.has_host() && bare { Ok(url) } else { Err(CredentialError::Origin) }
}

impl Credential {
    fn header(&self) -> Result<HeaderValue, CredentialError> {
        let text = match self {
            Self::Basic { username, .. } if username.contains(':') => return Err(CredentialError::Colon),
            Self::Basic { username, password } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer { token } => format!("Bearer {token}"),
        };
        let mut header = HeaderValue::try_from(text).map_err(|_| CredentialError::Unsendable)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(****)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.listed.iter().map(|(origin, _)| origin.as_str());
        f.debug_struct("Credentials").field("listed", &origins.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
