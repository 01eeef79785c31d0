//! Finds out when a store that was out of order can be written again.
//!
//! Requests do not wait for it: they try for themselves, but for a disk that hangs. The probe is what ends the state
//! that is told to people.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::tasks::Tasks;

/// Before the first probe, and how long a state lasts at least.
const FIRST: Duration = Duration::from_secs(1);
/// Between two probes at most.
const LAST: Duration = Duration::from_secs(30);

/// Probes whenever the store is not sound, until the tasks are told to stop.
pub async fn run(cache: Arc<Cache>, tasks: Tasks) {
    let work = async {
        loop {
            cache.store().unsound().await;
            let mut pause = FIRST;
            while cache.store().state().condition != store::Condition::Sound {
                tokio::time::sleep(pause).await;
                cache.store().probe().await;
                pause = (pause * 2).min(LAST);
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = tasks.stopping() => {}
    }
}
