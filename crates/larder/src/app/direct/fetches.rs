//! What asking repositories comes to: numbers, and lines in the log.
//!
//! A line at info is written of what took long, brought much or failed; of everything else at debug, since lists of refs are
//! asked for all the time. What is answered because of a failure is told with the request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vcs::System;
use vcs::jail::{Asking, News, Outcome};

use crate::observe::{Latencies, Samples, families};

/// How often it is told that a fetch goes on.
pub(super) const PROGRESS: Duration = Duration::from_secs(10);
/// What takes so long is told of.
const LONG: Duration = Duration::from_secs(1);
/// What brings so many bytes is told of.
const MUCH_BYTES: u64 = 1 << 20;

/// The numbers of one server.
#[derive(Default)]
pub(in crate::app) struct Fetches(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    ended: BTreeMap<(System, Outcome), u64>,
    took: BTreeMap<System, Latencies>,
    bytes: BTreeMap<System, u64>,
    waited: Latencies,
}

impl Fetches {
    /// Notes what becomes of a command.
    pub(super) fn note(&self, asking: &Asking, news: &News) {
        log(asking, news);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let system = asking.place.system();
        match *news {
            News::Began { waited } => counts.waited.add(waited),
            News::GoesOn { .. } => {}
            News::Ended { outcome, took, bytes } => {
                *counts.ended.entry((system, outcome)).or_default() += 1;
                *counts.bytes.entry(system).or_default() += bytes;
                counts.took.entry(system).or_default().add(took);
            }
        }
    }

    /// Adds the numbers.
    pub(in crate::app) fn tell(&self, samples: &mut Samples) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((system, outcome), count) in &counts.ended {
            samples.put(&families::VCS_CALLS, &[system.command(), outcome.as_str()], *count);
        }
        for (system, took) in &counts.took {
            samples.put(&families::VCS_SECONDS, &[system.command()], *took);
        }
        for (system, bytes) in &counts.bytes {
            samples.put(&families::VCS_BYTES, &[system.command()], *bytes);
        }
        samples.put(&families::VCS_WAITED, &[], counts.waited);
    }
}

fn log(asking: &Asking, news: &News) {
    let Asking { command, place } = asking;
    let repository = place.url();
    match *news {
        News::Began { waited } => {
            tracing::debug!(command, repository, waited_ms = ms(waited), "asks a repository");
        }
        News::GoesOn { so_far, bytes } => tracing::info!(
            event = "repository_progress",
            command,
            repository,
            bytes,
            duration_ms = ms(so_far),
            "still asking a repository"
        ),
        News::Ended { outcome: Outcome::Done, took, bytes } if took >= LONG || bytes >= MUCH_BYTES => {
            tracing::info!(
                event = "repository_asked",
                command,
                repository,
                bytes,
                duration_ms = ms(took),
                "a repository has answered"
            );
        }
        News::Ended {
            outcome: outcome @ (Outcome::Done | Outcome::Absent | Outcome::Abandoned),
            took,
            bytes,
        } => {
            let (outcome, took) = (outcome.as_str(), ms(took));
            tracing::debug!(command, repository, outcome, bytes, duration_ms = took, "asked a repository");
        }
        News::Ended { outcome, took, bytes } => tracing::info!(
            event = "repository_failed",
            command,
            repository,
            reason = outcome.as_str(),
            bytes,
            duration_ms = ms(took),
            "a repository could not be asked"
        ),
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
