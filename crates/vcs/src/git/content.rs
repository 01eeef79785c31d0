//! The kept copy with whole commits.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use super::Inner;
use super::flight::Flights;
use super::refs::Format;
use super::remote::Want;
use super::slot::Slot;
use crate::jail::Reach;
use crate::mirror::{Found, Kind, Mirror};
use crate::{System, Trouble, VcsError};

/// How long a fetch may take.
pub(super) const FETCH_DEADLINE: Duration = Duration::from_mins(10);
/// The largest commit or tag that is read.
pub(super) const MAX_COMMIT_BYTES: u64 = 16 << 20;
/// How many packs a copy may have before they are gathered.
pub(super) const MAX_PACKS: usize = 50;
/// How many commits are fetched together at most.
const MAX_TOGETHER: usize = 64;

/// The copy, and who fetches into it.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) slot: Slot,
    /// Held by the one who fetches.
    turn: Turn<()>,
    fetching: Flights<Arc<Mirror>>,
    /// What those want who wait for their turn.
    wanted: Mutex<BTreeSet<Want>>,
}

impl Contents {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, turn: Turn::default(), fetching: Flights::default(), wanted: Mutex::default() }
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
        let mirror = self.contents.slot.open(Format::of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(mirror);
        }
        drop(mirror);
        let (this, want) = (self.clone(), id.to_owned());
        let reference = reference.map(str::to_owned);
        let fetch = || -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async move { this.fetch_commit(&want, reference.as_deref()).await })
        };
        self.contents.fetching.join(id, fetch).await
    }

    /// Whether a copy has a commit. A damaged one has nothing, and goes.
    ///
    /// # Errors
    /// [`VcsError::UnknownRevision`] if there is something of that id that is no commit.
    pub(super) async fn has(&self, mirror: &Arc<Mirror>, id: &str) -> Result<bool, VcsError> {
        match self.look(mirror, id).await? {
            Found::Object(object) if object.kind == Kind::Commit => Ok(true),
            Found::Object(_) | Found::TooLarge => Err(VcsError::UnknownRevision { name: id.to_owned() }),
            Found::Missing | Found::Ambiguous => Ok(false),
        }
    }

    /// What a copy has of a name. A damaged one has nothing, and goes.
    pub(super) async fn look(&self, mirror: &Arc<Mirror>, name: &str) -> Result<Found, VcsError> {
        match mirror.objects.read(&self.means.jail, mirror.dir(), name, MAX_COMMIT_BYTES).await {
            Err(VcsError::Failed { .. }) => {
                self.start_over(mirror).await;
                Ok(Found::Missing)
            }
            other => other,
        }
    }

    /// Fetches when it is our turn, unless somebody before us took our wish along.
    async fn fetch_commit(&self, id: &str, reference: Option<&str>) -> Result<Arc<Mirror>, VcsError> {
        let source = reference.unwrap_or(id).to_owned();
        let wanting = Wanting::new(&self.contents, Want { id: id.to_owned(), source });
        let _turn = self.contents.turn.lock().await;
        let mut mirror = self.contents.slot.open(Format::of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(mirror);
        }
        if !self.contents.slot.holds(&mirror).await {
            mirror = self.contents.slot.open(Format::of(id)).await?;
        }
        let mut fetched = self.fetch_together(&mirror, &wanting.want).await;
        if let Err(error) = &fetched
            && self.is_damaged(&mirror, error).await
        {
            self.start_over(&mirror).await;
            mirror = self.contents.slot.open(Format::of(id)).await?;
            fetched = self.fetch_together(&mirror, &wanting.want).await;
        }
        fetched?;
        self.gather_packs(&mirror).await;
        self.check_size().await?;
        Ok(mirror)
    }

    /// Makes few packs of many. What no ref names any more stays, since it may be a version.
    async fn gather_packs(&self, mirror: &Mirror) {
        if mirror.packs() <= MAX_PACKS {
            return;
        }
        let steps: [&[&str]; 2] = [&["repack", "-q", "-d", "-l", "--geometric=2"], &["pack-refs", "--all"]];
        for step in steps {
            let Ok(command) = self.means.jail.command(System::Git, Reach::Content) else { return };
            let command = command.args(step).env("GIT_DIR", mirror.dir()).dir(mirror.dir());
            // Many packs are slow and not wrong.
            let _ = command.deadline(FETCH_DEADLINE).output(1 << 20).await;
        }
    }

    /// What we want, and on the way what others want too; if that fails, what we want by every means there is.
    async fn fetch_together(&self, mirror: &Arc<Mirror>, want: &Want) -> Result<(), VcsError> {
        let mut wants: Vec<Want> = vec![want.clone()];
        wants
            .extend(self.contents.wanted().iter().filter(|other| *other != want).take(MAX_TOGETHER).cloned());
        if wants.len() > 1
            && self.remote(FETCH_DEADLINE, &self.access()).fetch(mirror, &wants).await.is_ok()
            && self.has(mirror, &want.id).await?
        {
            return Ok(());
        }
        self.fetch_alone(mirror, want).await
    }

    /// By name; by id, if the name has moved on; and at last all there is (cmd/go `gitRepo.stat`).
    async fn fetch_alone(&self, mirror: &Arc<Mirror>, want: &Want) -> Result<(), VcsError> {
        let access = self.access();
        let remote = self.remote(FETCH_DEADLINE, &access);
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
