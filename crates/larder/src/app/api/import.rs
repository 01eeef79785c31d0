//! `POST import`: takes modules over from a directory of the server's machine, telling how far it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Answer, Asked, Parts};
use crate::http::body::Body;
use crate::jobs::import::{self, Event, Report};
use crate::pipeline::Pipeline;

/// Lines that may wait for a slow reader.
const LINES: usize = 256;

/// The body of the call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::app) struct Import {
    /// The directory on the server's machine, absolute.
    pub(in crate::app) dir: PathBuf,
}

/// Answers with one [`Event`] a line.
pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let Import { dir } = asked.body()?;
        let (lines, told) = mpsc::channel(LINES);
        let pipeline = parts.pipeline.clone();
        parts.tasks.spawn(async move {
            let last = match import_dir(&dir, &pipeline, &lines).await {
                Ok(Report { left, .. }) if left > 0 => Event::Failed(format!(
                    "the server was told to stop with {left} module versions left; run the import again: what was \
                     adopted is held"
                )),
                Ok(report) => Event::Done(report),
                Err(error) => Event::Failed(format!("{error:#}")),
            };
            // Nobody listens any more: what was adopted stays adopted.
            drop(lines.send(line(&last)).await);
        });
        let mut response = Response::new(Body::lines(told));
        let kind = HeaderValue::from_static("application/x-ndjson");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    })
}

async fn import_dir(
    dir: &Path,
    pipeline: &Arc<Pipeline>,
    lines: &mpsc::Sender<Bytes>,
) -> anyhow::Result<Report> {
    let looked = dir.to_owned();
    let plan = tokio::task::spawn_blocking(move || import::plan(&looked))
        .await?
        .with_context(|| format!("could not read {}", dir.display()))?;
    let report = import::run(pipeline, plan, |event| {
        // A reader that falls behind misses steps, never the end.
        drop(lines.try_send(line(&event)));
    });
    Ok(report.await?)
}

fn line(event: &Event) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
