//! Which files of a source tree make up a module.
//!
//! What this is for: a repository holds more than one module's files: nested modules, vendored packages, links. The h1 hash of
//! a module made from a repository agrees with everyone else's only if exactly the same files are taken.
//! What it promises: pure, one pass, and each path of the tree in exactly one of the three lists.
//! What is deliberately not here: the LICENSE that a module in a subdirectory inherits, and reading the go line; both need
//! contents.
//!
//! The rules come from x/mod `zip.CheckFiles` and `zip.isVendoredPackage`, their order included: the first that applies
//! decides.

use std::collections::HashSet;

use super::collision::Collisions;
use super::fault::{FileFaults, FileRule, ZipError};
use super::{MAX_ZIP_BYTES, rules};
use crate::path::check_file_path;

/// A file of a source tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// Slash-separated path relative to the module's root. Any bytes.
    pub path: &'a [u8],
    /// What it is.
    pub kind: TreeKind,
    /// The size of its content.
    pub size_bytes: u64,
}

/// What an entry of a source tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory, if the tree lists them. Those of git trees are not listed: they are part of the files' paths.
    Directory,
    /// Anything else: a submodule, a device.
    Other,
}

/// What of a tree goes into the module's zip. Entries are named by their index in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// The files of the module, in the tree's order.
    pub included: Vec<usize>,
    /// The entries left out, each with the reason.
    pub omitted: Vec<(usize, Omission)>,
    /// The entries because of which there can be no zip, each with the rule.
    pub invalid: Vec<(usize, FileRule)>,
    /// Whether the included files are larger together than a module may be.
    pub too_large: bool,
}

/// Why a file is left out of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Omission {
    /// Vendored packages are not part of a module.
    #[error("file is in vendor directory")]
    Vendored,
    /// A directory with a go.mod, in any case, begins another module.
    #[error("file is in another module")]
    NestedModule,
    /// `.hg_archival.txt` in the root.
    #[error("file is inserted by 'hg archive' and is always omitted")]
    HgArchival,
    /// Symbolic links are not followed.
    #[error("file is a symbolic link")]
    Symlink,
    /// Directories, submodules, devices.
    #[error("not a regular file")]
    NotRegular,
}

impl Selection {
    /// Whether a zip can be made of it (x/mod `CheckedFiles.Err`), given the tree it was made from.
    pub fn check(&self, tree: &[TreeEntry<'_>]) -> Result<(), ZipError> {
        if self.too_large {
            return Err(ZipError::TreeTooLarge);
        }
        let mut faults = FileFaults::default();
        for (index, rule) in &self.invalid {
            faults.push(tree.get(*index).map_or(b"", |entry| entry.path), rule.clone());
        }
        if faults.is_empty() { Ok(()) } else { Err(ZipError::Files(faults)) }
    }
}

/// Why an entry is not included.
enum Out {
    Omitted(Omission),
    Invalid(FileRule),
}

impl<E: Into<FileRule>> From<E> for Out {
    fn from(rule: E) -> Self {
        Self::Invalid(rule.into())
    }
}

/// Sorts the entries of a tree into those of the module, those left out and those that make it invalid.
/// `go_version` is the version in the go line of the go.mod in the root (`1.24`, `1.21rc2`), if there is a valid one: it decides
/// which of two vendor rules applies.
pub fn select(tree: &[TreeEntry<'_>], go_version: Option<&str>) -> Selection {
    let vendor = if go_version.is_some_and(is_go124) { VendorRule::Go124 } else { VendorRule::Old };
    let nested = Nested::find(tree);
    let mut collisions = Collisions::default();
    // As in Go, a path is reported once, however often it is there.
    let mut reported = HashSet::new();
    let mut selection = Selection::default();
    let mut room = MAX_ZIP_BYTES;
    for (index, entry) in tree.iter().enumerate() {
        let verdict = place(entry, vendor, &nested, &mut collisions).and_then(|path| {
            match room.checked_sub(entry.size_bytes) {
                Some(left) => room = left,
                None => selection.too_large = true,
            }
            Ok(rules::check_size(path, entry.size_bytes)?)
        });
        match verdict {
            Ok(()) => selection.included.push(index),
            Err(_) if !reported.insert(entry.path) => {}
            Err(Out::Omitted(reason)) => selection.omitted.push((index, reason)),
            Err(Out::Invalid(rule)) => selection.invalid.push((index, rule)),
        }
    }
    selection
}

fn place<'a>(
    entry: &TreeEntry<'a>,
    vendor: VendorRule,
    nested: &Nested<'_>,
    collisions: &mut Collisions<'a>,
) -> Result<&'a str, Out> {
    if !rules::is_clean(entry.path) {
        return Err(Out::Invalid(FileRule::NotClean));
    }
    if entry.path.starts_with(b"/") {
        return Err(Out::Invalid(FileRule::NotRelative));
    }
    if vendor.is_vendored(entry.path) {
        return Err(Out::Omitted(Omission::Vendored));
    }
    if nested.holds(entry.path) {
        return Err(Out::Omitted(Omission::NestedModule));
    }
    if entry.path == b".hg_archival.txt" {
        return Err(Out::Omitted(Omission::HgArchival));
    }
    let path = rules::as_text(entry.path)?;
    check_file_path(path)?;
    if path != "go.mod" && path.eq_ignore_ascii_case("go.mod") {
        return Err(Out::Invalid(FileRule::GoModCase));
    }
    collisions.add(path, entry.kind == TreeKind::Directory)?;
    match entry.kind {
        TreeKind::File => Ok(path),
        TreeKind::Symlink => Err(Out::Omitted(Omission::Symlink)),
        TreeKind::Directory | TreeKind::Other => Err(Out::Omitted(Omission::NotRegular)),
    }
}

