//! `GET sumdb`: how each checksum database does. `POST sumdb/accept`: an operator decides about one that is closed.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Answer, Asked, Parts};
use crate::http::admin::{self, Refusal};
use crate::pipeline::Pipeline;
use crate::trust::{AcceptError, LookupError, Standing};
use crate::verify::explain;

/// How the checksum databases do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Databases {
    /// Each that is configured; the first one decides for public modules.
    pub databases: Vec<Standing>,
}

/// Which database is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Its name, `host[/path]`.
    pub name: String,
}

pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move {
        let databases = all(&parts.pipeline).await;
        let databases = databases.map_err(|error| failed(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
        Ok(admin::json(&databases))
    })
}

/// How all of them do.
///
/// # Errors
/// What is known of one could not be read.
pub(in crate::app) async fn all(pipeline: &Pipeline) -> Result<Databases, LookupError> {
    let mut databases = Vec::new();
    for database in pipeline.databases() {
        databases.push(database.standing().await?);
    }
    Ok(Databases { databases })
}

pub(super) fn accept(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let Accept { name } = asked.body()?;
        let Some(accepted) = parts.pipeline.accept(&name).await else {
            let what = format!("the checksum database {name} is not configured");
            return Err(Refusal::of(StatusCode::NOT_FOUND, what));
        };
        let accepted = accepted.map_err(|error| {
            let is_open = matches!(error, AcceptError::NotClosed { .. });
            failed(if is_open { StatusCode::CONFLICT } else { StatusCode::INTERNAL_SERVER_ERROR }, &error)
        });
        Ok(admin::json(&accepted?))
    })
}

fn failed(status: StatusCode, error: &dyn std::error::Error) -> Refusal {
    Refusal::of(status, explain(error))
}
