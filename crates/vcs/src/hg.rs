//! Mercurial.
//!
//! What this is for: [`Repo`] over the system's own hg, giving what cmd/go `codehost/vcs.go` gives.
//! Why this shape: a clone without a working copy holds everything ([`Whole`]); hg cannot leave anything out. Tags are lines of
//! a file in the tips of branches, so that they too are known only once everything was fetched.
//! What it promises: names are looked up in lists that hg has written, and only ids are put into its expressions, so that
//! no name is read as one (`hg help revsets`). A name means a bookmark, else a tag, else a branch, as hg has it.
//! Deliberately not here: revision numbers, which mean something else in every clone; sub-repositories.

mod names;

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join3};
use jiff::Timestamp;

use self::names::{Meaning, Names, is_id};
use crate::archive::{Each, is_plain, tarred};
use crate::jail::{Access, Command};
use crate::repos::{Means, Opened};
use crate::whole::{Errand, Hold, Pull, Whole};
use crate::{Archive, ArchiveError, Entry, EntryKind, Place, Repo, Revision, Tag, Trouble, VcsError, ids};

/// The longest list of names.
const MAX_NAMES_BYTES: u64 = 64 << 20;
/// The longest listing: a million files.
const MAX_LISTING_BYTES: u64 = 256 << 20;
/// What a fetch may say.
const MAX_SAID_BYTES: u64 = 16 << 20;

/// A Mercurial repository, for whoever asks.
#[derive(Debug)]
pub(crate) struct HgRepo {
    whole: Whole<Hg>,
}

struct Hg;

impl HgRepo {
    /// The repository at a place, with its kept copy below a directory.
    pub(crate) fn new(place: Place, access: Access, dir: &Path, means: Arc<Means>) -> Self {
        Self { whole: Whole::new(place, access, dir, means) }
    }
}

impl Opened for HgRepo {
    fn ask_with(&self, access: &Access) {
        self.whole.ask_with(access);
    }

    fn refresh(&self) {
        self.whole.refresh();
    }
}

/// A command that asks for these settings: names in UTF-8, nothing of sub-repositories, nothing from other places.
fn plain(command: Command) -> Command {
    let settings = ["ui.archivemeta=false", "ui.clonebundles=false", "subrepos.allowed=false"];
    let command = command.env("HGENCODING", "utf-8");
    settings.iter().fold(command, |command, setting| command.arg(format!("--config={setting}")))
}

impl Pull for Hg {
    type Names = Names;

    fn pull(errand: &Errand) -> BoxFuture<'_, Result<Names, VcsError>> {
        Box::pin(async move {
            let copy = &errand.copy;
            if !copy.join(".hg/requires").exists() {
                let above = copy.parent().unwrap_or(copy);
                plain(errand.local()?.dir(above))
                    .args(["init", "--"])
                    .arg(copy)
                    .output(MAX_SAID_BYTES)
                    .await?;
            }
            // A bookmark that was moved back would stay, and one that was removed too; all there are come again.
            let _ = std::fs::remove_file(copy.join(".hg/bookmarks"));
            let pull = plain(errand.remote()?.dir(copy)).args([
                "pull",
                "-q",
                "-f",
                "--",
                errand.server.place().url(),
            ]);
            pull.output(MAX_SAID_BYTES).await?;
            let list = |command: &'static [&'static str]| async move {
                let command = plain(errand.local()?).args(command);
                let said = command.output(MAX_NAMES_BYTES).await;
                said.map(|said| said.stdout)
            };
            let (tags, bookmarks, branches) = try_join3(
                list(&["tags", "-T", "{node} {tag}\\n"]),
                list(&["bookmarks", "-T", "{node} {bookmark}\\n"]),
                list(&["branches", "-c", "-T", "{node} {branch}\\n"]),
            )
            .await?;
            Ok(Names::parse(&tags, &bookmarks, &branches))
        })
    }

    fn clean(copy: &Path) {
        for lock in [".hg/store/lock", ".hg/wlock"] {
            let _ = std::fs::remove_file(copy.join(lock));
        }
    }

    fn is_lacking(error: &VcsError) -> bool {
        let words = ["unknown revision", "abandoned transaction", "hg recover", "no repository found"];
        matches!(error, VcsError::Failed { text, .. } if words.iter().any(|word| text.contains(word)))
    }
}

impl Repo for HgRepo {
    fn place(&self) -> &Place {
        self.whole.place()
    }

