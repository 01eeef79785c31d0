//! Ids that tie an answer to its log line.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};

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
