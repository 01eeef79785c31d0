//! What is known to have reached the disk: the files `CLEAN` and `SYNCED`.
//!
//! `CLEAN` is there exactly while the store is closed. `SYNCED` holds a time in seconds since 1970, such as
//! `1790000000`, taken from the clock of the file system before a sync that succeeded, less a margin: everything
//! changed before it is on the disk. Both only ever err towards looking at too much: a failed sync may have lost
//! writes that no later sync reports, so after one the time stands still until the next start.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::home::Home;
use super::place::sync_one;
use crate::StoreError;

/// Covers small steps of the clock. After a larger step back, what is changed until the next sync looks older than it
/// is, and a crash in between would hide it; block checksums still find what was lost.
const MARGIN_S: u64 = 10;

/// How the directory was left: the time from which on changes may be lost, if it was not closed in order.
#[derive(Clone, Copy)]
pub(super) struct Past {
    unsynced_since: Option<SystemTime>,
}

/// Reads how the directory was left, and takes the mark of a clean stop away, durably.
pub(super) fn past(root: &Path, handle: &File, was_used: bool) -> io::Result<Past> {
    if !was_used {
        return Ok(Past { unsynced_since: None });
    }
    match fs::remove_file(root.join("CLEAN")) {
        Ok(()) => {
            handle.sync_all()?;
            Ok(Past { unsynced_since: None })
        }
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            let synced = fs::read_to_string(root.join("SYNCED")).ok();
            let synced_s = synced.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(synced_s));
            Ok(Past { unsynced_since: Some(since.unwrap_or(SystemTime::UNIX_EPOCH)) })
        }
        Err(other) => Err(other),
    }
}

/// What this process knows.
pub(super) struct Marks {
    unsynced_since: Mutex<Option<SystemTime>>,
    one_sync: Mutex<()>,
    /// Syncs that failed: what they were to write may be lost.
    failures: AtomicU64,
    /// Something changed since the last sync began. Set after the change: who asks for a sync does so after that.
    dirty: AtomicBool,
    #[cfg(not(target_os = "linux"))]
    paths: Mutex<std::collections::BTreeSet<std::path::PathBuf>>,
}

impl Marks {
    pub(super) fn new(past: Past) -> Self {
        Self {
            unsynced_since: Mutex::new(past.unsynced_since),
            one_sync: Mutex::default(),
            failures: AtomicU64::new(0),
            dirty: AtomicBool::new(true),
            #[cfg(not(target_os = "linux"))]
            paths: Mutex::default(),
        }
    }

    pub(super) fn unsynced_since(&self) -> Option<SystemTime> {
        *self.unsynced_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something that counts as written may not be on the disk.
    fn is_in_doubt(&self) -> bool {
        self.unsynced_since().is_some() || self.failures.load(Ordering::Acquire) > 0
    }

    pub(super) fn recovered(&self) {
        *self.unsynced_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // The time has stood still meanwhile: let the next sync move it.
        self.dirty.store(true, Ordering::Release);
    }

    /// A file was, or may have been, changed.
    #[cfg_attr(
        target_os = "linux",
        expect(unused_variables, reason = "the whole file system is synced at once")
    )]
    pub(super) fn changed(&self, path: &Path) {
        #[cfg(not(target_os = "linux"))]
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        self.dirty.store(true, Ordering::Release);
    }

    /// Brings every change made before the call to the disk, and moves the time on.
    pub(super) fn sync(&self, home: &Home) -> Result<(), StoreError> {
        let failures = self.failures.load(Ordering::Acquire);
        let _one = self.one_sync.lock().unwrap_or_else(PoisonError::into_inner);
        if failures != self.failures.load(Ordering::Acquire) {
            // The system says once that it lost a write; it said so to the call this one waited for.
            return Err(StoreError::of(
                "sync",
                "objects",
                io::Error::other("a sync at the same time failed"),
            ));
        }
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let now = Touched::make(home);
        if let Err(source) = self.flush(home) {
            self.dirty.store(true, Ordering::Release);
            self.failures.fetch_add(1, Ordering::AcqRel);
            return Err(StoreError::of("sync", "objects", source));
        }
        let may_advance = !self.is_in_doubt();
        // An old time only makes the next start look at more: a full disk is no reason to fail here.
        if let (Ok(now), true) = (now, may_advance) {
            let _ = now.keep(home);
        }
        Ok(())
    }

    /// Says that the directory is closed in order, if nothing is in doubt.
    pub(super) fn close(&self, home: &Home) -> Result<(), StoreError> {
        if self.is_in_doubt() {
            return Ok(());
        }
        let mark = || -> io::Result<()> {
            File::create(home.root.join("CLEAN"))?.sync_all()?;
            home.place().handle.sync_all()
        };
        mark().map_err(|source| StoreError::of("mark as closed", "the data directory", source))
    }

    #[cfg(target_os = "linux")]
    #[expect(clippy::unused_self, reason = "elsewhere it holds what to sync")]
    fn flush(&self, home: &Home) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&home.place().handle)?)
    }

    /// Without a call for a whole file system: each changed file and each directory above it, once. What is gone by
    /// now needs no sync, but the directory it was in.
    #[cfg(not(target_os = "linux"))]
    fn flush(&self, home: &Home) -> io::Result<()> {
        let lock = || self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = std::mem::take(&mut *lock());
        let ancestors = changed.iter().flat_map(|path| path.ancestors());
        let ours: std::collections::BTreeSet<_> =
            ancestors.filter(|path| path.starts_with(&home.root)).collect();
        let synced = ours.iter().try_for_each(|path| match sync_one(path) {
            Err(gone) if matches!(gone.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(())
            }
            other => other,
        });
        if synced.is_err() {
            drop(ours);
            lock().extend(changed);
        }
        synced
    }
}

/// A new file, made to learn the time by the clock that stamps the others.
struct Touched {
    path: std::path::PathBuf,
    file: File,
    at_s: u64,
}

impl Touched {
    fn make(home: &Home) -> io::Result<Self> {
        let (path, file) = home.make_file()?;
        let at_s = file.metadata().map(|meta| u64::try_from(meta.ctime()).unwrap_or(0));
        at_s.map(|at_s| Self { path, file, at_s: at_s.saturating_sub(MARGIN_S) })
    }

    fn keep(self, home: &Home) -> io::Result<()> {
        self.file.write_all_at(self.at_s.to_string().as_bytes(), 0)?;
        self.file.sync_all()?;
        fs::rename(&self.path, home.root.join("SYNCED"))?;
        sync_one(&home.root)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let _ = fs::remove_file(&self.path);
    }
}