    fn tags<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>> {
        Box::pin(async move { Ok(self.whole.names().await?.names.tags(prefix)) })
    }

    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>> {
        Box::pin(self.meaning(name))
    }

    fn read_file<'a>(
        &'a self,
        revision: &'a str,
        path: &'a str,
        max: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, VcsError>> {
        Box::pin(async move {
            if !is_plain(path) {
                return Ok(None);
            }
            let id = known(revision)?;
            self.whole.read(id, |hold| Box::pin(self.file(hold, id, path, max))).await
        })
    }

    fn tags_behind<'a>(
        &'a self,
        revision: &'a str,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, VcsError>> {
        Box::pin(async move {
            let id = known(revision)?;
            let tags = self.whole.names().await?.names.tags(prefix);
            let expression = format!("ancestors({id}) and tag()");
            let read = |hold| -> BoxFuture<'_, _> { Box::pin(self.select(hold, expression.clone())) };
            let behind = self.whole.read(id, read).await?;
            Ok(tags.into_iter().filter(|tag| behind.contains(&tag.id)).map(|tag| tag.name).collect())
        })
    }

    fn descends_from<'a>(&'a self, revision: &'a str, tag: &'a str) -> BoxFuture<'a, Result<bool, VcsError>> {
        Box::pin(async move {
            let id = known(revision)?;
            let names = self.whole.names().await?.names;
            let Some(tagged) = names.tag(tag) else { return Ok(false) };
            let expression = format!("{tagged} and ancestors({id})");
            let read = |hold| -> BoxFuture<'_, _> { Box::pin(self.select(hold, expression.clone())) };
            Ok(!self.whole.read(id, read).await?.is_empty())
        })
    }

    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>> {
        Box::pin(async move {
            let id = known(revision)?;
            self.whole.read(id, |hold| Box::pin(self.files(hold, id, directory))).await
        })
    }
}

impl HgRepo {
    async fn meaning(&self, asked: Option<&str>) -> Result<Revision, VcsError> {
        let kept = self.whole.names().await?;
        let unknown = || VcsError::UnknownRevision { name: asked.unwrap_or("tip").to_owned() };
        let (expression, name, reference) = match (kept.names.meaning(asked), asked) {
            (Some(Meaning::Tip(id)), _) => (id.to_owned(), None, Some("tip".to_owned())),
            (Some(Meaning::Tag(id)), asked) => (id.to_owned(), asked, asked.map(str::to_owned)),
            (Some(Meaning::Movable(id)), asked) => (id.to_owned(), None, asked.map(str::to_owned)),
            (None, None) => return Err(VcsError::NoCommits),
            (None, Some(digits)) if names::is_digits(digits) => {
                // cmd/go `vcsRepo.statLocal`: what is short is a name too.
                let reference = (digits.len() < ids::SHORT).then(|| digits.to_owned());
                (format!("id({digits})"), None, reference)
            }
            (None, Some(_)) => return Err(unknown()),
        };
        let said = self.whole.read(&expression, |hold| Box::pin(self.log(hold, &expression))).await?;
        let (id, time) = parse_stat(&said).ok_or_else(unknown)?;
        Ok(Revision {
            short: ids::short(&id),
            name: name.unwrap_or(&id).to_owned(),
            tags: kept.names.tags_on(&id),
            id,
            reference,
            time,
        })
    }

    fn read(&self, hold: &Hold) -> Result<Command, VcsError> {
        Ok(plain(self.whole.reading(hold)?))
    }

    async fn log(&self, hold: Hold, expression: &str) -> Result<Vec<u8>, VcsError> {
        let command = self.read(&hold)?.args(["log", "-T", "{node} {date|hgdate}\\n", "-r", expression]);
        Ok(command.output(MAX_NAMES_BYTES).await?.stdout)
    }

    /// The ids that an expression selects.
    async fn select(&self, hold: Hold, expression: String) -> Result<Vec<String>, VcsError> {
        let command = self.read(&hold)?.args(["log", "-T", "{node}\\n", "-r"]).arg(expression);
        let said = command.output(MAX_NAMES_BYTES).await?.stdout;
        Ok(String::from_utf8_lossy(&said).lines().map(str::to_owned).collect())
    }

