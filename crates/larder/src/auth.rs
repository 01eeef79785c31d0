//! Who asks. Access control has no rules yet; the identity is there so that every later rule has its argument.

mod share;

use std::net::IpAddr;
use std::sync::Arc;

pub use share::{Block, Shares};

/// What is known of whoever sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The address the connection came from; none for the control socket.
    pub peer: Option<IpAddr>,
    /// Where the server listened, as settings name it: `127.0.0.1:3000`, `https://[::]:8443`, `unix:/run/larder.sock`.
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

    /// Whether this is the server itself.
    pub fn is_ourselves(&self) -> bool {
        self.peer.is_none() && &*self.listener == OURSELVES
    }
}
