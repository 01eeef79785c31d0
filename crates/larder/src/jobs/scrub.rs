//! Reads everything that is held again, and has healed what is not what was kept.
//!
//! Two walks. The first goes over the manifests: the lines of each, every file that is recorded, everything else
//! that lies in the module's directory, and the list of the tree. The second goes over the tree, for what lies
//! where no manifest is. What is found wrong is moved to the evidence and asked for again by way of the pipeline, which
//! keeps only what agrees with the record. No more is read than the pace allows, and nothing of the walk is held in
//! memory but a page of names and what was found.
//!
//! Beside that, each version is compared with the record of the checksum database that covers it, and, at the end, every
//! file of our own log with its signed head.
//!
//! A scrub that is told not to heal changes nothing. One that is interrupted has healed what it reached; the schedule
//! ([`schedule`]) goes on from there.

mod own_log;
mod records;
pub mod report;
pub mod schedule;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use gomod::pattern::Patterns;
use jiff::Timestamp;
use store::{Disk, Key, StoreError};

use crate::cache::examine::Pace;
use crate::clock::Clock;
use crate::observe::Tally;
use crate::pipeline::Pipeline;

pub use report::{Event, Finding, Outcome, Report, What};
use schedule::State;

/// What a scrub is to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// Only modules that match; the whole store without.
    pub only: Option<Patterns>,
    /// Whether what is found is healed; otherwise it is told and left alone.
    pub heal: bool,
    /// Bytes read in a second; zero is as fast as it goes.
    pub bytes_per_s: u64,
    /// The manifest after which an interrupted scrub goes on.
    pub after: Option<Key>,
}

/// What a scrub works on; of several at the same time the first goes on and the others are refused.
pub struct Scrub {
    pipeline: Arc<Pipeline>,
    disk: Option<Arc<Disk>>,
    clock: Clock,
    busy: AtomicBool,
    /// Milliseconds since 1970 of the end of the last whole one; zero while that is not known.
    ended_ms: AtomicI64,
}

/// Why there was no scrub, or no end of it.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// One is under way.
    #[error("a scrub is under way already")]
    Busy,
    /// The store failed where nothing can be said without it.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Scrub {
    /// Over what a pipeline holds; `disk` is where it is held, for what lies beside the objects.
    pub fn new(pipeline: Arc<Pipeline>, disk: Option<Arc<Disk>>, clock: Clock) -> Self {
        Self { pipeline, disk, clock, busy: AtomicBool::new(false), ended_ms: AtomicI64::new(0) }
    }

    /// Whether one is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// When the last whole one ended, or the store was first used before there was one; none while that is not known.
    pub fn last_ended(&self) -> Option<Timestamp> {
        let ended_ms = self.ended_ms.load(Ordering::Relaxed);
        Timestamp::from_millisecond(ended_ms).ok().filter(|_| ended_ms > 0)
    }

    fn count(&self, report: &Report) {
        let counters = self.pipeline.counters();
        counters.tally(if report.interrupted { Tally::ScrubInterrupted } else { Tally::ScrubDone }, 1);
        counters.tally(Tally::ScrubbedFiles, report.files);
        counters.tally(Tally::ScrubbedBytes, report.bytes);
        counters.tally(Tally::ScrubMended, report.mended);
        counters.tally(Tally::ScrubBroken, report.broken);
    }

    /// Scrubs; `tell` hears of each step.
    pub async fn run(&self, order: Order, tell: impl Fn(Event) + Send + Sync) -> Result<Report, ScrubError> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(ScrubError::Busy);
        }
        let _busy = Busy(&self.busy);
        let pace = Pace::of(order.bytes_per_s);
        let walk = walk::Walk::new(&self.pipeline, &order, &pace, &tell);
        let left_over = match (&self.disk, order.only.is_none()) {
            (Some(disk), true) => sweep(disk.clone(), order.heal).await,
            _ => 0,
        };
        let report = walk.run(left_over).await?;
        self.count(&report);
        if order.only.is_none() && order.heal {
            self.remember(&report).await?;
            self.pipeline.cache().count().await?;
        }
        Ok(report)
    }

    /// The schedule counts from whole scrubs, whoever asked for them.
    async fn remember(&self, report: &Report) -> Result<(), StoreError> {
        let blobs = self.pipeline.cache().blobs();
        let state = State::load(&**blobs, self.clock.now()).await?;
        let state = state.after(report, self.clock.now());
        self.ended_ms.store(state.finished_at.as_millisecond(), Ordering::Relaxed);
        state.store(&**blobs).await
    }
}

/// Sets the mark back whatever ends the scrub.
struct Busy<'a>(&'a AtomicBool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Spools of earlier processes that are still there; removed if that is wanted.
async fn sweep(disk: Arc<Disk>, heal: bool) -> u64 {
    tokio::task::spawn_blocking(move || disk.left_over(heal)).await.unwrap_or(0)
}
