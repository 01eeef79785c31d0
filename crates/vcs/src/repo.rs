//! What is asked of a repository.

use std::future::ready;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{Archive, Place, VcsError};

/// A repository.
///
/// The contract, the same for every system (cmd/go `codehost.Repo`): names of revisions are resolved among what the
/// repository offers to everybody (branches, tags, its default), never among what only the server's owner should see, such
/// as `refs/pull/*`. Whoever asks for the same thing at the same time shares one fetch, and dropping a future ends the
/// work once nobody waits for it. [`VcsError::is_absent`] is a statement of the repository, never the result of a fault on
/// the way to it. A [`Revision`] stays readable as long as the repository offers it or the kept copy has it.
pub trait Repo: Send + Sync + 'static {
    /// Where it is.
    fn place(&self) -> &Place;

    /// All tags that begin with `prefix`, by name. Fetches no content.
    fn tags<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>>;

    /// The revision that a name means: a tag, a branch, a full or unique short id. `None` means the tip of the default
    /// branch, whatever that is for the system.
    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>>;

    /// A file at a revision, as it is stored and not as a checkout would convert it; `None` if there is none, or if what is
    /// there is a directory. A symbolic link is its target.
    ///
    /// # Errors
    /// [`VcsError::TooLarge`] if it is longer than `max` bytes.
    fn read_file<'a>(
        &'a self,
        revision: &'a str,
        path: &'a str,
        max: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, VcsError>>;

    /// The names of the tags with a prefix on a revision and on all its ancestors. Systems that cannot tell give none.
    fn tags_behind<'a>(
        &'a self,
        _revision: &'a str,
        _prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, VcsError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    /// Whether a tag is on a revision or on one of its ancestors. Systems that cannot tell say no.
    fn descends_from<'a>(
        &'a self,
        _revision: &'a str,
        _tag: &'a str,
    ) -> BoxFuture<'a, Result<bool, VcsError>> {
        Box::pin(ready(Ok(false)))
    }

    /// The files below a directory (empty for the root) at a revision, as a checkout converts them, without substitutions
    /// and exceptions that are meant for archives. Paths are relative to the directory. A directory that is not there has
    /// no files.
    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>>;
}

/// A tag, and what it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The full id of what it points to, as the system tells it without content (for an annotated tag of git: the
    /// commit); empty where it is not told.
    pub id: String,
}

/// A revision that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its full id, by which it is asked for from then on: a hash, or a number.
    pub id: String,
    /// The short id, as pseudo-versions have it: 12 hex digits, or a number of 12 digits.
    pub short: String,
    /// The name that it was found by, as the version is called then: a tag's name where it was one, else the full id.
    pub name: String,
    /// The name that may mean another revision tomorrow, as the system writes it (`refs/heads/main`, `HEAD`). Where an id
    /// was asked for: the first name that is on it, as cmd/go notes it, but never `HEAD`; none if no name is.
    pub reference: Option<String>,
    /// When it was committed; to the second, but for Subversion.
    pub time: Timestamp,
    /// All tags on it, by name.
    pub tags: Vec<String>,
}
