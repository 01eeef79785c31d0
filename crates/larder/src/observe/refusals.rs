//! What was refused since the start, by reason, and when a time of refusing begins and ends.
//!
//! Refusing is what keeps an overloaded server quick, so it must itself cost next to nothing: counters without a lock,
//! and two log events for a whole storm. Who is told by [`Refusals::count`] that a storm begins starts
//! [`Refusals::until_quiet`] as a task.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nothing was refused for so long: the storm is over.
const QUIET: Duration = Duration::from_secs(5);

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// As many connections are open as there may be.
    Connections,
    /// One address has as many connections open as it may.
    AddressConnections,
    /// As many requests wait for fetches as there may be.
    Waiting,
    /// As many requests of one address wait for fetches as there may be.
    AddressWaiting,
    /// As many large answers are being sent as there may be.
    Downloads,
    /// As many large answers are being sent to one address as there may be.
    AddressDownloads,
    /// No request came for too long, or its head was not complete in time.
    Silent,
    /// A reader took its answer too slowly.
    SlowReader,
    /// The connection was idle when its place was needed.
    Idle,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Connections,
        Self::AddressConnections,
        Self::Waiting,
        Self::AddressWaiting,
        Self::Downloads,
        Self::AddressDownloads,
        Self::Silent,
        Self::SlowReader,
        Self::Idle,
    ];

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::AddressConnections => "connections_per_address",
            Self::Waiting => "waiting",
            Self::AddressWaiting => "waiting_per_address",
            Self::Downloads => "downloads",
            Self::AddressDownloads => "downloads_per_address",
            Self::Silent => "silent",
            Self::SlowReader => "slow_reader",
            Self::Idle => "idle",
        }
    }

    /// Whether it is a sign of overload. The others are how single connections end.
    pub fn is_overload(self) -> bool {
        !matches!(self, Self::Silent | Self::SlowReader | Self::Idle)
    }
}

/// Counts of what was refused.
#[derive(Debug)]
pub struct Refusals {
    started: Instant,
    counts: [AtomicU64; Reason::ALL.len()],
    /// A storm has begun and not ended.
    open: AtomicBool,
    /// Milliseconds after the start of the last refusal for overload.
    last_ms: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            started: super::Counters::now(),
            counts: Default::default(),
            open: AtomicBool::new(false),
            last_ms: AtomicU64::new(0),
        }
    }
}

impl Refusals {
    /// Counts one; true when a storm begins with it, for the caller to start [`Refusals::until_quiet`].
    #[must_use]
    pub fn count(&self, reason: Reason) -> bool {
        if let Some(count) = self.counts.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if !reason.is_overload() {
            return false;
        }
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
        let begins = !self.open.load(Ordering::Relaxed) && !self.open.swap(true, Ordering::Relaxed);
        if begins {
            tracing::warn!(
                event = "overloaded",
                limit = reason.as_str(),
                "overloaded: refusing some of what is asked with 503; what is held is still served"
            );
        }
        begins
    }

    /// How many were refused for this reason since the start.
    pub fn of(&self, reason: Reason) -> u64 {
        self.counts.get(reason as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Whether something was refused for overload lately.
    pub fn is_overloaded(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits for the end of a storm and tells of it.
    pub async fn until_quiet(&self) {
        let (began_ms, before) = (self.now_ms(), self.refused());
        loop {
            let quiet_ms = self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed));
            let Some(left) =
                QUIET.checked_sub(Duration::from_millis(quiet_ms)).filter(|left| !left.is_zero())
            else {
                break;
            };
            tokio::time::sleep(left).await;
        }
        self.open.store(false, Ordering::Relaxed);
        tracing::info!(
            event = "overload_over",
            refused = self.refused().saturating_sub(before) + 1,
            duration_ms = self.now_ms().saturating_sub(began_ms),
            "no longer overloaded"
        );
    }

    fn refused(&self) -> u64 {
        Reason::ALL.iter().filter(|reason| reason.is_overload()).map(|reason| self.of(*reason)).sum()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
