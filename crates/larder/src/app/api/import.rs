//! `POST import`: takes modules over from a directory of the server's machine, telling how far it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::{Answer, Asked, Parts};
use crate::jobs::import::{self, Event, Report};
use crate::pipeline::Pipeline;

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
        let (lines, response) = Lines::open();
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
            lines.end(&last).await;
        });
        Ok(response)
    })
}

async fn import_dir(dir: &Path, pipeline: &Arc<Pipeline>, lines: &Lines) -> anyhow::Result<Report> {
    let looked = dir.to_owned();
    let offer = tokio::task::spawn_blocking(move || source::Offer::of(&looked))
        .await?
        .with_context(|| format!("could not read {}", dir.display()))?;
    Ok(import::run(pipeline, offer, |event| lines.step(&event)).await?)
}
