//! [`Repo`] for git.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::commit::{committed, member};
use super::refs::{Format, Meaning, Refs};
use super::{GitRepo, Inner, tree};
use crate::jail::Reach;
use crate::mirror::{Found, Kind, Mirror, Object};
use crate::{Archive, Place, Repo, Revision, System, Tag, Trouble, VcsError};

/// Digits of a short id (cmd/go `ShortenSHA1`).
const SHORT: usize = 12;
/// The largest commit, and the largest directory.
const MAX_OBJECT_BYTES: u64 = 64 << 20;
/// The longest listing: a million files.
const MAX_LISTING_BYTES: u64 = 256 << 20;

impl Repo for GitRepo {
    fn place(&self) -> &Place {
        &self.inner.place
    }

    fn tags<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>> {
        Box::pin(async move { Ok(self.inner.refs().await?.list(prefix)) })
    }

    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>> {
        Box::pin(self.inner.stat(name))
    }

    fn read_file<'a>(
        &'a self,
        revision: &'a str,
        path: &'a str,
        max: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, VcsError>> {
        Box::pin(async move {
            let mirror = self.inner.located(revision).await?;
            match self.inner.file(&mirror, revision, path, max).await {
                Err(error) if is_damage(&error) => {
                    self.inner.start_over(&mirror).await;
                    let anew = self.inner.located(revision).await?;
                    self.inner.file(&anew, revision, path, max).await
                }
                other => other,
            }
        })
    }

    fn tags_behind<'a>(
        &'a self,
        revision: &'a str,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, VcsError>> {
        Box::pin(self.inner.tags_behind(revision, prefix))
    }

    fn descends_from<'a>(&'a self, revision: &'a str, tag: &'a str) -> BoxFuture<'a, Result<bool, VcsError>> {
        Box::pin(self.inner.descends_from(revision, tag))
    }

    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>> {
        Box::pin(async move {
            let mirror = self.inner.located(revision).await?;
            match self.inner.archive(&mirror, revision, directory).await {
                Err(error) if is_damage(&error) => {
                    self.inner.start_over(&mirror).await;
                    let anew = self.inner.located(revision).await?;
                    self.inner.archive(&anew, revision, directory).await
                }
                other => other,
            }
        })
    }
}

/// Whether reading failed because of what is kept here.
fn is_damage(error: &VcsError) -> bool {
    matches!(error, VcsError::Failed { trouble: Trouble::Corrupt | Trouble::Other, .. })
}

/// Whether a path can be one in a tree; git would read `./x` and `../x` as relative to a work tree.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|element| !matches!(element, "" | "." | "..")) && !path.contains(['\0', '\n'])
}

fn damaged(what: &str) -> VcsError {
    VcsError::Failed { command: "git cat-file".to_owned(), trouble: Trouble::Corrupt, text: what.to_owned() }
}

impl Inner {
    async fn stat(self: &Arc<Self>, name: Option<&str>) -> Result<Revision, VcsError> {
        self.ask();
        match self.stat_at(&self.refs().await?, name).await {
            // The name was moved, and its old commit removed, between the asking and the fetching.
            Err(VcsError::UnknownRevision { name: id }) if name != Some(id.as_str()) => {
                self.forget_refs();
                self.stat_at(&self.refs().await?, name).await
            }
            other => other,
        }
    }

    async fn stat_at(self: &Arc<Self>, refs: &Arc<Refs>, name: Option<&str>) -> Result<Revision, VcsError> {
        let Some(asked) = name else {
            let head = refs.head().ok_or(VcsError::NoCommits)?;
            let mirror = self.with_commit(&head.id, Some(&head.reference)).await?;
            return self.revision(&mirror, refs, &head.id, Some(head.reference)).await;
        };
        let unknown = || VcsError::UnknownRevision { name: asked.to_owned() };
        match refs.meaning(asked) {
            Meaning::Named(target) => {
                let mirror = self.with_commit(&target.id, Some(&target.reference)).await?;
                let is_head = target.reference == "HEAD";
                let reference = (!is_head || asked == "HEAD").then_some(target.reference);
                let mut revision = self.revision(&mirror, refs, &target.id, reference).await?;
                if target.is_tag {
                    asked.clone_into(&mut revision.name);
                }
                Ok(revision)
            }
            Meaning::Digits => {
                let id = self.by_digits(refs, asked).await?;
                let mirror = self.with_commit(&id, None).await?;
                self.revision(&mirror, refs, &id, None).await
            }
            Meaning::Ambiguous => Err(VcsError::Ambiguous { name: asked.to_owned() }),
            Meaning::Unknown => Err(unknown()),
        }
    }

    /// The commit that begins with these digits and has no name: one that is kept, or one of the history.
    async fn by_digits(self: &Arc<Self>, refs: &Arc<Refs>, digits: &str) -> Result<String, VcsError> {
        if refs.format().is_none() {
            return Err(VcsError::UnknownRevision { name: digits.to_owned() });
        }
        let mirror = self.contents.slot.open(refs.format().unwrap_or(Format::of(digits))).await?;
        let name = format!("{digits}^{{commit}}");
        match self.look(&mirror, &name).await? {
            Found::Object(object) => Ok(object.id),
            _ => self.in_history(refs, digits).await,
        }
    }

