//! One piece of work for all who want the same at the same time.
//!
//! The work goes on while somebody waits for it, in whose ever hands: the first asker may leave. When nobody waits it is
//! dropped, and with it its child. No task is started for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::VcsError;

type Work<T> = BoxFuture<'static, Result<T, VcsError>>;

/// Work that is being done, by what it is for.
pub(crate) struct Flights<T: Clone> {
    running: Mutex<HashMap<String, WeakShared<Work<T>>>>,
}

impl<T: Clone> Default for Flights<T> {
    fn default() -> Self {
        Self { running: Mutex::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// The result of the work for `key`, begun if nobody does it yet.
    pub(crate) fn join(&self, key: &str, begin: impl FnOnce() -> Work<T>) -> Shared<Work<T>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, flight| flight.upgrade().is_some());
        if let Some(flight) = running.get(key).and_then(WeakShared::upgrade) {
            return flight;
        }
        let flight = begin().shared();
        if let Some(weak) = flight.downgrade() {
            running.insert(key.to_owned(), weak);
        }
        flight
    }
}

impl<T: Clone> std::fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}
