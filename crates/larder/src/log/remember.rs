//! What is remembered beside the key, outside of the data directory: the newest signed head.
//!
//! ```text
//! /etc/larder/log.key          the key, made by `larder sumdb init`
//! /etc/larder/log.key.state    the newest head that was signed: a note, as `/latest` says it
//! /etc/larder/log.key.lock     locked for as long as a process may sign
//! ```
//!
//! Why it is there: a data directory that was put back from a backup cannot know that more was signed since, and going on
//! with it would sign a second history. If both are put back together, nothing here can tell.
//! What is promised: a head replaces the one before it whole and durably (data, name, directory), and only if that one is
//! still there. The lock keeps a second process on this machine from signing; where the file is shared between machines,
//! that what is there was replaced is seen before the next signature.

#![expect(clippy::disallowed_methods, reason = "the door: this file lies outside of the store, on purpose")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

pub use super::refusal::RememberError;

/// Remembers the newest signed head. All calls may block.
///
/// # Contract
/// - [`Remember::replace`] succeeds only if what is remembered was `before`; what it remembers then survives a crash of the
///   machine. [`RememberError::Changed`] is certain: nothing was replaced. Any other failure means "perhaps".
/// - A failure names the file.
/// - [`Remember::read`] gives the head of the last `replace` that succeeded, or of one that failed since.
pub trait Remember: Send + Sync + 'static {
    /// Whether this process alone may sign, as far as can be told here.
    fn is_ours(&self) -> bool;

    /// The head that is remembered, as it was given.
    fn read(&self) -> Result<Option<Vec<u8>>, RememberError>;

    /// Remembers another head in the place of `before`; empty if none was remembered.
    fn replace(&self, before: &[u8], head: &[u8]) -> Result<(), RememberError>;
}

/// A file beside the key.
pub struct HeadFile {
    path: PathBuf,
    /// Unlocked when closed, by whatever death.
    lock: Option<File>,
}

/// Why nothing can be remembered.
#[derive(Debug, thiserror::Error)]
#[error("no file can be made beside {}", path.display())]
pub struct Unwritable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl HeadFile {
    /// Takes the lock, and sees that files can be made there. Blocking.
    ///
    /// # Errors
    /// The directory is not there or cannot be written.
    pub fn open(path: &Path) -> Result<Self, Unwritable> {
        let unwritable = |source| Unwritable { path: path.to_owned(), source };
        let lock = beside(path, "lock");
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(lock).map_err(unwritable)?;
        let lock = match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Some(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => None,
            Err(other) => return Err(unwritable(other.into())),
        };
        if lock.is_some() {
            // A full disk must not keep a server from starting that has nothing to sign.
            let probe = OpenOptions::new().write(true).create(true).truncate(true).open(beside(path, "new"));
            match probe {
                Ok(_) => {}
                Err(full) if full.kind() == io::ErrorKind::StorageFull => {}
                Err(other) => return Err(unwritable(other)),
            }
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    fn write(&self, head: &[u8]) -> io::Result<()> {
        let mut file = File::create(beside(&self.path, "new"))?;
        file.write_all(head)?;
        file.sync_all()
    }

    fn publish(&self) -> io::Result<()> {
        fs::rename(beside(&self.path, "new"), &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Remember for HeadFile {
    fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, RememberError> {
        match fs::read(&self.path) {
            Ok(head) => Ok(Some(head)),
            // Without the lock beside it this is not the place that was opened: a volume that is not mounted now.
            Err(error) if error.kind() == io::ErrorKind::NotFound && beside(&self.path, "lock").exists() => {
                Ok(None)
            }
            Err(source) => Err(RememberError::Unreadable { path: self.path.clone(), source }),
        }
    }

    fn replace(&self, before: &[u8], head: &[u8]) -> Result<(), RememberError> {
        let failed = |source| RememberError::Io { path: self.path.clone(), source };
        self.write(head).map_err(failed)?;
        if self.read()?.unwrap_or_default() != before {
            return Err(RememberError::Changed);
        }
        self.publish().map_err(failed)
    }
}

/// `log.key.state` to `log.key.lock`: the file beside it that has this ending. Another name keeps all of itself.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".state").unwrap_or(&name);
    path.with_file_name(format!("{stem}.{ending}"))
}
