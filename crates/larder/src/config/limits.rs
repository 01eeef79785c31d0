//! How much clients may ask for at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cidr, Size};

/// How much clients may ask for at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections. When there are so many, those that rest between two requests or have not begun one make room;
    /// if there are none, newcomers are answered 503.
    #[schemars(range(min = 1))]
    pub connections: u32,
    /// Open connections of one address; further ones are answered 503 or closed.
    #[schemars(range(min = 1))]
    pub connections_per_address: u32,
    /// Requests that one HTTP/2 connection may have under way.
    #[schemars(range(min = 1))]
    pub streams: u32,
    /// Bytes a second that a client must take of an answer that lies ready, on average over `timeout.write_idle`; who
    /// is slower is cut. `0B`: any progress will do.
    pub slowest_reader: Size,
    /// Bytes of the path of a request. A longer one is answered 414.
    #[schemars(range(min = 512))]
    pub path_bytes: u32,
    /// Fetches from sources at once. Further ones wait for their turn; the addresses that ask take turns.
    #[schemars(range(min = 1))]
    pub fetches: u32,
    /// Fetches at once that clients of one address asked for.
    #[schemars(range(min = 1))]
    pub fetches_per_address: u32,
    /// Requests that wait for fetches. Further ones for what is not held are answered 503 at once.
    #[schemars(range(min = 1))]
    pub waiting: u32,
    /// Requests of one address that wait for fetches.
    #[schemars(range(min = 1))]
    pub waiting_per_address: u32,
    /// Answers larger than what memory holds, or still arriving, that are sent at once. Further ones are answered 503.
    /// Each may hold up to 128 KiB that its reader has not taken.
    #[schemars(range(min = 1))]
    pub downloads: u32,
    /// Such answers to one address.
    #[schemars(range(min = 1))]
    pub downloads_per_address: u32,
    /// Networks whose addresses have no limits of their own, only those for all: a server in front of this one speaks
    /// for many clients. An IPv6 address counts by its first 64 bits.
    pub exempt: Vec<Cidr>,
    /// Bytes of the head of a request, its path included. A larger one is answered 431.
    #[schemars(range(min = 8192))]
    pub header_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 1000,
            streams: 100,
            slowest_reader: Size::from_bytes(1024),
            path_bytes: 4096,
            fetches: 512,
            fetches_per_address: 128,
            waiting: 4096,
            waiting_per_address: 1024,
            downloads: 4096,
            downloads_per_address: 1024,
            exempt: vec![Cidr::LOOPBACK_V4, Cidr::LOOPBACK_V6],
            header_bytes: 32_768,
        }
    }
}
