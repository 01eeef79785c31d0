//! `larder import`: by the server that owns the data directory when one runs, else by opening the directory.

use std::path::Path;

use anyhow::{Context, bail};

use super::api::import::Import;
use super::call::Caller;
use super::owner::{Opened, by_owner};
use crate::config::Config;
use crate::jobs::import::{self, Event, Report};

/// Imports a directory; `tell` hears how far it has come.
///
/// # Errors
/// The directory cannot be read, or the data directory not be written. Files that are not right are no error: the
/// report names them.
pub fn import(config: &Config, dir: &Path, tell: impl Fn(u64, u64) + Sync) -> anyhow::Result<Report> {
    let dir = dir.canonicalize().with_context(|| format!("cannot read {}", dir.display()))?;
    let by_us = async |Opened { pipeline, .. }| {
        let offer = source::Offer::of(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
        let report = import::run(&pipeline, offer, |event| {
            if let Event::Progress { done, of } = event {
                tell(done, of);
            }
        });
        Ok(report.await?)
    };
    by_owner(config, |server| by_server(server, &dir, &tell), by_us)
}

/// Has the running server do it.
fn by_server(server: &Caller, dir: &Path, tell: impl Fn(u64, u64)) -> anyhow::Result<Report> {
    let call = Import { dir: dir.to_owned() };
    let report = server.post_lines("import", &call, |event| match event {
        Event::Progress { done, of } => {
            tell(done, of);
            Ok(None)
        }
        Event::Done(report) => Ok(Some(report)),
        Event::Failed(why) => bail!(why),
    })?;
    report.context("the server stopped before the import was done; run it again: what was adopted is held")
}
