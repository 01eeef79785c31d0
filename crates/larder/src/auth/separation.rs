//! Who is served private modules: by address, by listener, by host name.
//!
//! Each rule that is set must hold. The answer to whoever asks from elsewhere is a denial, the same for every private path,
//! held or not, so that it tells nothing that the settings do not tell. The server itself may always ask.

use std::net::IpAddr;

use super::Identity;
use crate::config::{Access, Cidr};

/// Where private modules are served.
#[derive(Clone, Debug, Default)]
pub struct Separation {
    from: Vec<Cidr>,
    on: Vec<String>,
    hosts: Vec<String>,
}

/// Why somebody is not served private modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("private modules are not served {where_from}; the setting is {setting}")]
pub struct Outside {
    where_from: &'static str,
    setting: &'static str,
}

impl Separation {
    /// As the settings have it.
    pub fn new(access: &Access) -> Self {
        let on = access.private_on.iter().map(ToString::to_string).collect();
        let hosts = access.private_hosts.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { from: access.private_from.clone(), on, hosts }
    }

    /// Whether everybody is served everything.
    pub fn is_none(&self) -> bool {
        self.from.is_empty() && self.on.is_empty() && self.hosts.is_empty()
    }

    /// Whether this client is served private modules.
    ///
    /// # Errors
    /// It is not: the first rule that does not hold.
    pub fn admit(&self, who: &Identity) -> Result<(), Outside> {
        if who.is_ourselves() {
            return Ok(());
        }
        // No address: a unix socket.
        if who.peer.is_some_and(|peer| !holds(&self.from, |network| network.contains(peer))) {
            return Err(Outside { where_from: "to this address", setting: "access.private_from" });
        }
        if !holds(&self.on, |listen| *who.listener == **listen) {
            return Err(Outside { where_from: "at this listener", setting: "access.private_on" });
        }
        let host = who.host_name().unwrap_or_default();
        if !holds(&self.hosts, |name| host.eq_ignore_ascii_case(name)) {
            return Err(Outside { where_from: "under this host name", setting: "access.private_hosts" });
        }
        Ok(())
    }
}

/// The client that servers in front of this one speak for: going back through `X-Forwarded-For` (each server adds who
/// connected to it at the end), the first address that is not theirs.
pub fn spoken_for(peer: IpAddr, forwarded: &[&str], proxies: &[Cidr]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let hops = forwarded.iter().rev().flat_map(|line| line.rsplit(','));
    let mut client = peer;
    for hop in hops {
        if !is_proxy(client) {
            break;
        }
        // What is no address was not written by a server that can be believed.
        let Some(address) = address(hop) else { break };
        client = address;
    }
    client
}

/// An address as servers write it: bare, or with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let parsed =
        bare.parse().ok().or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

fn holds<T>(rules: &[T], applies: impl Fn(&T) -> bool) -> bool {
    rules.is_empty() || rules.iter().any(applies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(peer: Option<&str>, listener: &str, host: &str) -> Identity {
        Identity {
            peer: peer.map(|text| text.parse().unwrap()),
            listener: listener.into(),
            host: Some(host.to_owned()),
            principal: None,
        }
    }

    #[test]
    fn each_rule_that_is_set_must_hold() {
        let separation = Separation::new(&Access {
            private_from: vec!["10.0.0.0/8".parse().unwrap()],
            private_on: vec![":3001".parse().unwrap()],
            private_hosts: vec!["Go.corp.example".to_owned()],
            proxies: Vec::new(),
        });
        let setting = |who: &Identity| separation.admit(who).err().map(|outside| outside.setting);
        assert_eq!(setting(&who(Some("10.1.2.3"), ":3001", "go.CORP.example:3001")), None);
        assert_eq!(setting(&who(None, ":3001", "go.corp.example")), None);
        assert_eq!(setting(&who(Some("::ffff:10.1.2.3"), ":3001", "go.corp.example")), None);
        let from = Some("access.private_from");
        assert_eq!(setting(&who(Some("192.0.2.1"), ":3001", "go.corp.example")), from);
        assert_eq!(setting(&who(Some("10.1.2.3"), ":3000", "go.corp.example")), Some("access.private_on"));
        for other in ["example", "go.corp.example.evil", "", "[::1]:3001"] {
            assert_eq!(
                setting(&who(Some("10.1.2.3"), ":3001", other)),
                Some("access.private_hosts"),
                "{other}"
            );
        }
        assert_eq!(setting(&Identity::ourselves()), None);
        assert!(Separation::default().is_none() && !separation.is_none());
    }

    #[test]
    fn only_servers_that_are_listed_speak_for_others() {
        let proxies = ["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let of = |peer: &str, lines: &[&str]| spoken_for(peer.parse().unwrap(), lines, &proxies).to_string();
        assert_eq!(of("192.0.2.1", &["10.9.9.9"]), "192.0.2.1", "nobody asked it");
        assert_eq!(of("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(of("127.0.0.1", &["10.0.0.9, 203.0.113.7, 10.1.1.1"]), "203.0.113.7", "forged in front");
        assert_eq!(of("127.0.0.1", &["10.0.0.9", "203.0.113.7"]), "203.0.113.7", "lines are one list");
        assert_eq!(of("127.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(of("127.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(of("127.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(of("127.0.0.1", &["unknown, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(of("127.0.0.1", &["10.2.2.2"]), "10.2.2.2", "all of them are servers in front");
    }
}
