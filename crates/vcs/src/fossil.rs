//! Fossil.
//!
//! What this is for: [`Repo`] over the system's own fossil, giving what cmd/go `codehost/vcs.go` gives.
//! Why this shape: a clone is one file that holds everything ([`Whole`]). An archive is written into a file first, since only
//! its members tell links from files, and names come before contents.
//! What it promises: names mean what fossil says (`fossil help info`): tags, branches, dates, the beginning of an id. It is asked
//! where no file could be taken for a name, and by a configuration of our own, which is gone afterwards. A moving name is
//! looked up in what was just fetched.
//! Deliberately not here: tags as a list, of which cmd/go reads none, although a version may be asked for by its tag; and which of
//! them are behind a revision.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::archive::{Each, is_plain, tarred};
use crate::jail::{Access, Command};
use crate::repos::{Means, Opened};
use crate::whole::{Errand, Hold, Pull, Whole};
use crate::{Archive, Entry, Place, Repo, Revision, Tag, VcsError, ids};

/// What a tool may say.
const MAX_SAID_BYTES: u64 = 16 << 20;
/// Digits of an id, as fossil shows it; those of newer repositories have more.
const DIGITS: usize = 40;
/// Fewest digits that fossil takes for the beginning of an id.
const SHORTEST: usize = 4;
/// The branch that is the default (cmd/go `vcsCmds`).
const TRUNK: &str = "trunk";
/// The top directory of our archives.
const TOP: &str = "all";

/// A Fossil repository, for whoever asks.
#[derive(Debug)]
pub(crate) struct FossilRepo {
    whole: Whole<Fossil>,
    means: Arc<Means>,
}

struct Fossil;

impl FossilRepo {
    /// The repository at a place, with its kept copy below a directory.
    pub(crate) fn new(place: Place, access: Access, dir: &Path, means: Arc<Means>) -> Self {
        Self { whole: Whole::new(place, access, dir, means.clone()), means }
    }
}

impl Opened for FossilRepo {
    fn ask_with(&self, access: &Access) {
        self.whole.ask_with(access);
    }

    fn refresh(&self) {
        self.whole.refresh();
    }
}

/// The clone in the directory of a copy.
fn clone_in(copy: &Path) -> PathBuf {
    copy.join("repository.fossil")
}

/// What will be the clone.
fn half_in(copy: &Path) -> PathBuf {
    copy.join("half.fossil")
}

impl Pull for Fossil {
    /// They are looked up one by one.
    type Names = ();

    fn pull(errand: &Errand) -> BoxFuture<'_, Result<(), VcsError>> {
        Box::pin(async move {
            let clone = clone_in(&errand.copy);
            if clone.exists() {
                let pull = errand.remote()?.args(["pull", "--once", "-R"]).arg(&clone).address();
                return pull.output(MAX_SAID_BYTES).await.map(drop);
            }
            let half = half_in(&errand.copy);
            fs::create_dir_all(&errand.copy).map_err(kept)?;
            // Of an earlier one that was given up.
            Self::clean(&errand.copy);
            errand.remote()?.args(["clone", "--once"]).address().arg(&half).output(MAX_SAID_BYTES).await?;
            publish(&half, &clone).map_err(kept)
        })
    }

    fn clean(copy: &Path) {
        for left in ["half.fossil", "half.fossil-journal", "half.fossil-wal", "half.fossil-shm"] {
            let _ = fs::remove_file(copy.join(left));
        }
    }

    fn is_lacking(error: &VcsError) -> bool {
        let words = ["cannot resolve name", "repository does not exist"];
        matches!(error, VcsError::Failed { text, .. } if words.iter().any(|word| text.contains(word)))
    }
}

impl Repo for FossilRepo {
    fn place(&self) -> &Place {
        self.whole.place()
    }

    fn tags<'a>(&'a self, _prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>> {
        Box::pin(async {
            // That there are none is for a repository to say that is there.
            self.whole.names().await?;
            Ok(Vec::new())
        })
    }

    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>> {
        Box::pin(self.meaning(name.unwrap_or(TRUNK)))
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

    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>> {
        Box::pin(async move {
            let id = known(revision)?;
            if !directory.is_empty() && !is_plain(directory) {
                return Ok(Archive::new(Vec::new(), |_| Ok(())));
            }
            self.whole.read(id, |hold| Box::pin(self.files(hold, id, directory))).await
        })
    }
}

impl FossilRepo {
    async fn meaning(&self, asked: &str) -> Result<Revision, VcsError> {
        let is_beginning = is_digits(asked);
        if !is_beginning {
            self.whole.names().await?;
        }
        let mut found = self.look_up(asked).await?;
        if is_beginning && !found.0.starts_with(asked) {
            // A name that looks like digits, and may have moved.
            self.whole.names().await?;
            found = self.look_up(asked).await?;
        }
        let (id, time) = found;
        let is_id = id.starts_with(asked);
        Ok(Revision {
            short: ids::short(&id),
            name: if is_id { id.clone() } else { asked.to_owned() },
            // cmd/go `vcsRepo.statLocal`: what is short is a name too.
            reference: Some(asked.to_owned()).filter(|_| !is_id || asked.len() < ids::SHORT),
            id,
            time,
            tags: Vec::new(),
        })
    }

