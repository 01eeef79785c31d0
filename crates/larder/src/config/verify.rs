//! What becomes of modules that a checksum database covers, when that cannot be asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Duration;

/// How modules are compared with the checksum database that covers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// What becomes of a version that is not held yet while the checksum database that covers it cannot be asked. `refuse`
    /// answers 503 until it can be. `hold` keeps the version and serves it, marked `unverified` in headers, log and
    /// metrics, and compares it later. What is held and verified is served either way.
    pub unreachable: Unreachable,
    /// Time between two tries to have the database vouch for what is held and not verified yet: what was imported, what
    /// came in while no database covered it, and what `hold` let in. `0s` tries only after a start and after an import.
    pub every: Duration,
}

impl Default for Verify {
    fn default() -> Self {
        Self { unreachable: Unreachable::default(), every: Duration::from_secs(600) }
    }
}

/// What becomes of what cannot be verified now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Unreachable {
    /// It is answered 503.
    #[default]
    Refuse,
    /// It is held and served, marked unverified.
    Hold,
}
