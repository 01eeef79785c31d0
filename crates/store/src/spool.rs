//! Objects being written: found by nobody, read by those who hold them.
//!
//! A spool is one of two things at a time, growing or published, and never shrinks. Handles are cheap clones; when
//! the last one of an unpublished spool is dropped, nothing of it is left.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use crate::blob::{ReadAt, Reader, read_bytes};
use crate::{Blob, Key, StoreError};

/// What a [`Spool`] writes to; implemented by each store, which finds its own kind again when it is published.
pub trait Grow: ReadAt + Any {
    /// Appends all the bytes, or fails and has appended none that a reader can see. May block.
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError>;
}

/// An object being written. Writing and reading at the same time from several threads is allowed: readers see what
/// was written by calls that returned.
#[derive(Clone)]
pub struct Spool(Arc<dyn Grow>);

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Spool {
    /// Made by stores.
    pub fn new(body: Arc<dyn Grow>) -> Self {
        Self(body)
    }

    /// Appends all the bytes, or fails and has appended none of them. [`StoreError::Published`] once it has a name.
    /// Blocking.
    pub fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.write(bytes)
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Reads up to `len` bytes at `offset`, fewer only at the end of what was written. Blocking.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        let want = self.within(offset, len);
        read_bytes(&*self.0, offset, want).map_err(|source| StoreError::of("read", "a spool", source))
    }

    /// The same if it needs no waiting; `None`: use [`Spool::read_at`] beside the async threads.
    pub fn read_now(&self, offset: u64, len: usize) -> Option<Result<Bytes, StoreError>> {
        let want = self.within(offset, len);
        if want == 0 {
            return Some(Ok(Bytes::new()));
        }
        let read = self.0.read_now(offset, want)?;
        Some(read.map_err(|source| StoreError::of("read", "a spool", source)))
    }

    /// What was written so far as an object that was never published; it lasts as long as somebody has it open.
    pub fn blob(&self, key: Key) -> Result<Blob, StoreError> {
        let bytes = Arc::clone(&self.0) as Arc<dyn ReadAt>;
        let stamp = bytes.stamp().map_err(|source| StoreError::of("examine", "a spool", source))?;
        Ok(Blob::new(key, stamp, bytes))
    }

    /// A blocking reader from the beginning; its end moves with what is written.
    pub fn reader(&self) -> Reader {
        Reader::growing(Arc::clone(&self.0) as Arc<dyn ReadAt>)
    }

    /// The body, if it is of the kind `T`: how a store finds what it made itself, wrappers what they wrapped.
    pub fn body<T: Grow>(&self) -> Option<&T> {
        let body: &dyn Any = &*self.0;
        body.downcast_ref()
    }

    fn within(&self, offset: u64, len: usize) -> usize {
        let left = self.size().saturating_sub(offset);
        usize::try_from(left).unwrap_or(usize::MAX).min(len)
    }
}
