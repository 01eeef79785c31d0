//! When a failed call to an upstream is made again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Duration;

/// When a failed call to an upstream is made again: no connection, a connection that was reset before an answer began,
/// 500, 502, 503, 504, and 429 that asks for a short wait. Nothing else ever is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How many times one call is made again at most. `0` is never.
    #[schemars(range(max = 10))]
    pub times: u32,
    /// The longest wait before the first retry; it doubles for each further one. The actual wait is drawn from zero up
    /// to it, so that many who failed together do not come back together.
    pub backoff: Duration,
    /// No wait before a retry is longer: an upstream that asks for more by `Retry-After` is not asked again for this
    /// request.
    pub backoff_max: Duration,
    /// Retries and resumed bodies together stay this many percent of the calls to one upstream.
    #[schemars(range(max = 100))]
    pub share: u32,
    /// How many retries an upstream may have saved up from calls that went well; it begins with as many.
    #[schemars(range(max = 1000))]
    pub credit: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 1,
            backoff: Duration::from_millis(250),
            backoff_max: Duration::from_secs(2),
            share: 20,
            credit: 5,
        }
    }
}
