//! Where bytes are kept. Knows nothing of Go: keys are relative slash paths, values are bytes.
//!
//! An object is written into a [`Spool`], which nobody can find, and then published under a [`Key`] in one step: so
//! no file is ever seen half-written, whatever dies when. While it is being written the spool may be read by those
//! who follow it, and it stays readable after it was published. Records of a journal are appended whole.
//!
//! One trait, [`Blobs`], with a disk implementation ([`Disk`]) and an in-memory twin ([`Memory`]); both are run
//! through one contract suite, kept with the test tools beside a wrapper that injects faults.
//!
//! Not here: what the keys mean, checksums of contents, which objects to throw away when.

#![expect(
    clippy::disallowed_methods,
    reason = "the door: files are written and renamed here, and stamped as they are"
)]

mod blob;
#[cfg(unix)]
mod disk;
mod failure;
mod key;
mod memory;
mod pages;
mod record;
mod shelter;
mod spool;
mod watched;

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use blob::{Blob, ReadAt, Reader, Stamp};
#[cfg(unix)]
pub use disk::{Disk, Space};
pub use failure::StoreError;
pub use key::{ELEMENT_MAX, KEY_MAX, Key, KeyError};
pub use memory::Memory;
pub use pages::Pages;
pub use shelter::SHELTER_BYTES;
pub use spool::{Grow, Spool};
pub use watched::{Condition, PATIENCE, State, Tell, Watched};

/// What [`Blobs::publish`] does when the key is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publish {
    /// Fails with [`StoreError::AlreadyThere`]; of several at the same time exactly one wins.
    New,
    /// Takes its place in one step; who has the old object open goes on reading the old bytes.
    Replace,
}

/// When a change is to survive a crash of the machine. A crash of the process alone loses nothing either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// With the next [`Blobs::sync`], at the latest.
    Batched,
    /// Before the call returns: data first, then the name, then the directories.
    Strict,
}

/// One entry of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The key.
    pub key: Key,
    /// Size, identity and time of change: as [`Blob::stamp`] says after opening it.
    pub stamp: Stamp,
    /// When its bytes were last written.
    pub modified: SystemTime,
}

/// Kept objects.
///
/// # Contract
/// - **Atomic:** an object is under its key whole or not at all, for every reader, also after a crash.
/// - **Stable:** an open [`Blob`] reads the bytes it was opened with, whatever is published or removed meanwhile.
/// - **Ordered:** what a call did is seen by every call that begins after it returned.
/// - **Cancelled:** a future that is dropped may still take effect; nothing is half done.
/// - **Failed:** an error of `publish` or `append` means "perhaps": the effect may be there if the failure came
///   after it (a directory that could not be synced). [`StoreError::AlreadyThere`], [`StoreError::Full`] while
///   writing and [`StoreError::Absent`] are certain.
/// - **Names:** a key is not both an object and a prefix of another object: [`StoreError::Misplaced`].
pub trait Blobs: Send + Sync + 'static {
    /// Opens an object for reading. [`StoreError::Absent`] when there is none.
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>>;

    /// Makes a new, empty spool. Blocking, but short.
    fn spool(&self) -> Result<Spool, StoreError>;

    /// Gives a complete spool its name. The spool must be of this store; it takes no more bytes afterwards and
    /// stays readable. After a failure it may be published again, or dropped.
    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>>;

    /// Appends one record, whole, and a line feed; makes the object if there is none. The record is not empty and
    /// holds no line feed itself ([`StoreError::Record`]). A record torn by an earlier crash stays a line of its
    /// own, so a reader must skip lines it cannot make sense of, and must not take a last line without line feed
    /// for a record.
    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        durability: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes an object, or moves it `aside` in one step, in the place of what is there; absent is success. Takes no
    /// room but for names. Durable with the next [`Blobs::sync`].
    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Lists objects below a key (all with `None`) in the order of keys: the first `limit` after `after`. A page
    /// shorter than `limit` is the last. Not a snapshot: what changes between or during pages may or may not show.
    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>>;

    /// Makes everything that was published, appended or removed before the call survive a crash of the machine.
    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Keeps a small object in one go: spool, write, publish.
pub async fn put(
    blobs: &dyn Blobs,
    key: &Key,
    bytes: Bytes,
    mode: Publish,
    durability: Durability,
) -> Result<Blob, StoreError> {
    let spool = blobs.spool()?;
    let written = spool.clone();
    blocking("write", key.as_str(), move || written.write(&bytes)).await?;
    blobs.publish(&spool, key, mode, durability).await
}

/// Reads a small object in one go; `None` when there is none. More than `limit_bytes` are refused
/// ([`StoreError::TooLarge`]).
pub async fn read(blobs: &dyn Blobs, key: &Key, limit_bytes: u64) -> Result<Option<Bytes>, StoreError> {
    match blobs.open(key).await {
        Ok(blob) => blob.read_all(limit_bytes).await.map(Some),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs what may block beside the async threads. A panic in there becomes an error of the operation.
pub async fn blocking<T: Send + 'static>(
    operation: &'static str,
    object: &str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(gone) => Err(StoreError::of(operation, object, gone.into())),
    }
}
