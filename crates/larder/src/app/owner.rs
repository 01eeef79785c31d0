//! Who may change a data directory: the server that runs on it, and only where none runs, this process.
//!
//! A command that changes what is held is written once for each of the two and given to [`by_owner`]; the lock of the
//! directory decides. Commands that only ask a running server use [`Caller`] alone.

use std::sync::Arc;

use anyhow::Context;
use store::{Disk, StoreError};

use super::build;
use super::call::Caller;
use crate::clock::Clock;
use crate::config::Config;
use crate::jobs::recover;
use crate::pipeline::Pipeline;
use crate::tasks::{self, Tasks};

/// A data directory that this process has opened, and looked through if the last stop was not clean.
pub(super) struct Opened {
    /// Where everything is kept.
    pub(super) disk: Arc<Disk>,
    /// What answers module requests over it.
    pub(super) pipeline: Arc<Pipeline>,
}

/// Has the owner of the configured data directory do something: `by_server` calls the server that runs on it; where
/// none runs, `by_us` does it here, on a runtime of its own, and the directory is closed cleanly behind it.
///
/// # Errors
/// The data directory can neither be opened nor is it in use by a server, an upstream cannot be built, or what the
/// owner has answered.
pub(super) fn by_owner<R>(
    config: &Config,
    by_server: impl FnOnce(&Caller) -> anyhow::Result<R>,
    by_us: impl AsyncFnOnce(Opened) -> anyhow::Result<R>,
) -> anyhow::Result<R> {
    let data = &config.data;
    let disk = match Disk::open(data) {
        Ok(disk) => Arc::new(disk),
        Err(StoreError::Locked { .. }) => return by_server(&Caller::of(data)),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot open the data directory {}", data.display()));
        }
    };
    let runtime = tasks::runtime()?;
    let done = runtime.block_on(async {
        let tasks = Tasks::default();
        let pipeline = build::pipeline_over(config, disk.clone(), tasks.clone(), Clock::System)?;
        recover::run(disk.clone(), pipeline.cache().clone(), tasks).await;
        by_us(Opened { disk: disk.clone(), pipeline }).await
    })?;
    disk.close()?;
    Ok(done)
}
