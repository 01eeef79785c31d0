//! How much clients may ask for at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much clients may ask for at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections. Further ones wait to be accepted.
    #[schemars(range(min = 1))]
    pub connections: u32,
    /// Bytes of the head of a request, its path included. A larger one is answered 431.
    #[schemars(range(min = 8192))]
    pub header_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, header_bytes: 32_768 }
    }
}
