//! The address guard: what a redirect, or anything else that comes from outside, may not make us connect to.
//!
//! A proxy that answers with a redirect to `http://169.254.169.254/…` must not be able to read our host's
//! metadata service, nor any machine inside of the operator's network. So whatever is not an operator's own
//! setting is checked: a literal address before connecting, a name by the addresses that it resolves to, which
//! are the ones connected to (a name that resolves differently the second time gains nothing).
//!
//! Refused are loopback, link-local, private, unique-local, carrier-grade NAT and metadata addresses, also when
//! written as IPv6 that carries an IPv4 address (mapped, compatible, or through NAT64). Nothing else: filtered
//! networks hand out documentation and benchmark ranges. `network.allow` makes exceptions.
//!
//! What it cannot do: behind an outbound proxy the proxy resolves names, so only literals are checked there.

use std::net::{IpAddr, Ipv4Addr};

use crate::block::IpNet;

/// What is inside. `0.0.0.0/8` and `::` are here because connecting to them reaches this host.
const INSIDE: [IpNet; 13] = [
    IpNet::v4(0, 0, 0, 0, 8),
    IpNet::v4(127, 0, 0, 0, 8),
    IpNet::v4(169, 254, 0, 0, 16),
    IpNet::v4(10, 0, 0, 0, 8),
    IpNet::v4(172, 16, 0, 0, 12),
    IpNet::v4(192, 168, 0, 0, 16),
    IpNet::v4(100, 64, 0, 0, 10),
    // Metadata services outside of the ranges above: Oracle's and Azure's.
    IpNet::v4(192, 0, 0, 192, 32),
    IpNet::v4(168, 63, 129, 16, 32),
    // `::` and `::1`; the rest of ::/96 carries an IPv4 address and is unwrapped first.
    IpNet::v6(0, 0, 0, 127),
    IpNet::v6(0xfe80, 0, 0, 10),
    IpNet::v6(0xfc00, 0, 0, 7),
    // The old site-local range, which stacks still route inwards.
    IpNet::v6(0xfec0, 0, 0, 10),
];

/// An address that the guard refuses to connect to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} is an address inside the network, and no setting allows it")]
pub struct Inside(pub IpAddr);

/// Refuses addresses inside of the network, with the operator's exceptions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    /// A guard with exceptions (`network.allow`).
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// [`Inside`] if it, or the IPv4 address that it carries, is inside and not allowed.
    pub fn check(&self, address: IpAddr) -> Result<(), Inside> {
        let meant = carried(address);
        let inside = INSIDE.iter().any(|block| block.contains(address) || block.contains(meant));
        let allowed = self.allow.iter().any(|block| block.contains(address) || block.contains(meant));
        if inside && !allowed { Err(Inside(address)) } else { Ok(()) }
    }

    /// [`Guard::check`] for the host of a URL, if that is a literal address; names are checked when they resolve.
    pub fn check_host(&self, host: &str) -> Result<(), Inside> {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        literal.parse().map_or(Ok(()), |address| self.check(address))
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (`::ffff:0:0/96`), compatible (`::/96`) or through
/// NAT64 (`64:ff9b::/96`, and `64:ff9b:1::/48` with the address in its last bits).
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [.., high, low] = v6.segments();
    let v4 = Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let carries = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => true,
        [0, 0, 0, 0, 0, 0, ..] => high != 0,
        _ => false,
    };
    if carries { IpAddr::V4(v4) } else { address }
}
