//! Why a checksum database could not be asked, or is not believed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use source::{Chain, Fallback, Link, Source, SourceError, Walk, WalkError};
use store::StoreError;
use sumdb::client::ClientError;
use sumdb::record::SumsError;

use crate::observe::with_causes;

/// Why there is no proven answer. Shared by all who asked, hence cheap to clone.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The database itself says 404 or 410.
    #[error("{text}")]
    Absent {
        /// The database.
        database: Arc<str>,
        /// What it said.
        text: Arc<str>,
        /// It said 410.
        withdrawn: bool,
        /// What it said names a passing cause: it has not said that there is no such version.
        transient: bool,
    },
    /// It could not be asked, or has not answered with a whole answer.
    #[error("{walk}")]
    Unreachable {
        /// The database.
        database: Arc<str>,
        /// Who was asked and what came of it. Never of a class of absence.
        walk: Arc<WalkError>,
    },
    /// What came is not believed, and nothing of it was kept.
    #[error(
        "{source_name}: what it says in the name of the checksum database {database} is not proven: {lie}"
    )]
    Lies {
        /// The database.
        database: Arc<str>,
        /// The configured name of the source that said it.
        source_name: Arc<str>,
        /// What is wrong with it.
        #[source]
        lie: Arc<Lie>,
    },
    /// A fork was found: it is asked nothing more until an operator decides.
    #[error("the checksum database {database} has been closed since {since}: {why}")]
    Closed {
        /// The database.
        database: Arc<str>,
        /// Since when.
        since: Timestamp,
        /// What was found.
        why: Arc<str>,
    },
    /// The module must not be asked for, perhaps since a moment ago.
    #[error("lookups of private modules are not sent to {database}")]
    Private {
        /// The database.
        database: Arc<str>,
    },
    /// What is known of the database could not be read, so nothing can be compared with it.
    #[error("what is known of the checksum database {database} could not be read")]
    Unread {
        /// The database.
        database: Arc<str>,
        /// Why.
        #[source]
        cause: Arc<StoreError>,
    },
    /// The task that asked ended without an outcome.
    #[error("the lookup at {database} ended without an outcome")]
    Lost {
        /// The database.
        database: Arc<str>,
    },
}

/// What a source said wrongly in the name of a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lie {
    /// It is not proven.
    #[error("{}", with_causes(.0))]
    Unproven(#[source] ClientError),
    /// A record that says nothing of a hash that clients need.
    #[error(transparent)]
    Sums(#[from] SumsError),
    /// It is no answer of the protocol.
    #[error(transparent)]
    Answer(#[from] SourceError),
    /// Records that are not those of the tree.
    #[error("the records of {tile} are not those of the tree")]
    Records {
        /// The tile.
        tile: sumdb::Tile,
    },
}

/// How far a task came before it failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// What came is not believed.
    Lie(Lie),
    /// A tile could not be had.
    Source(SourceError),
    /// A tile is not kept, and nobody may be asked.
    NotKept,
    /// A task ended without an outcome.
    Lost,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Lie(Lie::Unproven(error))
    }
}

impl LookupError {
    /// The database that was asked.
    pub fn database(&self) -> &Arc<str> {
        match self {
            Self::Absent { database, .. }
            | Self::Unreachable { database, .. }
            | Self::Lies { database, .. }
            | Self::Closed { database, .. }
            | Self::Private { database }
            | Self::Unread { database, .. }
            | Self::Lost { database } => database,
        }
    }

    /// After how long asking again makes sense, where a source has said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { walk, .. } => walk.retry_after,
            _ => None,
        }
    }

    /// The failure of a source that was asked for a record or a tree: its absence is the database's word.
    pub(super) fn of_source(database: &Arc<str>, way: &Arc<dyn Source>, error: SourceError) -> Self {
        let database = database.clone();
        match error.class() {
            source::Class::Corrupt => {
                Self::Lies { database, source_name: way.name().into(), lie: Arc::new(Lie::Answer(error)) }
            }
            source::Class::Absent | source::Class::Withdrawn => {
                let withdrawn = error.class() == source::Class::Withdrawn;
                let transient = error.is_transient();
                Self::Absent { database, text: alone(way, error).to_string().into(), withdrawn, transient }
            }
            source::Class::Denied | source::Class::Unavailable => {
                Self::Unreachable { database, walk: Arc::new(alone(way, error)) }
            }
        }
    }

    /// The failure of a source that was asked for a tile of a tree that the database has signed: whatever it says, that
    /// is no absence of what was looked up.
    pub(super) fn of_tile(database: &Arc<str>, way: &Arc<dyn Source>, error: SourceError) -> Self {
        let error = match error {
            SourceError::Absent { text, .. } | SourceError::Withdrawn { text } => {
                SourceError::Unavailable { status: Some(404), text, retry_after: None }
            }
            other => other,
        };
        Self::of_source(database, way, error)
    }
}

/// The failure of one source that was not reached by a chain.
fn alone(way: &Arc<dyn Source>, error: SourceError) -> WalkError {
    let chain = Chain::new(vec![Link::new(way.clone(), Fallback::OnAbsent)], false);
    let mut walk = Walk::over(&chain);
    walk.next();
    walk.failed(error);
    walk.finish()
}
