//! What an auditor remembers of a checksum database from one visit to the next: its newest tree head, in one file.
//!
//! ```text
//! go.sum database tree
//! 302
//! nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=
//!
//! — sum.example.org AAAMZ5/2FVAdMH58…
//! ```
//!
//! It is the signed note as it came, the form of the go command's own `pkg/sumdb/NAME/latest`, so that either can be looked
//! at with the other's tools. Evidence of a fork is put beside it, under its name with `.fork` behind.
//! What it promises: a file is whole or as it was (written beside, synced, renamed), and a head is never replaced by one
//! of a smaller tree. Two audits that write at the same moment: the last one counts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sumdb::Verifier;
use sumdb::client::{Evidence, Head};

/// A longer file is no tree head.
const MAX_BYTES: u64 = sumdb::note::MAX_BYTES as u64;

/// The file that remembers a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    path: PathBuf,
}

/// Why a database is not remembered.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl State {
    /// The state in this file. It need not be there, nor its directory.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The state of the database with this key, below a directory for states: `sumdb/NAME/HASH/head`. Of a name only
    /// what every file system takes is kept; the hash tells names apart that look the same then.
    pub fn below(directory: &Path, key: &Verifier) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let name: String = key.name().as_str().chars().map(plain).collect();
        Self::at(directory.join("sumdb").join(name).join(key.key_hash().to_string()).join("head"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The head that was remembered; empty if there is none.
    pub fn read(&self) -> Result<Vec<u8>, StateError> {
        let failed = |cause| StateError::Read { path: self.path.clone(), cause };
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Remembers a head. It is durable when this returns.
    pub fn write(&self, head: &Head) -> Result<(), StateError> {
        replace(&self.path, head.note())
    }

    /// Puts evidence of a fork beside the state; where.
    pub fn write_evidence(&self, evidence: &Evidence) -> Result<PathBuf, StateError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".fork");
        let path = PathBuf::from(path);
        replace(&path, &evidence.to_string())?;
        Ok(path)
    }
}

/// Replaces a file by one with this text: a file beside it is written and synced, then renamed, then the directory is
/// synced where that can be done.
fn replace(path: &Path, text: &str) -> Result<(), StateError> {
    let failed = |cause| StateError::Write { path: path.to_owned(), cause };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(directory).map_err(failed)?;
    let mut beside = path.to_owned().into_os_string();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = written(&beside, text).and_then(|()| rename(&beside, path));
    if written.is_err() {
        // Left over where even that fails; what failed first is told.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)?;
    // Where directories cannot be opened (Windows), a rename is as durable as the system makes it.
    match File::open(directory) {
        Ok(directory) if cfg!(unix) => directory.sync_all().map_err(failed),
        _ => Ok(()),
    }
}

fn written(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the door of this crate, for the one file that an auditor keeps"
)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
