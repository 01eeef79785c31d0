//! When the store is scrubbed without being asked: some days after the last time, remembered over restarts.
//!
//! ```text
//! meta/@scrub   {"finished_at":"2026-11-21T04:00:00Z","at_module":"meta/example.com/m/@manifest"}
//! ```

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Blobs, Durability, Key, Publish, StoreError};

use super::{Event, Finding, Order, Outcome, Report, Scrub, ScrubError};
use crate::tasks::Tasks;

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(30);
/// Largest state that is read.
const STATE_BYTES: u64 = 64 * 1024;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When the last whole scrub ended; the first start, before there was one.
    pub finished_at: Timestamp,
    /// What the last whole scrub left broken.
    #[serde(default)]
    pub broken: u64,
    /// The last manifest of a scrub that is under way, or was interrupted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_module: Option<String>,
}

/// When, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Between two scrubs; zero for never.
    pub every: Duration,
    /// Bytes read in a second.
    pub bytes_per_s: u64,
}

impl State {
    /// Reads what is remembered; the clock starts now where nothing is.
    pub async fn load(blobs: &dyn Blobs, now: Timestamp) -> Result<Self, StoreError> {
        let fresh = Self { finished_at: now, broken: 0, at_module: None };
        let bytes = store::read(blobs, &key()?, STATE_BYTES).await?;
        match serde_json::from_slice(&bytes.unwrap_or_default()) {
            Ok(state) => Ok(state),
            Err(_) => fresh.store(blobs).await.map(|()| fresh),
        }
    }

    /// What is remembered after a scrub.
    pub(super) fn after(self, report: &Report, now: Timestamp) -> Self {
        if report.interrupted {
            return Self { at_module: report.reached.clone().or(self.at_module), ..self };
        }
        Self { finished_at: now, broken: report.broken, at_module: None }
    }

    pub(super) async fn store(&self, blobs: &dyn Blobs) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        store::put(blobs, &key()?, bytes.into(), Publish::Replace, Durability::Batched).await.map(drop)
    }

    /// Whether the next one is due: up to a tenth later than asked for, by a share that differs between servers.
    pub fn is_due(&self, now: Timestamp, every: Duration, share: u32) -> bool {
        if every.is_zero() {
            return false;
        }
        let late = every / 10 * (share % 1000) / 1000;
        let passed = Duration::try_from(now.duration_since(self.finished_at)).unwrap_or_default();
        self.at_module.is_some() || passed >= every + late
    }
}

/// Scrubs when it is due, until the tasks are told to stop.
pub async fn run(scrub: Arc<Scrub>, schedule: Schedule, tasks: Tasks) {
    let share = u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or(0);
    loop {
        if let Err(error) = once(&scrub, schedule, share).await {
            tracing::warn!(
                event = "scrub_failed",
                error = &error as &dyn std::error::Error,
                "the scrub that was due did not end"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = tasks.stopping() => return,
        }
    }
}

/// Scrubs if it is due; what came of it.
pub async fn once(scrub: &Scrub, schedule: Schedule, share: u32) -> Result<Option<Report>, ScrubError> {
    let now = scrub.clock.now();
    let state = State::load(&**scrub.pipeline.cache().blobs(), now).await?;
    scrub.ended_ms.store(state.finished_at.as_millisecond(), Ordering::Relaxed);
    if scrub.is_busy() || !state.is_due(now, schedule.every, share) {
        return Ok(None);
    }
    let after = state.at_module.as_deref().and_then(|at| Key::parse(at).ok());
    tracing::info!(event = "scrub_started", resumed = after.is_some(), "scrubbing the store");
    let order = Order { only: None, heal: true, bytes_per_s: schedule.bytes_per_s, after };
    let report = scrub.run(order, |event| log(&event)).await?;
    log(&Event::Done(report.clone()));
    Ok(Some(report))
}

/// What is found is an event each; the end is one too.
pub fn log(event: &Event) {
    match event {
        Event::Found(Finding { file, what, detail, outcome: Outcome::Broken { why }, .. }) => {
            tracing::error!(
                event = "scrub_broken",
                file,
                ?what,
                "a scrub found what it could not heal: {detail}: {why}"
            );
        }
        Event::Found(Finding { file, what, detail, outcome, .. })
            if !matches!(outcome, Outcome::Unproven { .. }) =>
        {
            tracing::warn!(
                event = "scrub_found",
                file,
                ?what,
                ?outcome,
                "a scrub found something wrong: {detail}"
            );
        }
        Event::Done(report) => tracing::info!(
            event = "scrub_done",
            files = report.files,
            bytes = report.bytes,
            mended = report.mended,
            broken = report.broken,
            agreed = report.agreed,
            unproven = report.unproven,
            interrupted = report.interrupted,
            "the store was scrubbed"
        ),
        // What is unproven is told when it is first found, and counted by a number: each scrub finds it again.
        Event::Found(_) | Event::Progress { .. } | Event::Failed(_) => {}
    }
}

fn key() -> Result<Key, StoreError> {
    Key::named("meta/@scrub")
}
