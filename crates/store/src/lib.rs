//! Where bytes are kept. Knows nothing of Go: keys are relative slash paths, values are bytes.
//!
//! One trait, [`Blobs`], with a disk implementation, an in-memory twin and a wrapper that injects faults; one
//! contract suite runs against all of them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A checked relative path: elements joined by `/`, none empty, `.` or `..`, no NUL, no `\`, at most 1,024 bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key(Arc<str>);

/// What went wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is kept under the key.
    #[error("nothing is kept under {0}")]
    Absent(String),
}

/// An object being written; invisible until it is published. Dropped unpublished, it leaves nothing behind.
/// Writing and reading at the same time from several threads is allowed (`&self`): readers see what was written.
pub trait Spool: Send + Sync {
    /// Appends bytes. Blocking.
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError>;
    /// Reads up to `len` bytes at `offset`, fewer only at the end of what was written. Blocking.
    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, StoreError>;
    /// Bytes written so far.
    fn size(&self) -> u64;
}

/// Kept objects. Cheap to clone handles, safe to share.
pub trait Blobs: Send + Sync + 'static {
    /// Makes a new, empty spool.
    fn spool(&self) -> Result<Box<dyn Spool>, StoreError>;
    /// Removes an object; absent is success.
    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;
}
