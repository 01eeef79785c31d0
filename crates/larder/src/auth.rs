//! Who asks. Access control has no rules yet; the identity is there so that every later rule has its argument.

use std::net::IpAddr;
use std::sync::Arc;

/// What is known of whoever sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The address the connection came from; none for the control socket.
    pub peer: Option<IpAddr>,
    /// The address the server listened on, as configured.
    pub listener: Arc<str>,
    /// The host name that was asked for, as sent.
    pub host: Option<String>,
    /// The name that was proven; none while nobody has to prove one.
    pub principal: Option<Arc<str>>,
}
