//! Files and directories of a commit that a kept copy has.
//!
//! What a copy does not have says nothing about the commit: it may be an outline, or it may be damaged. So a file is absent
//! only when every directory on the way was read, and the last does not have it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::commit::member;
use super::refs::Format;
use super::shelf::Extent;
use super::{Inner, tree};
use crate::archive::{is_plain, tarred};
use crate::jail::{Command, Reach};
use crate::mirror::{Found, Kind, Mirror, Object};
use crate::{Archive, ArchiveError, EntryKind, System, Trouble, VcsError};

/// The largest commit, and the largest directory.
const MAX_OBJECT_BYTES: u64 = 64 << 20;
/// The longest listing: a million files.
const MAX_LISTING_BYTES: u64 = 256 << 20;

/// Why something was not read.
pub(super) enum Unread {
    /// A copy is damaged.
    Damaged(Arc<Mirror>, VcsError),
    /// Anything else.
    Other(VcsError),
}

impl From<VcsError> for Unread {
    fn from(error: VcsError) -> Self {
        Self::Other(error)
    }
}

impl From<Unread> for VcsError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Damaged(_, error) | Unread::Other(error) => error,
        }
    }
}

/// What is at a path.
enum At {
    /// A file or a link, and its id.
    File(String),
    /// A directory.
    Directory,
    /// Nothing that has content.
    Nothing,
    /// Unknown, since the copy does not have this object.
    Beyond(String),
}

pub(super) fn damaged(what: &str) -> VcsError {
    VcsError::Failed { command: "git cat-file".to_owned(), trouble: Trouble::Corrupt, text: what.to_owned() }
}

/// A fault of reading a copy.
fn fault(mirror: &Arc<Mirror>, error: VcsError) -> Unread {
    match error {
        VcsError::Failed { trouble: Trouble::Corrupt | Trouble::Other, .. } => {
            Unread::Damaged(mirror.clone(), error)
        }
        other => Unread::Other(other),
    }
}

impl Inner {
    /// A file, with as much fetched as it needs.
    pub(super) async fn file(
        self: &Arc<Self>,
        id: &str,
        path: &str,
        max: u64,
    ) -> Result<Option<Bytes>, Unread> {
        if !is_plain(path) {
            return Ok(None);
        }
        let mut mirror = self.located(Extent::Outline, id).await?;
        let mut fetched = String::new();
        loop {
            let name = format!("{id}:{path}");
            let found = self.ask_for(&mirror, &name, max).await.map_err(|error| fault(&mirror, error))?;
            match found {
                Found::Object(object) if object.kind == Kind::Blob => return Ok(Some(object.bytes)),
                Found::Object(_) => return Ok(None),
                Found::TooLarge | Found::Missing | Found::Ambiguous => {}
            }
            let is_there = matches!(found, Found::TooLarge);
            let object = match self.look_up(&mirror, id, path).await.map_err(|error| fault(&mirror, error))? {
                At::File(_) if is_there => {
                    return Err(Unread::Other(VcsError::TooLarge { what: path.to_owned(), max }));
                }
                At::File(object) | At::Beyond(object) => object,
                At::Directory | At::Nothing => return Ok(None),
            };
            if object == fetched || !self.outlines.slot.holds(&mirror).await {
                return Err(Unread::Damaged(mirror, damaged("an object is missing")));
            }
            mirror = if self.is_worth_all(Format::of(id)).await? {
                self.located(Extent::Whole, id).await?
            } else {
                self.fetch_object(&object).await?
            };
            fetched = object;
        }
    }

