//! How an upstream is treated: how often it is asked again, when it is left alone, how much is asked of it at once.
//!
//! Numbers only, each one a setting. What they are applied to is an [`Origin`](crate::Origin), which outlives them: a
//! reload of the settings replaces a `Conduct` and keeps what is known of the upstream.

use std::time::Duration;

/// All rules for one upstream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conduct {
    /// When a failed call is made again.
    pub retry: Retry,
    /// When an upstream is left alone.
    pub breaker: Breaker,
    /// How much is asked at once.
    pub budget: Budget,
}

/// When a failed call is made again. Only failures before the first byte of an answer that may pass by themselves:
/// no connection, one that was reset, 500, 502, 503, 504, and 429 that asks for a short wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retry {
    /// How many times one call is made again at most; 0 is never.
    pub times: u32,
    /// The longest wait before the first retry. It doubles for each further one; the actual wait is drawn from zero
    /// up to it, so that many who failed together do not come back together.
    pub backoff: Duration,
    /// No wait is longer, whatever the upstream asks for: rather than waiting longer the call fails.
    pub longest: Duration,
    /// For every hundred calls this many retries are earned.
    pub share_percent: u32,
    /// Retries that may be saved up; there are as many at the beginning.
    pub credit: u32,
}

/// When an upstream is left alone, for how long, and how it is tried again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breaker {
    /// So many failures in a row open it; 0 is never.
    pub failures: u32,
    /// So many percent of the calls in a window that failed open it; 0 is never.
    pub share_percent: u32,
    /// Calls in a window below which their share says nothing.
    pub least_calls: u32,
    /// How long calls are counted together.
    pub window: Duration,
    /// For how long it stays open at first; doubled each time the call that tries the upstream again fails.
    pub pause: Duration,
    /// No pause of ours is longer.
    pub longest_pause: Duration,
    /// No pause that the upstream asks for by `Retry-After` is longer.
    pub longest_asked: Duration,
}

/// How much is asked of an upstream at once. Zips have places of their own: however many are on their way, the small
/// answers that a `go` command cannot go on without do not wait for them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Calls for small answers under way.
    pub small: usize,
    /// Calls for zips under way, their bodies included.
    pub large: usize,
    /// Calls that may wait for a place, of each kind.
    pub queue: usize,
    /// How long one may wait for a place.
    pub wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 1,
            backoff: Duration::from_millis(250),
            longest: Duration::from_secs(2),
            share_percent: 20,
            credit: 5,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            share_percent: 50,
            least_calls: 20,
            window: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            longest_asked: Duration::from_mins(2),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { small: 256, large: 128, queue: 1024, wait: Duration::from_secs(10) }
    }
}