    async fn file(&self, hold: Hold, id: &str, path: &str, max: u64) -> Result<Option<Bytes>, VcsError> {
        let name = format!("path:{path}");
        // Of a directory, hg would write all files; the first name tells.
        let begin = format!("{path}\0");
        let command = self.read(&hold)?.args(["cat", "-T", "{path}\\0{data}", "--rev", id, "--", &name]);
        match command.output(max.saturating_add(begin.len() as u64)).await {
            Ok(said) => Ok(said.stdout.strip_prefix(begin.as_bytes()).map(Bytes::copy_from_slice)),
            Err(VcsError::TooLarge { .. }) => {
                let listed = self.listing(&hold, id).await?;
                let is_file = listed.iter().any(|entry| entry.path == path.as_bytes());
                if is_file { Err(VcsError::TooLarge { what: path.to_owned(), max }) } else { Ok(None) }
            }
            // The second is said before a sub-repository would be looked into.
            Err(VcsError::Failed { text, .. })
                if text.contains("no such file in rev") || text.contains("subrepos not enabled") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn listing(&self, hold: &Hold, id: &str) -> Result<Vec<Entry>, VcsError> {
        let command = self.read(hold)?.args(["files", "-T", "{path}\\0{size}\\0{flags}\\0", "--rev", id]);
        let said = match command.output(MAX_LISTING_BYTES).await {
            // This is how hg ends where there are no files at all.
            Err(VcsError::Failed { trouble: Trouble::Other, text, .. }) if text.is_empty() => Vec::new(),
            other => other?.stdout,
        };
        parse_files(&said).ok_or_else(|| VcsError::Failed {
            command: "hg files".to_owned(),
            trouble: Trouble::Corrupt,
            text: "not a listing".to_owned(),
        })
    }

    async fn files(&self, hold: Hold, id: &str, directory: &str) -> Result<Archive, VcsError> {
        if !directory.is_empty() && !is_plain(directory) {
            return Ok(Archive::new(Vec::new(), |_| Ok(())));
        }
        let below = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let listed = self.listing(&hold, id).await?.into_iter().filter_map(|entry| {
            let path = entry.path.strip_prefix(below.as_bytes())?.to_owned();
            Some(Entry { path, ..entry })
        });
        let entries: Vec<Entry> = listed.collect();
        if entries.is_empty() {
            return Ok(Archive::new(entries, |_| Ok(())));
        }
        let command = self.read(&hold)?.args(["archive", "-t", "tar", "--no-decode", "--prefix=all/"]);
        let include = (!directory.is_empty()).then(|| format!("--include=path:{directory}"));
        let stream = command.args(["--rev", id]).args(include).args(["--", "-"]).stream().await?;
        let (prefix, listed) = (format!("all/{below}"), entries.clone());
        Ok(Archive::new(entries, move |each: &mut Each<'_>| {
            let mut stream = stream;
            tarred::contents(&mut stream, prefix.as_bytes(), &listed, each)?;
            let ended = stream.finish();
            // The copy stays until here.
            drop(hold);
            ended.map_err(|error| ArchiveError::Read(io::Error::other(error)))
        }))
    }
}

/// The id that a revision was told by.
fn known(revision: &str) -> Result<&str, VcsError> {
    if is_id(revision) {
        return Ok(revision);
    }
    Err(VcsError::UnknownRevision { name: revision.to_owned() })
}

/// Reads `{node} {date|hgdate}`: an id, seconds since 1970, and seconds west of Greenwich (cmd/go `hgParseStat`). Nothing
/// where nothing was found, or several.
fn parse_stat(said: &[u8]) -> Option<(String, Timestamp)> {
    let text = std::str::from_utf8(said).ok()?.trim_end();
    let mut words = text.split([' ', '\n']);
    // All `f` is what hg calls the files of a working copy.
    let id = words.next().filter(|id| is_id(id) && id.bytes().any(|digit| digit != b'f'))?;
    let time = Timestamp::from_second(words.next()?.parse().ok()?).ok()?;
    (words.count() == 1).then(|| (id.to_owned(), time))
}

/// Reads `{path}\0{size}\0{flags}\0`, in hg's order, which is that of its archives.
fn parse_files(listing: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut fields = listing.split(|byte| *byte == 0);
    while let Some(path) = fields.next().filter(|path| !path.is_empty()) {
        let size_bytes = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let kind = if fields.next()? == b"l" { EntryKind::Symlink } else { EntryKind::File };
        entries.push(Entry { path: path.to_owned(), kind, size_bytes });
    }
    Some(entries)
}
