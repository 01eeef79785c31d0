//! A kept copy of everything a repository has, for systems that fetch nothing less: Mercurial and Fossil.
//!
//! What this is for: the copy is made once, brought up to date when names are asked for and what is known of them has
//! become old, and read by everybody meanwhile.
//! Why this shape: what names mean is known only after everything was fetched, so that one flight gives both. Whoever
//! reads holds the copy, and it goes only while nobody does.
//! What it promises: one fetch at a time, shared by all who ask; a copy that is damaged, or that a killed fetch left
//! behind, is thrown away and fetched anew, once.
//! Deliberately not here: what a tool is told, see [`Pull`]. Rules: cmd/go `codehost.vcsRepo`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::flight::Flights;
use crate::jail::{Access, Command, Jail, Reach};
use crate::mirror::remove;
use crate::remembered::{Asking, Remembered};
use crate::repos::{Keeper, Means};
use crate::server::Server;
use crate::{Place, Trouble, VcsError};
use futures_util::future::BoxFuture;

/// What a system does to make a copy and to bring it up to date.
pub(crate) trait Pull: Send + Sync + 'static {
    /// What names mean in a copy.
    type Names: Send + Sync + 'static;

    /// Fetches all there is into the copy, which is made if it is not there, and reads its names.
    fn pull(errand: &Errand) -> BoxFuture<'_, Result<Self::Names, VcsError>>;

    /// Removes what a killed fetch of an earlier run left in a copy. Blocking.
    fn clean(copy: &Path);

    /// Whether a fault says that the copy lacks the revision asked for, or a fetch that it is not whole.
    fn is_lacking(error: &VcsError) -> bool;
}

/// What a fetch needs to know.
pub(crate) struct Errand {
    pub(crate) jail: Jail,
    pub(crate) server: Arc<Server>,
    /// The directory of the copy. The one above it is there.
    pub(crate) copy: PathBuf,
    max_bytes: u64,
}

impl Errand {
    /// A command that asks the server, and may not fetch more than is kept.
    pub(crate) fn remote(&self) -> Result<Command, VcsError> {
        let command = self.server.command(&self.jail)?;
        Ok(command.bound(&self.copy, self.max_bytes))
    }

    /// A command that reads the copy.
    pub(crate) fn local(&self) -> Result<Command, VcsError> {
        Ok(self.jail.command(self.server.place().system(), Reach::Content)?.dir(&self.copy))
    }
}

/// A copy, for whoever asks.
pub(crate) struct Whole<P: Pull> {
    inner: Arc<Inner<P>>,
}

struct Inner<P: Pull> {
    server: Arc<Server>,
    means: Arc<Means>,
    dir: PathBuf,
    state: Mutex<State<P::Names>>,
    pulling: Flights<Kept<P::Names>>,
    asked: AtomicU64,
}

struct State<N> {
    /// Held by whoever uses the copy.
    lease: Arc<()>,
    names: Remembered<Arc<N>>,
    is_cleaned: bool,
}

/// A copy that stays while this is held.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    lease: Arc<()>,
    /// The directory of the copy.
    pub(crate) copy: PathBuf,
}

/// A copy, and what names mean in it.
pub(crate) struct Kept<N> {
    pub(crate) names: Arc<N>,
    pub(crate) hold: Hold,
}

impl<N> Clone for Kept<N> {
    fn clone(&self) -> Self {
        Self { names: self.names.clone(), hold: self.hold.clone() }
    }
}

impl<P: Pull> Whole<P> {
    /// The copy of the repository at a place, below a directory.
    pub(crate) fn new(place: Place, access: Access, dir: &Path, means: Arc<Means>) -> Self {
        let state = State { lease: Arc::default(), names: Remembered::new(means.fresh), is_cleaned: false };
        let inner = Arc::new(Inner::<P> {
            server: Arc::new(Server::new(place, access)),
            asked: AtomicU64::new(means.room.ask()),
            means,
            dir: dir.to_owned(),
            state: Mutex::new(state),
            pulling: Flights::default(),
        });
        let keeper: Weak<Inner<P>> = Arc::downgrade(&inner);
        inner.means.room.enter(&inner.dir, keeper);
        Self { inner }
    }

    /// Where the repository is.
    pub(crate) fn place(&self) -> &Place {
        self.inner.server.place()
    }

    /// From now on, this is how it is asked.
    pub(crate) fn ask_with(&self, access: &Access) {
        self.inner.server.ask_with(access);
    }

    /// Forgets what names mean.
    pub(crate) fn refresh(&self) {
        self.inner.state().names.forget();
    }

    /// A command that reads a copy.
    pub(crate) fn reading(&self, hold: &Hold) -> Result<Command, VcsError> {
        let command = self.inner.means.jail.command(self.inner.server.place().system(), Reach::Content)?;
        Ok(command.dir(&hold.copy))
    }

