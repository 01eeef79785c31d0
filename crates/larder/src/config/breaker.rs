//! When an upstream is left alone, and how it is tried again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Duration;

/// When an upstream is left alone, and how it is tried again. A failure is here: no connection, a connection or a body
/// that broke off, a deadline that passed, an answer of 5xx. While an upstream is left alone whatever is held of it is
/// served at once, and the rest is answered 503 with Retry-After, or by the next source after `|`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// So many failures in a row, without a good answer in between. `0` switches this rule off.
    pub failures: u32,
    /// So many percent of the calls within `breaker.window` that failed. `0` switches this rule off.
    #[schemars(range(max = 100))]
    pub share: u32,
    /// With fewer calls than these in the window the share is not looked at.
    #[schemars(range(min = 1))]
    pub calls: u32,
    /// How long calls are counted together.
    pub window: Duration,
    /// How long the upstream is left alone at first, give or take a quarter. Then one call tries it: if that fails, the
    /// pause doubles; if not, all calls go on.
    pub pause: Duration,
    /// No such pause is longer.
    pub pause_max: Duration,
    /// No pause that the upstream asks for by `Retry-After` is longer. 429 pauses at once, 503 unless others were
    /// answered well within `breaker.window`. `0s` takes no notice of it.
    pub retry_after_max: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            share: 50,
            calls: 20,
            window: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(120),
        }
    }
}
