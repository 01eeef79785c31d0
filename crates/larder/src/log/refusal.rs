//! Why the log does not answer, and why it does not sign.

use std::path::PathBuf;
use std::sync::Arc;

use sumdb::Tile;
use sumdb::log::RestoreError;
use sumdb::note::KeyError;

/// Why a key is not the one of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is no key.
    #[error("it is no signer key of a checksum database")]
    Key(#[from] KeyError),
    /// It has another name.
    #[error("it is the key of {of}")]
    Name {
        /// The name that it has.
        of: String,
    },
}

/// Why a request is not answered. Shared by all who ask for the same thing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// What is held is still being read after a start, or cannot be read now.
    #[error("the log is still being read")]
    Unread,
    /// A record could not be written now.
    #[error("the record could not be written")]
    Unwritten,
    /// A record is being written for so long that nobody waits any more.
    #[error("the record is still being written")]
    Slow,
    /// A part of what was signed is not what it was.
    #[error("{tile} of the log is damaged here")]
    Damaged {
        /// Which.
        tile: Tile,
    },
    /// The log has no room for another record.
    #[error("the log is full")]
    Full,
    /// The log does not sign any more, until an operator has looked.
    #[error("the log takes no new records: {0}")]
    Stopped(Stopped),
}

/// Why a log does not sign, though it has its key. All of these need an operator, and a restart after that.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Stopped {
    /// What is held does not go on from what was signed.
    #[error("{0}")]
    Restore(Arc<RestoreError>),
    /// The records of a tile are not those that were signed.
    #[error("the records of {tile} are damaged")]
    Records {
        /// The first tile that is known to be wrong.
        tile: Tile,
    },
    /// The records are not those that were signed; which of them is not known.
    #[error("the records are not those of the signed tree of {size}")]
    Tree {
        /// The size of the tree.
        size: u64,
    },
    /// Another process signs with this key.
    #[error("another process signs with the same key")]
    Taken,
    /// Somebody else has signed in the meantime: what is remembered beside the key was replaced.
    #[error("another writer has signed with the same key")]
    SecondWriter,
}

impl Stopped {
    /// One word for it, for metrics and programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Restore(error) => match &**error {
                RestoreError::Forgotten { .. } => "forgotten",
                RestoreError::RolledBack { .. } => "rolled-back",
                RestoreError::Forked { .. } => "forked",
                RestoreError::Head { .. } => "foreign",
                _ => "damaged",
            },
            Self::Records { .. } | Self::Tree { .. } => "damaged",
            Self::Taken => "taken",
            Self::SecondWriter => "second-writer",
        }
    }

    /// What an operator does about it.
    pub fn advice(&self) -> &'static str {
        match self.as_str() {
            "forgotten" => {
                "put the remembered head (log.state) back; if it is lost, and nothing newer was ever signed, copy `latest` of \
                 the log there, and restart"
            }
            "rolled-back" => {
                "the data directory is older than what was signed: bring the tiles and `latest` of the log back from a newer \
                 copy or a mirror, and restart; if there is none, begin a log with another name and key"
            }
            "damaged" => "bring the tiles of the log back from a copy or a mirror, and restart",
            "taken" => "find the other server with this key and stop one of the two; then restart this one",
            "second-writer" => {
                "find the other server with this key and stop one of the two; if there is none, the remembered head \
                 (log.state) was lost or changed: put it back; then restart this one"
            }
            "foreign" => {
                "put the right file back: the remembered head (log.state) from where it was copied to; `latest` of the log may \
                 be removed instead, and is written anew from the remembered head; then restart"
            }
            _ => {
                "two histories were signed: begin a log with another name and key, and keep both heads as evidence"
            }
        }
    }

    /// Whether what is published was signed once and continues nothing that contradicts it: then it may be served on.
    pub(super) fn leaves_readable(&self) -> bool {
        match self {
            Self::Restore(error) => {
                matches!(**error, RestoreError::Forgotten { .. } | RestoreError::RolledBack { .. })
            }
            Self::Taken => true,
            Self::Records { .. } | Self::Tree { .. } | Self::SecondWriter => false,
        }
    }
}

/// Why a head is not remembered.
#[derive(Debug, thiserror::Error)]
pub enum RememberError {
    /// Another one is remembered than was when the log was read.
    #[error("another head is remembered than this process has signed")]
    Changed,
    /// What is remembered could not be read.
    #[error("the remembered head {} could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It could not be written; perhaps it was.
    #[error("the head could not be remembered in {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
