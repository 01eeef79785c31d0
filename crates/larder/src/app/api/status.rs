//! `GET status`: what runs here, and how it does.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sumdb::OwnLog;
use super::upstreams::{self, Upstream};
use super::{Answer, Parts};
use crate::app::ReloadState;
use crate::http::admin;

/// With less room than this the store will soon take nothing more.
const LITTLE_BYTES: u64 = 64 << 20;

/// What runs here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// When it started.
    pub since: Timestamp,
    /// Seconds since then.
    pub running_s: u64,
    /// `ready`, or `stopping` once it has been told to stop: what `/readyz` says.
    pub state: String,
    /// What somebody should look at, a sentence each; nothing when all is well.
    pub attention: Vec<String>,
    /// Addresses and paths it listens on.
    pub listeners: Vec<String>,
    /// Which configuration is in force.
    pub configuration: ReloadState,
    /// The configured names of the sources that any module may come from, in order.
    pub sources: Vec<String>,
    /// How the upstreams do that have been asked, or are configured.
    pub upstreams: Vec<Upstream>,
    /// Fetches under way.
    pub flights: u64,
    /// What was answered since the start.
    pub requests: Requests,
    /// What is held and not vouched for by the checksum database that covers it.
    #[serde(default)]
    pub unproven: Unproven,
    /// What is in memory.
    pub memory: Memory,
    /// Where everything is kept.
    pub store: Store,
    /// Kept copies of repositories; left out while none was asked since the start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repositories: Option<Repositories>,
}

/// Kept copies of repositories.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Repositories {
    /// How many there are.
    pub copies: u64,
    /// Bytes of them, measured after each fetch.
    pub used_bytes: u64,
    /// Bytes of them at most.
    pub limit_bytes: u64,
    /// How many have gone to make room since the start.
    pub evicted: u64,
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
    /// Hits among hits and misses, from 0 to 1; left out before the first of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hit_rate: Option<f64>,
}

/// Held versions for which the checksum database that covers them has not vouched.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Unproven {
    /// It has not been asked yet.
    pub waiting: u64,
    /// It does not know them.
    pub unrecorded: u64,
}

/// What is in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Answers.
    pub entries: u64,
    /// Bytes of them, estimated.
    pub used_bytes: u64,
    /// Bytes at most.
    pub limit_bytes: u64,
    /// Large files that are open.
    pub open_files: u64,
}

/// Where everything is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    /// The data directory.
    pub directory: String,
    /// Room that is left on its file system for this server; left out if the system does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub free_bytes: Option<u64>,
    /// Files that may still be made there; left out where there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub free_files: Option<u64>,
    /// `ok`, `full`, `read-only`, `no-descriptors`, `stuck` or `failing`.
    #[serde(default)]
    pub condition: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub condition_since: Option<Timestamp>,
    /// Modules of which a file is held.
    #[serde(default)]
    pub modules: u64,
    /// Versions of which a file is held.
    #[serde(default)]
    pub versions: u64,
    /// Files held.
    #[serde(default)]
    pub files: u64,
    /// Bytes of them.
    #[serde(default)]
    pub held_bytes: u64,
    /// The four numbers are complete: everything was counted since the start.
    #[serde(default)]
    pub is_counted: bool,
}

pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move { Ok(admin::json(&status(&parts))) })
}

fn status(parts: &Parts) -> Status {
    let memory = parts.pipeline.cache().memory_use();
    let [waiting, unrecorded] = parts.pipeline.unproven().count();
    let (configuration, upstreams, store) =
        (parts.reloader.state(), upstreams::all(&parts.pipeline.origins()), store(parts));
    Status {
        version: crate::version::VERSION.to_owned(),
        since: parts.since,
        running_s: parts.clock.since(parts.since).as_secs(),
        state: if parts.tasks.is_retiring() { "stopping" } else { "ready" }.to_owned(),
        attention: attention(&configuration, &upstreams, &store)
            .into_iter()
            .chain(closed(parts))
            .chain(unsigned(parts))
            .collect(),
        listeners: parts.listeners.clone(),
        configuration,
        sources: parts.pipeline.source_names(),
        upstreams,
        flights: parts.pipeline.flights() as u64,
        requests: requests(parts),
        unproven: Unproven { waiting: waiting as u64, unrecorded: unrecorded as u64 },
        memory: Memory {
            entries: memory.entries,
            used_bytes: memory.bytes,
            limit_bytes: memory.limit_bytes,
            open_files: memory.open_files,
        },
        store,
        repositories: parts.pipeline.kept_copies().map(|kept| Repositories {
            copies: kept.copies,
            used_bytes: kept.bytes,
            limit_bytes: kept.max_bytes,
            evicted: kept.evicted,
        }),
    }
}

fn requests(parts: &Parts) -> Requests {
    let seen = parts.counters.summary();
    Requests {
        modules: seen.modules,
        hits: seen.hits,
        misses: seen.misses,
        failures: seen.failures,
        sent_bytes: seen.bytes,
        hit_rate: seen.hit_rate(),
    }
}

fn store(parts: &Parts) -> Store {
    let space = parts.disk.space().ok();
    let (state, facts) = (parts.pipeline.cache().store().state(), parts.pipeline.cache().facts());
    Store {
        directory: parts.disk.directory().display().to_string(),
        free_bytes: space.map(|space| space.free_bytes),
        free_files: space.and_then(|space| space.free_files),
        condition: state.condition.as_str().to_owned(),
        condition_since: Timestamp::try_from(state.since).ok(),
        modules: facts.modules,
        versions: facts.versions,
        files: facts.files,
        held_bytes: facts.bytes,
        is_counted: facts.is_counted,
    }
}

/// What is to be told of checksum databases that are closed.
fn closed(parts: &Parts) -> impl Iterator<Item = String> {
    parts.pipeline.databases().into_iter().filter_map(|database| {
        let closing = database.closing()?;
        let name = database.name();
        Some(format!("the checksum database {name} is closed: {}; see `larder sumdb status`", closing.why))
    })
}

/// What is to be told of our own log, if it takes no records.
fn unsigned(parts: &Parts) -> Option<String> {
    let log = OwnLog::from(parts.pipeline.log()?.view());
    let why = log.why?;
    Some(format!("our own log {} takes no records: {why}; see `larder sumdb status`", log.name))
}

fn attention(configuration: &ReloadState, upstreams: &[Upstream], store: &Store) -> Vec<String> {
    let mut attention = Vec::new();
    if let Some(broken) = &configuration.broken {
        attention.push(format!(
            "the configuration has mistakes, the one before stays in force: {}",
            broken.mistakes.join("; ")
        ));
    }
    for upstream in upstreams.iter().filter(|upstream| upstream.state != "closed") {
        let failure = upstream.last_failure.as_ref().map_or("", |failure| &failure.text);
        attention.push(format!("the upstream {} is left alone for now: {failure}", upstream.name));
    }
    if store.condition != "ok" {
        attention.push(format!(
            "the store is out of order ({}): what is not in memory or open cannot be had",
            store.condition
        ));
    }
    if store.free_bytes.is_some_and(|free| free < LITTLE_BYTES) || store.free_files == Some(0) {
        attention.push(format!("the file system of {} is full", store.directory));
    }
    attention
}
