//! Git.
//!
//! What this is for: [`Repo`] over the system's own git, giving what cmd/go `codehost/git.go` gives.
//! Why this shape: three kept copies, none of which needs to be deepened or filled up. *Contents* has single commits with all
//! their files, since `git archive` needs all at hand: git 2.39 would fetch what is missing file by file. *Outlines* has
//! single commits with their directories, and the few files that were read. *Commits* has the history without files, and is
//! there only once somebody asked about ancestors, or for an id that no ref is on. What refs mean is asked of the server
//! only, never of a copy: a copy does not know that a tag has moved.
//! What it promises: of any number of askers for the same thing one fetches, one fetch a copy at a time, and reading goes on
//! beside it. A file is said to be absent only when the directory it would be in was read and does not have it. A
//! damaged copy is thrown away and fetched anew, once.

mod commit;
mod driver;
mod files;
mod filters;
mod history;
pub(crate) mod refs;
mod remote;
mod shelf;
mod slot;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::flight::Flights;
use crate::jail::Access;
use crate::remembered::{Asking, Remembered};
use crate::repos::{Keeper, Means, Opened};
use crate::{Place, Trouble, VcsError};

use history::History;
use refs::Refs;
use remote::Remote;
use shelf::Shelf;
use slot::Slot;

pub(crate) use filters::Filters;

/// How long a server may take to say its refs.
const REFS_DEADLINE: Duration = Duration::from_secs(45);

/// A git repository, for whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct GitRepo {
    inner: Arc<Inner>,
}

/// What all who ask for a repository share.
#[derive(Debug)]
struct Inner {
    place: Place,
    /// Replaced when another is handed in, since tokens expire.
    access: Mutex<Access>,
    means: Arc<Means>,
    refs: Mutex<Remembered<Arc<Refs>>>,
    asking: Flights<Arc<Refs>>,
    contents: Shelf,
    outlines: Shelf,
    history: History,
    dir: PathBuf,
    asked: AtomicU64,
    /// When copies were last thrown away on a suspicion.
    doubted: Mutex<Option<Instant>>,
}

impl GitRepo {
    /// The repository at a place, with its kept copies below a directory.
    pub(crate) fn new(place: Place, access: Access, dir: &Path, means: Arc<Means>) -> Self {
        let shelf = |name: &str| Shelf::new(Slot::new(dir.join(name), means.talks.clone()));
        let (contents, outlines) = (shelf("contents"), shelf("outlines"));
        let history = History::new(Slot::new(dir.join("commits"), means.talks.clone()));
        let (refs, asking, access) =
            (Mutex::new(Remembered::new(means.fresh)), Flights::default(), Mutex::new(access));
        let asked = AtomicU64::new(means.room.ask());
        let (dir, doubted) = (dir.to_owned(), Mutex::default());
        let inner = Arc::new(Inner {
            place,
            access,
            means,
            refs,
            asking,
            contents,
            outlines,
            history,
            dir,
            asked,
            doubted,
        });
        let keeper: Weak<Inner> = Arc::downgrade(&inner);
        inner.means.room.enter(&inner.dir, keeper);
        Self { inner }
    }
}

impl Opened for GitRepo {
    fn ask_with(&self, access: &Access) {
        access.clone_into(&mut self.inner.access.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn refresh(&self) {
        self.inner.forget_refs();
    }
}

impl Keeper for Inner {
    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn give_up(&self, go: &mut dyn FnMut()) -> bool {
        // Whoever fetches or reads holds one of the copies, or is about to.
        let slots = [&self.contents.slot, &self.outlines.slot, &self.history.slot];
        let held: Option<Vec<_>> = slots.into_iter().map(Slot::let_go).collect();
        if held.is_none() {
            return false;
        }
        self.forget_copies();
        go();
        true
    }
}

impl Inner {
    /// Forgets what is in the copies, since they go.
    fn forget_copies(&self) {
        self.history.forget();
        self.contents.forget();
        self.outlines.forget();
    }

    /// Notes that somebody wants something of the copies.
    fn ask(&self) {
        self.asked.store(self.means.room.ask(), Ordering::Relaxed);
    }

    /// Measures the copies after a fetch.
    async fn check_size(&self) -> Result<(), VcsError> {
        let (means, dir, max) = (self.means.clone(), self.dir.clone(), self.means.max_repository_bytes);
        let measured = tokio::task::spawn_blocking(move || means.room.grown(&dir)).await;
        if measured.unwrap_or_default() <= max {
            return Ok(());
        }
        self.throw_away().await;
        Err(VcsError::TooLarge { what: "the repository".to_owned(), max })
    }

    fn access(&self) -> Access {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remote<'a>(&'a self, deadline: Duration, access: &'a Access) -> Remote<'a> {
        Remote { jail: &self.means.jail, place: &self.place, access, deadline }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered<Arc<Refs>>> {
        self.refs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_refs(&self) {
        self.remembered().forget();
    }

    /// The refs, asked for again when they are older than they may be.
    async fn refs(self: &Arc<Self>) -> Result<Arc<Refs>, VcsError> {
        let recalled = self.remembered().recall();
        let asking = match recalled {
            Ok(refs) => return Ok(refs),
            Err(asking) => asking,
        };
        let this = self.clone();
        self.asking.join(&asking.key(), || Box::pin(async move { this.ask_refs(asking).await })).await
    }

    async fn ask_refs(&self, asking: Asking) -> Result<Arc<Refs>, VcsError> {
        let text = match self.remote(REFS_DEADLINE, &self.access()).refs(&self.dir).await {
            Ok(text) => text,
            Err(error) => return Err(self.missing(error).await),
        };
        let refs = Arc::new(Refs::parse(&text));
        self.remembered().keep(asking, refs.clone());
        Ok(refs)
    }

    /// A failure to tell refs over http is absence if the URL itself says so to a plain request (cmd/go
    /// `gitRepo.loadRefs`): what git says does not tell a private repository from none. Where it says that the connection
    /// broke, that the server is in trouble or is another one, nobody has said no, and many servers have no page at the URL of
    /// a repository.
    async fn missing(&self, error: VcsError) -> VcsError {
        let text = match &error {
            VcsError::Failed { trouble: Trouble::Auth | Trouble::Other, text, .. }
            | VcsError::Missing { text } => text.clone(),
            _ => return error,
        };
        let is_http = matches!(self.place.scheme(), "http" | "https");
        if is_http && matches!((self.means.status)(&self.place, &self.access()).await, Some(404 | 410)) {
            return VcsError::Missing { text };
        }
        match error {
            // It denies us what it does not deny everybody.
            VcsError::Missing { text } => {
                VcsError::Failed { command: "git ls-remote".to_owned(), trouble: Trouble::Auth, text }
            }
            other => other,
        }
    }
}
