//! A store whose operations fail or hang when a test says so.
//!
//! Faults come *before* the effect (nothing happened) or *after* it (it happened, and the caller was told it did
//! not), because a caller that is right about one is often wrong about the other. Without faults it keeps the
//! contract of what it wraps.
//!
//! ```
//! use testkit::faulty::{Faulty, Fault, Failure, Operation};
//!
//! let blobs = Faulty::new(store::Memory::new());
//! blobs.fail_next(Operation::Publish, Fault::After(Failure::Full));
//! let hold = blobs.hang_next(Operation::Sync); // released when dropped
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::{Blob, Blobs, Durability, Grow, Key, Listed, Publish, ReadAt, Spool, Stamp, StoreError};

/// What can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// [`Blobs::open`].
    Open,
    /// Reading from an open object or a spool.
    Read,
    /// [`Blobs::spool`].
    Spool,
    /// [`Spool::write`].
    Write,
    /// [`Blobs::publish`].
    Publish,
    /// [`Blobs::append`].
    Append,
    /// [`Blobs::remove`].
    Remove,
    /// [`Blobs::list`].
    List,
    /// [`Blobs::sync`].
    Sync,
}

/// What the failure looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// [`StoreError::Full`].
    Full,
    /// [`StoreError::ReadOnly`].
    ReadOnly,
    /// [`StoreError::NoDescriptors`].
    NoDescriptors,
    /// [`StoreError::Io`].
    Io,
}

/// When it fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing has happened.
    Before(Failure),
    /// It has happened. For `Write`, which promises that what failed was not appended, the same as before.
    After(Failure),
}

/// A store that does as it is told. Clones share one script.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Blobs>,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script(Mutex<BTreeMap<Operation, Plan>>);

#[derive(Default)]
struct Plan {
    next: VecDeque<Step>,
    always: Option<Fault>,
    seen: usize,
}

enum Step {
    Fail(Fault),
    Hang(Arc<Gate>),
}

impl Faulty {
    /// Without faults yet.
    pub fn new(inner: impl Blobs) -> Self {
        Self { inner: Arc::new(inner), script: Arc::default() }
    }

    /// The next operation of this kind fails; called again, the one after it, and so on.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.script.lock().entry(operation).or_default().next.push_back(Step::Fail(fault));
    }

    /// Every operation of this kind fails, once what [`Faulty::fail_next`] was told is used up, until
    /// [`Faulty::heal`].
    pub fn fail_always(&self, operation: Operation, fault: Fault) {
        self.script.lock().entry(operation).or_default().always = Some(fault);
    }

    /// The next operation of this kind hangs before it does anything, until the hold is released or dropped.
    pub fn hang_next(&self, operation: Operation) -> Hold {
        let gate = Arc::new(Gate::default());
        self.script.lock().entry(operation).or_default().next.push_back(Step::Hang(Arc::clone(&gate)));
        Hold(gate)
    }

    /// No more faults, but for what hangs already.
    pub fn heal(&self) {
        for plan in self.script.lock().values_mut() {
            plan.next.clear();
            plan.always = None;
        }
    }

    /// How many operations of this kind have begun.
    pub fn seen(&self, operation: Operation) -> usize {
        self.script.lock().get(&operation).map_or(0, |plan| plan.seen)
    }

    /// Waits where the script says so, fails before or after `effect`, or does neither.
    async fn act<T: Send>(
        &self,
        operation: Operation,
        object: &str,
        effect: BoxFuture<'_, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.script.begin(operation) {
            None => effect.await,
            Some(Step::Hang(gate)) => {
                let waiting = Arc::clone(&gate);
                tokio::task::spawn_blocking(move || waiting.pass()).await.unwrap();
                effect.await
            }
            Some(Step::Fail(Fault::Before(failure))) => Err(failure.error(operation, object)),
            Some(Step::Fail(Fault::After(failure))) => {
                effect.await?;
                Err(failure.error(operation, object))
            }
        }
    }
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Operation, Plan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) -> Option<Step> {
        let mut plans = self.lock();
        let plan = plans.entry(operation).or_default();
        plan.seen += 1;
        plan.next.pop_front().or(plan.always.map(Step::Fail))
    }

    /// For operations that block and have no effect that lasts: before and after are the same.
    fn begin_blocking(&self, operation: Operation, object: &str) -> Result<(), StoreError> {
        match self.begin(operation) {
            None => Ok(()),
            Some(Step::Hang(gate)) => {
                gate.pass();
                Ok(())
            }
            Some(Step::Fail(Fault::Before(failure) | Fault::After(failure))) => {
                Err(failure.error(operation, object))
            }
        }
    }

    /// Whether the next of these operations has something coming.
    fn is_planned(&self, operation: Operation) -> bool {
        self.lock().get(&operation).is_some_and(|plan| !plan.next.is_empty() || plan.always.is_some())
    }
}

