//! How long anything may take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Duration;

/// How long anything may take. The first six are about sources, the others about clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeout {
    /// For a connection to a source, its TLS handshake included.
    pub connect: Duration,
    /// From a request to a source to the first byte of its answer.
    pub first_byte: Duration,
    /// For the next bytes of an answer that is arriving.
    pub body_idle: Duration,
    /// For the whole of a small answer: a list, an `.info`, a `.mod`.
    pub small_body: Duration,
    /// For a lookup in a checksum database, which takes long for brand-new versions.
    pub lookup: Duration,
    /// What a client waits without a byte before it is answered 504. The fetch goes on without it.
    pub client_wait: Duration,
    /// For the whole head of a client's request, counted from the connection or from its first byte.
    pub header_read: Duration,
    /// For the next request of a client that leaves its connection open.
    pub keep_alive: Duration,
    /// For a client that reads its answer slowly: what it takes is counted over so long (`limits.slowest_reader`).
    pub write_idle: Duration,
    /// How long a server that is asked to stop still takes new connections, while `/readyz` says 503: time for a
    /// load balancer to look and turn away.
    #[schemars(extend("x-restart" = true))]
    pub retire: Duration,
    /// For running downloads when the server is asked to stop.
    #[schemars(extend("x-restart" = true))]
    pub drain: Duration,
}

impl Default for Timeout {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(20),
            body_idle: Duration::from_secs(15),
            small_body: Duration::from_secs(45),
            lookup: Duration::from_secs(90),
            client_wait: Duration::from_secs(60),
            header_read: Duration::from_secs(30),
            keep_alive: Duration::from_secs(30),
            write_idle: Duration::from_secs(30),
            retire: Duration::from_secs(0),
            drain: Duration::from_secs(30),
        }
    }
}
