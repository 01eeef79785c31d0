//! Whose turn it is: so many children at once, in all and for each host.
//!
//! Whoever waits does so in order; a waiting future that is dropped leaves the queue. A host's turn is waited for before
//! one in all, so that those who wait for a slow host keep nobody else from asking another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;
use crate::VcsError;

/// The places that children take.
#[derive(Debug)]
pub(super) struct Places {
    content: Arc<Semaphore>,
    network: Arc<Semaphore>,
    bounds: [usize; 2],
    waiting: AtomicUsize,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    wait: Duration,
}

/// The children at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Children {
    /// Those that may ask servers.
    pub network: usize,
    /// Those that only read what is kept.
    pub content: usize,
    /// Commands that wait for their turn.
    pub waiting: usize,
}

/// Counts one who waits, until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn among(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place that was taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Taken {
    _places: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            content: Arc::new(Semaphore::new(limits.content_children)),
            network: Arc::new(Semaphore::new(limits.network_children)),
            bounds: [limits.network_children, limits.content_children],
            waiting: AtomicUsize::new(0),
            per_host: limits.children_per_host,
            hosts: Mutex::default(),
            wait: limits.wait,
        }
    }

    /// Waits for a place: one that may ask a host, or one that may only read.
    pub(super) async fn take(&self, host: Option<&str>) -> Result<Taken, VcsError> {
        let _waits = Waits::among(&self.waiting);
        let crowded = VcsError::Crowded { retry_after: self.wait };
        match timeout(self.wait, self.queue(host)).await {
            Ok(Some(taken)) => Ok(taken),
            _ => Err(crowded),
        }
    }

    /// How many children run, and how many wait.
    pub(super) fn children(&self) -> Children {
        let [network, content] = self.bounds;
        Children {
            network: network.saturating_sub(self.network.available_permits()),
            content: content.saturating_sub(self.content.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    async fn queue(&self, host: Option<&str>) -> Option<Taken> {
        let Some(host) = host else {
            let place = Arc::clone(&self.content).acquire_owned().await.ok()?;
            return Some(Taken { _places: (place, None) });
        };
        let own = self.host(host).acquire_owned().await.ok()?;
        let place = Arc::clone(&self.network).acquire_owned().await.ok()?;
        Some(Taken { _places: (place, Some(own)) })
    }

    fn host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        // Permits and waiters hold a count; a host without any is forgotten.
        hosts.retain(|_, places| Arc::strong_count(places) > 1);
        let places = hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
        Arc::clone(places)
    }
}
