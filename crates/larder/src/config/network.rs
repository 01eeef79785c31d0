//! What may be reached, and how.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::SchemeRule;
use super::text::as_text;
use super::upstream::Address;

/// What may be reached, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Networks that may be reached although they are not public: without this, addresses of this machine, of
    /// private networks and of metadata services are refused, whatever name leads to them. An upstream that is
    /// named in the configuration is always reached.
    pub allow: Vec<Cidr>,
    /// Further schemes for repositories, by module path: `PATTERN:SCHEME|SCHEME`. `http`, `git` and `file` are
    /// closed until a rule opens them; `https` and `ssh` are always open.
    pub schemes: Vec<SchemeRule>,
    /// File of the certificates that are trusted, in PEM form. Unset: those of the operating system.
    /// As the lowest layer, `SSL_CERT_FILE` sets it.
    #[schemars(extend("x-default" = "the operating system's"))]
    pub ca_file: Option<PathBuf>,
    /// Proxy for https addresses. As the lowest layer, `HTTPS_PROXY` or `https_proxy` sets it.
    #[schemars(with = "Option<String>", extend("x-default" = "none"))]
    pub https_proxy: Option<Address>,
    /// Proxy for http addresses. As the lowest layer, `HTTP_PROXY` or `http_proxy` sets it.
    #[schemars(with = "Option<String>", extend("x-default" = "none"))]
    pub http_proxy: Option<Address>,
    /// Hosts that are reached without a proxy. As the lowest layer, `NO_PROXY` or `no_proxy` sets it.
    pub no_proxy: Vec<String>,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not an address, or its length is not one.
    #[error("`{text}` is not a network; write 10.0.0.0/8, fd00::/8, or one address")]
    NotANetwork {
        /// The text as it was written.
        text: String,
    },
    /// The address has bits beyond the length of the prefix.
    #[error(
        "`{text}` has bits set behind its first {length}; write {meant}/{length}, or {address} for that address alone"
    )]
    HostBits {
        /// The text as it was written.
        text: String,
        /// The address in it.
        address: IpAddr,
        /// The length of the prefix.
        length: u8,
        /// The address without the surplus bits.
        meant: IpAddr,
    },
}

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// `127.0.0.0/8`.
    pub const LOOPBACK_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), length: 8 };
    /// `::1`.
    pub const LOOPBACK_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), length: 128 };

    /// The first address of the network.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits of an address make the network: 0 to 32, or 0 to 128.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether the address lies in this network. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                masked(address.to_canonical(), self.length) == self.address
            }
            _ => false,
        }
    }
}

/// The address with all bits behind the first `length` cleared.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let not_a_network = || Error::NotANetwork { text: text.to_owned() };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| not_a_network())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| not_a_network())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(most);
        if length > most {
            return Err(not_a_network());
        }
        let meant = masked(address, length);
        if meant != address {
            return Err(Error::HostBits { text: text.to_owned(), address, length, meant });
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.length == if self.address.is_ipv4() { 32 } else { 128 };
        if is_one { self.address.fmt(f) } else { write!(f, "{}/{}", self.address, self.length) }
    }
}

as_text!(Cidr, ["10.0.0.0/8", "192.168.1.5", "fd00::/8"]);
