//! Whose share of a limit a client uses: the limits that are there for each address count by these blocks.

use std::net::{IpAddr, Ipv4Addr};

use crate::config::Cidr;

/// The addresses that are taken for one client: an IPv4 address, or the 64 bits of an IPv6 address that a network is
/// given whole, so that nobody has a share for each of the addresses in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// One address.
    V4(Ipv4Addr),
    /// The upper half of an address.
    V6(u64),
}

/// Who has a share, and who is exempt: a server in front of this one speaks for many clients.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    exempt: Vec<Cidr>,
}

impl Shares {
    /// Every address has a share, but for these networks.
    pub fn new(exempt: Vec<Cidr>) -> Self {
        Self { exempt }
    }

    /// The share that this peer uses; none for who is exempt or has no address (unix sockets, the server itself).
    pub fn of(&self, peer: Option<IpAddr>) -> Option<Block> {
        let peer = peer?.to_canonical();
        if self.exempt.iter().any(|network| network.contains(peer)) {
            return None;
        }
        Some(match peer {
            IpAddr::V4(address) => Block::V4(address),
            IpAddr::V6(address) => Block::V6((address.to_bits() >> 64).try_into().unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_its_ipv4_address_and_an_ipv6_network_is_one_client() {
        let shares = Shares::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let of = |text: &str| shares.of(Some(text.parse().unwrap()));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        for exempt in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "fd00::1"] {
            assert_eq!(of(exempt), None, "{exempt}");
        }
        assert_eq!(shares.of(None), None);
    }
}
