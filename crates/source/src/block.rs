//! Blocks of addresses, as settings write them and the guard lists them.
//!
//! One block has one form: bits behind its prefix are refused, since one cannot tell whether the block or the address
//! was meant. A single address is its own block, and is printed without a length.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address, `192.0.2.1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpNet {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is no [`IpNet`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpNetError {
    /// Not an address, or what follows it is no number from 0 to 32, or to 128 for IPv6.
    #[error("`{given}` is not a network; write 10.0.0.0/8, fd00::/8, or one address")]
    NotANetwork {
        /// What was written.
        given: String,
    },
    /// Bits are set behind the prefix, so that one cannot tell which block is meant.
    #[error(
        "`{given}` has bits set behind its first {}; write {}/{}, or {address} for that address alone",
        meant.prefix, meant.base, meant.prefix
    )]
    HostBits {
        /// What was written.
        given: String,
        /// The address in it.
        address: IpAddr,
        /// The block around it.
        meant: IpNet,
    },
}

impl IpNet {
    /// This machine by IPv4: `127.0.0.0/8`.
    pub const LOOPBACK_V4: Self = Self::v4(127, 0, 0, 0, 8);
    /// This machine by IPv6: `::1`.
    pub const LOOPBACK_V6: Self = Self { base: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 };

    pub(crate) const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    pub(crate) const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Self {
        Self { base: IpAddr::V6(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0)), prefix }
    }

    /// Whether an address of the same family is in the block. An IPv4 address mapped into IPv6 is of the family that
    /// it is written in: who means both asks for both.
    pub fn contains(self, address: IpAddr) -> bool {
        self.base.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == self.base
    }
}

impl FromStr for IpNet {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, IpNetError> {
        let not_a_network = || IpNetError::NotANetwork { given: text.to_owned() };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| not_a_network())?;
        let longest = longest(address);
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest && digits.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(not_a_network)?,
        };
        let meant = Self { base: masked(address, prefix), prefix };
        if meant.base == address {
            Ok(meant)
        } else {
            Err(IpNetError::HostBits { given: text.to_owned(), address, meant })
        }
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.prefix == longest(self.base);
        if is_one { self.base.fmt(f) } else { write!(f, "{}/{}", self.base, self.prefix) }
    }
}

/// The prefix of an address alone, in bits.
fn longest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits behind the prefix cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}
