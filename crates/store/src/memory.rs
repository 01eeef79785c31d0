//! The in-memory twin of the disk: the same contract, nothing survives the process.
//!
//! For tests, and for what is too small to bother a full disk with. One lock around one ordered map: simple before
//! fast. "Durable" means nothing here and is accepted.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::blob::ReadAt;
use crate::spool::Grow;
use crate::{Blob, Blobs, Durability, Key, Listed, Publish, Spool, Stamp, StoreError, record};

/// A store that keeps everything in memory.
#[derive(Default)]
pub struct Memory {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    objects: BTreeMap<Key, Object>,
    /// Stands in for the numbers a file system gives out: no two changes share one.
    changes: u64,
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    stamp: Stamp,
    modified: SystemTime,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_now(&self, key: &Key) -> Result<Blob, StoreError> {
        let kept = self.lock();
        let object = kept.objects.get(key).ok_or_else(|| StoreError::Absent { key: key.clone() })?;
        Ok(object.blob(key))
    }

    fn publish_now(&self, spool: &Spool, key: &Key, mode: Publish) -> Result<Blob, StoreError> {
        let body = spool.body::<Growing>().ok_or(StoreError::Foreign)?;
        if body.is_published() {
            return Err(StoreError::Published);
        }
        let mut kept = self.lock();
        kept.check_place(key)?;
        if mode == Publish::New && kept.objects.contains_key(key) {
            return Err(StoreError::AlreadyThere { key: key.clone() });
        }
        let object = kept.object(body.seal()?, None);
        kept.objects.insert(key.clone(), object.clone());
        Ok(object.blob(key))
    }

    fn append_now(&self, key: &Key, record: &[u8]) -> Result<(), StoreError> {
        record::check(key, record)?;
        let mut kept = self.lock();
        kept.check_place(key)?;
        let old = kept.objects.get(key).cloned();
        let torn = old.as_ref().and_then(|old| old.bytes.last()).is_some_and(|last| *last != b'\n');
        let line = record::line(record, torn);
        let inode = old.as_ref().map(|old| old.stamp.inode);
        let whole = [old.map(|old| old.bytes).unwrap_or_default(), line.into()].concat();
        let object = kept.object(whole.into(), inode);
        kept.objects.insert(key.clone(), object);
        Ok(())
    }

    fn list_now(&self, under: Option<&Key>, after: Option<&Key>, limit: usize) -> Vec<Listed> {
        let kept = self.lock();
        let from = after.max(under).map_or(Bound::Unbounded, Bound::Excluded);
        let after_start = kept.objects.range::<Key, _>((from, Bound::Unbounded));
        let below = after_start.skip_while(|(key, _)| under.is_some_and(|under| *key <= under));
        below
            .take_while(|(key, _)| under.is_none_or(|under| key.is_under(under)))
            .take(limit)
            .map(|(key, object)| Listed { key: key.clone(), stamp: object.stamp, modified: object.modified })
            .collect()
    }
}

impl Kept {
    /// A key is not both an object and a prefix of another.
    fn check_place(&self, key: &Key) -> Result<(), StoreError> {
        let next = self.objects.range::<Key, _>((Bound::Excluded(key), Bound::Unbounded)).next();
        let is_prefix = next.is_some_and(|(next, _)| next.is_under(key));
        let slashes = key.as_str().match_indices('/');
        let mut above = slashes.filter_map(|(at, _)| key.as_str().get(..at));
        let runs_through = above.any(|above| Key::parse(above).is_ok_and(|a| self.objects.contains_key(&a)));
        if is_prefix || runs_through {
            return Err(StoreError::Misplaced { key: key.clone() });
        }
        Ok(())
    }

    fn object(&mut self, bytes: Bytes, inode: Option<u64>) -> Object {
        self.changes += 1;
        let inode = inode.unwrap_or(self.changes);
        let stamp = Stamp { size: bytes.len() as u64, inode, changed_ns: i128::from(self.changes) };
        Object { bytes, stamp, modified: SystemTime::now() }
    }
}

impl Object {
    fn blob(&self, key: &Key) -> Blob {
        Blob::new(key.clone(), self.stamp, Arc::new(self.clone()))
    }
}

impl ReadAt for Object {
    fn size(&self) -> u64 {
        self.stamp.size
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        Ok(copy(&self.bytes, offset, into))
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        let start = clamp(&self.bytes, offset);
        let end = start.saturating_add(len).min(self.bytes.len());
        Some(Ok(self.bytes.slice(start..end)))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(self.stamp)
    }
}

/// The body of a spool in memory.
#[derive(Default)]
struct Growing(RwLock<State>);

enum State {
    Growing(Vec<u8>),
    Published(Bytes),
}

impl Default for State {
    fn default() -> Self {
        Self::Growing(Vec::new())
    }
}

impl Growing {
    fn seal(&self) -> Result<Bytes, StoreError> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let State::Growing(bytes) = &mut *state else { return Err(StoreError::Published) };
        let bytes = Bytes::from(std::mem::take(bytes));
        *state = State::Published(bytes.clone());
        Ok(bytes)
    }

    fn is_published(&self) -> bool {
        matches!(&*self.0.read().unwrap_or_else(PoisonError::into_inner), State::Published(_))
    }

    fn with<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Growing(bytes) => read(bytes),
            State::Published(bytes) => read(bytes),
        }
    }
}

impl ReadAt for Growing {
    fn size(&self) -> u64 {
        self.with(|bytes| bytes.len() as u64)
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        Ok(self.with(|bytes| copy(bytes, offset, into)))
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        let slice = |bytes: &[u8]| {
            let rest = bytes.get(clamp(bytes, offset)..).unwrap_or_default();
            Bytes::copy_from_slice(rest.get(..len).unwrap_or(rest))
        };
        Some(Ok(self.with(slice)))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp { size: self.size(), inode: 0, changed_ns: 0 })
    }
}

impl Grow for Growing {
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        match &mut *self.0.write().unwrap_or_else(PoisonError::into_inner) {
            State::Growing(written) => {
                written.extend_from_slice(bytes);
                Ok(())
            }
            State::Published(_) => Err(StoreError::Published),
        }
    }
}

fn clamp(bytes: &[u8], offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len())
}

fn copy(bytes: &[u8], offset: u64, into: &mut [u8]) -> usize {
    let rest = bytes.get(clamp(bytes, offset)..).unwrap_or_default();
    let len = rest.len().min(into.len());
    if let (Some(to), Some(from)) = (into.get_mut(..len), rest.get(..len)) {
        to.copy_from_slice(from);
    }
    len
}

impl Blobs for Memory {
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>> {
        ready(self.open_now(key)).boxed()
    }

    fn spool(&self) -> Result<Spool, StoreError> {
        Ok(Spool::new(Arc::new(Growing::default())))
    }

    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        _: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>> {
        async move { self.publish_now(spool, key, mode) }.boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        _: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.append_now(key, &record) }.boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let mut kept = self.lock();
            if let Some(aside) = aside {
                kept.check_place(aside)?;
            }
            if let (Some(object), Some(aside)) = (kept.objects.remove(key), aside) {
                kept.objects.insert(aside.clone(), object);
            }
            Ok(())
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        async move { Ok(self.list_now(under, after, limit)) }.boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}
