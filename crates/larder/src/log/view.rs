//! How the log does, for whoever wants to see it, and the events of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::restore::Halt;
use super::{Condition, Log, Stopped};

/// What of the log is counted.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    appended: AtomicU64,
    refused: AtomicU64,
}

impl Tallies {
    pub(super) fn appended(&self, records: u64) {
        self.appended.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the log takes records.
#[derive(Clone, Debug)]
pub enum State {
    /// What is held is being read.
    Reading,
    /// It does.
    Signing,
    /// It did not the last time, for a reason that may pass.
    Failing(Arc<str>),
    /// It does not, until an operator has looked.
    Stopped(Stopped),
}

impl State {
    /// The words for metrics and programs.
    pub const WORDS: [&str; 4] = ["reading", "signing", "failing", "stopped"];

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Signing => "signing",
            Self::Failing(_) => "failing",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// How the log does.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: Arc<str>,
    /// What its signatures are checked with, as GOSUMDB takes it.
    pub key: String,
    /// Whether it takes records.
    pub state: State,
    /// Records that are signed and served; none while that is being found out.
    pub size: Option<u64>,
    /// The newest signed head.
    pub head: Option<String>,
    /// Records that were added since the start.
    pub appended: u64,
    /// Records that were asked for and could not be added since the start.
    pub refused: u64,
}

impl Log {
    /// How it does.
    pub fn view(&self) -> View {
        let shelf = self.shelf.load_full();
        View {
            name: self.name.clone(),
            key: self.verifier.to_string(),
            state: match &*self.condition.borrow() {
                Condition::Restoring => State::Reading,
                Condition::Signing => State::Signing,
                Condition::Failing(why) => State::Failing(why.clone()),
                Condition::Stopped(stopped) => State::Stopped(stopped.clone()),
            },
            size: shelf.as_ref().map(|shelf| shelf.size()),
            head: shelf.map(|shelf| shelf.head().note().to_owned()).filter(|note| !note.is_empty()),
            appended: self.tallies.appended.load(Ordering::Relaxed),
            refused: self.tallies.refused.load(Ordering::Relaxed),
        }
    }

    pub(super) fn set(&self, condition: &Condition) {
        let before = self.condition.send_replace(condition.clone());
        if matches!(condition, Condition::Signing) && !matches!(before, Condition::Signing) {
            let size = self.shelf.load().as_ref().map_or(0, |shelf| shelf.size());
            tracing::info!(
                event = "log_signing",
                sumdb.name = &*self.name,
                sumdb.size = size,
                "our own log takes records"
            );
        }
    }

    /// Tells that nothing can be signed, and why.
    pub(super) fn halted(&self, halt: &Halt) {
        match halt {
            Halt::Failed(why) => {
                tracing::error!(
                    event = "log_failing",
                    sumdb.name = &*self.name,
                    "our own log cannot be written: {why}"
                );
                self.set(&Condition::Failing(why.clone()));
            }
            Halt::Stopped(stopped) => {
                tracing::error!(
                    event = "log_stopped",
                    sumdb.name = &*self.name,
                    sumdb.state = stopped.as_str(),
                    "our own log signs nothing any more: {stopped}; {}",
                    stopped.advice()
                );
                self.set(&Condition::Stopped(stopped.clone()));
            }
        }
    }
}
