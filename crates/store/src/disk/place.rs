//! Giving a file its final name, and taking it away.
//!
//! A new name is given by the strongest way the file system knows: a rename that refuses to replace; where that is
//! refused (NFS) a link, which never replaces; where there are no links, a look and a rename, which is safe because
//! one process has the directory and the caller holds the lock of the key.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::{Key, Publish, StoreError};

/// Moves the complete file `from` to `to`, making the directories above it.
pub(super) fn place(from: &Path, to: &Path, key: &Key, mode: Publish) -> Result<(), StoreError> {
    let name = || match mode {
        Publish::New => rename_new(from, to),
        Publish::Replace => fs::rename(from, to),
    };
    let placed = match name() {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            make_parents(to, key)?;
            name()
        }
        other => other,
    };
    placed.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists if !to.is_dir() => StoreError::AlreadyThere { key: key.clone() },
        _ if is_misplaced(&source) => StoreError::Misplaced { key: key.clone() },
        _ => StoreError::of("publish", key, source),
    })
}

/// Makes the directories above a file.
pub(super) fn make_parents(path: &Path, key: &Key) -> Result<(), StoreError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let made = DirBuilder::new().recursive(true).mode(0o755).create(parent);
    made.map_err(|source| {
        if is_misplaced(&source) {
            StoreError::Misplaced { key: key.clone() }
        } else {
            StoreError::of("make the directories of", key, source)
        }
    })
}

/// A file where a directory should be, or the other way round.
pub(super) fn is_misplaced(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory)
}

/// Removes a file; none, or a directory in its place, is success.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        Err(_) if path.is_dir() => Ok(()),
        other => other,
    }
}

/// Syncs every directory from the one that holds `path` up to `root`: any of them may be new.
pub(super) fn sync_directories(root: &Path, path: &Path) -> io::Result<()> {
    path.ancestors().skip(1).take_while(|dir| dir.starts_with(root)).try_for_each(sync_one)
}

/// Syncs one directory, or file.
pub(super) fn sync_one(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let ways = [rename_without_replacing, link, look_and_rename];
    let mut done = Ok(());
    for way in ways {
        done = way(from, to);
        if !done.as_ref().is_err_and(is_refused) {
            break;
        }
    }
    done
}

/// The file system does not know this way, rather than: it failed.
fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_without_replacing(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    // The second name is in `tmp/`: if it stays, the next start sweeps it.
    let _ = fs::remove_file(from);
    Ok(())
}

fn look_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_a_new_name_once_and_never_replaces() {
        for way in [rename_without_replacing, link, look_and_rename] {
            let dir = tempfile::tempdir().unwrap();
            let path = |name: &str| dir.path().join(name);
            fs::write(path("first"), "1").unwrap();
            fs::write(path("second"), "2").unwrap();
            let done = way(&path("first"), &path("to"));
            if done.as_ref().is_err_and(is_refused) {
                continue; // this system has no such way
            }
            done.unwrap();
            let refused = way(&path("second"), &path("to")).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert!(!is_refused(&refused));
            assert_eq!(fs::read(path("to")).unwrap(), b"1");
            assert!(!path("first").exists() && path("second").exists());
            let missing = way(&path("second"), &path("no/to")).unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        }
    }
}
