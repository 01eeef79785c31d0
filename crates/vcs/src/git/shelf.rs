//! Kept copies of single commits: with all their files, or only outlined.
//!
//! An outline is a commit with its directories and at most the small files of the upper ones, down to where the module is. It
//! is what `.info` and `.mod` files are made of, and costs a thousandth of a large repository; what else is read is fetched
//! one by one. With an outline come those of commits that are likely to be asked for next. Once a version was archived, its
//! successors are fetched whole, since they share most of what is there. A server that leaves nothing out gives whole
//! commits, and is asked for nothing else from then on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as Turn;

use super::Inner;
use super::refs::{Format, Target};
use super::remote::{By, Order, Want};
use super::slot::Slot;
use crate::flight::Flights;
use crate::jail::Reach;
use crate::mirror::{Found, Kind, Mirror};
use crate::{System, Trouble, VcsError};

/// How long a fetch may take: as long as the operator lets it.
pub(super) const FETCH_DEADLINE: Duration = Duration::MAX;
/// The largest commit or tag that is read.
pub(super) const MAX_COMMIT_BYTES: u64 = 16 << 20;
/// How many packs a copy may have before they are gathered.
pub(super) const MAX_PACKS: usize = 50;
/// From how many fetches of outlines and single files on whole commits are fetched.
const MAX_PIECES: usize = 16;
/// How many more commits are taken along, first and at most: for each a server goes through all of its directories.
const MIN_LIKELY: usize = 16;
const MAX_LIKELY: usize = 64;
/// How many commits a server is told of that we have, among how many that would be good.
const MAX_BASES: usize = 4;
const MAX_NEAR: usize = 32;
/// How many commits are fetched together at most.
const MAX_TOGETHER: usize = 64;

/// How much of a commit is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// All files.
    Whole,
    /// Directories, and files as far as they are asked for.
    Outline,
}

/// A copy, and who fetches into it.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) slot: Slot,
    /// Held by the one who fetches.
    turn: Turn<()>,
    fetching: Flights<Arc<Mirror>>,
    /// What those want who wait for their turn.
    wanted: Mutex<BTreeSet<Want>>,
    /// What was fetched while this process runs, with files of directories so far below the top.
    brought: Mutex<HashMap<String, usize>>,
}

