//! The kept copy with all commits and no files, for questions about ancestors.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as Turn;

use super::Inner;
use super::refs::{Format, Refs};
use super::shelf::{FETCH_DEADLINE, MAX_PACKS};
use super::slot::Slot;
use crate::flight::Flights;
use crate::jail::Reach;
use crate::mirror::{Found, Mirror, Object};
use crate::{System, VcsError};

/// Most ids that a walk may write: 1.5 million commits.
const MAX_WALK_BYTES: u64 = 64 << 20;

/// The copy, and the refs that it was last fetched at.
#[derive(Debug)]
pub(super) struct History {
    pub(super) slot: Slot,
    at: Mutex<Option<Arc<Refs>>>,
    /// Held by the one who fetches.
    turn: Turn<()>,
    fetching: Flights<Arc<Mirror>>,
}

impl History {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, at: Mutex::default(), turn: Turn::default(), fetching: Flights::default() }
    }

    /// Forgets what is there.
    pub(super) fn forget(&self) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_at(&self, refs: &Refs) -> bool {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|at| **at == *refs)
    }
}

impl Inner {
    /// The commits of all that these refs name.
    pub(super) async fn history(self: &Arc<Self>, refs: &Arc<Refs>) -> Result<Arc<Mirror>, VcsError> {
        // Held first: what is held is not given up between the question and the use.
        let mirror = self.history.slot.open(refs.format().unwrap_or(Format::Sha1)).await?;
        if self.history.is_at(refs) {
            return Ok(mirror);
        }
        drop(mirror);
        let (this, refs, key) = (self.clone(), refs.clone(), format!("{:p}", Arc::as_ptr(refs)));
        let fetch = || -> BoxFuture<'static, _> { Box::pin(async move { this.fetch_history(refs).await }) };
        // One fetch for each state of the refs, which all who were told of it share.
        self.history.fetching.join(&key, fetch).await
    }

    async fn fetch_history(&self, refs: Arc<Refs>) -> Result<Arc<Mirror>, VcsError> {
        let format = refs.format().unwrap_or(Format::Sha1);
        let _turn = self.history.turn.lock().await;
        let mut mirror = self.history.slot.open(format).await?;
        if self.history.is_at(&refs) {
            return Ok(mirror);
        }
        if mirror.packs() > MAX_PACKS {
            // Its packs cannot be gathered, since git would look for the files that are left out.
            self.start_over(&mirror).await;
            mirror = self.history.slot.open(format).await?;
        }
        let has_head = refs.head().is_some();
        let access = self.access();
        let remote = self.remote(FETCH_DEADLINE, &access);
        // What another copy reads from this one must stay whole.
        let is_lent = self.contents.slot.open(format).await?.borrows();
        let filter = (!is_lent).then_some("tree:0");
        let mut fetched = remote.fetch_commits(&mirror, has_head, filter).await;
        if let Err(error) = &fetched
            && self.is_damaged(&mirror, error).await
        {
            self.start_over(&mirror).await;
            mirror = self.history.slot.open(format).await?;
            fetched = remote.fetch_commits(&mirror, has_head, Some("tree:0")).await;
        }
        mirror.reset_config(format)?;
        fetched?;
        self.lend(&mirror, &refs).await?;
        self.check_size().await?;
        *self.history.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(refs);
        Ok(mirror)
    }

    /// A server that cannot leave files out has sent them all, and they need not be fetched again.
    async fn lend(&self, mirror: &Mirror, refs: &Refs) -> Result<(), VcsError> {
        let Some(head) = refs.head() else { return Ok(()) };
        let tree = format!("{}^{{tree}}", head.id);
        match mirror.objects.read(&self.means.jail, mirror.dir(), &tree, 64 << 20).await? {
            Found::Object(_) | Found::TooLarge => {
                let contents = self.contents.slot.open(refs.format().unwrap_or(Format::Sha1)).await?;
                contents.borrow_from(mirror)?;
                // It looks for where to borrow from at its start.
                contents.objects.close().await;
                Ok(())
            }
            Found::Missing | Found::Ambiguous => Ok(()),
        }
    }

    /// An object of the history by name, and the copy that has it.
    async fn recorded(
        self: &Arc<Self>,
        refs: &Arc<Refs>,
        name: &str,
    ) -> Result<(Option<Object>, Arc<Mirror>), VcsError> {
        loop {
            let mirror = self.history(refs).await?;
            match self.look(&mirror, name).await? {
                Found::Object(object) => return Ok((Some(object), mirror)),
                // What was thrown away meanwhile has nothing, which says nothing.
                _ if !self.history.slot.holds(&mirror).await => {}
                _ => return Ok((None, mirror)),
            }
        }
    }

    /// The commit of the history that begins with these digits.
    pub(super) async fn in_history(
        self: &Arc<Self>,
        refs: &Arc<Refs>,
        digits: &str,
    ) -> Result<String, VcsError> {
        match self.recorded(refs, &format!("{digits}^{{commit}}")).await? {
            (Some(commit), _) => Ok(commit.id),
            // Go does not tell several from none here (cmd/go `gitRepo.statLocal`).
            (None, _) => Err(VcsError::UnknownRevision { name: digits.to_owned() }),
        }
    }

    /// The ids of a commit and of all its ancestors.
    pub(super) async fn ancestors(&self, mirror: &Mirror, id: &str) -> Result<HashSet<String>, VcsError> {
        let command = self.means.jail.command(System::Git, Reach::Content)?;
        let command = command.args(["rev-list", "--end-of-options", id, "--"]).env("GIT_DIR", mirror.dir());
        let text = command.dir(mirror.dir()).output(MAX_WALK_BYTES).await?.stdout;
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        Ok(lines.map(str::to_owned).collect())
    }

    /// The tags with a prefix on a commit and its ancestors.
    pub(super) async fn tags_behind(
        self: &Arc<Self>,
        id: &str,
        prefix: &str,
    ) -> Result<Vec<String>, VcsError> {
        let refs = self.refs().await?;
        // Nothing needs to be fetched to know that there is nothing (cmd/go `gitRepo.RecentTag`).
        if refs.tags(prefix).next().is_none() {
            return Ok(Vec::new());
        }
        let behind = self.behind(&refs, id).await?;
        let tags = refs.tags(prefix).filter(|(_, on)| *on == id || behind.contains(*on));
        Ok(tags.map(|(name, _)| name.to_owned()).collect())
    }

    /// All that is behind a commit; nothing where history does not have it, because no branch does any more.
    async fn behind(self: &Arc<Self>, refs: &Arc<Refs>, id: &str) -> Result<HashSet<String>, VcsError> {
        let (Some(_), mirror) = self.recorded(refs, id).await? else { return Ok(HashSet::new()) };
        match self.ancestors(&mirror, id).await {
            Err(VcsError::Failed { .. }) => {
                // What has a commit but not its ancestors is damaged.
                self.start_over(&mirror).await;
                let anew = self.history(refs).await?;
                self.ancestors(&anew, id).await
            }
            other => other,
        }
    }

    /// Whether the commit of a tag is another or one of its ancestors.
    pub(super) async fn descends_from(self: &Arc<Self>, id: &str, tag: &str) -> Result<bool, VcsError> {
        let refs = self.refs().await?;
        let Some(on) = refs.tag(tag) else { return Ok(false) };
        if on == id {
            return Ok(true);
        }
        let behind = self.behind(&refs, id).await?;
        Ok(behind.contains(on))
    }
}
