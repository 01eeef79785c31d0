//! Objects as files of one directory, made to be read by any file server.
//!
//! ```text
//! LOCK      held for as long as the store is open; the number of the process inside
//! CLEAN     there while the store is closed, if it was closed in order
//! SYNCED    a time: what was published before it has reached the disk
//! tmp/      run-0/ …: spools, one directory per process; what earlier ones left is swept
//! modules/  meta/  evidence/ …: objects, each a file at the path its key says
//! ```
//!
//! A spool is a file in `tmp/`; publishing is a rename. Nothing is ever written under its final name but records of
//! a journal, so nothing under a final name is cut short by the death of the process. After a crash of the
//! machine, files renamed since the last [`Blobs::sync`] may be empty or cut: [`Disk::unsynced_since`] tells the
//! caller from when on it should look, and stays the same, over any number of crashes, until
//! [`Disk::recovered`] is called.
//!
//! This file and its folder are the only place that changes files. Directories that became empty are left.
//! Symbolic links are followed when an object is opened and passed over when objects are listed; the store makes
//! none.

mod file;
mod home;
mod journal;
mod mark;
mod place;
mod walk;

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::{Blob, Blobs, Durability, Key, Listed, Publish, Spool, StoreError, blocking};

/// First elements that are not keys: files of the store, of the file system, and of the program around it.
const RESERVED: [&str; 7] = ["LOCK", "CLEAN", "SYNCED", "tmp", "vcs", "control.sock", "lost+found"];

/// How many changes of different keys may go on at the same time; changes of one key are in order.
const SHARDS: usize = 16;

/// A store in a directory, open for this process alone. Dropped without [`Disk::close`], it counts as crashed.
pub struct Disk(Arc<Inner>);

struct Inner {
    home: home::Home,
    marks: mark::Marks,
    files: Arc<file::Filesystem>,
    /// Whether the store was closed. Held for reading while anything changes.
    closed: RwLock<bool>,
    order: [Mutex<()>; SHARDS],
}

/// The room that is left for whoever runs this process, on the file system of a data directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// All of the file system, in bytes.
    pub size_bytes: u64,
    /// What may still be written, in bytes.
    pub free_bytes: u64,
    /// Files that may still be made, where that is limited.
    pub free_files: Option<u64>,
}

impl Disk {
    /// Opens the directory, and makes it if there is none. Sweeping what an earlier process left goes on behind.
    /// Blocking, but short whatever was left.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it open, or this one has already.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (home, past) = home::open(directory.as_ref())?;
        Ok(Self(Arc::new(Inner {
            home,
            marks: mark::Marks::new(past),
            files: Arc::default(),
            closed: RwLock::new(false),
            order: Default::default(),
        })))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.0.home.root
    }

    /// The room that is left. Blocking, but short.
    pub fn space(&self) -> std::io::Result<Space> {
        let stat = rustix::fs::statvfs(&self.0.home.root)?;
        Ok(Space {
            size_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            // Some file systems make files as long as there is room, and then say zero of zero.
            free_files: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }

    /// Whether the process that had the directory open before died, or was stopped, without closing it, and nobody
    /// has said [`Disk::recovered`] since.
    pub fn was_unclean(&self) -> bool {
        self.unsynced_since().is_some()
    }

    /// After an unclean stop: objects whose [`Stamp::changed`](crate::Stamp::changed) is not before this time may
    /// not have reached the disk whole. `None` after a clean stop, or once recovered.
    pub fn unsynced_since(&self) -> Option<SystemTime> {
        self.0.marks.unsynced_since()
    }

    /// Says that everything that changed since [`Disk::unsynced_since`] was looked at. Until then no `sync` moves
    /// that time on, and closing does not count as clean.
    pub fn recovered(&self) {
        self.0.marks.recovered();
    }

    /// Waits until what earlier processes left in `tmp/` is gone. Blocking.
    pub fn wait_until_swept(&self) {
        self.0.home.wait_until_swept();
    }

    /// How many files and directories of earlier processes are in `tmp/` now, taking them away if that is wanted.
    /// Blocking.
    pub fn left_over(&self, remove: bool) -> u64 {
        self.0.home.left_over(remove)
    }

    /// Syncs and marks the directory as closed in order; whatever wants to change it afterwards gets
    /// [`StoreError::Closed`], reading goes on. The lock is kept until the store is dropped. Blocking.
    pub fn close(&self) -> Result<(), StoreError> {
        let mut closed = self.0.closed.write().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *closed, true) {
            return Ok(());
        }
        self.0.marks.sync(&self.0.home)?;
        self.0.marks.close(&self.0.home)
    }
}

