//! What can go wrong with a checksum database.

use source::SourceError;
use sumdb::Tile;
use sumdb::client::{ClientError, Evidence};
use sumdb::record::{MalformedRecord, SumsError};
use sumdb::tree::ProofError;

/// Why something is not known of a database, or not believed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The database's own word that it has not got it.
    #[error("{what}: {}", if text.is_empty() { "not found" } else { text })]
    Absent {
        /// What was asked for.
        what: String,
        /// What it said.
        text: String,
    },
    /// There was no answer, or none that can be used.
    #[error("{what} could not be had: {}", cause.text())]
    Unreachable {
        /// What was asked for.
        what: String,
        /// Why not.
        #[source]
        cause: SourceError,
    },
    /// The answer is not what the database has signed.
    #[error("{what} is not to be believed")]
    Lies {
        /// What was checked.
        what: String,
        /// What is wrong with it.
        #[source]
        cause: Box<ClientError>,
    },
    /// A tile of records does not have the records of the tree.
    #[error("{tile} does not have the records of the tree")]
    Records {
        /// The tile.
        tile: Tile,
        /// What is wrong with it.
        #[source]
        cause: MalformedRecord,
    },
    /// A record cannot be proven in the tree.
    #[error("record {id} is not proven")]
    Proof {
        /// Its number.
        id: u64,
        /// Why not.
        #[source]
        cause: ProofError,
    },
    /// A record that is in the tree lacks a hash.
    #[error("the record is incomplete")]
    Sums {
        /// Which.
        #[source]
        cause: SumsError,
    },
}

/// What a fault means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// The database does not have it.
    Absent,
    /// It could not be found out.
    Unreachable,
    /// The database is wrong.
    Wrong,
}

impl Fault {
    pub(super) fn lies(what: &str, cause: ClientError) -> Self {
        Self::Lies { what: what.to_owned(), cause: Box::new(cause) }
    }

    pub(super) fn of_source(what: &str, cause: SourceError) -> Self {
        let what = what.to_owned();
        match cause {
            SourceError::Absent { text, transient: false } | SourceError::Withdrawn { text } => {
                Self::Absent { what, text }
            }
            cause => Self::Unreachable { what, cause },
        }
    }

    /// What it means.
    pub fn class(&self) -> Class {
        match self {
            Self::Absent { .. } => Class::Absent,
            Self::Unreachable { .. } => Class::Unreachable,
            Self::Lies { .. } | Self::Records { .. } | Self::Proof { .. } | Self::Sums { .. } => Class::Wrong,
        }
    }

    /// Two signed trees that contradict each other.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Lies { cause, .. } => match &**cause {
                ClientError::Fork(evidence) => Some(evidence),
                _ => None,
            },
            _ => None,
        }
    }
}
