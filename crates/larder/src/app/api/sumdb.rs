//! `GET sumdb`: how each checksum database does. `POST sumdb/accept`: an operator decides about one that is closed.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Answer, Asked, Parts};
use crate::http::admin::{self, Refusal};
use crate::log::{State, View};
use crate::observe::explain;
use crate::pipeline::Pipeline;
use crate::trust::{AcceptError, LookupError, Standing};

/// How the checksum databases do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Databases {
    /// Each that is configured; the first one decides for public modules.
    pub databases: Vec<Standing>,
    /// Our own log; left out if there is none, or no server runs that signs it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<OwnLog>,
}

/// How our own log does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLog {
    /// Its name, `host[/path]`.
    pub name: String,
    /// What clients set as GOSUMDB.
    pub key: String,
    /// Whether it takes records: `reading`, `signing`, `failing` or `stopped`.
    pub state: String,
    /// Why it takes none now; left out while it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// What an operator does about that; left out if it may pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
    /// Records that are signed and served; left out while that is being found out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
    /// The newest signed head; left out if nothing was signed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<String>,
    /// Records that were added since the start.
    pub added: u64,
    /// Records that were asked for and could not be added since the start.
    pub refused: u64,
}

impl From<View> for OwnLog {
    fn from(view: View) -> Self {
        let (why, next) = match &view.state {
            State::Reading | State::Signing => (None, None),
            State::Failing(why) => (Some(why.to_string()), None),
            State::Stopped(stopped) => (Some(stopped.to_string()), Some(stopped.advice().to_owned())),
        };
        Self {
            name: view.name.to_string(),
            key: view.key,
            state: view.state.as_str().to_owned(),
            why,
            next,
            records: view.size,
            head: view.head,
            added: view.appended,
            refused: view.refused,
        }
    }
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
    Ok(Databases { databases, log: pipeline.log().map(|log| log.view().into()) })
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
