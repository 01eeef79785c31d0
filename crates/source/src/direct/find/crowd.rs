//! How many pages are asked for at once: in all, and of one host, so that a slow host costs only those who ask for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::SourceError;

/// Pages asked for at once.
const IN_ALL: usize = 64;
/// Of one host.
const OF_A_HOST: usize = 8;
/// How long a place is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// When asking again makes sense.
const AGAIN: Duration = Duration::from_secs(2);

/// The places.
pub(super) struct Crowd {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place that is taken until dropped.
pub(super) struct Taken<'a> {
    crowd: &'a Crowd,
    host: String,
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(IN_ALL)), hosts: Mutex::default() }
    }
}

impl Crowd {
    /// Waits for a place.
    pub(super) async fn enter(&self, host: &str) -> Result<Taken<'_>, SourceError> {
        // Made first, so that the host is forgotten also when the wait is given up.
        let mut taken = Taken { crowd: self, host: host.to_owned(), permits: None };
        let own = self
            .hosts()
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(OF_A_HOST)))
            .clone();
        let entering = async {
            // The host's place first: who waits for it keeps nobody else waiting.
            let own = own.acquire_owned().await.ok()?;
            Some((own, self.all.clone().acquire_owned().await.ok()?))
        };
        taken.permits = timeout(PATIENCE, entering).await.ok().flatten();
        if taken.permits.is_some() { Ok(taken) } else { Err(SourceError::Crowded { retry_after: AGAIN }) }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.permits = None;
        let mut hosts = self.crowd.hosts();
        if hosts.get(&self.host).is_some_and(|places| Arc::strong_count(places) == 1) {
            hosts.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_keeps_only_its_own_askers_waiting_and_is_forgotten() {
        let crowd = Crowd::default();
        let mut slow = Vec::new();
        for _ in 0..OF_A_HOST {
            slow.push(crowd.enter("slow.example").await.unwrap());
        }
        assert!(matches!(crowd.enter("slow.example").await, Err(SourceError::Crowded { .. })));
        drop(crowd.enter("other.example").await.unwrap());
        assert_eq!(crowd.hosts().len(), 1);
        slow.pop();
        slow.push(crowd.enter("slow.example").await.unwrap());
        drop(slow);
        assert!(crowd.hosts().is_empty());
        assert_eq!(crowd.all.available_permits(), IN_ALL);
    }
}
