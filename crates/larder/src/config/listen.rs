//! Where the server is found: addresses and sockets to listen on, and the path it lives under.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
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
    /// A scheme that is not spoken here.
    #[error("`{scheme}` is not spoken here; write https:// for TLS, or nothing")]
    Scheme {
        /// The scheme as it was written.
        scheme: String,
    },
    /// A unix socket whose place would depend on where the server is started.
    #[error("`unix:{}` is not a whole path; write it from the root on, as unix:/run/larder.sock", .path.display())]
    Relative {
        /// The path as it was written.
        path: PathBuf,
    },
    /// Not permissions.
    #[error("`{text}` are no permissions; write them in octal, as 0660")]
    NotAMode {
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

/// Where to listen, and whether TLS is spoken there.
///
/// `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000` (the IPv4 loopback address), or `:3000`, which is every address of
/// the machine, IPv4 and IPv6; port 0 takes any free port. `unix:/run/larder.sock` is a unix socket, `systemd:` are the
/// sockets that systemd passes, `systemd:NAME` those of one name. With `https://` before any of them TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// TLS is spoken.
    pub tls: bool,
    /// Where.
    pub place: Place,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Every address of the machine, this port.
    All(u16),
    /// This address only.
    At(SocketAddr),
    /// A unix socket at this path.
    Unix(PathBuf),
    /// Sockets that were opened by systemd: those of this name, or all.
    Systemd(Option<String>),
}

impl FromStr for Listen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (tls, place) = match text.split_once("://") {
            Some(("https", place)) => (true, place),
            Some(("http", place)) => (false, place),
            Some((scheme, _)) => return Err(Error::Scheme { scheme: scheme.to_owned() }),
            None => (false, text),
        };
        Ok(Self { tls, place: place.parse()? })
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let not_an_address = || Error::NotAnAddress { text: text.to_owned() };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(Error::Relative { path }) };
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            return Ok(Self::Systemd((!name.is_empty()).then(|| name.to_owned())));
        }
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
        write!(f, "{}{}", if self.tls { "https://" } else { "" }, self.place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{}", name.as_deref().unwrap_or_default()),
        }
    }
}

as_text!(
    Listen,
    ["127.0.0.1:3000", "[::1]:3000", ":3000", "https://:8443", "unix:/run/larder.sock", "systemd:"]
);

/// Who may connect to a unix socket: the permissions of its file, in octal as `chmod` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketMode(u32);

impl SocketMode {
    /// The permission bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl Default for SocketMode {
    /// The user and the group of the server.
    fn default() -> Self {
        Self(0o660)
    }
}

impl FromStr for SocketMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o777);
        bits.map(Self).ok_or_else(|| Error::NotAMode { text: text.to_owned() })
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

as_text!(SocketMode, ["0660", "0666"]);

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
