//! Where traces are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::Address;

/// Where traces are sent. Only builds with the feature `otlp` have traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// Address of a collector that takes OTLP by HTTP: `http://127.0.0.1:4318`, to which `/v1/traces` is added. Empty
    /// sends no traces.
    #[schemars(with = "String", extend("x-restart" = true))]
    pub endpoint: Address,
    /// Percent of the traces that begin here which are sent. A client on this machine that sends a `traceparent` decides
    /// for its own.
    #[schemars(extend("x-restart" = true))]
    pub sample: u32,
}

impl Default for Trace {
    fn default() -> Self {
        Self { endpoint: Address::default(), sample: 100 }
    }
}
