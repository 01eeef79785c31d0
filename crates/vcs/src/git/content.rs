//! The kept copy with whole commits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use super::Inner;
use super::flight::Flights;
use super::refs::{Format, is_id};
use super::remote::Want;
use crate::mirror::{Found, Kind, Mirror, remove, size_bytes};
use crate::{Trouble, VcsError};

/// How long a fetch may take.
pub(super) const FETCH_DEADLINE: Duration = Duration::from_mins(10);
/// The largest commit or tag that is read.
const MAX_COMMIT_BYTES: u64 = 16 << 20;
/// How many commits are fetched together at most.
const MAX_TOGETHER: usize = 64;

/// The copy, and who fetches into it.
#[derive(Debug)]
pub(super) struct Contents {
    dir: PathBuf,
    open: Turn<Option<Arc<Mirror>>>,
    /// Held by the one who fetches.
    turn: Turn<()>,
    fetching: Flights<()>,
    /// What those want who wait for their turn.
    wanted: Mutex<BTreeSet<Want>>,
}

impl Contents {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            open: Turn::default(),
            turn: Turn::default(),
            fetching: Flights::default(),
            wanted: Mutex::default(),
        }
    }

    /// The copy, opened or made.
    pub(super) async fn open(&self, format: Format) -> Result<Arc<Mirror>, VcsError> {
        let mut open = self.open.lock().await;
        if let Some(mirror) = &*open {
            return Ok(mirror.clone());
        }
        let mirror = Arc::new(open_mirror(self.dir.clone(), format).await?);
        *open = Some(mirror.clone());
        Ok(mirror)
    }

    /// Throws a damaged copy away, unless that was done already.
    pub(super) async fn discard(&self, damaged: &Arc<Mirror>) {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(|mirror| Arc::ptr_eq(mirror, damaged)) {
            *open = None;
            damaged.objects.close().await;
            let dir = self.dir.clone();
            let _ = tokio::task::spawn_blocking(move || remove(&dir)).await;
        }
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, BTreeSet<Want>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says while it lives that something is wanted.
struct Wanting<'a> {
    contents: &'a Contents,
    want: Want,
}

impl<'a> Wanting<'a> {
    fn new(contents: &'a Contents, want: Want) -> Self {
        contents.wanted().insert(want.clone());
        Self { contents, want }
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.contents.wanted().remove(&self.want);
    }
}

