//! `larder import`: by the server that owns the data directory when one runs, else by opening the directory.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use store::{Disk, StoreError};

use super::api::import::Import;
use super::build;
use super::call::Caller;
use crate::clock::Clock;
use crate::config::Config;
use crate::jobs::import::{self, Event, Report};
use crate::tasks::Tasks;

/// Imports a directory; `tell` hears how far it has come.
///
/// # Errors
/// The directory cannot be read, or the data directory not be written. Files that are not right are no error: the
/// report names them.
pub fn import(config: &Config, dir: &Path, tell: impl Fn(u64, u64) + Sync) -> anyhow::Result<Report> {
    let dir = dir.canonicalize().with_context(|| format!("cannot read {}", dir.display()))?;
    let disk = match Disk::open(&config.data) {
        Ok(disk) => Arc::new(disk),
        Err(StoreError::Locked { .. }) => return by_server(config, &dir, tell),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot open the data directory {}", config.data.display()));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let tasks = Tasks::default();
    let report = runtime.block_on(async {
        let pipeline = build::pipeline_over(config, disk.clone(), tasks.clone(), Clock::System)?;
        crate::jobs::recover::run(disk.clone(), pipeline.cache().clone(), tasks).await;
        let plan = import::plan(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
        let report = import::run(&pipeline, plan, |event| {
            if let Event::Progress { done, of } = event {
                tell(done, of);
            }
        });
        anyhow::Ok(report.await?)
    })?;
    disk.close()?;
    Ok(report)
}

/// Has the running server do it.
fn by_server(config: &Config, dir: &Path, tell: impl Fn(u64, u64)) -> anyhow::Result<Report> {
    let call = Import { dir: dir.to_owned() };
    let report = Caller::of(&config.data).post_lines("import", &call, |event| match event {
        Event::Progress { done, of } => {
            tell(done, of);
            Ok(None)
        }
        Event::Done(report) => Ok(Some(report)),
        Event::Failed(why) => bail!(why),
    })?;
    report.context("the server stopped before the import was done; run it again: what was adopted is held")
}
