//! Counts what is held, behind the start.

use std::sync::Arc;

use crate::cache::Cache;
use crate::tasks::Tasks;

/// Counts once, unless the tasks are told to stop.
pub async fn run(cache: Arc<Cache>, tasks: Tasks) {
    let counted = tokio::select! {
        counted = cache.count() => counted,
        () = tasks.stopping() => return,
    };
    if let Err(error) = counted {
        tracing::warn!(
            event = "count_failed",
            error = &error as &dyn std::error::Error,
            "what is held could not be counted"
        );
    }
}
