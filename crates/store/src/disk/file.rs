//! Files open for reading, and spools.
//!
//! What is in the page cache is read on the spot (`preadv2` with `RWF_NOWAIT`, `openat2` with `RESOLVE_CACHED`);
//! everything else is left to a thread that may wait. File systems and sandboxes that refuse these calls are asked
//! once, and then no more.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};

use super::home::Home;
use crate::blob::ReadAt;
use crate::spool::Grow;
use crate::{Durability, Key, Stamp, StoreError};

/// What the file system of a store was found to refuse.
#[derive(Default)]
pub(super) struct Filesystem {
    refuses_read_now: AtomicBool,
    refuses_open_now: AtomicBool,
}

/// A fifo in the tree must not hold a thread for ever; regular files do not care.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Opens a file for reading.
pub(super) fn open(root: &File, key: &Key) -> Result<File, StoreError> {
    match rustix::fs::openat(root, key.as_str(), READ, Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(error) => Err(not_opened(key, error)),
    }
}

/// Opens a file if nothing on the way has to be fetched from the disk.
#[cfg(target_os = "linux")]
pub(super) fn open_now(root: &File, key: &Key, files: &Filesystem) -> Option<Result<File, StoreError>> {
    use rustix::fs::{ResolveFlags, openat2};
    use rustix::io::Errno;
    if files.refuses_open_now.load(Ordering::Relaxed) {
        return None;
    }
    match openat2(root, key.as_str(), READ, Mode::empty(), ResolveFlags::CACHED) {
        Ok(file) => Some(Ok(file.into())),
        Err(absent @ (Errno::NOENT | Errno::NOTDIR)) => Some(Err(not_opened(key, absent))),
        Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
            files.refuses_open_now.store(true, Ordering::Relaxed);
            None
        }
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_now(_: &File, _: &Key, files: &Filesystem) -> Option<Result<File, StoreError>> {
    files.refuses_open_now.store(true, Ordering::Relaxed);
    None
}

fn not_opened(key: &Key, error: rustix::io::Errno) -> StoreError {
    use rustix::io::Errno;
    match error {
        Errno::NOENT | Errno::NOTDIR => StoreError::Absent { key: key.clone() },
        other => StoreError::of("open", key, other.into()),
    }
}

/// Reads up to `len` bytes from the page cache; `None` if any of them is not there.
#[cfg(target_os = "linux")]
fn read_now(file: &File, files: &Filesystem, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    if files.refuses_read_now.load(Ordering::Relaxed) {
        return None;
    }
    let mut buffer = vec![0; len];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let slices = &mut [io::IoSliceMut::new(rest)];
        match preadv2(file, slices, offset.saturating_add(filled as u64), ReadWriteFlags::NOWAIT) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                files.refuses_read_now.store(true, Ordering::Relaxed);
                return None;
            }
            // What else is wrong, the waiting read will meet and say.
            Err(_) => return None,
        }
    }
    buffer.truncate(filled);
    Some(Ok(buffer.into()))
}

#[cfg(not(target_os = "linux"))]
fn read_now(_: &File, files: &Filesystem, _: u64, _: usize) -> Option<io::Result<Bytes>> {
    files.refuses_read_now.store(true, Ordering::Relaxed);
    None
}

fn read_into(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled: usize = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(again) if again.kind() == io::ErrorKind::Interrupted => {}
            Err(other) => return Err(other),
        }
    }
    Ok(filled)
}

/// The stamp of a file.
pub(super) fn stamp_of(meta: &Metadata) -> Stamp {
    let changed_ns = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
    Stamp { size: meta.len(), inode: meta.ino(), changed_ns }
}

/// A published file, open.
pub(super) struct Opened {
    pub(super) stamp: Stamp,
    file: Arc<File>,
    files: Arc<Filesystem>,
}

impl Opened {
    /// `None` if it is not a regular file.
    pub(super) fn new(file: Arc<File>, files: Arc<Filesystem>) -> io::Result<Option<Self>> {
        let meta = file.metadata()?;
        Ok(meta.is_file().then(|| Self { stamp: stamp_of(&meta), file, files }))
    }
}

impl ReadAt for Opened {
    fn size(&self) -> u64 {
        self.stamp.size
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        read_into(&self.file, offset, into)
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        read_now(&self.file, &self.files, offset, len)
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp_of(&self.file.metadata()?))
    }
}

/// A file in `tmp/` until it is published; removed with its last handle otherwise.
pub(super) struct Spooled {
    file: Arc<File>,
    files: Arc<Filesystem>,
    /// What readers may see. The file may be longer after a write that failed half-way.
    size: AtomicU64,
    /// Its name in `tmp/`; none once published. Held while writing and publishing.
    name: Mutex<Option<PathBuf>>,
}

impl Spooled {
    pub(super) fn make(home: &Home, files: Arc<Filesystem>) -> Result<Self, StoreError> {
        let (path, file) = home.make_file().map_err(|source| StoreError::of("make", "a spool", source))?;
        let name = Mutex::new(Some(path));
        Ok(Self { file: Arc::new(file), files, size: AtomicU64::new(0), name })
    }

    pub(super) fn is_of(&self, files: &Arc<Filesystem>) -> bool {
        Arc::ptr_eq(&self.files, files)
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        if name.is_none() {
            return Err(StoreError::Published);
        }
        let at = self.size();
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|source| StoreError::of("write", "a spool", source))?;
        self.size.store(at.saturating_add(bytes.len() as u64), Ordering::Release);
        Ok(())
    }

    /// Completes the data, lets `place` move the file, and lets go of its name in `tmp/` if that went well.
    pub(super) fn publish(
        &self,
        durability: Durability,
        place: impl FnOnce(&Path) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        let from = name.as_ref().ok_or(StoreError::Published)?;
        self.complete(durability).map_err(|source| StoreError::of("complete", "a spool", source))?;
        place(from)?;
        *name = None;
        Ok(())
    }

    fn complete(&self, durability: Durability) -> io::Result<()> {
        if self.file.metadata()?.len() != self.size() {
            self.file.set_len(self.size())?;
        }
        match durability {
            Durability::Batched => Ok(()),
            Durability::Strict => self.file.sync_data(),
        }
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if let Some(path) = self.name.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // If this fails the next start sweeps it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The body of a spool: shares the file with a publishing that goes on behind.
pub(super) struct SpoolBody(pub(super) Arc<Spooled>);

impl ReadAt for SpoolBody {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX).min(into.len());
        into.get_mut(..left).map_or(Ok(0), |into| read_into(&self.0.file, offset, into))
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        read_now(&self.0.file, &self.0.files, offset, len.min(left))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp_of(&self.0.file.metadata()?))
    }
}

impl Grow for SpoolBody {
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.write(bytes)
    }
}
