//! Sees that files were changed, by looking at them again and again.
//!
//! Looking is cheap, works on every file system, and follows the links by which Kubernetes swaps mounted files. A
//! change counts when two looks in a row see the same: a file that is being written is not read half-way.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two looks. A change is seen after at most twice this.
pub(super) const EVERY: Duration = Duration::from_millis(500);

/// What tells one content of a file from the next: device, inode, size, and the times of writing and of any change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look(Option<[i64; 7]>);

impl Look {
    fn at(path: &Path) -> Self {
        let look = |file: std::fs::Metadata| {
            let [device, inode, size] = [file.dev(), file.ino(), file.size()].map(u64::cast_signed);
            [device, inode, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]
        };
        Self(std::fs::metadata(path).ok().map(look))
    }
}

/// Some files, as they were when they were used, and at the last look.
#[derive(Debug)]
pub(super) struct Watch {
    paths: Vec<PathBuf>,
    used: Vec<Look>,
    last: Vec<Look>,
}

impl Watch {
    /// Watches these files, which are used as they are now.
    pub(super) fn over(paths: Vec<PathBuf>) -> Self {
        let used: Vec<Look> = paths.iter().map(|path| Look::at(path)).collect();
        Self { paths, last: used.clone(), used }
    }

    /// Watches these too, which are used as they are now.
    pub(super) fn add(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            if !self.paths.contains(&path) {
                let look = Look::at(&path);
                self.used.push(look.clone());
                self.last.push(look);
                self.paths.push(path);
            }
        }
    }

    /// From now on they count as used as they are.
    pub(super) fn use_now(&mut self) {
        *self = Self::over(std::mem::take(&mut self.paths));
    }

    /// Watches these files. Those that are new count as not yet used: nobody looked before they were read.
    pub(super) fn follow(&mut self, paths: Vec<PathBuf>) {
        let look = |path| self.paths.iter().position(|held| held == path).and_then(|at| self.used.get(at));
        self.used = paths.iter().map(|path| look(path).cloned().unwrap_or(Look(None))).collect();
        self.last.clone_from(&self.used);
        self.paths = paths;
    }

    /// Looks once more: true if the files are not as they were used, and have been so for one look already. From then
    /// on they count as used.
    pub(super) fn has_changed(&mut self) -> bool {
        let now: Vec<Look> = self.paths.iter().map(|path| Look::at(path)).collect();
        let is_settled = now == self.last;
        let is_changed = is_settled && now != self.used;
        if is_changed {
            self.used.clone_from(&now);
        }
        self.last = now;
        is_changed
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_when_it_has_settled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch::over(vec![path.clone()]);
        assert!(!watch.has_changed());
        std::fs::write(&path, "two, longer").unwrap();
        assert!(!watch.has_changed(), "seen once: it may still be written");
        std::fs::write(&path, "three, longer still").unwrap();
        assert!(!watch.has_changed(), "seen another way");
        assert!(watch.has_changed());
        assert!(!watch.has_changed());
    }

    #[test]
    fn a_file_that_is_watched_from_now_on_is_read_once_more() {
        let dir = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
        std::fs::write(&old, "old").unwrap();
        std::fs::write(&new, "new").unwrap();
        let mut watch = Watch::over(vec![old.clone()]);
        watch.follow(vec![old.clone(), new]);
        assert!(!watch.has_changed());
        assert!(watch.has_changed());
        assert!(!watch.has_changed());
        watch.follow(vec![old]);
        assert!(!watch.has_changed() && !watch.has_changed());
    }

    #[test]
    fn a_swapped_link_and_a_removed_file_are_changes() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two, link] = ["one", "two", "link"].map(|name| dir.path().join(name));
        std::fs::write(&one, "same").unwrap();
        std::fs::write(&two, "same").unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let mut watch = Watch::over(vec![link.clone()]);
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&two, &link).unwrap();
        assert!(!watch.has_changed());
        assert!(watch.has_changed());
        std::fs::remove_file(&link).unwrap();
        assert!(!watch.has_changed());
        assert!(watch.has_changed());
    }
}
