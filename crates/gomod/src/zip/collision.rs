//! Finds names that cannot all be unpacked into one directory tree.
//!
//! What this is for: on file systems that ignore case, `README` and `readme` are one file, and `a` cannot be both a file
//! and the directory of `a/b`. The check covers parent directories, so `x/a.go` and `X/b.go` collide too.
//! Why a map keyed by folded prefixes: it reports exactly the pair that Go reports. It borrows the names; what it
//! costs is counted, so that a caller with foreign names can stop ([`Collisions::names`], [`Collisions::work_bytes`]).
//!
//! The rules come from x/mod `zip.collisionChecker`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use super::fault::FileRule;
use super::fold::fold;

/// The names seen so far, each with all its parent directories.
#[derive(Default)]
pub(super) struct Collisions<'a> {
    is_directory: HashMap<Folded<'a>, bool>,
    work_bytes: usize,
    collided: bool,
}

impl<'a> Collisions<'a> {
    /// Adds a clean relative path, `a/b.go`, or says what it collides with.
    pub(super) fn add(&mut self, path: &'a str, is_directory: bool) -> Result<(), FileRule> {
        let (mut path, mut is_directory) = (path, is_directory);
        loop {
            self.work_bytes = self.work_bytes.saturating_add(path.len());
            match self.is_directory.entry(Folded(path)) {
                Entry::Vacant(slot) => {
                    slot.insert(is_directory);
                }
                Entry::Occupied(slot) => {
                    if let Some(rule) = collision(slot.key().0, *slot.get(), path, is_directory) {
                        self.collided = true;
                        return Err(rule);
                    }
                    // A known directory's parents are known with it, unless an addition broke off on the way up.
                    if !self.collided {
                        return Ok(());
                    }
                }
            }
            match path.rsplit_once('/') {
                Some((parent, _)) => (path, is_directory) = (parent, true),
                None => return Ok(()),
            }
        }
    }

    /// How many names are held, files and directories.
    pub(super) fn names(&self) -> usize {
        self.is_directory.len()
    }

    /// How many bytes of names were hashed.
    pub(super) fn work_bytes(&self) -> usize {
        self.work_bytes
    }
}

fn collision(other: &str, other_is_directory: bool, path: &str, is_directory: bool) -> Option<FileRule> {
    if other != path {
        Some(FileRule::CaseCollision { other: other.to_owned(), path: path.to_owned() })
    } else if other_is_directory != is_directory {
        Some(FileRule::FileAndDirectory { path: path.to_owned() })
    } else if is_directory {
        None
    } else {
        Some(FileRule::Duplicate { path: path.to_owned() })
    }
}

/// A path that equals all paths that differ from it only in case.
struct Folded<'a>(&'a str);

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for c in self.0.chars() {
            state.write_u32(u32::from(fold(c)));
        }
    }
}

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.chars().map(fold).eq(other.0.chars().map(fold))
    }
}

impl Eq for Folded<'_> {}