impl Inner {
    /// The copy with this commit in it, fetched if it is not there yet. `reference` is a ref that is on it, if one is.
    pub(super) async fn with_commit(
        self: &Arc<Self>,
        id: &str,
        reference: Option<&str>,
    ) -> Result<Arc<Mirror>, VcsError> {
        let mirror = self.contents.open(format_of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(mirror);
        }
        let (this, want) = (self.clone(), id.to_owned());
        let reference = reference.map(str::to_owned);
        let fetch = || -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async move { this.fetch_commit(&want, reference.as_deref()).await })
        };
        self.contents.fetching.join(id, fetch).await?;
        self.contents.open(format_of(id)).await
    }

    /// Whether a copy has a commit.
    ///
    /// # Errors
    /// [`VcsError::UnknownRevision`] if there is something of that id that is no commit.
    pub(super) async fn has(&self, mirror: &Mirror, id: &str) -> Result<bool, VcsError> {
        match mirror.objects.read(&self.means.jail, mirror.dir(), id, MAX_COMMIT_BYTES).await? {
            Found::Object(object) if object.kind == Kind::Commit => Ok(true),
            Found::Object(_) | Found::TooLarge => Err(VcsError::UnknownRevision { name: id.to_owned() }),
            Found::Missing | Found::Ambiguous => Ok(false),
        }
    }

    /// Fetches when it is our turn, unless somebody before us took our wish along.
    async fn fetch_commit(&self, id: &str, reference: Option<&str>) -> Result<(), VcsError> {
        let source = reference.unwrap_or(id).to_owned();
        let wanting = Wanting::new(&self.contents, Want { id: id.to_owned(), source });
        let _turn = self.contents.turn.lock().await;
        let mirror = self.contents.open(format_of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(());
        }
        let fetched = match self.fetch_together(&mirror, &wanting.want).await {
            Err(error) if self.is_damaged(&mirror, &error).await => {
                self.contents.discard(&mirror).await;
                let anew = self.contents.open(format_of(id)).await?;
                self.fetch_together(&anew, &wanting.want).await
            }
            other => other,
        };
        fetched?;
        self.check_size().await
    }

    /// What we want, and on the way what others want too; if that fails, what we want by every means there is.
    async fn fetch_together(&self, mirror: &Arc<Mirror>, want: &Want) -> Result<(), VcsError> {
        let mut wants: Vec<Want> = vec![want.clone()];
        wants
            .extend(self.contents.wanted().iter().filter(|other| *other != want).take(MAX_TOGETHER).cloned());
        if wants.len() > 1
            && self.remote(FETCH_DEADLINE).fetch(mirror, &wants).await.is_ok()
            && self.has(mirror, &want.id).await?
        {
            return Ok(());
        }
        self.fetch_alone(mirror, want).await
    }

    /// By name; by id, if the name has moved on; and at last all there is (cmd/go `gitRepo.stat`).
    async fn fetch_alone(&self, mirror: &Arc<Mirror>, want: &Want) -> Result<(), VcsError> {
        let remote = self.remote(FETCH_DEADLINE);
        let by_id = Want { id: want.id.clone(), source: want.id.clone() };
        let mut sources = vec![want.clone()];
        if by_id != *want {
            sources.push(by_id);
        }
        for source in sources {
            match remote.fetch(mirror, &[source]).await {
                Ok(()) if self.has(mirror, &want.id).await? => return Ok(()),
                Err(error) if is_final(&error) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        remote.fetch_whole(mirror).await?;
        if self.has(mirror, &want.id).await? {
            return Ok(());
        }
        Err(VcsError::UnknownRevision { name: want.id.clone() })
    }

    /// Whether a fetch failed because the copy here is damaged and not because of the server.
    async fn is_damaged(&self, mirror: &Mirror, error: &VcsError) -> bool {
        match error {
            VcsError::Failed { trouble: Trouble::Corrupt | Trouble::Other, .. } => {
                !self.is_sound(mirror).await
            }
            _ => false,
        }
    }

    async fn check_size(&self) -> Result<(), VcsError> {
        let packs = self.contents.dir.join("objects");
        let max = self.means.max_repository_bytes;
        let size = tokio::task::spawn_blocking(move || size_bytes(&packs)).await.unwrap_or_default();
        if size <= max {
            return Ok(());
        }
        let open = self.contents.open.lock().await.clone();
        if let Some(mirror) = open {
            self.contents.discard(&mirror).await;
        }
        Err(VcsError::TooLarge { what: "the repository".to_owned(), max })
    }
}

/// What another way of asking would not change.
fn is_final(error: &VcsError) -> bool {
    match error {
        VcsError::Failed { trouble, .. } => {
            matches!(trouble, Trouble::Auth | Trouble::Identity | Trouble::Network | Trouble::RateLimited)
        }
        _ => true,
    }
}

/// What ids look like where this is one.
pub(super) fn format_of(id: &str) -> Format {
    if is_id(id) && id.len() == Format::Sha256.digits() { Format::Sha256 } else { Format::Sha1 }
}

/// Opens a mirror where blocking is allowed.
pub(super) async fn open_mirror(dir: PathBuf, format: Format) -> Result<Mirror, VcsError> {
    let opened = tokio::task::spawn_blocking(move || Mirror::open(&dir, format)).await;
    opened.unwrap_or_else(|error| {
        Err(VcsError::Local { what: "opening a kept repository".to_owned(), cause: Arc::new(error) })
    })
}
