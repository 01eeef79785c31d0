//! Opens what `listen` names.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::systemd::Passed;
use crate::config::{Config, Listen, Place, Tls};
use crate::http::listen::Listener;
use crate::http::socket::Socket;
use crate::http::tls::{Certificates, Pair, PairError};

/// The doors of a server.
pub(super) struct Doors {
    /// Where it listens, in the order of the settings.
    pub(super) listeners: Vec<Listener>,
    /// The certificate of those that speak TLS, if any does.
    pub(super) certificates: Option<Arc<Certificates>>,
}

/// Opens all of them.
///
/// # Errors
/// An address is taken, a certificate cannot be used, a socket was not passed.
pub(super) fn open(config: &Config, mut passed: Vec<Passed>) -> anyhow::Result<Doors> {
    let certificates = match pair(&config.tls) {
        Some(pair) => Some(Certificates::new(pair?)),
        None => None,
    };
    let mut listeners = Vec::new();
    for listen in &config.listen {
        let sockets = sockets(listen, config, &mut passed);
        for socket in sockets.with_context(|| format!("could not listen on {listen}"))? {
            let name = if listen.tls { format!("https://{}", socket.name()) } else { socket.name() };
            let certificates = certificates.as_ref().filter(|_| listen.tls);
            let tls = certificates.map(Certificates::acceptor).transpose()?;
            listeners.push(Listener { socket, tls, name: name.into(), setting: listen.to_string().into() });
        }
    }
    for socket in passed {
        tracing::warn!(
            event = "socket_unused",
            name = socket.name,
            "systemd passed a socket that nobody listens on; name it in `listen` as systemd:{}",
            socket.name
        );
    }
    Ok(Doors { listeners, certificates })
}

/// The pair that the settings name, if they name one.
pub(super) fn pair(tls: &Tls) -> Option<Result<Pair, PairError>> {
    let (cert, key) = tls.cert.as_ref().zip(tls.key.as_ref())?;
    Some(Pair::read(cert, key))
}

fn sockets(listen: &Listen, config: &Config, passed: &mut Vec<Passed>) -> anyhow::Result<Vec<Socket>> {
    Ok(match &listen.place {
        Place::At(address) => vec![Socket::tcp(*address)?],
        // One IPv6 socket takes IPv4 too; without IPv6, one IPv4 socket.
        Place::All(port) => {
            let all = Socket::tcp((Ipv6Addr::UNSPECIFIED, *port).into());
            vec![all.or_else(|_| Socket::tcp((Ipv4Addr::UNSPECIFIED, *port).into()))?]
        }
        Place::Unix(path) => vec![Socket::unix(path, config.socket_mode.bits())?],
        Place::Systemd(name) => {
            let is_meant = |socket: &mut Passed| name.as_ref().is_none_or(|name| *name == socket.name);
            let meant: Vec<Passed> = passed.extract_if(.., is_meant).collect();
            if meant.is_empty() {
                bail!("systemd has passed no such socket; is there a socket unit, and was it started?");
            }
            meant.into_iter().map(|socket| Socket::passed(socket.descriptor)).collect::<Result<_, _>>()?
        }
    })
}
