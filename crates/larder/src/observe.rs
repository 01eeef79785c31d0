//! What can be seen from outside: the log, the counters, and the ids that tie a request to its log line.

mod human;
mod level;
mod lines;
pub mod log;
mod machine;
mod refusals;

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use http::{HeaderMap, HeaderValue};

pub use refusals::{Reason, Refusals};

/// Counts of what was answered since the start. Each thread counts in a place that is mostly its own: one shared by
/// all would go from core to core with each request.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    shards: [Shard; SHARDS],
}

/// On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    hits: AtomicU64,
    misses: AtomicU64,
    failures: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds after the start of the last module request.
    last_ms: AtomicU64,
}

/// Places for counters and log lines; threads beyond that share.
const SHARDS: usize = 16;

/// The same number below [`SHARDS`] for a thread each time, different for the first so many threads.
fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    MINE.with(Cell::get)
}

/// An error as a line of the log says it: with its causes.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The time of a log line: the system's, whatever clock the server was given.
#[expect(clippy::disallowed_methods, reason = "a log line tells when it was written")]
fn line_time() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Module requests answered, rightly or with a failure.
    pub modules: u64,
    /// Answered from what was held.
    pub hits: u64,
    /// Fetched for the request, or joined to such a fetch.
    pub misses: u64,
    /// Answered with a failure of a source or of this server; absences are not failures.
    pub failures: u64,
    /// Bytes of bodies sent.
    pub bytes: u64,
    /// Seconds since the last module request.
    pub last_s: u64,
}

impl Default for Counters {
    #[expect(
        clippy::disallowed_methods,
        reason = "a duration since the start, never compared with a stored time"
    )]
    fn default() -> Self {
        Self { started: Instant::now(), shards: Default::default() }
    }
}

impl Counters {
    /// Counts one answer; `cache` is the word of `X-Larder-Cache`, `-` where it has none.
    pub fn answered(&self, status: u16, cache: &str, bytes: u64) {
        let Some(shard) = self.shards.get(shard_of_thread()) else { return };
        let counter = match cache {
            "hit" | "stale" => &shard.hits,
            "miss" | "joined" => &shard.misses,
            _ if status >= 500 => &shard.failures,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        shard.bytes.fetch_add(bytes, Ordering::Relaxed);
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        shard.last_ms.store(ms, Ordering::Relaxed);
    }

    /// The moment, for taking a duration.
    #[expect(clippy::disallowed_methods, reason = "a duration, never compared with a stored time")]
    pub fn now() -> Instant {
        Instant::now()
    }

    /// Seconds since the start.
    pub fn age_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// The counters now.
    pub fn summary(&self) -> Summary {
        let each = |counter: fn(&Shard) -> &AtomicU64| {
            self.shards.iter().map(move |shard| counter(shard).load(Ordering::Relaxed))
        };
        let sum = |counter| each(counter).sum::<u64>();
        let (hits, misses, failures) =
            (sum(|shard| &shard.hits), sum(|shard| &shard.misses), sum(|shard| &shard.failures));
        let last_ms = each(|shard| &shard.last_ms).max().unwrap_or(0);
        Summary {
            modules: hits + misses + failures,
            hits,
            misses,
            failures,
            bytes: sum(|shard| &shard.bytes),
            last_s: self.age_s().saturating_sub(last_ms / 1000),
        }
    }
}

/// The id of a request, in its answer and in its log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// The client's own, harmless in a log.
    Sent(HeaderValue),
    /// One of ours.
    Made {
        /// Different in each process, so that ids of two runs do not meet in one log.
        run: u32,
        /// Counts the requests of this run.
        number: u64,
    },
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(id) => f.write_str(id.to_str().unwrap_or("?")),
            Self::Made { run, number } => write!(f, "{run:08x}-{number:x}"),
        }
    }
}

/// Gives each request an id: the client's own if it sent a harmless one, else a new one.
#[derive(Debug)]
pub struct RequestIds {
    run: u32,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let run = RandomState::new().hash_one(0) & u64::from(u32::MAX);
        Self { run: u32::try_from(run).unwrap_or(0), next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    /// The id of a request with these headers.
    pub fn id(&self, headers: &HeaderMap) -> RequestId {
        let harmless = |id: &&HeaderValue| {
            (1..=64).contains(&id.len())
                && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        };
        match headers.get("x-request-id").filter(harmless) {
            Some(id) => RequestId::Sent(id.clone()),
            None => RequestId::Made { run: self.run, number: self.next.fetch_add(1, Ordering::Relaxed) },
        }
    }
}
