//! Objects open for reading.
//!
//! Reading comes in two ways because a thread hop costs more than most reads: [`Blob::read_now`] answers only what
//! needs no waiting (memory, page cache), [`Blob::read`] also waits, beside the async threads. A read gives all
//! that was asked for, up to the end of the object, or fails: short reads are nobody's business outside.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::{Key, StoreError, blocking};

/// Where the bytes of a [`Blob`] or a spool come from; implemented by each store.
pub trait ReadAt: Send + Sync {
    /// Bytes there are now.
    fn size(&self) -> u64;
    /// Reads into `into` from `offset`; fewer bytes than asked for only at the end. May block.
    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Reads up to `len` bytes at `offset` without blocking; `None` if that cannot be done. Fewer only at the end.
    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>>;
    /// Size, identity and time of change as they are now.
    fn stamp(&self) -> io::Result<Stamp>;
}

/// What tells that a file is not the one it was: compared, never interpreted, but for [`Stamp::changed`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Number of the file in its file system.
    pub inode: u64,
    /// When content, name or attributes last changed: nanoseconds since 1970, by the clock of the file system.
    pub changed_ns: i128,
}

impl Stamp {
    /// The time of the last change.
    pub fn changed(&self) -> SystemTime {
        let ns = u64::try_from(self.changed_ns.max(0)).unwrap_or(u64::MAX);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(ns)
    }
}

/// An object open for reading. Cheap to clone, safe to share; its bytes never change.
#[derive(Clone)]
pub struct Blob {
    key: Key,
    stamp: Stamp,
    bytes: Arc<dyn ReadAt>,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("key", &self.key).field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

impl Blob {
    /// Made by stores: `stamp` is how the object was when it was opened.
    pub fn new(key: Key, stamp: Stamp, bytes: Arc<dyn ReadAt>) -> Self {
        Self { key, stamp, bytes }
    }

    /// The key it was opened by.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Size in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Size, identity and time of change when it was opened.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The same, asked of the open file anew: differs if somebody wrote into it, or replaced or removed it.
    pub fn stamp_now(&self) -> Result<Stamp, StoreError> {
        self.bytes.stamp().map_err(|source| StoreError::of("examine", &self.key, source))
    }

    /// Reads `len` bytes at `offset` (fewer only at the end) if that needs no waiting: from memory, or from a page
    /// the system has in memory. `None`: use [`Blob::read`].
    pub fn read_now(&self, offset: u64, len: usize) -> Option<Result<Bytes, StoreError>> {
        let want = self.within(offset, len);
        if want == 0 {
            return Some(Ok(Bytes::new()));
        }
        let read = self.bytes.read_now(offset, want)?;
        Some(self.whole(offset, want, read))
    }

    /// Reads `len` bytes at `offset`, fewer only at the end.
    pub async fn read(&self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        if let Some(done) = self.read_now(offset, len) {
            return done;
        }
        let blob = self.clone();
        blocking("read", self.key.as_str(), move || blob.read_at(offset, len)).await
    }

    /// The same, blocking.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        let want = self.within(offset, len);
        self.whole(offset, want, read_bytes(&*self.bytes, offset, want))
    }

    /// Reads everything, if it is no more than `limit_bytes`.
    pub async fn read_all(&self, limit_bytes: u64) -> Result<Bytes, StoreError> {
        let len = usize::try_from(self.size()).ok().filter(|_| self.size() <= limit_bytes);
        let len = len.ok_or_else(|| StoreError::TooLarge {
            object: self.key.to_string(),
            size_bytes: self.size(),
            limit_bytes,
        })?;
        self.read(0, len).await
    }

    /// A blocking reader from the beginning, for work that runs beside the async threads.
    pub fn reader(&self) -> Reader {
        Reader { bytes: Arc::clone(&self.bytes), at: 0, limit: Some(self.stamp.size) }
    }

    fn within(&self, offset: u64, len: usize) -> usize {
        let left = self.stamp.size.saturating_sub(offset);
        usize::try_from(left).unwrap_or(usize::MAX).min(len)
    }

    /// All of what the object had when it was opened, or an error: what is short was cut by somebody else.
    fn whole(&self, offset: u64, want: usize, read: io::Result<Bytes>) -> Result<Bytes, StoreError> {
        let bytes = read.map_err(|source| StoreError::of("read", &self.key, source))?;
        if bytes.len() < want {
            return Err(StoreError::Truncated {
                object: self.key.to_string(),
                at: offset.saturating_add(bytes.len() as u64),
                size_bytes: self.stamp.size,
            });
        }
        Ok(bytes)
    }
}

/// Reads up to `len` bytes at `offset`, fewer only at the end. Blocking.
pub(crate) fn read_bytes(from: &dyn ReadAt, offset: u64, len: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; len];
    let read = from.read_into(offset, &mut buffer)?;
    buffer.truncate(read);
    Ok(buffer.into())
}

/// A blocking reader with a position of its own, over a [`Blob`] or a [`Spool`](crate::Spool); unbuffered. Over a
/// spool that still grows, the end is where it is at the time of the call.
#[derive(Clone)]
pub struct Reader {
    bytes: Arc<dyn ReadAt>,
    at: u64,
    /// The size the object had when it was opened; none for what still grows.
    limit: Option<u64>,
}

impl Reader {
    /// Over what may still grow.
    pub(crate) fn growing(bytes: Arc<dyn ReadAt>) -> Self {
        Self { bytes, at: 0, limit: None }
    }

    fn end(&self) -> u64 {
        self.limit.unwrap_or_else(|| self.bytes.size())
    }
}

impl io::Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let want = left.min(into.len());
        let Some(into) = into.get_mut(..want).filter(|into| !into.is_empty()) else { return Ok(0) };
        let read = self.bytes.read_into(self.at, into)?;
        if read == 0 {
            // Less than the object had when it was opened: an end here would pass for a whole object.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl io::Seek for Reader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let target = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            io::SeekFrom::End(by) => self.end().checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
