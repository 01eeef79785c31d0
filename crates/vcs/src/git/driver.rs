//! [`Repo`] for git.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::commit::committed;
use super::files::{Unread, damaged};
use super::refs::{Format, Meaning, Refs};
use super::shelf::Extent;
use super::{GitRepo, Inner};
use crate::mirror::{Found, Mirror};
use crate::{Archive, Place, Repo, Revision, Tag, VcsError, ids};

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
            match self.inner.file(revision, path, max).await {
                Err(Unread::Damaged(mirror, _)) => {
                    self.inner.start_over(&mirror).await;
                    Ok(self.inner.file(revision, path, max).await?)
                }
                other => Ok(other?),
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
            match self.inner.archive(revision, directory).await {
                Err(Unread::Damaged(mirror, _)) => {
                    self.inner.start_over(&mirror).await;
                    Ok(self.inner.archive(revision, directory).await?)
                }
                other => Ok(other?),
            }
        })
    }
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
            let mirror = self.with_commit(Extent::Outline, &head.id, Some(&head.reference)).await?;
            return self.revision(&mirror, refs, &head.id, Some(head.reference)).await;
        };
        let unknown = || VcsError::UnknownRevision { name: asked.to_owned() };
        match refs.meaning(asked) {
            Meaning::Named(target) => {
                let mirror = self.with_commit(Extent::Outline, &target.id, Some(&target.reference)).await?;
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
                let mirror = self.with_commit(Extent::Outline, &id, None).await?;
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
        let name = format!("{digits}^{{commit}}");
        for extent in [Extent::Whole, Extent::Outline] {
            let mirror = self.shelf(extent).slot.open(refs.format().unwrap_or(Format::Sha1)).await?;
            if let Found::Object(object) = self.look(&mirror, &name).await? {
                return Ok(object.id);
            }
        }
        self.in_history(refs, digits).await
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
            short: ids::short(id),
            name: id.to_owned(),
            reference,
            time,
            tags: refs.tags_on(id),
        })
    }

    /// A copy with a commit that was told of before, fetched again if it is not there any more.
    pub(super) async fn located(self: &Arc<Self>, extent: Extent, id: &str) -> Result<Arc<Mirror>, VcsError> {
        self.ask();
        if !super::refs::is_id(id) {
            return Err(VcsError::UnknownRevision { name: id.to_owned() });
        }
        if let Some(mirror) = self.kept(extent, id).await? {
            return Ok(mirror);
        }
        if extent == Extent::Whole && self.kept(Extent::Outline, id).await?.is_some() {
            // What has an outline was shown to be offered; it is fetched by the name that it has now, if it has one.
            let refs = self.refs().await?;
            return self.with_commit(extent, id, refs.naming(id)).await;
        }
        let refs = self.refs().await?;
        if let Some(reference) = refs.naming(id) {
            return self.with_commit(extent, id, Some(reference)).await;
        }
        // Only what a branch or a tag leads to, never any commit that the server happens to have.
        let id = self.in_history(&refs, id).await?;
        self.with_commit(extent, &id, None).await
    }
}