impl Failure {
    fn error(self, operation: Operation, object: &str) -> StoreError {
        let operation = match operation {
            Operation::Open => "open",
            Operation::Read => "read",
            Operation::Spool => "make",
            Operation::Write => "write",
            Operation::Publish => "publish",
            Operation::Append => "append to",
            Operation::Remove => "remove",
            Operation::List => "list",
            Operation::Sync => "sync",
        };
        let object = object.to_owned();
        match self {
            Self::Full => StoreError::Full { operation, object, source: io::ErrorKind::StorageFull.into() },
            Self::ReadOnly => StoreError::ReadOnly { operation, object },
            Self::NoDescriptors => StoreError::NoDescriptors { operation, object },
            Self::Io => StoreError::Io { operation, object, source: io::Error::other("a fault on purpose") },
        }
    }
}

#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    reached: bool,
    released: bool,
}

impl Gate {
    fn set(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| !until(state)));
    }

    fn pass(&self) {
        self.set(|state| state.reached = true);
        self.wait(|state| state.released);
    }
}

/// Holds a hanging operation; lets it go when dropped.
pub struct Hold(Arc<Gate>);

impl Hold {
    /// Waits until the operation hangs.
    pub async fn reached(&self) {
        let gate = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || gate.wait(|state| state.reached || state.released))
            .await
            .unwrap();
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.0.set(|state| state.released = true);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

/// What is read from, under the script.
struct Read<T> {
    inner: T,
    script: Arc<Script>,
}

impl Read<Blob> {
    fn over(inner: Blob, script: &Arc<Script>) -> Blob {
        let (key, stamp) = (inner.key().clone(), inner.stamp());
        Blob::new(key, stamp, Arc::new(Self { inner, script: Arc::clone(script) }))
    }
}

impl<T> Read<T> {
    fn begin(&self) -> io::Result<()> {
        self.script.begin_blocking(Operation::Read, "an object").map_err(io::Error::other)
    }
}

impl ReadAt for Read<Blob> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.begin()?;
        let mut reader = self.inner.reader();
        reader.seek(SeekFrom::Start(offset))?;
        reader.take(into.len() as u64).read(into)
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        if self.script.is_planned(Operation::Read) {
            return None;
        }
        let read = self.inner.read_now(offset, len)?;
        Some(self.begin().and_then(|()| read.map_err(io::Error::other)))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        self.inner.stamp_now().map_err(io::Error::other)
    }
}

impl ReadAt for Read<Spool> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.begin()?;
        let read = self.inner.read_at(offset, into.len()).map_err(io::Error::other)?;
        into[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        if self.script.is_planned(Operation::Read) {
            return None;
        }
        let read = self.inner.read_now(offset, len)?;
        Some(self.begin().and_then(|()| read.map_err(io::Error::other)))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp { size: self.inner.size(), inode: 0, changed_ns: 0 })
    }
}

impl Grow for Read<Spool> {
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.script.begin_blocking(Operation::Write, "a spool")?;
        self.inner.write(bytes)
    }
}

impl Blobs for Faulty {
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>> {
        async move {
            let blob = self.act(Operation::Open, key.as_str(), self.inner.open(key)).await?;
            Ok(Read::over(blob, &self.script))
        }
        .boxed()
    }

    fn spool(&self) -> Result<Spool, StoreError> {
        self.script.begin_blocking(Operation::Spool, "a spool")?;
        let inner = self.inner.spool()?;
        Ok(Spool::new(Arc::new(Read { inner, script: Arc::clone(&self.script) })))
    }

    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>> {
        async move {
            let body = spool.body::<Read<Spool>>().ok_or(StoreError::Foreign)?;
            let effect = self.inner.publish(&body.inner, key, mode, durability);
            let blob = self.act(Operation::Publish, key.as_str(), effect).await?;
            Ok(Read::over(blob, &self.script))
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        durability: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.act(Operation::Append, key.as_str(), self.inner.append(key, record, durability)).boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.act(Operation::Remove, key.as_str(), self.inner.remove(key, aside)).boxed()
    }

    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        self.act(Operation::List, "objects", self.inner.list(under, after, limit)).boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.act(Operation::Sync, "objects", self.inner.sync()).boxed()
    }
}
