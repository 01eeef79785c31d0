//! What is counted of an upstream. Counters that nobody waits for; only a failure's text has a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::health::{Latency, Outcome};

/// Counts one upstream's calls.
#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: [AtomicU64; Outcome::ALL.len()],
    pub(super) retries: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) bytes: AtomicU64,
    latency: [AtomicU64; Latency::BOUNDS.len() + 1],
    latency_sum_us: AtomicU64,
    last_failure: Mutex<Option<(String, Instant)>>,
}

impl Tally {
    pub(super) fn count(&self, outcome: Outcome) {
        if let Some(count) = self.calls.get(outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn answered_after(&self, took: Duration) {
        let bucket = Latency::BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.latency.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.latency_sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn failed(&self, text: String) {
        let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((text, Instant::now()));
    }

    pub(super) fn calls(&self) -> Vec<(Outcome, u64)> {
        Outcome::ALL.into_iter().zip(self.calls.iter().map(|count| count.load(Relaxed))).collect()
    }

    pub(super) fn latency(&self) -> Latency {
        Latency {
            counts: self.latency.iter().map(|count| count.load(Relaxed)).collect(),
            sum: Duration::from_micros(self.latency_sum_us.load(Relaxed)),
        }
    }

    pub(super) fn last_failure(&self) -> Option<(String, Duration)> {
        let last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(text, at)| (text.clone(), at.elapsed()))
    }
}