    async fn revision(
        &self,
        mirror: &Mirror,
        refs: &Refs,
        id: &str,
        reference: Option<String>,
    ) -> Result<Revision, VcsError> {
        let commit = self.object(mirror, id).await?;
        let time = committed(&commit.bytes).ok_or_else(|| damaged("a commit without a time"))?;
        Ok(Revision {
            id: id.to_owned(),
            short: id.get(..SHORT).unwrap_or(id).to_owned(),
            name: id.to_owned(),
            reference,
            time,
            tags: refs.tags_on(id),
        })
    }

    /// The copy with a commit that was told of before, fetched again if it is not there any more.
    async fn located(self: &Arc<Self>, id: &str) -> Result<Arc<Mirror>, VcsError> {
        self.ask();
        if !super::refs::is_id(id) {
            return Err(VcsError::UnknownRevision { name: id.to_owned() });
        }
        let mirror = self.contents.slot.open(Format::of(id)).await?;
        if self.has(&mirror, id).await? {
            return Ok(mirror);
        }
        let refs = self.refs().await?;
        if let Some(reference) = refs.naming(id) {
            return self.with_commit(id, Some(reference)).await;
        }
        // Only what a branch or a tag leads to, never any commit that the server happens to have.
        let id = self.in_history(&refs, id).await?;
        self.with_commit(&id, None).await
    }

    /// An object that must be there.
    async fn object(&self, mirror: &Mirror, id: &str) -> Result<Object, VcsError> {
        match mirror.objects.read(&self.means.jail, mirror.dir(), id, MAX_OBJECT_BYTES).await? {
            Found::Object(object) => Ok(object),
            Found::TooLarge => {
                Err(VcsError::TooLarge { what: "a directory".to_owned(), max: MAX_OBJECT_BYTES })
            }
            Found::Missing | Found::Ambiguous => Err(damaged("an object is missing")),
        }
    }

    async fn file(&self, mirror: &Mirror, id: &str, path: &str, max: u64) -> Result<Option<Bytes>, VcsError> {
        if !is_plain(path) {
            return Ok(None);
        }
        let name = format!("{id}:{path}");
        match mirror.objects.read(&self.means.jail, mirror.dir(), &name, max).await? {
            Found::Object(object) if object.kind == Kind::Blob => Ok(Some(object.bytes)),
            Found::Object(_) => Ok(None),
            Found::TooLarge => match self.look_up(mirror, id, path).await? {
                Some(true) => Err(VcsError::TooLarge { what: path.to_owned(), max }),
                _ => Ok(None),
            },
            // A copy that lost the file says the same as one that never had it.
            Found::Missing | Found::Ambiguous => match self.look_up(mirror, id, path).await? {
                Some(true) => Err(damaged("a file is missing")),
                _ => Ok(None),
            },
        }
    }

    /// What is at a path, found by reading every directory on the way: a file, a directory, or nothing.
    async fn look_up(&self, mirror: &Mirror, id: &str, path: &str) -> Result<Option<bool>, VcsError> {
        let mut at = self.object(mirror, &format!("{id}^{{tree}}")).await?;
        let id_bytes = Format::of(id).digits() / 2;
        let mut elements = path.split('/').peekable();
        while let Some(element) = elements.next() {
            let found = member(&at.bytes, element.as_bytes(), id_bytes);
            let Some(found) = found.map_err(|()| damaged("a directory cannot be read"))? else {
                return Ok(None);
            };
            let is_directory = found.mode == b"40000" || found.mode == b"040000";
            match elements.peek() {
                None => return Ok((!found.is_submodule()).then_some(!is_directory)),
                Some(_) if is_directory => at = self.object(mirror, &found.id()).await?,
                Some(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn archive(&self, mirror: &Arc<Mirror>, id: &str, directory: &str) -> Result<Archive, VcsError> {
        if !directory.is_empty()
            && (!is_plain(directory) || self.look_up(mirror, id, directory).await? != Some(false))
        {
            return Ok(Archive::new(Vec::new(), |_| Ok(())));
        }
        let command = self.means.jail.command(System::Git, Reach::Content)?.env("GIT_DIR", mirror.dir());
        let listing = command.args(["ls-tree", "-r", "-z", "--long", "--end-of-options"]);
        let listing =
            listing.arg(format!("{id}:{directory}")).dir(mirror.dir()).output(MAX_LISTING_BYTES).await?;
        let entries = tree::parse(&listing.stdout).ok_or_else(|| damaged("not a listing"))?;
        if entries.iter().all(|entry| entry.kind == crate::EntryKind::Other) {
            return Ok(Archive::new(entries, |_| Ok(())));
        }
        // The settings of cmd/go `gitRepo.ReadZip`; a directory is a name and no pattern.
        let command = self.means.jail.command(System::Git, Reach::Content)?.env("GIT_DIR", mirror.dir());
        let command = command.config("core.autocrlf", "input").config("core.eol", "lf");
        let command = command.env("GIT_LITERAL_PATHSPECS", "1").args([
            "archive",
            "--format=tar",
            "--end-of-options",
            id,
        ]);
        let command = if directory.is_empty() { command } else { command.arg(directory) };
        let stream = command.dir(mirror.dir()).stream().await?;
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let (listed, keep) = (entries.clone(), mirror.clone());
        Ok(Archive::new(entries, move |each| {
            let _keep = keep;
            tree::contents(stream, prefix.as_bytes(), &listed, each)
        }))
    }
}
