//! Where the server is found: addresses to listen on, and the path it lives under.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::text::as_text;

/// Why a text is not an address to listen on, or not a path prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A port alone does not say which addresses are meant.
    #[error(
        "`{text}` does not say which address; write 127.0.0.1:{text} for this machine, :{text} for all addresses"
    )]
    OnlyPort {
        /// The text as it was written.
        text: String,
    },
    /// An address without a port.
    #[error("`{text}` has no port; write {text}:3000")]
    NoPort {
        /// The text as it was written.
        text: String,
    },
    /// Neither an address with a port nor a port.
    #[error(
        "`{text}` is not an address with a port; write 127.0.0.1:3000, [::1]:3000 or :3000 for all addresses"
    )]
    NotAnAddress {
        /// The text as it was written.
        text: String,
    },
    /// The prefix would never match a request path.
    #[error(
        "`{text}` is not a path prefix; write it as /goproxy: a leading slash, none at the end, plain names"
    )]
    NotAPrefix {
        /// The text as it was written.
        text: String,
    },
}

/// An address to listen on: `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000` (the IPv4 loopback address), or
/// `:3000`, which is every address of the machine, IPv4 and IPv6. Port 0 takes any free port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// Every address of the machine, this port.
    All(u16),
    /// This address only.
    At(SocketAddr),
}

impl FromStr for Listen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let not_an_address = || Error::NotAnAddress { text: text.to_owned() };
        if text.parse::<u16>().is_ok() {
            return Err(Error::OnlyPort { text: text.to_owned() });
        }
        if text.parse::<std::net::IpAddr>().is_ok() || text == "localhost" {
            return Err(Error::NoPort { text: text.to_owned() });
        }
        match text.rsplit_once(':') {
            Some(("", port)) => port.parse().map(Self::All).map_err(|_| not_an_address()),
            Some(("localhost", port)) => {
                let port = port.parse().map_err(|_| not_an_address())?;
                Ok(Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
            }
            _ => text.parse().map(Self::At).map_err(|_| not_an_address()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

as_text!(Listen, ["127.0.0.1:3000", "[::1]:3000", ":3000"]);

/// The path the server lives under when another server passes a part of its own tree on: empty, or `/goproxy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// The prefix as text: empty, or with a leading slash and none at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPrefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_name = |name: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            !name.is_empty() && name != "." && name != ".." && name.chars().all(is_plain)
        };
        match text.strip_prefix('/') {
            Some(names) if names.split('/').all(is_name) => Ok(Self(text.to_owned())),
            None if text.is_empty() => Ok(Self::default()),
            _ => Err(Error::NotAPrefix { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(PathPrefix, ["", "/goproxy"]);
