//! Where a module is in its repository, as far as paths alone tell.
//!
//! The rules are cmd/go `modfetch.newCodeRepo` and `revToRev`.

use gomod::path::split_path_version;
use gomod::pseudo::PseudoVersion;
use gomod::{ModulePath, semver};

use super::{CodeError, Found};

/// A module's place in its repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// The module.
    pub(super) path: ModulePath,
    /// The import path of the repository's top.
    pub(super) root: String,
    /// The directory, without slashes at its ends; empty for the top. A directory `v2` in it may hold the module too.
    pub(super) dir: String,
    /// The module's path without its major version; only for messages.
    pub(super) prefix: String,
    /// The major version suffix with its separator: `/v2`, `.v3-unstable`, or empty.
    pub(super) path_major: String,
    /// The major version that pseudo-versions must have: `v2`, or empty for `v0`.
    pub(super) pseudo_major: String,
}

impl Layout {
    /// Where the found module is.
    ///
    /// # Errors
    /// The repository's top is not above the module.
    pub(super) fn of(found: &Found) -> Result<Self, CodeError> {
        let (path, root) = (found.path.as_str(), found.root.as_str());
        if !is_below(path, root) {
            return Err(CodeError::Mismatched { path: found.path.clone(), root: root.to_owned() });
        }
        let (stem, path_major) = found.path.split_path_version();
        let is_whole = root == path;
        let prefix = if is_whole { path } else { stem };
        let dir = if is_whole { Some("") } else { Some(stem).filter(|stem| is_below(stem, root)) };
        let Some(dir) = dir.map(|stem| stem.get(root.len()..).unwrap_or_default().trim_matches('/')) else {
            return Err(CodeError::Outside { path: found.path.clone(), root: root.to_owned() });
        };
        Ok(Self {
            path: found.path.clone(),
            root: root.to_owned(),
            dir: join(dir, found.subdir.trim_matches('/')),
            prefix: prefix.to_owned(),
            path_major: path_major.to_owned(),
            pseudo_major: major_of(path_major).to_owned(),
        })
    }

    /// What the names of its tags begin with: `sub/`, or nothing. The directory of a major version is never part of it.
    pub(super) fn tag_prefix(&self) -> String {
        if self.dir.is_empty() { String::new() } else { format!("{}/", self.dir) }
    }

    /// What is to be looked up for a version or query: a tag with its prefix for what looks like a version, the commit of a
    /// pseudo-version, else the text itself (cmd/go `codeRepo.revToRev`).
    pub(super) fn revision_of(&self, query: &str) -> String {
        if !semver::is_valid(query) {
            return query.to_owned();
        }
        match PseudoVersion::parse(query) {
            Ok(pseudo) => pseudo.rev().to_owned(),
            Err(_) => format!("{}{}", self.tag_prefix(), without_incompatible(query)),
        }
    }

    /// Whether a go.mod in a directory named after the major version may be the module's: not if the repository's top is the
    /// module itself, nor for gopkg.in.
    pub(super) fn major_dir(&self) -> Option<String> {
        let name = self.path_major.strip_prefix('/')?;
        (self.root != self.path.as_str()).then(|| join(&self.dir, name))
    }

    /// Whether a module may be there without any go.mod.
    pub(super) fn may_lack_go_mod(&self) -> bool {
        self.dir.is_empty() && (self.path_major.is_empty() || self.path_major.starts_with('.'))
    }

    /// Whether a module path that a go.mod declares has the major version of this one. The paths themselves may differ: a fork
    /// may replace the module (cmd/go `isMajor`).
    pub(super) fn is_major(&self, declared: &str) -> bool {
        let Some((_, major)) = split_path_version(declared).filter(|_| !declared.is_empty()) else {
            return false;
        };
        match (self.path_major.get(1..), major.get(1..)) {
            (None, _) => matches!(major_of(major), "" | "v0" | "v1"),
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => ours == theirs,
        }
    }

    /// Whether an old fault makes a gopkg.in path good for a module without suffix (golang.org/issue/34254).
    pub(super) fn may_replace_gopkg_in(&self, declared: &str) -> bool {
        self.path_major.is_empty() && declared.starts_with("gopkg.in/")
    }

    /// Whether it is one of the development branches of gopkg.in, to which no tags belong.
    pub(super) fn is_untagged(&self) -> bool {
        self.path.is_gopkg_in() && self.path.as_str().ends_with("-unstable")
    }
}

/// The version without `+incompatible`.
pub(super) fn without_incompatible(version: &str) -> &str {
    version.strip_suffix("+incompatible").unwrap_or(version)
}

/// The major version of a suffix: `v2` of `/v2`, `.v2` and `.v2-unstable` (x/mod `module.PathMajorPrefix`).
fn major_of(path_major: &str) -> &str {
    let major = path_major.get(1..).unwrap_or_default();
    major.strip_suffix("-unstable").unwrap_or(major)
}

/// Whether a path is another one or below it.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Two directories in one, either of which may be empty.
pub(super) fn join(dir: &str, name: &str) -> String {
    match (dir, name) {
        ("", only) | (only, "") => only.to_owned(),
        (dir, name) => format!("{dir}/{name}"),
    }
}