    /// What is at a path, found by reading every directory on the way.
    async fn look_up(&self, mirror: &Mirror, id: &str, path: &str) -> Result<At, VcsError> {
        let root = self.ask_for(mirror, &format!("{id}^{{tree}}"), MAX_OBJECT_BYTES).await?;
        let mut at = there(root)?.ok_or_else(|| damaged("a commit has no directory"))?;
        let id_bytes = Format::of(id).digits() / 2;
        let mut elements = path.split('/').peekable();
        while let Some(element) = elements.next() {
            let found = member(&at.bytes, element.as_bytes(), id_bytes);
            let Some(found) = found.map_err(|()| damaged("a directory cannot be read"))? else {
                return Ok(At::Nothing);
            };
            let is_directory = found.mode == b"40000" || found.mode == b"040000";
            match elements.peek() {
                None if is_directory => return Ok(At::Directory),
                None if found.is_submodule() => return Ok(At::Nothing),
                None => return Ok(At::File(found.id())),
                Some(_) if is_directory => {}
                Some(_) => return Ok(At::Nothing),
            }
            match there(self.ask_for(mirror, &found.id(), MAX_OBJECT_BYTES).await?)? {
                Some(next) => at = next,
                None => return Ok(At::Beyond(found.id())),
            }
        }
        Ok(At::Directory)
    }

    /// An object that must be there.
    pub(super) async fn object(&self, mirror: &Mirror, id: &str) -> Result<Object, VcsError> {
        there(self.ask_for(mirror, id, MAX_OBJECT_BYTES).await?)?
            .ok_or_else(|| damaged("an object is missing"))
    }

    async fn ask_for(&self, mirror: &Mirror, name: &str, max: u64) -> Result<Found, VcsError> {
        mirror.objects.read(&self.means.jail, mirror.dir(), name, max).await
    }

    /// The files below a directory.
    pub(super) async fn archive(self: &Arc<Self>, id: &str, directory: &str) -> Result<Archive, Unread> {
        let mirror = self.located(Extent::Whole, id).await?;
        self.archive_in(&mirror, id, directory).await.map_err(|error| fault(&mirror, error))
    }

    async fn archive_in(&self, mirror: &Arc<Mirror>, id: &str, directory: &str) -> Result<Archive, VcsError> {
        if !directory.is_empty() {
            let at =
                if is_plain(directory) { self.look_up(mirror, id, directory).await? } else { At::Nothing };
            match at {
                At::Directory => {}
                At::Beyond(_) => return Err(damaged("a directory is missing")),
                At::File(_) | At::Nothing => return Ok(Archive::new(Vec::new(), |_| Ok(()))),
            }
        }
        let listing = self.reading(mirror)?.args(["ls-tree", "-r", "-z", "--long", "--end-of-options"]);
        let listing = listing.arg(format!("{id}:{directory}")).output(MAX_LISTING_BYTES).await?;
        let entries = tree::parse(&listing.stdout).ok_or_else(|| damaged("not a listing"))?;
        if entries.iter().all(|entry| entry.kind == EntryKind::Other) {
            return Ok(Archive::new(entries, |_| Ok(())));
        }
        // The settings of cmd/go `gitRepo.ReadZip`; a directory is a name and no pattern.
        let command = self.reading(mirror)?.config("core.autocrlf", "input").config("core.eol", "lf");
        let command = command.env("GIT_LITERAL_PATHSPECS", "1").args(["archive", "--format=tar"]);
        let command = command.args(["--end-of-options", id]);
        let command = if directory.is_empty() { command } else { command.arg(directory) };
        let mut stream = command.stream().await?;
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let (listed, keep) = (entries.clone(), mirror.clone());
        Ok(Archive::new(entries, move |each| {
            let mut is_unwanted = false;
            let read = tarred::contents(&mut stream, prefix.as_bytes(), &listed, &mut |path, content| {
                each(path, content).inspect_err(|_| is_unwanted = true)
            });
            let whole = read
                .and_then(|()| stream.finish().map_err(|error| ArchiveError::Read(io::Error::other(error))));
            if whole.is_err() && !is_unwanted {
                keep.doubt();
            }
            whole
        }))
    }

    /// A command that reads a copy.
    fn reading(&self, mirror: &Mirror) -> Result<Command, VcsError> {
        let command = self.means.jail.command(System::Git, Reach::Content)?;
        Ok(command.env("GIT_DIR", mirror.dir()).dir(mirror.dir()))
    }
}

/// The object, if it is there.
fn there(found: Found) -> Result<Option<Object>, VcsError> {
    match found {
        Found::Object(object) => Ok(Some(object)),
        Found::Missing | Found::Ambiguous => Ok(None),
        Found::TooLarge => Err(VcsError::TooLarge { what: "a directory".to_owned(), max: MAX_OBJECT_BYTES }),
    }
}
