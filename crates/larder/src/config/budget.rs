//! How much is asked of one upstream at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Duration;

/// How much is asked of one upstream at once. Zips are counted by themselves, so that small answers never wait for
/// them; one upstream never waits for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Calls for lists, `.info`, `.mod` and checksum databases under way.
    #[schemars(range(min = 1))]
    pub small: u32,
    /// Calls for zips under way, until their last byte.
    #[schemars(range(min = 1))]
    pub large: u32,
    /// Calls that wait for a place, of each kind. Further ones are answered 503 at once.
    pub queue: u32,
    /// How long a call waits for a place before it is answered 503.
    pub wait: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { small: 256, large: 128, queue: 1024, wait: Duration::from_secs(10) }
    }
}
