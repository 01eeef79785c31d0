//! One piece of work for all who want the same thing at the same time.
//!
//! The work is a task of its own: whoever waits for it may leave. It can be withdrawn, and then, as after a panic,
//! those who wait are told that it ended without an outcome.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// The work under way, by what it brings.
pub(super) struct Flights<K, V> {
    flying: Mutex<HashMap<K, Flight<V>>>,
}

struct Flight<V> {
    outcome: watch::Receiver<Option<V>>,
    withdrawn: CancellationToken,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { flying: Mutex::default() }
    }
}

/// Takes a flight out of the table when its task ends, however it does.
struct Landing<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights.flying().remove(&self.key);
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the work that brings `key`, begun by `start` if nobody does it. `None` if it ended without an outcome.
    /// What `start` learns must be found elsewhere once it is done: whoever comes after that begins anew.
    pub(super) async fn join<F>(self: &Arc<Self>, tasks: &Tasks, key: K, start: F) -> Option<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut outcome = self.board(tasks, key, start);
        let landed = outcome.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }

    fn board<F>(self: &Arc<Self>, tasks: &Tasks, key: K, start: F) -> watch::Receiver<Option<V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flying = self.flying();
        if let Some(flight) = flying.get(&key) {
            return flight.outcome.clone();
        }
        let (told, outcome) = watch::channel(None);
        let withdrawn = CancellationToken::new();
        flying.insert(key.clone(), Flight { outcome: outcome.clone(), withdrawn: withdrawn.clone() });
        drop(flying);
        let landing = Landing { flights: self.clone(), key };
        tasks.spawn(async move {
            let outcome = tokio::select! {
                // First the rule, then the work.
                biased;
                () = withdrawn.cancelled() => None,
                outcome = start => Some(outcome),
            };
            drop(landing);
            told.send_replace(outcome);
        });
        outcome
    }

    /// Ends the work on everything that `which` names.
    pub(super) fn withdraw(&self, which: impl Fn(&K) -> bool) {
        self.flying().iter().filter(|(key, _)| which(key)).for_each(|(_, flight)| flight.withdrawn.cancel());
    }
}

impl<K, V> Flights<K, V> {
    fn flying(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
