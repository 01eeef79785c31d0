//! What a place may be asked over, and with.

use std::fmt;
use std::path::PathBuf;

/// What a command of the transport kind may do.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The transports that may be used, as URL schemes in small letters: `https`, `ssh`. Redirects and rewritten URLs
    /// included.
    pub schemes: Vec<String>,
    /// What proves who we are; `None` leaves it to the tool's own configuration.
    pub credential: Option<Sent>,
    /// Whether certificates are not checked (GOINSECURE).
    pub is_insecure: bool,
}

/// A credential, as it is sent. It reaches no place but the one that the command is for.
#[derive(Clone, Debug)]
pub enum Sent {
    /// A header of every request: `Authorization` and `Basic …`, `Bearer …`; `PRIVATE-TOKEN` and a token.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// A user and a password, for systems that know no headers.
    Basic {
        /// The user.
        user: String,
        /// The password, or a token in its place.
        password: Secret,
    },
    /// A key for ssh.
    Key {
        /// The file of the private key.
        file: PathBuf,
        /// The file of the host keys that are accepted (the form of `known_hosts`).
        known_hosts: Option<PathBuf>,
    },
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}