impl Shelf {
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            slot,
            turn: Turn::default(),
            fetching: Flights::default(),
            wanted: Mutex::default(),
            brought: Mutex::default(),
        }
    }

    /// What others want besides this, and was not brought while they wait for their turn.
    fn others(&self, want: &Want) -> Vec<Want> {
        let (wanted, brought) = (self.wanted(), self.brought());
        let lacking = wanted.iter().filter(|other| *other != want && !brought.contains_key(&other.id));
        lacking.take(MAX_TOGETHER).cloned().collect()
    }

    fn brought(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is there.
    pub(super) fn forget(&self) {
        self.brought().clear();
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, BTreeSet<Want>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says while it lives that something is wanted.
struct Wanting<'a> {
    shelf: &'a Shelf,
    want: Want,
}

impl<'a> Wanting<'a> {
    fn new(shelf: &'a Shelf, want: Want) -> Self {
        shelf.wanted().insert(want.clone());
        Self { shelf, want }
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.shelf.wanted().remove(&self.want);
    }
}

impl Inner {
    pub(super) fn shelf(&self, extent: Extent) -> &Shelf {
        match extent {
            Extent::Whole => &self.contents,
            Extent::Outline => &self.outlines,
        }
    }

    /// A copy that has this commit, of this extent or more.
    pub(super) async fn kept(&self, extent: Extent, id: &str) -> Result<Option<Arc<Mirror>>, VcsError> {
        let extents: &[Extent] = match extent {
            Extent::Whole => &[Extent::Whole],
            Extent::Outline => &[Extent::Whole, Extent::Outline],
        };
        for extent in extents {
            let mirror = self.shelf(*extent).slot.open(Format::of(id)).await?;
            if mirror.is_doubtful() && self.may_doubt() {
                self.start_over(&mirror).await;
            } else if self.has(&mirror, id).await? {
                return Ok(Some(mirror));
            }
        }
        Ok(None)
    }

    /// A copy that has this commit, fetched if none has it yet. `reference` is a ref that is on it, if one is.
    pub(super) async fn with_commit(
        self: &Arc<Self>,
        extent: Extent,
        id: &str,
        reference: Option<&str>,
    ) -> Result<Arc<Mirror>, VcsError> {
        if let Some(mirror) = self.kept(extent, id).await? {
            return Ok(mirror);
        }
        let extent = self.cheaper(extent, Format::of(id)).await?;
        let (this, want) = (self.clone(), id.to_owned());
        let reference = reference.map(str::to_owned);
        let fetch = || -> BoxFuture<'static, _> {
            Box::pin(async move { this.fetch_commit(extent, &want, reference.as_deref()).await })
        };
        self.shelf(extent).fetching.join(id, fetch).await
    }

    /// The extent that costs less, if an outline would do.
    async fn cheaper(&self, extent: Extent, format: Format) -> Result<Extent, VcsError> {
        let is_begun = self.contents.slot.open(format).await?.is_begun();
        if is_begun || self.is_worth_all(format).await? || self.means.filters.of(&self.place, 0).is_none() {
            return Ok(Extent::Whole);
        }
        Ok(extent)
    }

    /// Whether so much was asked for piece by piece that all of it costs less.
    pub(super) async fn is_worth_all(&self, format: Format) -> Result<bool, VcsError> {
        Ok(self.outlines.slot.open(format).await?.packs() > MAX_PIECES)
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
        if !mirror.is_begun() {
            return Ok(Found::Missing);
        }
        match mirror.objects.read(&self.means.jail, mirror.dir(), name, MAX_COMMIT_BYTES).await {
            Err(VcsError::Failed { .. }) => {
                self.start_over(mirror).await;
                Ok(Found::Missing)
            }
            other => other,
        }
    }

    /// Fetches when it is our turn, unless somebody before us took our wish along.
    async fn fetch_commit(
        &self,
        extent: Extent,
        id: &str,
        reference: Option<&str>,
    ) -> Result<Arc<Mirror>, VcsError> {
        let shelf = self.shelf(extent);
        let source = reference.unwrap_or(id).to_owned();
        let wanting = Wanting::new(shelf, Want { id: id.to_owned(), source });
        let _turn = shelf.turn.lock().await;
        let mut mirror = shelf.slot.open(Format::of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(mirror);
        }
        if !shelf.slot.holds(&mirror).await {
            mirror = shelf.slot.open(Format::of(id)).await?;
        }
        // What will be asked then starts meanwhile.
        let fetching = self.fetch_together(extent, &mirror, &wanting.want);
        let (mut fetched, ()) = tokio::join!(fetching, mirror.objects.start(&self.means.jail, mirror.dir()));
        if let Err(error) = &fetched
            && self.is_damaged(&mirror, error).await
        {
            self.start_over(&mirror).await;
            mirror = shelf.slot.open(Format::of(id)).await?;
            fetched = self.fetch_together(extent, &mirror, &wanting.want).await;
        }
        fetched?;
        if extent == Extent::Whole {
            self.gather_packs(&mirror).await;
        }
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

    /// What is likely to be asked for next: outlines cost little, and who asks for a version often asks for those near it, for
    /// the newest, and for other modules.
    fn likely(&self, extent: Extent, want: &Want) -> Vec<Want> {
        if !self.means.filters.is_proven(&self.place) {
            return Vec::new();
        }
        let remembered = self.remembered();
        let (Extent::Outline, Some(refs)) = (extent, remembered.last()) else { return Vec::new() };
        let brought = self.outlines.brought();
        // Of a repository that was asked for much, more will be asked.
        let count = brought.len().clamp(MIN_LIKELY, MAX_LIKELY);
        let likely = refs.likely(&want.source, count, &|id| !brought.contains_key(id)).into_iter();
        likely.map(|target| Want { id: target.id, source: target.reference }).collect()
    }

    /// Commits near what is wanted that the copy has at least as much of: four at most, since servers read them in rounds. Of
    /// outlines of the top nothing is worth a round; of copies from earlier runs all that is kept is told.
    async fn bases(
        &self,
        extent: Extent,
        mirror: &Arc<Mirror>,
        wants: &[Want],
    ) -> Result<Option<Vec<String>>, VcsError> {
        let depth = depth_of(wants);
        if extent == Extent::Outline && depth == 0 {
            return Ok(Some(Vec::new()));
        }
        let source = wants.first().map(|want| want.source.as_str()).unwrap_or_default();
        let near =
            self.remembered().last().map(|refs| refs.likely(source, MAX_NEAR, &|_| true)).unwrap_or_default();
        let mut bases = Vec::new();
        for Target { id, .. } in near {
            let is_deep = || self.outlines.brought().get(&id).is_some_and(|brought| *brought >= depth);
            if bases.len() < MAX_BASES
                && (extent == Extent::Whole || is_deep())
                && self.has(mirror, &id).await.unwrap_or(false)
            {
                bases.push(id);
            }
        }
        Ok(Some(bases).filter(|bases| extent == Extent::Outline || !bases.is_empty()))
    }

    /// What we want, and on the way what others want too; if that fails, what we want by every means there is.
    async fn fetch_together(
        &self,
        extent: Extent,
        mirror: &Arc<Mirror>,
        want: &Want,
    ) -> Result<(), VcsError> {
        let mut wants: Vec<Want> = vec![want.clone()];
        wants.extend(self.shelf(extent).others(want));
        let mut along = self.likely(extent, want);
        along.retain(|other| wants.iter().all(|want| want.id != other.id));
        let bases = self.bases(extent, mirror, &wants).await?;
        let order = Order { wants: &wants, along: &along, by: self.usual(), bases: bases.as_deref() };
        if wants.len() + along.len() > 1
            && self.fetch_wants(extent, mirror, order).await.is_ok()
            && self.has(mirror, &want.id).await?
        {
            let depth = depth_of(&wants);
            let brought = wants.into_iter().chain(along).map(|want| (want.id, depth));
            self.shelf(extent).brought().extend(brought);
            return Ok(());
        }
        let order = Order { wants: std::slice::from_ref(want), along: &[], ..order };
        self.fetch_alone(extent, mirror, order).await?;
        self.shelf(extent).brought().insert(want.id.clone(), want.depth());
        Ok(())
    }

    /// How this server is asked for commits, as far as it has shown.
    fn usual(&self) -> By {
        if self.means.filters.wants_names(&self.place) { By::Name } else { By::Id }
    }

    /// By id; by name, if the server gives nothing by ids; and at last all there is (cmd/go `gitRepo.stat`).
    async fn fetch_alone(
        &self,
        extent: Extent,
        mirror: &Arc<Mirror>,
        order: Order<'_>,
    ) -> Result<(), VcsError> {
        let Some(want) = order.wants.first() else { return Ok(()) };
        let usual = self.usual();
        let other = if usual == By::Id { By::Name } else { By::Id };
        let ways = [Some(usual), Some(other).filter(|_| want.source != want.id)];
        for by in ways.into_iter().flatten() {
            match self.fetch_wants(extent, mirror, Order { by, ..order }).await {
                Ok(()) if self.has(mirror, &want.id).await? => {
                    if by == By::Name {
                        self.means.filters.want_names(&self.place);
                    }
                    return Ok(());
                }
                Err(error) if is_final(&error) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.remote(FETCH_DEADLINE, &self.access()).fetch_whole(mirror).await?;
        if self.has(mirror, &want.id).await? {
            return Ok(());
        }
        Err(VcsError::UnknownRevision { name: want.id.clone() })
    }

    /// One fetch; an outline by the best filter that the server knows.
    async fn fetch_wants(&self, extent: Extent, mirror: &Mirror, order: Order<'_>) -> Result<(), VcsError> {
        let format = Format::of(order.wants.first().map_or("", |want| &want.id));
        let access = self.access();
        let remote = self.remote(FETCH_DEADLINE, &access);
        loop {
            let filter = match extent {
                Extent::Whole => None,
                Extent::Outline => self.means.filters.of(&self.place, depth_of(order.wants)),
            };
            let fetched = remote.fetch(mirror, order, filter.as_deref()).await;
            if filter.is_some() {
                mirror.reset_config(format)?;
            }
            match fetched {
                Err(VcsError::Failed { text, .. }) if filter.is_some() && text.contains("filter") => {
                    self.means.filters.refuse(&self.place, filter.as_deref().unwrap_or_default());
                }
                Ok(said) => {
                    match filter {
                        Some(_) if said.contains(UNKNOWN_FILTER) => self.means.filters.forgo(&self.place),
                        Some(_) => self.means.filters.prove(&self.place),
                        None => {}
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// An object that an outline leaves out: a file, or a directory with all directories in it.
    pub(super) async fn fetch_object(self: &Arc<Self>, id: &str) -> Result<Arc<Mirror>, VcsError> {
        let (this, want) = (self.clone(), id.to_owned());
        let fetch = || -> BoxFuture<'static, _> {
            Box::pin(async move {
                let _turn = this.outlines.turn.lock().await;
                let mirror = this.outlines.slot.open(Format::of(&want)).await?;
                if matches!(this.look(&mirror, &want).await?, Found::Missing) {
                    let access = this.access();
                    let fetched = this.remote(FETCH_DEADLINE, &access).fetch_object(&mirror, &want).await;
                    mirror.reset_config(Format::of(&want))?;
                    fetched?;
                }
                Ok(mirror)
            })
        };
        self.outlines.fetching.join(id, fetch).await
    }
}

/// How deep the deepest of these is.
fn depth_of(wants: &[Want]) -> usize {
    wants.iter().map(Want::depth).max().unwrap_or_default()
}

/// What git says when a server leaves nothing out.
const UNKNOWN_FILTER: &str = "filtering not recognized";

/// What another way of asking would not change.
fn is_final(error: &VcsError) -> bool {
    match error {
        VcsError::Failed { trouble, .. } => {
            matches!(trouble, Trouble::Auth | Trouble::Identity | Trouble::Network | Trouble::RateLimited)
        }
        _ => true,
    }
}
