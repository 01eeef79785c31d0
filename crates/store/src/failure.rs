//! What went wrong in a store, as facts the caller can act on.
//!
//! Absence, a full disk and everything else are never folded into each other: absence may become a 404, the others
//! must not. Operating system codes are sorted here, once.

use std::io;
use std::path::PathBuf;

use crate::Key;

/// What went wrong. Objects are named by key; a path is named only by what opening the data directory meets, which
/// is said to the operator at start.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is kept under the key.
    #[error("nothing is kept under {key}")]
    Absent {
        /// What was asked for.
        key: Key,
    },
    /// [`Publish::New`](crate::Publish::New) found the key taken; what was there is untouched.
    #[error("{key} is already kept")]
    AlreadyThere {
        /// The key.
        key: Key,
    },
    /// The key is, or runs through, what is a directory or an object the other way round (`a` and `a/b`), or its
    /// first element belongs to the store itself (`tmp`, `LOCK`).
    #[error("{key} cannot name an object here")]
    Misplaced {
        /// The key.
        key: Key,
    },
    /// No room left: `ENOSPC` or `EDQUOT`.
    #[error("no room to {operation} {object}")]
    Full {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        object: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The file system is mounted read-only: `EROFS`.
    #[error("cannot {operation} {object}: the file system is read-only")]
    ReadOnly {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        object: String,
    },
    /// The process or the system is out of descriptors: `EMFILE` or `ENFILE`.
    #[error("no descriptor left to {operation} {object}")]
    NoDescriptors {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        object: String,
    },
    /// It was not done in the time that anything may take: the disk hangs.
    #[error("the disk does not come back: waited in vain to {operation} {object}")]
    Stuck {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        object: String,
    },
    /// Another process has the data directory open.
    #[error("{} is in use by {}", dir.display(), holder(*pid))]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds it, if it wrote its number.
        pid: Option<u32>,
    },
    /// An object is shorter than it was when it was opened: somebody else cut the file.
    #[error("{object} ends at byte {at}, before the {size_bytes} it had when opened")]
    Truncated {
        /// The object.
        object: String,
        /// Where it ends.
        at: u64,
        /// The size it had.
        size_bytes: u64,
    },
    /// More bytes than the caller wanted to hold in memory.
    #[error("{object} has {size_bytes} bytes, more than {limit_bytes}")]
    TooLarge {
        /// The object.
        object: String,
        /// Its size.
        size_bytes: u64,
        /// The caller's limit.
        limit_bytes: u64,
    },
    /// A record that is empty or holds a line break.
    #[error("a record for {key} is empty or holds a line break")]
    Record {
        /// Where it was to be appended.
        key: Key,
    },
    /// A spool that was published is complete: it takes no bytes and is not published again.
    #[error("this spool was published before")]
    Published,
    /// A spool made by another store.
    #[error("this spool belongs to another store")]
    Foreign,
    /// The store was closed; nothing changes it any more.
    #[error("the store is closed")]
    Closed,
    /// Anything else the system said.
    #[error("cannot {operation} {object}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        object: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Sorts a system error by what the caller can do about it. `operation` is a verb ("read"), `object` a key or a
    /// description ("a spool").
    pub fn of(operation: &'static str, object: &(impl ToString + ?Sized), source: io::Error) -> Self {
        let object = object.to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { operation, object, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { operation, object },
            _ if is_out_of_descriptors(&source) => Self::NoDescriptors { operation, object },
            _ => Self::Io { operation, object, source },
        }
    }

    /// The store answered, and there is nothing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    /// The key was taken.
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::AlreadyThere { .. })
    }

    /// There is no room; what is small may go through memory instead.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Nothing is wrong with what was asked; the store cannot do it now. What it holds in memory may be served, and
    /// what is small may go through memory.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Stuck { .. } | Self::Closed => true,
            // The asker's trouble.
            Self::Io { .. } => !self.is_unnamable(),
            other => other.is_exhausted(),
        }
    }

    /// No file can have this name, as [`Key::named`] says it: so nothing can be kept under it.
    pub fn is_unnamable(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::InvalidFilename)
    }

    /// The store cannot take anything now but may later without our doing: full, read-only or out of descriptors.
    pub fn is_exhausted(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::ReadOnly { .. } | Self::NoDescriptors { .. })
    }
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error
        .raw_os_error()
        .is_some_and(|code| code == Errno::MFILE.raw_os_error() || code == Errno::NFILE.raw_os_error())
}

#[cfg(not(unix))]
fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn system_errors_are_sorted_by_what_can_be_done() {
        let of = |code: Errno| StoreError::of("write", "a spool", code.into());
        for full in [Errno::NOSPC, Errno::DQUOT] {
            assert!(of(full).is_full());
        }
        assert!(matches!(of(Errno::ROFS), StoreError::ReadOnly { .. }));
        for none in [Errno::MFILE, Errno::NFILE] {
            assert!(matches!(of(none), StoreError::NoDescriptors { .. }));
        }
        // Only who asked for an object may call it absent: a missing directory below `tmp/` is an accident.
        for other in [Errno::NOENT, Errno::IO, Errno::ACCESS] {
            assert!(matches!(of(other), StoreError::Io { .. }));
        }
    }
}
