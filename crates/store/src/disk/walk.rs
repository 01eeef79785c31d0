//! Listing: a walk through the tree in the order of keys, one directory's names in memory at each level.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::file::stamp_of;
use super::is_reserved;
use crate::{Key, Listed, StoreError};

/// Which part of a listing is wanted.
pub(super) struct Page {
    pub(super) under: Option<Key>,
    pub(super) after: Option<Key>,
    pub(super) limit: usize,
}

impl Page {
    /// Walks until there is enough.
    pub(super) fn collect(&self, root: &Path) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        // Entries still to be visited, the next one last. A stack, because depth comes from outside.
        let mut ahead = self.names(root, self.under.as_ref())?;
        while let Some(entry) = ahead.pop().filter(|_| found.len() < self.limit) {
            if entry.is_dir {
                ahead.extend(self.names(root, Some(&entry.key))?);
            } else if self.after.as_ref().is_none_or(|after| entry.key > *after) {
                found.extend(examine(root, entry.key)?);
            }
        }
        Ok(found)
    }

    /// The entries of one directory that can lead to wanted keys, in reverse order. What is no key is not ours.
    fn names(&self, root: &Path, dir: Option<&Key>) -> Result<Vec<Entry>, StoreError> {
        let path = dir.map_or_else(|| root.to_owned(), |dir| root.join(dir.as_str()));
        let failed = |source| StoreError::of("list", dir.map_or("objects", Key::as_str), source);
        let listed = match fs::read_dir(path) {
            Err(gone) if is_gone(&gone) => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name();
            let key = name.to_str().and_then(|name| match dir {
                Some(dir) => dir.join(name).ok(),
                None => Key::parse(name).ok(),
            });
            let wanted = key.filter(|key| !is_reserved(key) && !self.is_passed(key));
            if let Some(key) = wanted.filter(|_| kind.is_dir() || kind.is_file()) {
                entries.push(Entry { key, is_dir: kind.is_dir() });
            }
        }
        entries.sort_unstable_by(|a, b| b.key.cmp(&a.key));
        Ok(entries)
    }

    /// The key and everything under it comes before what is wanted.
    fn is_passed(&self, key: &Key) -> bool {
        self.after.as_ref().is_some_and(|after| key < after && !after.is_under(key))
    }
}

struct Entry {
    key: Key,
    is_dir: bool,
}

fn examine(root: &Path, key: Key) -> Result<Option<Listed>, StoreError> {
    match fs::symlink_metadata(root.join(key.as_str())) {
        Ok(meta) => {
            let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Ok(Some(Listed { key, stamp: stamp_of(&meta), modified }))
        }
        Err(gone) if is_gone(&gone) => Ok(None),
        Err(source) => Err(StoreError::of("examine", &key, source)),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
