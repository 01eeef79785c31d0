//! `GET status`: what runs here, and how it does.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Parts};
use crate::app::ReloadState;
use crate::http::admin;

/// What runs here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// When it started.
    pub since: Timestamp,
    /// Seconds since then.
    pub running_s: u64,
    /// `ready`, or `stopping` once it has been told to stop.
    pub state: String,
    /// Which configuration is in force.
    pub configuration: ReloadState,
    /// Fetches under way.
    pub flights: u64,
    /// What was answered since the start.
    pub requests: Requests,
}

/// What was answered since the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Requests {
    /// Module requests answered, rightly or with a failure.
    pub modules: u64,
    /// Answered from what was held.
    pub hits: u64,
    /// Fetched for the request, or joined to such a fetch.
    pub misses: u64,
    /// Answered with a failure of a source or of this server; absences are not failures.
    pub failures: u64,
    /// Bytes of bodies sent.
    pub sent_bytes: u64,
}

pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move { Ok(admin::json(&status(&parts))) })
}

fn status(parts: &Parts) -> Status {
    let seen = parts.counters.summary();
    Status {
        version: crate::version::VERSION.to_owned(),
        since: parts.since,
        running_s: parts.clock.since(parts.since).as_secs(),
        state: if parts.tasks.is_stopping() { "stopping" } else { "ready" }.to_owned(),
        configuration: parts.reloader.state(),
        flights: parts.pipeline.flights() as u64,
        requests: Requests {
            modules: seen.modules,
            hits: seen.hits,
            misses: seen.misses,
            failures: seen.failures,
            sent_bytes: seen.bytes,
        },
    }
}
