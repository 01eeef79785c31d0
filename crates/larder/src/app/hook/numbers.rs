//! How many push events came, and how long it took until they could be seen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::observe::{Latencies, Samples, families};

/// What came of an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// Something is known of its modules.
    Known,
    /// Nothing is.
    Unknown,
    /// The same came a moment ago.
    Repeated,
}

/// The numbers of one server.
#[derive(Default)]
pub(super) struct Numbers {
    counts: [AtomicU64; 3],
    seen: Mutex<Latencies>,
}

impl Numbers {
    const WORDS: [&str; 3] = ["known", "unknown", "repeated"];

    pub(super) fn count(&self, outcome: Outcome) {
        if let Some(count) = self.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that an event may have changed has been asked for.
    pub(super) fn seen(&self, after: Duration) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(after);
    }

    pub(super) fn tell(&self, samples: &mut Samples) {
        for (word, count) in Self::WORDS.iter().zip(&self.counts) {
            samples.put(&families::PUSHES, &[word], count.load(Ordering::Relaxed));
        }
        samples.put(&families::PUSH_SEEN, &[], *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
