//! Who is told the numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Cidr;

/// Who is told the numbers at `/metrics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Networks of those who collect the numbers. Callers on this machine always get them, unless `admin.loopback` is
    /// false. The numbers name upstreams, and no modules. Behind another server, its address counts.
    pub allow: Vec<Cidr>,
}
