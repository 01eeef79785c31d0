//! What may be reached, and how.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use source::{IpNet, IpNetError};

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
    /// File of the certificates that are trusted, in PEM form, by the tools of version control too. Unset: those of the
    /// operating system.
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

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr(IpNet);

impl Cidr {
    /// `127.0.0.0/8`.
    pub const LOOPBACK_V4: Self = Self(IpNet::LOOPBACK_V4);
    /// `::1`.
    pub const LOOPBACK_V6: Self = Self(IpNet::LOOPBACK_V6);

    /// The block of addresses.
    pub fn block(self) -> IpNet {
        self.0
    }

    /// Whether the address lies in this network. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(address.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, IpNetError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Cidr, ["10.0.0.0/8", "192.168.1.5", "fd00::/8"]);
