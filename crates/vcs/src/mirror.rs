//! A kept copy of a git repository: a bare repository whose every file is ours to write anew.
//!
//! What this is for: commits, trees and files are fetched once and shared by all modules and versions in a repository.
//! Why this shape: the directory is made here and not by `git init`, so that no template, no configuration of the
//! operator and no child has a part in it; `info/attributes` turns off what is meant for archives, as cmd/go does
//! (`ensureGitAttributes`, golang.org/issue/27153). Nothing in a mirror cannot be fetched again, so a doubtful one is
//! thrown away. What a killed fetch left over is removed when it ends, or at the first opening: lock files, which would
//! stop every later fetch, and what was half received, which nothing else would ever remove.
//! What it promises: a mirror that is there is one that git takes for a repository; throwing away is moving aside first, so
//! that nobody sees half of one.
//! Deliberately not here: what is fetched, and when a mirror goes to make room.

mod objects;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::VcsError;
use crate::git::refs::Format;

pub(crate) use objects::{Found, Kind, Object, Objects, Talks};

/// Turns off archive-only substitutions and exceptions, for all files (cmd/go `ensureGitAttributes`).
const ATTRIBUTES: &str = "* -export-subst -export-ignore\n";

/// A bare repository on disk.
#[derive(Debug)]
pub(crate) struct Mirror {
    dir: PathBuf,
    is_begun: AtomicBool,
    is_doubtful: AtomicBool,
    /// What its objects are asked of.
    pub(crate) objects: Objects,
}

impl Mirror {
    /// The mirror in this directory, made if there is none, cleaned of left-overs if there is. Blocking.
    ///
    /// # Errors
    /// [`VcsError::Local`]: the directory could not be made.
    pub(crate) fn open(dir: &Path, format: Format, talks: Talks) -> Result<Self, VcsError> {
        let failed = |error: io::Error| VcsError::Local {
            what: "keeping a repository".into(),
            cause: Arc::new(error),
        };
        let config = config(format);
        let _ = fs::remove_dir_all(dir.with_extension("gone"));
        if fs::read_to_string(dir.join("config")).is_ok_and(|kept| kept.starts_with(&config)) {
            clean(dir);
            // A fetch that was killed may have added to it.
            write(&dir.join("config"), &config).map_err(failed)?;
        } else {
            // Another format, another layout of ours, or half of one: nothing in it is worth more than a fetch.
            remove(dir);
            make(dir, &config).map_err(failed)?;
        }
        let (is_begun, is_doubtful) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { dir: dir.to_owned(), is_begun, is_doubtful, objects: Objects::new(talks) })
    }

    /// Removes what a fetch that was killed has left. Blocking, and only for who may fetch.
    pub(crate) fn clean(&self) {
        clean(&self.dir);
    }

    /// Where it is, for `GIT_DIR`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether history ends somewhere that is not its beginning.
    pub(crate) fn is_shallow(&self) -> bool {
        self.dir.join("shallow").exists()
    }

    /// Notes that reading broke off in the middle, when it was too late to read elsewhere.
    pub(crate) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Relaxed);
    }

    /// Whether reading broke off.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }

    /// Whether anything was fetched into it.
    pub(crate) fn is_begun(&self) -> bool {
        let is_begun = self.is_begun.load(Ordering::Relaxed) || self.packs() > 0 || self.borrows();
        self.is_begun.store(is_begun, Ordering::Relaxed);
        is_begun
    }

    /// How many packs there are: each fetch adds one, and every look-up goes through them.
    pub(crate) fn packs(&self) -> usize {
        let files = fs::read_dir(self.dir.join("objects/pack")).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "pack")).count()
    }

    /// Puts our configuration back: `git fetch --filter` notes there that missing objects may be asked for one by one
    /// whenever any command meets them, which must not happen.
    pub(crate) fn reset_config(&self, format: Format) -> Result<(), VcsError> {
        write(&self.dir.join("config"), &config(format))
            .map_err(|error| VcsError::Local { what: "keeping a repository".into(), cause: Arc::new(error) })
    }

    /// Whether it reads objects of another mirror.
    pub(crate) fn borrows(&self) -> bool {
        self.dir.join("objects/info/alternates").exists()
    }

    /// Lets it read the objects of another mirror too.
    pub(crate) fn borrow_from(&self, other: &Self) -> Result<(), VcsError> {
        let line = format!("{}\n", other.dir.join("objects").display());
        write(&self.dir.join("objects/info/alternates"), &line)
            .map_err(|error| VcsError::Local { what: "keeping a repository".into(), cause: Arc::new(error) })
    }
}

/// All that a new repository needs.
fn make(dir: &Path, config: &str) -> io::Result<()> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    write(&dir.join("info/attributes"), ATTRIBUTES)?;
    write(&dir.join("HEAD"), "ref: refs/heads/none\n")?;
    // Last, since it says that all the rest is there.
    write(&dir.join("config"), config)
}

/// `gc` would remove what no ref names any more, which may still be a version; what is received stays in packs, since
/// thousands of loose files are slow to look through.
fn config(format: Format) -> String {
    format!(
        "[extensions]\n\tobjectFormat = {}\n[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n\tlogAllRefUpdates = false\n\
         \thooksPath = /dev/null\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n\
         [transfer]\n\tunpackLimit = 1\n[fetch]\n\trecurseSubmodules = false\n",
        format.name()
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the files of a mirror are git's, and a torn one costs a fetch"
)]
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)
}

/// Removes what a fetch that was killed leaves: locks everywhere, and what was half received.
fn clean(dir: &Path) {
    for_each(dir, &mut |path, is_dir| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let half = ["tmp_pack_", "tmp_idx_", "tmp_rev_", "tmp_obj_", "tmp_mtimes_", "tmp_objdir-"];
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        if is_dir && name.starts_with("tmp_objdir-") {
            remove(path);
        } else if !is_dir && (is_lock || half.iter().any(|begin| name.starts_with(begin))) {
            let _ = fs::remove_file(path);
        }
    });
}

/// The bytes of all files in a directory. Blocking.
pub(crate) fn size_bytes(dir: &Path) -> u64 {
    let mut sum = 0;
    for_each(dir, &mut |path, is_dir| {
        if !is_dir {
            sum += fs::symlink_metadata(path).map_or(0, |facts| facts.len());
        }
    });
    sum
}

/// Calls for everything below a directory, folders before what is in them; what cannot be read is passed over.
fn for_each(dir: &Path, call: &mut dyn FnMut(&Path, bool)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        call(&path, is_dir);
        if is_dir {
            for_each(&path, call);
        }
    }
}

/// Removes a directory and all in it, whatever is there: moved aside first, so that it is gone at once. Blocking.
pub(crate) fn remove(dir: &Path) {
    let _ = fs::remove_dir_all(move_aside(dir).as_deref().unwrap_or(dir));
}

/// Gives a directory another name, by which it can be removed. Nothing if that cannot be done.
pub(crate) fn move_aside(dir: &Path) -> Option<PathBuf> {
    let aside = dir.with_extension("gone");
    let _ = fs::remove_dir_all(&aside);
    #[expect(clippy::disallowed_methods, reason = "nothing is published: the directory is being removed")]
    let moved = fs::rename(dir, &aside);
    moved.is_ok().then_some(aside)
}
