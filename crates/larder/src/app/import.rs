//! `larder import`: by the server that owns the data directory when one runs, else by opening the directory.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use store::{Disk, StoreError};

use super::api::BASE;
use super::api::import::Import;
use super::build;
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
        let pipeline = build::pipeline_over(config, disk.clone(), tasks, Clock::System)?;
        crate::jobs::recover::run(disk.clone(), pipeline.cache().clone()).await;
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

/// Has the running server do it. The call is one HTTP request, its answer one JSON event a line.
fn by_server(config: &Config, dir: &Path, tell: impl Fn(u64, u64)) -> anyhow::Result<Report> {
    let socket = config.data.join("control.sock");
    let mut stream = UnixStream::connect(&socket).with_context(|| {
        format!("the data directory is in use, but its server does not answer at {}", socket.display())
    })?;
    let body = serde_json::to_string(&Import { dir: dir.to_owned() })?;
    // HTTP/1.0: the answer is not chunked and ends with the connection.
    write!(stream, "POST {BASE}import HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let mut line = String::new();
    while answer.read_line(&mut line)? > 2 {
        line.clear();
    }
    if !status.contains(" 200 ") {
        let mut why = String::new();
        answer.take(4096).read_to_string(&mut why)?;
        bail!("the server refused: {}", why.trim());
    }
    for line in answer.lines() {
        match serde_json::from_str(&line?)? {
            Event::Progress { done, of } => tell(done, of),
            Event::Done(report) => return Ok(report),
            Event::Failed(why) => bail!(why),
        }
    }
    bail!("the server stopped before the import was done; run it again: what was adopted is held")
}
