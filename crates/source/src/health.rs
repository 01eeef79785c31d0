//! How an upstream does: a snapshot for metrics, the admin API and `larder status`.
//!
//! Plain values, taken from counters that nobody waits for; numbers of one snapshot may therefore differ by the calls
//! that ended while it was taken. Counters begin at zero when the upstream is first configured and never go back; they
//! survive a reload of the settings. No URL is part of it, and no text of the upstream's that was not made safe.

use std::time::Duration;

/// How one upstream does. An upstream is an origin: everything that is asked of one scheme, host and port, by any
/// chain, route or checksum database.
#[derive(Clone, PartialEq, Debug)]
pub struct Health {
    /// `host[:port]`; plain http has its port always (`proxy.corp:80`), so that names differ.
    pub name: String,
    /// Whether it is asked.
    pub state: State,
    /// How many times its breaker has opened.
    pub opened: u64,
    /// Calls that hold a place now.
    pub in_flight: InFlight,
    /// Calls that ended, by how; every outcome once, in the order of [`Outcome::ALL`].
    pub calls: Vec<(Outcome, u64)>,
    /// Calls that were made again after a failure. Each is one of `calls` too.
    pub retries: u64,
    /// Bodies that broke off and were continued. Each is one of `calls` too.
    pub resumed: u64,
    /// From a call's beginning to the head of its answer.
    pub latency: Latency,
    /// Bytes of bodies received.
    pub bytes: u64,
    /// The newest failure: what went wrong in one safe line, and how long ago.
    pub last_failure: Option<(String, Duration)>,
    /// How long ago an answer last was as it should be; absence is such an answer.
    pub last_success: Option<Duration>,
}

/// Whether an upstream is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It is.
    Closed,
    /// It is left alone.
    Open {
        /// When it is tried again; zero if the next call will do so.
        again_in: Duration,
    },
    /// One call is trying it; others are refused until that one has ended.
    HalfOpen,
}

impl State {
    /// The word for metrics and texts: `closed`, `open`, `half-open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Calls that hold a place, and those that wait for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InFlight {
    /// For small answers.
    pub small: usize,
    /// For zips, until the body has ended.
    pub large: usize,
    /// Waiting for a place of either kind.
    pub waiting: usize,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The whole body arrived.
    Ok,
    /// 404 or 410.
    Absent,
    /// 401 or 403.
    Denied,
    /// 429.
    Limited,
    /// Any 5xx.
    Failed,
    /// No connection, or one that was lost before the head of an answer.
    Unreachable,
    /// A deadline passed.
    TimedOut,
    /// The body broke off.
    Cut,
    /// An answer that cannot be used: another status, an encoding, a redirect that is not followed.
    Unusable,
    /// Nobody wanted the answer any more.
    Abandoned,
    /// Not made, because the upstream is left alone.
    Paused,
    /// Not made, because no place became free.
    Crowded,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Absent,
        Self::Denied,
        Self::Limited,
        Self::Failed,
        Self::Unreachable,
        Self::TimedOut,
        Self::Cut,
        Self::Unusable,
        Self::Abandoned,
        Self::Paused,
        Self::Crowded,
    ];

    /// The word for metrics: `ok`, `timed-out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Limited => "limited",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Cut => "cut",
            Self::Unusable => "unusable",
            Self::Abandoned => "abandoned",
            Self::Paused => "paused",
            Self::Crowded => "crowded",
        }
    }

    /// Whether a request was sent: all but [`Outcome::Paused`] and [`Outcome::Crowded`].
    pub fn is_sent(self) -> bool {
        !matches!(self, Self::Paused | Self::Crowded)
    }
}

/// A histogram of times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Latency {
    /// For each bound of [`Latency::BOUNDS`] the calls that took no longer and longer than the bound before; one more
    /// at the end for those beyond the last. Not cumulative.
    pub counts: Vec<u64>,
    /// All times together.
    pub sum: Duration,
}

impl Latency {
    /// The upper bounds of the buckets.
    pub const BOUNDS: [Duration; 13] = [
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(90),
    ];
}
