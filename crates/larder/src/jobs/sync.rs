//! Makes what was published durable, in batches, behind the answers.
//!
//! A crash of the process loses nothing; a loss of power may lose what was published within the last interval, and
//! then a manifest's record with it or a file that no longer agrees with its record, which is found when it is read.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::tasks::Tasks;

/// Time between two batches.
const INTERVAL: Duration = Duration::from_secs(2);

/// Syncs until the tasks are told to stop, and once more then.
pub async fn run(cache: Arc<Cache>, tasks: Tasks) {
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(INTERVAL) => false,
            () = tasks.stopping() => true,
        };
        // A failure is told once, as a condition of the store, and tried again after the next interval.
        if let Err(error) = cache.blobs().sync().await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "what was kept could not be made durable"
            );
        }
        if stopping {
            return;
        }
    }
}