/// The directories, with final slash, that begin another module.
struct Nested<'a>(HashSet<&'a [u8]>);

impl<'a> Nested<'a> {
    fn find(tree: &[TreeEntry<'a>]) -> Self {
        let go_mods = tree.iter().filter(|entry| entry.kind == TreeKind::File);
        let split = go_mods.filter_map(|entry| split_dir(entry.path));
        Self(split.filter(|(_, base)| base.eq_ignore_ascii_case(b"go.mod")).map(|(dir, _)| dir).collect())
    }

    fn holds(&self, path: &[u8]) -> bool {
        let mut path = path;
        while let Some((dir, _)) = split_dir(path) {
            if self.0.contains(dir) {
                return true;
            }
            path = dir.strip_suffix(b"/").unwrap_or(dir);
        }
        false
    }
}

/// Splits after the last slash; `None` for a name in the root.
fn split_dir(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    path.split_at_checked(slash + 1)
}

/// Which of the two rules for vendored packages applies. The old one is wrong, but hashes depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VendorRule {
    Old,
    Go124,
}

impl VendorRule {
    fn is_vendored(self, path: &[u8]) -> bool {
        const VENDOR: &[u8] = b"/vendor/";
        if self == Self::Go124 && path == b"vendor/modules.txt" {
            return true;
        }
        // What lies directly in a vendor directory is kept, what lies deeper is a vendored package.
        let rest = if let Some(rest) = path.strip_prefix(b"vendor/") {
            Some(rest)
        } else if let Some(at) = path.windows(VENDOR.len()).position(|window| window == VENDOR) {
            // Before Go 1.24 the rest was taken from the begin of the path: golang.org/issue/37397.
            let begin = if self == Self::Go124 { at } else { 0 };
            path.get(begin + VENDOR.len()..)
        } else {
            None
        };
        rest.is_some_and(|rest| rest.contains(&b'/'))
    }
}

/// Whether a go line asks for the language of Go 1.24 or later (Go `version.Compare(version.Lang("go" + v), "go1.24") >= 0`).
/// The pre-releases of a version have its language. What is not a Go version is older than all.
fn is_go124(version: &str) -> bool {
    let version = version.split_once('-').map_or(version, |(version, _)| version);
    let Some((major, rest)) = number(version) else { return false };
    let later = is_greater(major, "1");
    if rest.is_empty() {
        return later;
    }
    let Some((minor, rest)) = rest.strip_prefix('.').and_then(number) else { return false };
    let valid = match rest.strip_prefix('.') {
        Some(patch) => number(patch).is_some_and(|(_, rest)| rest.is_empty()),
        None => rest.is_empty() || is_pre_release(rest),
    };
    valid && (later || (major == "1" && (minor == "24" || is_greater(minor, "24"))))
}

/// A kind and perhaps a number: `rc2`, `beta`.
fn is_pre_release(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let numbered = || number(rest).is_some_and(|(_, rest)| rest.is_empty());
    rest.len() < text.len() && (rest.is_empty() || numbered())
}

/// Takes a decimal number without leading zeros off the front.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let valid = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
    valid.then_some((digits, rest))
}

/// Compares numbers of any length.
fn is_greater(number: &str, other: &str) -> bool {
    (number.len(), number) > (other.len(), other)
}
