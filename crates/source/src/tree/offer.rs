//! Finding what a tree offers: every file of a module version, by its place in the tree.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use gomod::request::{NotFound, RequestError};
use gomod::{EscapedPath, FileKind, ModulePath, ModuleVersion, Request};

use crate::text::one_line;

/// Directories below one another that are followed; module paths are far shallower.
const DEPTH: usize = 64;

/// One module version in the directory.
#[derive(Clone, Debug)]
pub struct Found {
    /// The module version.
    pub module: ModuleVersion,
    /// The kinds of its files that are there, smallest first.
    pub kinds: Vec<FileKind>,
    /// The directory `<escaped path>/@v`, relative to the root of the tree.
    dir: PathBuf,
}

impl Found {
    /// A file of it, relative to the root of the tree.
    pub fn file(&self, kind: FileKind) -> PathBuf {
        self.dir.join(format!("{}.{}", self.module.version.escape(), kind.extension()))
    }
}

/// What a directory offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The root of the tree: the directory itself, or the download cache inside it.
    pub root: PathBuf,
    /// The module versions found.
    pub found: Vec<Found>,
    /// Files that look like a module's but have impossible names, and directories that cannot be read: each with why.
    pub refused: Vec<(PathBuf, String)>,
}

impl Offer {
    /// Looks through a directory. Blocking.
    ///
    /// # Errors
    /// The directory cannot be read. Unreadable directories below it are reported as refused.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let inner = ["cache/download", "pkg/mod/cache/download"];
        let root = inner.iter().map(|inner| dir.join(inner)).find(|inner| inner.is_dir());
        let root = root.unwrap_or_else(|| dir.to_owned());
        let mut offer = Self { root: root.clone(), found: Vec::new(), refused: Vec::new() };
        std::fs::read_dir(&root)?;
        offer.walk(Path::new(""), 0);
        offer.found.sort_by(|a, b| (&a.dir, &a.module.version).cmp(&(&b.dir, &b.module.version)));
        Ok(offer)
    }

    fn walk(&mut self, dir: &Path, depth: usize) {
        let entries = match std::fs::read_dir(self.root.join(dir)) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(dir, &error),
        };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let below = dir.join(&name);
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if name == "@v" {
                self.module_dir(dir, &below);
            } else if depth < DEPTH && !(dir.as_os_str().is_empty() && name == "sumdb") {
                self.walk(&below, depth + 1);
            }
        }
    }

    fn module_dir(&mut self, module_dir: &Path, dir: &Path) {
        let escaped = module_dir.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let path = match EscapedPath::unescape(&escaped) {
            Ok(path) => path,
            Err(error) => return self.refuse(dir, &error),
        };
        let entries = match std::fs::read_dir(self.root.join(dir)) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(dir, &error),
        };
        let mut versions: BTreeMap<ModuleVersion, Vec<FileKind>> = BTreeMap::new();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((module, kind)) = self.version_file(&path, dir, &name) {
                versions.entry(module).or_default().push(kind);
            }
        }
        for (module, mut kinds) in versions {
            kinds.sort();
            self.found.push(Found { module, kinds, dir: dir.to_owned() });
        }
    }

    /// The version and kind that a file's name says; other files (locks, hashes, lists, left-overs) are passed over.
    fn version_file(
        &mut self,
        path: &ModulePath,
        dir: &Path,
        name: &str,
    ) -> Option<(ModuleVersion, FileKind)> {
        match Request::parse_file(path, name) {
            Ok(Request::File(module, kind)) => Some((module, kind)),
            // The go command's cache also keeps what branches and commits resolved to: not files of a version.
            Ok(_) | Err(RequestError::NotFound(NotFound::Shape { .. })) => None,
            Err(_) if name.starts_with('.') || name.strip_suffix(".info").is_some() => None,
            Err(error) => {
                self.refuse(&dir.join(name), &error);
                None
            }
        }
    }

    fn refuse(&mut self, file: &Path, why: &dyn std::error::Error) {
        self.refused.push((file.to_owned(), one_line(why)));
    }
}
