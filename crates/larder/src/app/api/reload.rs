//! `POST reload`: reads the configuration again, and tells what came of it.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::oneshot;

use super::{Answer, Parts};
use crate::http::admin::{self, Refusal};

/// Answers with the [`crate::app::Report`]; 409 when mistakes kept everything as it was.
pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move {
        // In a task of its own: a caller who leaves must not leave the server between two configurations, nor systemd
        // without the word that ends a reload.
        let (tell, told) = oneshot::channel();
        let reloader = parts.reloader.clone();
        parts.tasks.spawn(async move { drop(tell.send(reloader.reload().await)) });
        let report = told.await.map_err(|_| {
            Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, "the reload ended without a report; see the log")
        })?;
        let mut response = admin::json(&report);
        if !report.mistakes.is_empty() {
            *response.status_mut() = StatusCode::CONFLICT;
        }
        Ok(response)
    })
}
