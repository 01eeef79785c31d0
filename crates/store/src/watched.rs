//! A store whose condition is known: sound, or since when it is full, read-only, failing or stuck.
//!
//! A wrapper, so that whoever uses the store need not know: every failure is noted, and told once when it begins.
//! Operations go on being tried, for a disk may have room for this and none for that; the end is told when a probe
//! could write again ([`Watched::probe`]), so that a disk which is full to the last byte does not begin and end with
//! every request. Only a disk that hangs is left in peace until the probe comes back: each operation is waited for
//! so long and no longer ([`PATIENCE`]), and after the first that was not done in time the others are refused
//! at once, so that threads that never come back stay few.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::shelter::{Budget, Room, Shelter};
use crate::{Blob, Blobs, Durability, Key, Listed, Publish, Spool, StoreError, blocking};

/// How long one operation may take that does not wait for durability.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// What a probe writes: a store that has not so much room is still full.
const PROBE_BYTES: usize = 1 << 20;

/// How a store does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// As it should.
    Sound,
    /// No room is left, or no more files may be made.
    Full,
    /// The file system takes no changes.
    ReadOnly,
    /// The process or the system is out of descriptors.
    NoDescriptors,
    /// It does not come back.
    Stuck,
    /// Something else is wrong: the disk, or the directory is gone.
    Failing,
}

impl Condition {
    /// The word for status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "ok",
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::NoDescriptors => "no-descriptors",
            Self::Stuck => "stuck",
            Self::Failing => "failing",
        }
    }

    fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Full,
            StoreError::ReadOnly { .. } => Self::ReadOnly,
            StoreError::NoDescriptors { .. } => Self::NoDescriptors,
            StoreError::Stuck { .. } => Self::Stuck,
            _ => Self::Failing,
        }
    }
}

/// A condition and its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// How the store does.
    pub condition: Condition,
    /// Since when.
    pub since: SystemTime,
}

/// Who is told when a condition begins: the state before, the new one, and what went wrong, if something did.
pub type Tell = Box<dyn Fn(State, State, Option<&StoreError>) + Send + Sync>;

/// What is known of a store.
pub(crate) struct Watch {
    state: watch::Sender<State>,
    tell: Tell,
    probing: AtomicBool,
    pub(crate) budget: Budget,
}

impl Watch {
    /// Notes how an operation ended.
    pub(crate) fn noted<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &done
            && error.is_outage()
            && !matches!(error, StoreError::Closed)
        {
            self.change(Condition::of(error), Some(error));
        }
        done
    }

    fn change(&self, condition: Condition, why: Option<&StoreError>) {
        // Looked at first: this is called for each failure, of which there may be many.
        if self.state.borrow().condition == condition {
            return;
        }
        let now = State { condition, since: SystemTime::now() };
        let mut before = None;
        self.state.send_if_modified(|state| {
            let is_new = state.condition != condition;
            if is_new {
                before = Some(std::mem::replace(state, now));
            }
            is_new
        });
        if let Some(before) = before {
            (self.tell)(before, now, why);
        }
    }

    fn refuse_if_stuck(&self, operation: &'static str, object: &str) -> Result<(), StoreError> {
        match self.state.borrow().condition {
            Condition::Stuck => Err(StoreError::Stuck { operation, object: object.to_owned() }),
            _ => Ok(()),
        }
    }
}

/// A store that is watched. Clones share what is known.
#[derive(Clone)]
pub struct Watched {
    inner: Arc<dyn Blobs>,
    watch: Arc<Watch>,
    patience: Duration,
}

impl Watched {
    /// Takes a store to be sound until it fails; `tell` hears of each change.
    pub fn new(inner: Arc<dyn Blobs>, tell: Tell) -> Self {
        let sound = State { condition: Condition::Sound, since: SystemTime::now() };
        let (probing, budget) = (AtomicBool::new(false), Budget::default());
        let watch = Arc::new(Watch { state: watch::Sender::new(sound), tell, probing, budget });
        Self { inner, watch, patience: PATIENCE }
    }

    /// The same, waiting for so long.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How it does.
    pub fn state(&self) -> State {
        *self.watch.state.borrow()
    }

    /// Waits until it is not sound.
    pub async fn unsound(&self) {
        let mut state = self.watch.state.subscribe();
        // The sender is here.
        drop(state.wait_for(|state| state.condition != Condition::Sound).await);
    }

    /// A spool that goes on in memory if the store takes no more and what is missing is small; `size` is how large it
    /// will become, if that is known.
    pub async fn sheltered(&self, size: Option<u64>) -> Result<Spool, StoreError> {
        let inner = Arc::clone(&self.inner);
        let making = blocking("make", "a spool", move || inner.spool()).boxed();
        let made = self.bounded("make", "a spool", making).await;
        let shelter = Shelter::over(made, size.map_or(Room::Unknown, Room::Of), Arc::clone(&self.watch))?;
        Ok(Spool::new(Arc::new(shelter)))
    }

    /// Tries whether the store can be written again, and says so if it can. One at a time: a probe that hangs is
    /// waited for by no other.
    pub async fn probe(&self) {
        if self.watch.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        let (inner, watch) = (Arc::clone(&self.inner), Arc::clone(&self.watch));
        let tried = blocking("write", "a probe", move || {
            let written = inner.spool().and_then(|spool| spool.write(&vec![0; PROBE_BYTES]));
            watch.probing.store(false, Ordering::Release);
            written
        });
        match tokio::time::timeout(self.patience, tried).await {
            Ok(Ok(())) => self.watch.change(Condition::Sound, None),
            Ok(failed) => drop(self.watch.noted(failed)),
            Err(_) => {}
        }
    }

    async fn bounded<T>(
        &self,
        operation: &'static str,
        object: &str,
        effect: BoxFuture<'_, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.watch.refuse_if_stuck(operation, object)?;
        let done = tokio::time::timeout(self.patience, effect).await;
        let stuck = || Err(StoreError::Stuck { operation, object: object.to_owned() });
        self.watch.noted(done.unwrap_or_else(|_| stuck()))
    }
}

impl Blobs for Watched {
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>> {
        self.bounded("open", key.as_str(), self.inner.open(key)).boxed()
    }

    fn spool(&self) -> Result<Spool, StoreError> {
        self.watch.refuse_if_stuck("make", "a spool")?;
        let shelter = Shelter::over(self.inner.spool(), Room::None, Arc::clone(&self.watch))?;
        Ok(Spool::new(Arc::new(shelter)))
    }

    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>> {
        let Some(shelter) = spool.body::<Shelter>() else {
            return std::future::ready(Err(StoreError::Foreign)).boxed();
        };
        let Some(whole) = shelter.whole() else {
            let source = std::io::ErrorKind::StorageFull.into();
            return std::future::ready(Err(StoreError::of("publish", key, source))).boxed();
        };
        let effect = self.inner.publish(whole, key, mode, durability);
        match durability {
            Durability::Batched => self.bounded("publish", key.as_str(), effect).boxed(),
            Durability::Strict => async move { self.watch.noted(effect.await) }.boxed(),
        }
    }

    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        durability: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let effect = self.inner.append(key, record, durability);
        match durability {
            Durability::Batched => self.bounded("append to", key.as_str(), effect).boxed(),
            Durability::Strict => async move { self.watch.noted(effect.await) }.boxed(),
        }
    }

    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.bounded("remove", key.as_str(), self.inner.remove(key, aside)).boxed()
    }

    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        async move { self.watch.noted(self.inner.list(under, after, limit).await) }.boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { self.watch.noted(self.inner.sync().await) }.boxed()
    }
}
