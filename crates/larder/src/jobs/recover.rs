//! After an unclean stop: looks at what may not have reached the disk whole.
//!
//! A crash of the process alone leaves nothing to do, but nobody can tell it from a loss of power. What is read through
//! the server is checked when it is first read anyway; this pass is for the static tree, which other servers may read:
//! a file that no manifest vouches for, or that is not what its record says, is taken out of it.

use std::sync::Arc;
use std::time::SystemTime;

use store::{Disk, Key, Pages, StoreError};

use crate::cache::Cache;
use crate::cache::evidence::FoundBy;
use crate::tasks::Tasks;

/// Keys looked at in one go.
const PAGE: usize = 1000;

/// Looks through the tree if the last stop was unclean.
pub async fn run(disk: Arc<Disk>, cache: Arc<Cache>, tasks: Tasks) {
    let Some(since) = disk.unsynced_since() else { return };
    tracing::info!(
        event = "recovering",
        "the last stop was not clean: looking at what was published shortly before"
    );
    let pass = tokio::select! {
        pass = pass(&disk, &cache, since) => pass,
        // It is begun anew at the next start.
        () = tasks.stopping() => return,
    };
    match pass {
        Ok(removed) => {
            disk.recovered();
            tracing::info!(event = "recovered", removed, "the tree was looked through");
        }
        Err(error) => {
            tracing::error!(
                event = "recovery_failed",
                error = &error as &dyn std::error::Error,
                "the tree could not be looked through"
            );
        }
    }
}

/// One pass over the tree; the number of files that were taken out.
async fn pass(disk: &Disk, cache: &Cache, since: SystemTime) -> Result<u64, StoreError> {
    let mut removed = 0;
    let mut tree = Pages::of(disk, Key::named("modules")?, None, PAGE);
    while let Some(page) = tree.page().await? {
        for listed in &page {
            // What checksum databases say is proven whenever it is read.
            let is_proven_when_read = listed.key.as_str().starts_with("modules/sumdb/");
            let is_doubtful = !is_proven_when_read
                && listed.stamp.changed() >= since
                && !cache.vouches_for(&listed.key).await?;
            if is_doubtful && cache.take_out(&listed.key, FoundBy::Start).await?.is_some() {
                tracing::warn!(
                    event = "unvouched_removed",
                    key = listed.key.as_str(),
                    "took a file out of the tree: no record vouches for it"
                );
                removed += 1;
            }
        }
    }
    Ok(removed)
}
