//! Who asks, and who is served private modules. Nobody has to prove who they are yet; the identity is there so that every
//! later rule has its argument.

mod separation;
mod share;

use std::net::IpAddr;
use std::sync::Arc;

pub use separation::{Outside, Separation, spoken_for};
pub use share::{Block, Shares};

/// What is known of whoever sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The address the connection came from, or the one that a server in front speaks for; none for unix sockets.
    pub peer: Option<IpAddr>,
    /// Where the server listened, as `listen` has it: `127.0.0.1:3000`, `https://:8443`, `unix:/run/larder.sock`.
    pub listener: Arc<str>,
    /// The host name that was asked for, as sent.
    pub host: Option<String>,
    /// The name that was proven; none while nobody has to prove one.
    pub principal: Option<Arc<str>>,
}

/// The listener of the server itself; no socket is called so.
const OURSELVES: &str = "larder";

impl Identity {
    /// The server itself, when one answer needs another.
    pub fn ourselves() -> Self {
        Self { peer: None, listener: OURSELVES.into(), host: None, principal: None }
    }

    /// The host name that was asked for, without a port; an IPv6 address keeps its brackets.
    pub fn host_name(&self) -> Option<&str> {
        let host = self.host.as_deref()?;
        if host.ends_with(']') {
            return Some(host);
        }
        Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
    }

    /// Whether this is the server itself.
    pub fn is_ourselves(&self) -> bool {
        self.peer.is_none() && &*self.listener == OURSELVES
    }
}