    async fn look_up(&self, name: &str) -> Result<(String, Timestamp), VcsError> {
        let said = self.whole.read(name, |hold| Box::pin(self.info(hold, name))).await?;
        parse_info(&said).ok_or_else(|| VcsError::UnknownRevision { name: name.to_owned() })
    }

    /// A command that reads a clone. It works elsewhere, so that no name is that of a file there.
    fn read(&self, hold: &Hold, verb: &str) -> Result<Command, VcsError> {
        let command = self.whole.reading(hold)?.dir(self.means.jail.home()).hide(hold.copy.to_string_lossy());
        Ok(command.args([verb, "-R"]).arg(clone_in(&hold.copy)))
    }

    async fn info(&self, hold: Hold, name: &str) -> Result<Vec<u8>, VcsError> {
        let said = self.read(&hold, "info")?.args(["--", name]).output(MAX_SAID_BYTES).await;
        match said {
            Err(VcsError::Failed { text, .. }) if text.starts_with("ambiguous name") => {
                Err(VcsError::Ambiguous { name: name.to_owned() })
            }
            said => Ok(said?.stdout),
        }
    }

    async fn file(&self, hold: Hold, id: &str, path: &str, max: u64) -> Result<Option<Bytes>, VcsError> {
        let command = self.read(&hold, "cat")?.arg(format!("-r={id}")).args(["--", path]);
        match command.output(max).await {
            Ok(said) => Ok(Some(said.stdout.into())),
            Err(VcsError::TooLarge { max, .. }) => Err(VcsError::TooLarge { what: path.to_owned(), max }),
            Err(VcsError::Failed { text, .. }) if text.contains("does not exist in check-in") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn files(&self, hold: Hold, id: &str, directory: &str) -> Result<Archive, VcsError> {
        let dir = self.means.jail.scratch()?;
        let file = dir.path().join("files.tar.gz");
        let command = self.read(&hold, "tarball")?.args(["--name", TOP, "--", id]).arg(&file);
        let command = command.bound(dir.path(), self.means.max_repository_bytes);
        command.output(MAX_SAID_BYTES).await?;
        let directory = directory.to_owned();
        let listed = tokio::task::spawn_blocking(move || archive(dir, &directory)).await;
        listed.map_err(|error| kept(io::Error::other(error)))?.map_err(kept)
    }
}

/// The archive of a directory, of the one that fossil made of everything. Blocking.
fn archive(dir: TempDir, directory: &str) -> io::Result<Archive> {
    let open = move || -> io::Result<_> {
        Ok(BufReader::new(MultiGzDecoder::new(File::open(dir.path().join("files.tar.gz"))?)))
    };
    let top = format!("{TOP}/");
    let listed = tarred::list(&mut open()?, top.as_bytes()).map_err(io::Error::other)?;
    let below = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let within = |entry: &Entry| {
        let path = entry.path.strip_prefix(below.as_bytes())?.to_owned();
        Some(Entry { path, kind: entry.kind, size_bytes: entry.size_bytes })
    };
    let entries: Vec<Entry> = listed.iter().filter_map(within).collect();
    Ok(Archive::new(entries, move |each: &mut Each<'_>| {
        let mut within = |path: &[u8], content: &mut dyn io::Read| match path.strip_prefix(below.as_bytes()) {
            Some(path) => each(path, content),
            None => Ok(()),
        };
        tarred::contents(&mut open()?, top.as_bytes(), &listed, &mut within)
    }))
}

/// Reads the line of `fossil info` that tells of the revision (cmd/go `fossilParseStat`).
fn parse_info(said: &[u8]) -> Option<(String, Timestamp)> {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().find(|line| line.starts_with("uuid:") || line.starts_with("hash:"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, id, day, time, "UTC"] = words.as_slice() else { return None };
    let time = format!("{day}T{time}Z").parse().ok()?;
    (id.len() == DIGITS && ids::is_digits(id)).then(|| ((*id).to_owned(), time))
}

/// Whether these are digits that an id may begin with.
fn is_digits(name: &str) -> bool {
    (SHORTEST..=DIGITS).contains(&name.len()) && ids::is_digits(name)
}

/// The id that a revision was told by.
fn known(revision: &str) -> Result<&str, VcsError> {
    if revision.len() == DIGITS && ids::is_digits(revision) {
        return Ok(revision);
    }
    Err(VcsError::UnknownRevision { name: revision.to_owned() })
}

/// Names a clone that is whole.
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a copy are the tool's, and one that is lost costs a fetch"
)]
fn publish(half: &Path, clone: &Path) -> io::Result<()> {
    fs::rename(half, clone)
}

fn kept(cause: io::Error) -> VcsError {
    VcsError::Local { what: "keeping a repository".to_owned(), cause: Arc::new(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_id_tells_the_time() {
        let id = "d4c7dcdc29".repeat(4);
        let said = format!("hash:         {id} 2017-09-22 01:19:07 UTC\ntags: trunk\n");
        let (found, time) = parse_info(said.as_bytes()).unwrap();
        assert_eq!((found, time.as_second()), (id.clone(), 1_506_043_147));
        for odd in [
            "",
            "hash: x 2017-09-22 01:19:07 UTC",
            &said.replace("UTC", "CET"),
            &said.replace("-09-", "-19-"),
        ] {
            assert_eq!(parse_info(odd.as_bytes()), None, "{odd}");
        }
    }
}
