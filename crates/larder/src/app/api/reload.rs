//! `POST reload`: reads the configuration again, and tells what came of it.

use std::sync::Arc;

use http::StatusCode;

use super::{Answer, Parts};
use crate::http::admin;

/// Answers with the [`crate::app::Report`]; 409 when mistakes kept everything as it was.
pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move {
        let report = parts.reloader.reload().await;
        let mut response = admin::json(&report);
        if !report.mistakes.is_empty() {
            *response.status_mut() = StatusCode::CONFLICT;
        }
        Ok(response)
    })
}
