//! What can be seen from outside: the log, the counters, and the ids that tie a request to its log line.

mod human;
pub mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::HeaderMap;

/// Counts of what was answered since the start.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    hits: AtomicU64,
    misses: AtomicU64,
    failures: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds after the start of the last module request.
    last_ms: AtomicU64,
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
        Self {
            started: Instant::now(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// Counts one answer; `cache` is the word of `X-Larder-Cache`, `-` where it has none.
    pub fn answered(&self, status: u16, cache: &str, bytes: u64) {
        let counter = match cache {
            "hit" | "stale" => &self.hits,
            "miss" | "joined" => &self.misses,
            _ if status >= 500 => &self.failures,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
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
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (hits, misses, failures) = (read(&self.hits), read(&self.misses), read(&self.failures));
        Summary {
            modules: hits + misses + failures,
            hits,
            misses,
            failures,
            bytes: read(&self.bytes),
            last_s: self.age_s().saturating_sub(read(&self.last_ms) / 1000),
        }
    }
}

/// Gives each request an id: the client's own if it sent a harmless one, else a new one.
#[derive(Debug)]
pub struct RequestIds {
    /// Different in each process, so that ids of two runs do not meet in one log.
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
    pub fn id(&self, headers: &HeaderMap) -> Arc<str> {
        let sent = headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(|id| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        });
        if let Some(id) = sent {
            return id.into();
        }
        format!("{:08x}-{:x}", self.run, self.next.fetch_add(1, Ordering::Relaxed)).into()
    }
}
