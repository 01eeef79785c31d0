//! What is told of commands that ask servers, while they run: for logs and for numbers.
//!
//! Told to one watcher of the whole jail, by whoever runs the command. Commands that only read what is kept are not told of.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use crate::{Place, Trouble, VcsError};

/// Is told of commands.
pub type Watcher = dyn Fn(&Asking, &News) + Send + Sync;

/// A command that asks a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// The tool and what it is told to do, without URL and secrets: `git fetch`.
    pub command: String,
    /// The repository.
    pub place: Place,
}

/// What becomes of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It was started.
    Began {
        /// How long it waited for its turn.
        waited: Duration,
    },
    /// It is still running.
    GoesOn {
        /// Since it began.
        so_far: Duration,
        /// What passed between it and the network until now, in both directions.
        bytes: u64,
    },
    /// It ended, or was never started.
    Ended {
        /// How.
        outcome: Outcome,
        /// Since it began.
        took: Duration,
        /// What passed between it and the network, in both directions.
        bytes: u64,
    },
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// Well.
    Done,
    /// The repository, or something in it, is not there.
    Absent,
    /// The server wants to know who asks, or does not let us in.
    Auth,
    /// The server's key or certificate is not the one expected.
    Identity,
    /// The server cannot be reached, or broke off.
    Network,
    /// The server asks for less.
    Limited,
    /// What the server sent is damaged.
    Corrupt,
    /// It took too long.
    Timeout,
    /// It was led to where it must not go.
    Refused,
    /// It brought more than is taken.
    TooLarge,
    /// Its turn did not come.
    Crowded,
    /// This machine could not start it, or not keep what it brought.
    Local,
    /// Something else.
    Failed,
    /// Nobody wanted it any more.
    Abandoned,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::Absent,
        Self::Auth,
        Self::Identity,
        Self::Network,
        Self::Limited,
        Self::Corrupt,
        Self::Timeout,
        Self::Refused,
        Self::TooLarge,
        Self::Crowded,
        Self::Local,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The word for logs and numbers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Absent => "absent",
            Self::Auth => "auth",
            Self::Identity => "identity",
            Self::Network => "network",
            Self::Limited => "limited",
            Self::Corrupt => "corrupt",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::TooLarge => "too-large",
            Self::Crowded => "crowded",
            Self::Local => "local",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<&VcsError> for Outcome {
    fn from(error: &VcsError) -> Self {
        match error {
            VcsError::Failed { trouble, .. } => match trouble {
                Trouble::Auth => Self::Auth,
                Trouble::Identity => Self::Identity,
                Trouble::Network => Self::Network,
                Trouble::RateLimited => Self::Limited,
                Trouble::Corrupt => Self::Corrupt,
                Trouble::Other => Self::Failed,
            },
            VcsError::Timeout { .. } => Self::Timeout,
            VcsError::Refused { .. } | VcsError::Astray { .. } => Self::Refused,
            VcsError::TooLarge { .. } => Self::TooLarge,
            VcsError::Crowded { .. } => Self::Crowded,
            VcsError::Local { .. } | VcsError::NoTool { .. } | VcsError::NoSsh => Self::Local,
            error if error.is_absent() => Self::Absent,
            _ => Self::Failed,
        }
    }
}

/// Tells of one command; of its end too when it is dropped.
pub(super) struct Watch(Option<Told>);

struct Told {
    jail: Arc<Inner>,
    asking: Asking,
    since: Instant,
}

impl Watch {
    /// A command that waits for its turn. One that asks nobody is not told of.
    pub(super) fn over(jail: &Arc<Inner>, place: Option<Place>, command: &str) -> Self {
        let place = place.filter(|_| jail.watcher.get().is_some());
        let command = command.to_owned();
        let told =
            |place| Told { jail: Arc::clone(jail), asking: Asking { command, place }, since: Instant::now() };
        Self(place.map(told))
    }

    /// It was started.
    pub(super) fn began(&mut self) {
        if let Some(told) = &mut self.0 {
            let waited = told.since.elapsed();
            told.since = Instant::now();
            told.tell(&News::Began { waited });
        }
    }

    /// Tells now and then that it goes on; never ends.
    pub(super) async fn goes_on(&self, bytes: impl Fn() -> u64) -> Infallible {
        let Some((told, every)) = self.0.as_ref().and_then(|told| Some((told, told.every()?))) else {
            return pending().await;
        };
        loop {
            sleep(every).await;
            told.tell(&News::GoesOn { so_far: told.since.elapsed(), bytes: bytes() });
        }
    }

    /// It has ended, well if there is no error.
    pub(super) fn ended(&mut self, error: Option<&VcsError>, bytes: u64) {
        self.end(error.map_or(Outcome::Done, Outcome::from), bytes);
    }

    fn end(&mut self, outcome: Outcome, bytes: u64) {
        if let Some(told) = self.0.take() {
            told.tell(&News::Ended { outcome, took: told.since.elapsed(), bytes });
        }
    }
}

impl Told {
    fn tell(&self, news: &News) {
        if let Some((watcher, _)) = self.jail.watcher.get() {
            watcher(&self.asking, news);
        }
    }

    fn every(&self) -> Option<Duration> {
        self.jail.watcher.get().map(|(_, every)| *every)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(Outcome::Abandoned, 0);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("asking", &self.0.as_ref().map(|told| &told.asking)).finish()
    }
}
