//! Who may ask the server about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may ask the server about itself, and tell it what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Whether the admin API is also answered at loopback addresses that the server listens on, for anyone on this
    /// machine. Set it to false where other users of the machine may not see or refresh what is held, and behind a
    /// server on the same machine that passes requests on without saying so. `control.sock` in the data directory
    /// always answers.
    pub loopback: bool,
}

impl Default for Admin {
    fn default() -> Self {
        Self { loopback: true }
    }
}
