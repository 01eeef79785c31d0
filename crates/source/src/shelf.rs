//! Answers that are shared and remembered: one flight for all who ask the same at the same time, and its answer for a
//! short while after.
//!
//! Whoever asks carries the flight on, so that nobody's leaving harms the others, and nothing goes on that nobody waits
//! for. What is kept is bounded in number; the answers themselves have bounds of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

/// How many answers and flights are known at most. When there are more, what is kept is forgotten.
const MOST: usize = 1024;

type Flight<V> = BoxFuture<'static, V>;

/// Answers by key.
pub(crate) struct Shelf<V: Clone> {
    known: Mutex<HashMap<String, Slot<V>>>,
    flights: AtomicU64,
}

enum Slot<V: Clone> {
    Flying { flight: WeakShared<Flight<V>>, number: u64 },
    Kept { answer: V, until: Instant },
}

impl<V: Clone + Send + Sync + 'static> Shelf<V> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), flights: AtomicU64::new(0) })
    }

    /// The answer of a key: the one that is kept, that of the flight under way, or that of a new one. `keep` says for how
    /// long an answer counts.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        key: &str,
        keep: impl FnOnce(&V) -> Duration + Send + 'static,
        flight: impl FnOnce() -> Flight<V>,
    ) -> V {
        match self.board(key, keep, flight) {
            Ok(answer) => answer,
            Err(flight) => flight.await,
        }
    }

    /// The answer that is kept, or the flight to wait for. Nothing of a new flight runs yet.
    fn board(
        self: &Arc<Self>,
        key: &str,
        keep: impl FnOnce(&V) -> Duration + Send + 'static,
        flight: impl FnOnce() -> Flight<V>,
    ) -> Result<V, Shared<Flight<V>>> {
        let mut known = self.known();
        match known.get(key) {
            Some(Slot::Kept { answer, until }) if Instant::now() < *until => return Ok(answer.clone()),
            Some(Slot::Flying { flight, .. }) => {
                if let Some(flight) = flight.upgrade() {
                    return Err(flight);
                }
            }
            _ => {}
        }
        let (shelf, name, flight) = (Arc::downgrade(self), key.to_owned(), flight());
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        let landing = async move {
            let answer = flight.await;
            if let Some(shelf) = shelf.upgrade() {
                shelf.land((name, number), &answer, keep(&answer));
            }
            answer
        };
        let flight = landing.boxed().shared();
        if known.len() >= MOST {
            known.retain(|_, slot| matches!(slot, Slot::Flying { flight, .. } if flight.upgrade().is_some()));
        }
        if let Some(flight) = flight.downgrade() {
            known.insert(key.to_owned(), Slot::Flying { flight, number });
        }
        Err(flight)
    }

    fn land(&self, (key, flight): (String, u64), answer: &V, keep: Duration) {
        let mut known = self.known();
        if !matches!(known.get(&key), Some(Slot::Flying { number, .. }) if *number == flight) {
            // It was forgotten on the way.
            return;
        }
        if keep.is_zero() {
            known.remove(&key);
        } else {
            known.insert(key, Slot::Kept { answer: answer.clone(), until: Instant::now() + keep });
        }
    }

    /// Forgets the answers whose keys fit. Flights go on for those who wait for them, and what they bring is not kept: they
    /// may have asked before what changed.
    pub(crate) fn forget(&self, fits: impl Fn(&str) -> bool) {
        self.known().retain(|key, _| !fits(key));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Slot<V>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flight_is_shared_and_its_answer_kept_for_a_while() {
        let shelf = Shelf::new();
        let (gate, count) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (gate, count) = (Arc::clone(&gate), Arc::clone(&count));
            shelf.ask(
                "k",
                |_| Duration::from_secs(10),
                move || {
                    async move {
                        gate.notified().await;
                        count.fetch_add(1, SeqCst)
                    }
                    .boxed()
                },
            )
        };
        let mut first = Box::pin(ask());
        let mut second = Box::pin(ask());
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(first);
        gate.notify_one();
        assert_eq!(second.await, 0, "who boarded first may leave");
        assert_eq!(ask().await, 0);
        tokio::time::advance(Duration::from_secs(11)).await;
        gate.notify_one();
        assert_eq!(ask().await, 1);
        shelf.forget(|key| key == "k");
        gate.notify_one();
        assert_eq!(ask().await, 2);
    }

    #[tokio::test]
    async fn what_a_flight_brings_that_began_before_it_was_forgotten_is_not_kept() {
        let shelf = Shelf::new();
        let gate = Arc::new(Notify::new());
        let ask = |answer: u8, waits: bool| {
            let gate = Arc::clone(&gate);
            let flight = async move {
                if waits {
                    gate.notified().await;
                }
                answer
            };
            shelf.ask("k", |_| Duration::from_mins(1), move || flight.boxed())
        };
        let mut old = Box::pin(ask(1, true));
        assert!((&mut old).now_or_never().is_none());
        shelf.forget(|_| true);
        assert_eq!(ask(2, false).now_or_never(), Some(2), "who comes later does not join it");
        gate.notify_one();
        assert_eq!(old.await, 1, "who waited is answered");
        assert_eq!(ask(3, false).await, 2, "and the newer answer stays");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_to_be_kept_is_not() {
        let shelf = Shelf::new();
        for wanted in 0..3 {
            assert_eq!(shelf.ask("k", |_| Duration::ZERO, || async move { wanted }.boxed()).await, wanted);
        }
        assert!(shelf.known().is_empty());
    }

    #[tokio::test]
    async fn what_is_known_is_bounded() {
        let shelf = Shelf::new();
        for key in 0..3 * MOST {
            shelf.ask(&key.to_string(), |()| Duration::from_mins(1), || async {}.boxed()).await;
        }
        assert!(shelf.known().len() <= MOST);
    }
}
