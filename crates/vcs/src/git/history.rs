//! The kept copy with all commits and no files, for questions about ancestors.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex as Turn;

use super::Inner;
use super::content::{FETCH_DEADLINE, format_of, open_mirror};
use super::flight::Flights;
use super::refs::{Format, Refs};
use crate::jail::Reach;
use crate::mirror::{Found, Kind, Mirror, remove};
use crate::{System, Trouble, VcsError};

/// Most ids that a walk may write: 1.5 million commits.
const MAX_WALK_BYTES: u64 = 64 << 20;

/// The copy, and the refs that it was last fetched at.
#[derive(Debug)]
pub(super) struct History {
    dir: PathBuf,
    open: Turn<Option<Fetched>>,
    fetching: Flights<Arc<Mirror>>,
}

#[derive(Clone, Debug)]
struct Fetched {
    mirror: Arc<Mirror>,
    at: Arc<Refs>,
}

impl History {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, open: Turn::default(), fetching: Flights::default() }
    }

    async fn discard(&self) {
        let mut open = self.open.lock().await;
        if let Some(fetched) = open.take() {
            fetched.mirror.objects.close().await;
        }
        let dir = self.dir.clone();
        let _ = tokio::task::spawn_blocking(move || remove(&dir)).await;
    }
}

impl Inner {
    /// The commits of all that these refs name.
    pub(super) async fn history(self: &Arc<Self>, refs: &Arc<Refs>) -> Result<Arc<Mirror>, VcsError> {
        if let Some(fetched) = &*self.history.open.lock().await
            && *fetched.at == **refs
        {
            return Ok(fetched.mirror.clone());
        }
        let (this, refs, key) = (self.clone(), refs.clone(), format!("{:p}", Arc::as_ptr(refs)));
        let fetch = || -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async move { this.fetch_history(refs).await })
        };
        // One fetch for each state of the refs, which all who were told of it share.
        self.history.fetching.join(&key, fetch).await
    }

    async fn fetch_history(&self, refs: Arc<Refs>) -> Result<Arc<Mirror>, VcsError> {
        let mut open = self.history.open.lock().await;
        let format = refs.format().unwrap_or(Format::Sha1);
        let kept = open.take().map(|fetched| fetched.mirror);
        let mirror = match kept {
            Some(mirror) => mirror,
            None => Arc::new(open_mirror(self.history.dir.clone(), format).await?),
        };
        let has_head = refs.head().is_some();
        let fetched = self.remote(FETCH_DEADLINE).fetch_commits(&mirror, has_head).await;
        mirror.reset_config(format)?;
        let mirror = match fetched {
            Ok(()) => mirror,
            Err(error @ VcsError::Failed { trouble: Trouble::Corrupt | Trouble::Other, .. }) => {
                if self.is_sound(&mirror).await {
                    return Err(error);
                }
                drop(mirror);
                let dir = self.history.dir.clone();
                let _ = tokio::task::spawn_blocking(move || remove(&dir)).await;
                let anew = Arc::new(open_mirror(self.history.dir.clone(), format).await?);
                self.remote(FETCH_DEADLINE).fetch_commits(&anew, has_head).await?;
                anew.reset_config(format)?;
                anew
            }
            Err(error) => return Err(error),
        };
        self.lend(&mirror, &refs).await?;
        *open = Some(Fetched { mirror: mirror.clone(), at: refs });
        Ok(mirror)
    }

    /// A server that cannot leave files out has sent them all, and they need not be fetched again.
    async fn lend(&self, mirror: &Mirror, refs: &Refs) -> Result<(), VcsError> {
        let Some(head) = refs.head() else { return Ok(()) };
        let tree = format!("{}^{{tree}}", head.id);
        match mirror.objects.read(&self.means.jail, mirror.dir(), &tree, 64 << 20).await? {
            Found::Object(_) | Found::TooLarge => {
                let contents = self.contents.open(refs.format().unwrap_or(Format::Sha1)).await?;
                contents.borrow_from(mirror)?;
                // It looks for where to borrow from at its start.
                contents.objects.close().await;
                Ok(())
            }
            Found::Missing | Found::Ambiguous => Ok(()),
        }
    }

    /// The commit of the history that begins with these digits.
    pub(super) async fn in_history(
        self: &Arc<Self>,
        refs: &Arc<Refs>,
        digits: &str,
    ) -> Result<String, VcsError> {
        let mirror = self.history(refs).await?;
        let name = format!("{digits}^{{commit}}");
        match mirror.objects.read(&self.means.jail, mirror.dir(), &name, 16 << 20).await? {
            Found::Object(object) if object.kind == Kind::Commit => Ok(object.id),
            // Go does not tell several from none here (cmd/go `gitRepo.statLocal`).
            _ => Err(VcsError::UnknownRevision { name: digits.to_owned() }),
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
        let mirror = self.history(refs).await?;
        if !self.has(&mirror, id).await? {
            return Ok(HashSet::new());
        }
        match self.ancestors(&mirror, id).await {
            Err(VcsError::Failed { .. }) => {
                // What has a commit but not its ancestors is damaged.
                drop(mirror);
                self.history.discard().await;
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

    /// Whether all that the refs of a copy lead to can be read.
    pub(super) async fn is_sound(&self, mirror: &Mirror) -> bool {
        let Ok(command) = self.means.jail.command(System::Git, Reach::Content) else { return true };
        let command = command.args(["rev-list", "--quiet", "--objects", "--missing=allow-promisor", "--all"]);
        let walked = command.env("GIT_DIR", mirror.dir()).dir(mirror.dir()).output(1 << 20).await;
        !matches!(walked, Err(VcsError::Failed { .. }))
    }

    /// What ids look like here.
    pub(super) fn format(id: &str) -> Format {
        format_of(id)
    }
}
