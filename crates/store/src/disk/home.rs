//! The data directory itself: the lock, the directory for spools, and what an earlier process left there.
//!
//! Each process has its own directory below `tmp/`, so that sweeping the others needs no care and may take as long
//! as it takes, in a thread of its own. A full disk does not keep the store from opening: then spools fail later.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use rustix::fs::{FlockOperation, flock};

use super::mark::{self, Past};
use crate::StoreError;

/// An open, locked data directory.
pub(super) struct Home {
    pub(super) root: PathBuf,
    place: RwLock<Arc<Place>>,
    /// Where this process keeps its spools.
    run: PathBuf,
    spools: AtomicU64,
    sweeping: Mutex<Option<JoinHandle<()>>>,
}

/// Which directory it is, whatever its path leads to now.
pub(super) struct Place {
    pub(super) handle: File,
    /// Device and number of the file.
    identity: (u64, u64),
    _lock: Lock,
}

/// The lock of the directory, open. Whatever death it is, the lock ends with it; but when it is dropped in life, a child that
/// was forked and has not become another program yet has it open too, so that closing alone would leave it locked.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Makes, locks and prepares the directory.
pub(super) fn open(root: &Path) -> Result<(Home, Past), StoreError> {
    let failed = |operation| {
        move |source| {
            StoreError::of(operation, &format_args!("the data directory {}", root.display()), source)
        }
    };
    DirBuilder::new().recursive(true).mode(0o755).create(root).map_err(failed("make"))?;
    let handle = File::open(root).map_err(failed("open"))?;
    let was_used = is_used(root).map_err(failed("read"))?;
    let lock = take_lock(root)?;
    let past = mark::past(root, &handle, was_used).map_err(failed("prepare"))?;
    let (run, left) = make_run(&root.join("tmp")).map_err(failed("prepare"))?;
    let sweeping = Mutex::new(sweep(left));
    let identity = identity(&handle.metadata().map_err(failed("examine"))?);
    let place = RwLock::new(Arc::new(Place { handle, identity, _lock: lock }));
    let home = Home { root: root.to_owned(), place, run, spools: AtomicU64::new(0), sweeping };
    Ok((home, past))
}

/// Whether there is anything but what the file system itself puts into an empty one.
fn is_used(root: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(root)? {
        if entry?.file_name() != "lost+found" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn take_lock(root: &Path) -> Result<Lock, StoreError> {
    let failed =
        |source| StoreError::of("lock", &format_args!("the data directory {}", root.display()), source);
    let path = root.join("LOCK");
    let written =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    // Held open for reading only, so that the file system may be made read-only under a server that writes nothing.
    let lock = File::open(&path).map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(StoreError::Locked { dir: root.to_owned(), pid });
        }
        Err(other) => return Err(failed(other.into())),
    }
    // The number is a courtesy to whoever is refused: a full disk must not keep us from starting.
    let _ =
        written.set_len(0).and_then(|()| written.write_all_at(std::process::id().to_string().as_bytes(), 0));
    Ok(Lock(lock))
}

/// Makes a directory for this process; also says what else is in `tmp`.
fn make_run(tmp: &Path) -> io::Result<(PathBuf, Vec<PathBuf>)> {
    full_is_fine(make_private(tmp))?;
    let left = match fs::read_dir(tmp) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(other) => return Err(other),
    };
    let free = (0..=left.len()).map(|n| tmp.join(format!("run-{n}"))).find(|run| !left.contains(run));
    let run = free.unwrap_or_else(|| tmp.join("run"));
    full_is_fine(make_private(&run))?;
    Ok((run, left))
}

fn make_private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn full_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(full) if matches!(full.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Ok(())
        }
        other => other,
    }
}

/// Removes what was left. What cannot be removed now is tried again at the next start.
fn sweep(left: Vec<PathBuf>) -> Option<JoinHandle<()>> {
    if left.is_empty() {
        return None;
    }
    let work = move || {
        for path in &left {
            remove_all(path);
        }
    };
    thread::Builder::new().name("store-sweep".to_owned()).spawn(work).ok()
}

fn remove_all(path: &Path) {
    let is_directory = path.is_dir() && !path.is_symlink();
    let _ = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

impl Home {
    /// The directory.
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes sure, before anything is changed, that the path still leads to the directory that was opened. A volume
    /// that is gone must not be papered over: what lies at its path then has no `LOCK`. If one does, the directory was
    /// put back, by a restore or a new mount, and is locked and used from now on.
    pub(super) fn settle(&self) -> io::Result<()> {
        let now = identity(&fs::metadata(&self.root)?);
        if now == self.place().identity {
            return Ok(());
        }
        if !self.root.join("LOCK").is_file() {
            let text = "the data directory is gone, and another is at its place";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let lock = take_lock(&self.root).map_err(io::Error::other)?;
        let handle = File::open(&self.root)?;
        let place = Arc::new(Place { handle, identity: now, _lock: lock });
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
        Ok(())
    }

    /// Makes a new file for this process alone, open for writing and reading. The mode is that of published files;
    /// until then the directory keeps others out.
    pub(super) fn make_file(&self) -> io::Result<(PathBuf, File)> {
        let number = self.spools.fetch_add(1, Ordering::Relaxed);
        let path = self.run.join(number.to_string());
        let make = || OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = match make() {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                self.settle()?;
                make_private(&self.run)?;
                make()?
            }
            other => other?,
        };
        Ok((path, file))
    }

    /// Counts what is in `tmp/` beside the directory of this process, and removes it if that is wanted.
    pub(super) fn left_over(&self, remove: bool) -> u64 {
        self.wait_until_swept();
        let entries = fs::read_dir(self.root.join("tmp")).into_iter().flatten().filter_map(Result::ok);
        let left: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| *path != self.run).collect();
        let count = left.len() as u64;
        if remove {
            for path in &left {
                remove_all(path);
            }
        }
        count
    }

    pub(super) fn wait_until_swept(&self) {
        if let Some(sweeping) = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic in there leaves files, which the next start sweeps.
            let _ = sweeping.join();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Fails, rightly, while spools are alive.
        let _ = fs::remove_dir(&self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_up_is_free_although_a_forked_child_has_it_open() {
        let root = tempfile::tempdir().unwrap();
        let lock = take_lock(root.path()).unwrap();
        let of_child = lock.0.try_clone().unwrap();
        assert!(matches!(take_lock(root.path()), Err(StoreError::Locked { .. })));
        drop(lock);
        drop(take_lock(root.path()).expect("it was given up"));
        drop(of_child);
    }
}
