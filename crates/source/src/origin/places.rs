//! Places at an upstream: how many calls may be under way, and the queue before them.
//!
//! Two lanes, so that zips never keep small answers waiting. The queue is first come, first served; it is bounded in
//! length and in time, and it is left at once when the upstream turns out to be down. A place is given back when the
//! call has ended, which for a body is when its stream has ended or was dropped.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::conduct::Budget;

/// The places of one sort.
#[derive(Debug)]
pub(super) struct Lane {
    free: Arc<Semaphore>,
    size: Mutex<usize>,
    /// Places that are to be taken away as they become free, because there are fewer now.
    surplus: AtomicUsize,
    waiting: AtomicUsize,
}

/// A place that is taken until dropped.
#[derive(Debug)]
pub(super) struct Place {
    lane: Arc<Lane>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub(super) fn of(size: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(size)),
            size: Mutex::new(size),
            surplus: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Changes how many places there are; those taken stay taken.
    pub(super) fn resize(&self, size: usize) {
        let mut now = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if size > *now {
            let more = size - *now;
            let owed =
                self.surplus.fetch_update(Relaxed, Relaxed, |surplus| Some(surplus.saturating_sub(more)));
            self.free.add_permits(more - more.min(owed.unwrap_or(0)));
        } else {
            let fewer = *now - size;
            let taken = fewer - self.free.forget_permits(fewer);
            self.surplus.fetch_add(taken, Relaxed);
        }
        *now = size;
    }

    /// Takes a place, waiting for one within the rules and no longer than `opening` is pending.
    pub(super) async fn enter(
        self: &Arc<Self>,
        rules: &Budget,
        opening: impl Future<Output = ()>,
    ) -> Option<Place> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Some(self.place(permit));
        }
        let _waiting = Waiting::join(&self.waiting, rules.queue)?;
        let permit = timeout(rules.wait, self.free.clone().acquire_owned());
        tokio::select! {
            permit = permit => Some(self.place(permit.ok()?.ok()?)),
            () = opening => None,
        }
    }

    pub(super) fn taken(&self) -> usize {
        let size = *self.size.lock().unwrap_or_else(PoisonError::into_inner);
        (size + self.surplus.load(Relaxed)).saturating_sub(self.free.available_permits())
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        Place { lane: Arc::clone(self), permit: Some(permit) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let surplus = &self.lane.surplus;
        if surplus.load(Relaxed) > 0
            && surplus.fetch_update(Relaxed, Relaxed, |surplus| surplus.checked_sub(1)).is_ok()
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
        }
    }
}

/// One who stands in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(waiting: &'a AtomicUsize, longest: usize) -> Option<Self> {
        let joined =
            waiting.fetch_update(Relaxed, Relaxed, |length| (length < longest).then_some(length + 1));
        joined.is_ok().then(|| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
