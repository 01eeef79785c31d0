//! Why a request could not be answered: what to do about it (`class`) and whose fault it is (`fault`).

use std::sync::Arc;
use std::time::Duration;

use gomod::Request;
use source::{RouteError, WalkError};
use store::StoreError;

use crate::auth::Outside;
use crate::cache::open::ReadError;
use crate::cache::{KeepError, Lack};
use crate::log::Refusal;
use crate::trust::LookupError;

/// After how long asking again makes sense when too many were asking.
const OVERLOAD_LASTS: Duration = Duration::from_secs(2);

/// What a failure means for the answer. Never folded into each other: absence sends the client on to its next
/// source, everything else stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Every source said so, or it cannot exist.
    Absent,
    /// A source said that it was withdrawn.
    Withdrawn,
    /// It is right, and breaks the module rules: nobody can use it.
    Unusable,
    /// A rule of ours forbids it.
    Denied,
    /// It cannot be had now.
    Unavailable,
    /// What a source sent is wrong.
    Corrupt,
    /// Our own fault.
    Internal,
}

impl Class {
    /// The word for answers to programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Withdrawn => "withdrawn",
            Self::Unusable => "unusable",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }

    /// Whether the client may look elsewhere.
    pub fn is_absence(self) -> bool {
        matches!(self, Self::Absent | Self::Withdrawn | Self::Unusable)
    }
}

