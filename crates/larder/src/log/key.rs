//! The key pair of a log: made once, kept in a file that only its owner may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sumdb::note::Name;
use sumdb::{Signer, Verifier};

use super::refusal::Unfit;

/// Reads a signer key, and sees that it is the one of this log.
///
/// # Errors
/// A text that is no key, or the key of another name.
pub fn signer(name: &str, key: &str) -> Result<Signer, Unfit> {
    let signer = Signer::parse(key)?;
    let of = signer.verifier().name().as_str();
    if of == name { Ok(signer) } else { Err(Unfit::Name { of: of.to_owned() }) }
}

/// Why no key was made. No file was left.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// There is a file of that name, which may be a key.
    #[error("{} is there already, and is never written over: it may be the key of a log", path.display())]
    There {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("{} could not be written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes a key pair: the private key goes into a new file of mode 0600, durably; the public one is given back. Blocking.
///
/// # Errors
/// The file is there already, or cannot be made.
pub fn make(name: Name, path: &Path) -> Result<Verifier, MakeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(MakeError::Random)?;
    let signer = Signer::from_seed(name, &seed);
    let failed = |source| MakeError::Io { path: path.to_owned(), source };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(MakeError::There { path: path.to_owned() });
        }
        opened => opened.map_err(failed)?,
    };
    let written = write(&mut file, path, &signer.reveal());
    if written.is_err() {
        // A part of a key is none, and would be in the way of the next try.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed)?;
    Ok(signer.verifier().clone())
}

fn write(file: &mut File, path: &Path, key: &str) -> io::Result<()> {
    file.write_all(key.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