impl Inner {
    /// Keeps the store open until the guard is dropped.
    fn enter(&self) -> Result<RwLockReadGuard<'_, bool>, StoreError> {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed { Err(StoreError::Closed) } else { Ok(closed) }
    }

    /// Changes of the same key wait for each other.
    fn in_order(&self, key: &Key) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "a remainder of SHARDS indexes an array of SHARDS")]
        self.order[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.home.root.join(key.as_str())
    }

    /// Where an object of this key is to be changed.
    fn path_to_change(&self, key: &Key) -> Result<PathBuf, StoreError> {
        if is_reserved(key) {
            return Err(StoreError::Misplaced { key: key.clone() });
        }
        self.home.settle().map_err(|source| StoreError::of("change", key, source))?;
        Ok(self.path(key))
    }

    fn blob(&self, key: &Key, file: Arc<File>) -> Result<Blob, StoreError> {
        let body = file::Opened::new(file, Arc::clone(&self.files))
            .map_err(|source| StoreError::of("examine", key, source))?
            .ok_or_else(|| StoreError::Absent { key: key.clone() })?;
        Ok(Blob::new(key.clone(), body.stamp, Arc::new(body)))
    }

    fn open_waiting(&self, key: &Key) -> Result<Blob, StoreError> {
        let file = file::open(&self.home.place().handle, key)?;
        self.blob(key, Arc::new(file))
    }

    fn open_now(&self, key: &Key) -> Option<Result<Blob, StoreError>> {
        if is_reserved(key) {
            return Some(Err(StoreError::Absent { key: key.clone() }));
        }
        let file = file::open_now(&self.home.place().handle, key, &self.files)?;
        Some(file.and_then(|file| self.blob(key, Arc::new(file))))
    }

    fn publish_waiting(
        &self,
        spool: &file::Spooled,
        key: &Key,
        mode: Publish,
        durability: Durability,
    ) -> Result<Blob, StoreError> {
        let _open = self.enter()?;
        let path = self.path_to_change(key)?;
        let mut reading = None;
        spool.publish(durability, |from| {
            // Not the spool's own handle: one that may write would keep the file system from being made read-only.
            reading = File::open(from).ok();
            let _order = self.in_order(key);
            let placed = place::place(from, &path, key, mode);
            self.marks.changed(&path);
            placed
        })?;
        if durability == Durability::Strict {
            place::sync_directories(&self.home.root, &path)
                .map_err(|source| StoreError::of("sync the directories of", key, source))?;
        }
        self.blob(key, reading.map_or_else(|| spool.file(), Arc::new))
    }

    fn append_waiting(&self, key: &Key, record: &[u8], durability: Durability) -> Result<(), StoreError> {
        let _open = self.enter()?;
        let path = self.path_to_change(key)?;
        let _order = self.in_order(key);
        let appended = journal::append(&path, key, record, durability);
        self.marks.changed(&path);
        appended?;
        if durability == Durability::Strict {
            place::sync_directories(&self.home.root, &path)
                .map_err(|source| StoreError::of("sync the directories of", key, source))?;
        }
        Ok(())
    }

    fn remove_waiting(&self, key: &Key, aside: Option<&Key>) -> Result<(), StoreError> {
        let _open = self.enter()?;
        let path = self.path_to_change(key)?;
        let to = aside.map(|aside| self.path_to_change(aside)).transpose()?;
        let _order = self.in_order(key);
        let removed = match (aside, &to) {
            (Some(aside), Some(to)) if path.is_file() => place::place(&path, to, aside, Publish::Replace),
            (Some(_), _) => Ok(()),
            (None, _) => place::remove(&path).map_err(|source| StoreError::of("remove", key, source)),
        };
        self.marks.changed(&path);
        if let Some(to) = &to {
            self.marks.changed(to);
        }
        removed
    }
}

fn is_reserved(key: &Key) -> bool {
    key.elements().next().is_some_and(|first| RESERVED.contains(&first))
}

impl Blobs for Disk {
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>> {
        if let Some(done) = self.0.open_now(key) {
            return ready(done).boxed();
        }
        let (inner, wanted) = (Arc::clone(&self.0), key.clone());
        blocking("open", key.as_str(), move || inner.open_waiting(&wanted)).boxed()
    }

    fn spool(&self) -> Result<Spool, StoreError> {
        let _open = self.0.enter()?;
        let spooled = file::Spooled::make(&self.0.home, Arc::clone(&self.0.files))?;
        Ok(Spool::new(Arc::new(file::SpoolBody(Arc::new(spooled)))))
    }

    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>> {
        let ours = spool.body::<file::SpoolBody>().filter(|body| body.0.is_of(&self.0.files));
        let Some(body) = ours else { return ready(Err(StoreError::Foreign)).boxed() };
        let (inner, spooled, name) = (Arc::clone(&self.0), Arc::clone(&body.0), key.clone());
        blocking("publish", key.as_str(), move || inner.publish_waiting(&spooled, &name, mode, durability))
            .boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        durability: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (inner, name) = (Arc::clone(&self.0), key.clone());
        blocking("append to", key.as_str(), move || inner.append_waiting(&name, &record, durability)).boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>> {
        let (inner, name, aside) = (Arc::clone(&self.0), key.clone(), aside.cloned());
        blocking("remove", key.as_str(), move || inner.remove_waiting(&name, aside.as_ref())).boxed()
    }

    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        let inner = Arc::clone(&self.0);
        let page = walk::Page { under: under.cloned(), after: after.cloned(), limit };
        blocking("list", "objects", move || page.collect(&inner.home.root)).boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.0);
        blocking("sync", "objects", move || inner.marks.sync(&inner.home)).boxed()
    }
}