impl From<source::Class> for Class {
    fn from(class: source::Class) -> Self {
        match class {
            source::Class::Absent => Self::Absent,
            source::Class::Withdrawn => Self::Withdrawn,
            source::Class::Denied => Self::Denied,
            source::Class::Unavailable => Self::Unavailable,
            source::Class::Corrupt => Self::Corrupt,
        }
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client asked for something that cannot be had.
    Client,
    /// A source.
    Upstream,
    /// This server.
    Ours,
}

/// Why a request could not be answered. Shared by all who joined the flight, hence cheap to clone.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Every source said so a short while ago, or what there is cannot be used.
    #[error("{text}")]
    Absent {
        /// The request.
        want: Arc<str>,
        /// What the sources said, a line each; or what is wrong with what they have.
        text: Arc<str>,
        /// In which way it is absent.
        lack: Lack,
        /// How long this is remembered.
        remembered_for: Duration,
    },
    /// Only what is held was asked for, and this is not.
    #[error("not held here, and the request forbids fetching it")]
    NotHeld,
    /// The sources could not be used or gave no right answer.
    #[error("{0}")]
    Sources(Arc<WalkError>),
    /// No source may be asked.
    #[error(transparent)]
    Private(RouteError),
    /// It is private, and not served to whoever asks.
    #[error("{0}")]
    Outside(Outside),
    /// A name that must not leave the house.
    #[error("lookups of private modules are not sent to {database}")]
    PrivateLookup {
        /// The checksum database.
        database: Arc<str>,
    },
    /// A checksum database gave no proven answer.
    #[error("{0}")]
    Database(LookupError),
    /// It cannot be compared with what the checksum database has on record, so that it may not be let in.
    #[error("{0}")]
    Unverified(Arc<LookupError>),
    /// The module became private while it was on its way from where it may not come from any more.
    #[error("the module has become private; ask again")]
    BecamePrivate,
    /// The client has waited long enough without a byte.
    #[error("no source has answered within {}", in_seconds(*.0))]
    Waited(Duration),
    /// Too many wait for what is not held, or are being sent what is not in memory.
    #[error("too much is asked for at once (limits.{limit} is {most})")]
    Overloaded {
        /// The setting.
        limit: &'static str,
        /// Its value.
        most: usize,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
    /// What is held turned out to be wrong or unreadable before any of it was sent.
    #[error("the held copy could not be read")]
    Rotten(#[source] Arc<ReadError>),
    /// What arrived is not what was recorded first.
    #[error("{0}")]
    Differs(Arc<KeepError>),
    /// Our own checksum database does not answer.
    #[error("{0}")]
    Log(#[from] Refusal),
    /// It was fetched, but could not be kept, and so not be recorded.
    #[error("what was fetched could not be kept, so it was not recorded")]
    Unrecorded,
    /// Nobody says what its hashes are, and the first that come must not be taken for them.
    #[error("toolchains are not recorded while no checksum database says what they are")]
    Unverifiable,
    /// The task that fetched it ended without an outcome.
    #[error("the fetch ended without an outcome")]
    Lost,
}

impl Error {
    /// It is not here, which is known without asking anybody: what was asked for cannot be.
    pub(super) fn absent_here(want: &Request, text: impl Into<Arc<str>>) -> Self {
        let (want, text) = (want.to_string().into(), text.into());
        Self::Absent { want, text, lack: Lack::NotFound, remembered_for: Duration::ZERO }
    }

    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Absent { lack: Lack::Withdrawn, .. } => Class::Withdrawn,
            Self::Absent { lack: Lack::Unusable, .. } => Class::Unusable,
            Self::Absent { .. } | Self::NotHeld => Class::Absent,
            Self::Sources(walk) => walk.class.into(),
            Self::Database(error) => class_of(error),
            Self::Unverified(error) => match &**error {
                LookupError::Absent { transient: true, .. } => Class::Unavailable,
                // Not absent: the sources may have it.
                LookupError::Absent { .. } => Class::Denied,
                other => class_of(other),
            },
            Self::Private(_)
            | Self::Outside(_)
            | Self::PrivateLookup { .. }
            | Self::BecamePrivate
            | Self::Unverifiable => Class::Denied,
            Self::Waited(_) | Self::Overloaded { .. } | Self::Log(_) | Self::Unrecorded => Class::Unavailable,
            Self::Store(error) if error.is_outage() => Class::Unavailable,
            Self::Rotten(error) if matches!(&**error, ReadError::Store(error) if error.is_outage()) => {
                Class::Unavailable
            }
            Self::Store(error) if error.is_unnamable() => Class::Absent,
            Self::Differs(_) => Class::Corrupt,
            Self::Store(_) | Self::Rotten(_) | Self::Lost => Class::Internal,
        }
    }

    /// Whether every source was asked and has denied it for good: not by a text that shows a passing cause, and not
    /// because asking is switched off.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self.class() {
            Class::Internal => Fault::Ours,
            Class::Unavailable if self.is_of_this_server() => Fault::Ours,
            Class::Unavailable | Class::Corrupt => Fault::Upstream,
            _ => Fault::Client,
        }
    }

    fn is_of_this_server(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Overloaded { .. } | Self::Log(_) | Self::Unrecorded)
    }

    /// After how long asking again makes sense, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Sources(walk) if self.class() == Class::Unavailable => {
                Some(walk.retry_after.unwrap_or(Duration::from_secs(5)))
            }
            Self::Database(error) if self.class() == Class::Unavailable => {
                Some(error.retry_after().unwrap_or(Duration::from_secs(5)))
            }
            Self::Unverified(error) if self.class() == Class::Unavailable => {
                Some(error.retry_after().unwrap_or(Duration::from_secs(5)))
            }
            Self::Overloaded { .. } => Some(OVERLOAD_LASTS),
            _ if self.class() == Class::Unavailable => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self::Rotten(Arc::new(error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Store(error) => error.into(),
            differs @ KeepError::Differs { .. } => Self::Differs(Arc::new(differs)),
        }
    }
}

/// What it means that a checksum database gave no proven answer. A closed one is wrong, not away: asking again does not
/// help.
fn class_of(error: &LookupError) -> Class {
    match error {
        LookupError::Absent { withdrawn: true, .. } => Class::Withdrawn,
        LookupError::Absent { .. } => Class::Absent,
        LookupError::Unreachable { .. } => Class::Unavailable,
        LookupError::Lies { .. } | LookupError::Closed { .. } => Class::Corrupt,
        LookupError::Private { .. } => Class::Denied,
        LookupError::Unread { cause, .. } if cause.is_outage() => Class::Unavailable,
        _ => Class::Internal,
    }
}

fn in_seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