    /// What names mean, asked for again when it is older than it may be.
    pub(crate) async fn names(&self) -> Result<Kept<P::Names>, VcsError> {
        let inner = &self.inner;
        inner.asked.store(inner.means.room.ask(), Ordering::Relaxed);
        let asking = {
            let state = inner.state();
            match state.names.recall() {
                Ok(names) => return Ok(Kept { names, hold: inner.hold(&state) }),
                Err(asking) => asking,
            }
        };
        let this = inner.clone();
        let begin = || -> BoxFuture<'static, _> { Box::pin(async move { this.pull(asking).await }) };
        inner.pulling.join(&asking.key(), begin).await
    }

    /// Reads a copy as it is, and if it does not have the revision, or is damaged, once more when it was brought up to date.
    pub(crate) async fn read<'a, T>(
        &'a self,
        id: &str,
        read: impl Fn(Hold) -> BoxFuture<'a, Result<T, VcsError>>,
    ) -> Result<T, VcsError> {
        let inner = &self.inner;
        inner.asked.store(inner.means.room.ask(), Ordering::Relaxed);
        let kept = inner.copy().is_dir().then(|| inner.hold(&inner.state()));
        if let Some(hold) = kept {
            match read(hold.clone()).await {
                Err(error) if is_corrupt(&error) => inner.start_over(hold).await,
                Err(error) if P::is_lacking(&error) => {}
                other => return other,
            }
        }
        match read(self.names().await?.hold).await {
            Err(error) if P::is_lacking(&error) => Err(VcsError::UnknownRevision { name: id.to_owned() }),
            other => other,
        }
    }
}

impl<P: Pull> Inner<P> {
    fn state(&self) -> MutexGuard<'_, State<P::Names>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self) -> PathBuf {
        self.dir.join("copy")
    }

    fn hold(&self, state: &State<P::Names>) -> Hold {
        Hold { lease: state.lease.clone(), copy: self.copy() }
    }

    async fn pull(&self, asking: Asking) -> Result<Kept<P::Names>, VcsError> {
        let (mut hold, is_cleaned) = {
            let mut state = self.state();
            (self.hold(&state), std::mem::replace(&mut state.is_cleaned, true))
        };
        let copy = hold.copy.clone();
        let prepare = move || {
            if !is_cleaned {
                P::clean(&copy);
            }
            let is_kept = copy.is_dir();
            fs::create_dir_all(copy.parent().unwrap_or(&copy)).map(|()| is_kept)
        };
        let is_kept = blocking(prepare).await?.map_err(|error| local(Arc::new(error)))?;
        let errand = Errand {
            jail: self.means.jail.clone(),
            server: self.server.clone(),
            copy: hold.copy.clone(),
            max_bytes: self.means.max_repository_bytes,
        };
        let mut pulled = P::pull(&errand).await;
        if is_kept && matches!(&pulled, Err(error) if is_corrupt(error) || P::is_lacking(error)) {
            self.start_over(hold).await;
            hold = self.hold(&self.state());
            pulled = P::pull(&errand).await;
        }
        let names = Arc::new(match pulled {
            Err(error @ VcsError::TooLarge { .. }) => {
                self.start_over(hold).await;
                return Err(error);
            }
            other => other?,
        });
        self.check_size(&hold).await?;
        self.state().names.keep(asking, names.clone());
        Ok(Kept { names, hold })
    }

    /// Measures the copy after a fetch.
    async fn check_size(&self, hold: &Hold) -> Result<(), VcsError> {
        let (means, dir, max) = (self.means.clone(), self.dir.clone(), self.means.max_repository_bytes);
        if blocking(move || means.room.grown(&dir)).await? <= max {
            return Ok(());
        }
        self.start_over(hold.clone()).await;
        Err(VcsError::TooLarge { what: "the repository".to_owned(), max })
    }

    /// Throws the copy away, unless that was done already for the one that was held.
    async fn start_over(&self, hold: Hold) {
        {
            let mut state = self.state();
            if !Arc::ptr_eq(&state.lease, &hold.lease) {
                return;
            }
            state.lease = Arc::default();
            // Who fetches already fetches anew.
            state.names.drop_told();
        }
        let _ = blocking(move || remove(&hold.copy)).await;
    }
}

impl<P: Pull> Keeper for Inner<P> {
    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn give_up(&self, go: &mut dyn FnMut()) -> bool {
        // Nobody takes a hold while the state is locked.
        let mut state = self.state();
        if Arc::strong_count(&state.lease) > 1 {
            return false;
        }
        state.names.forget();
        go();
        true
    }
}

/// Whether what is kept here may be damaged.
fn is_corrupt(error: &VcsError) -> bool {
    matches!(error, VcsError::Failed { trouble: Trouble::Corrupt, .. })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, VcsError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| local(Arc::new(error)))
}

fn local(cause: crate::Cause) -> VcsError {
    VcsError::Local { what: "keeping a repository".to_owned(), cause }
}

impl<P: Pull> fmt::Debug for Whole<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole").field("server", &self.inner.server).finish_non_exhaustive()
    }
}
