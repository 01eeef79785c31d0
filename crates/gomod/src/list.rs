//! `@v/list`: the versions of a module, one a line.
//!
//! Why this shape: clients sort and pick for themselves, but they check little: the go command would select a listed
//! `v2.0.0` of a path without `/v2`, and then fail. So a list is filtered by form when it is read, and what comes out
//! may be sent as it is. Pseudo-versions and times never go out (each costs a client one more request), yet file
//! trees copied from a module cache list them, and sources may know nothing else: [`List::newest_pseudo`] keeps what
//! the go command would make of them.
//! What it promises: sorted in semver order, without duplicates, each version canonical and fit for the path.
//! Retracted versions stay. Not here: asking for the files of the versions, and what is the latest ([`crate::latest`]).
//! The rules: cmd/go `proxyRepo.Versions` and `latestFromList`, and the checks that cmd/go makes of tags.

use jiff::Timestamp;

use crate::info::Time;
use crate::pseudo::PseudoVersion;
use crate::{ModulePath, Version, semver};

/// The largest list that is read, in bytes: 16 MiB.
pub const MAX_BYTES: usize = 16 << 20;

/// The longest list that is read, in lines. The longest known ones have some ten thousand.
pub const MAX_LINES: usize = 250_000;

/// The versions of a module as a source listed them.
///
/// ```text
/// v1.0.0
/// v1.1.0-rc.1
/// v2.0.0+incompatible
/// ```
#[derive(Clone, Debug, Default)]
pub struct List {
    versions: Vec<Version>,
    newest_pseudo: Option<(Timestamp, Version)>,
    dropped_lines: usize,
}

/// Why bytes are not a list at all. Each is the fault of the source that sent them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// More than [`MAX_BYTES`].
    #[error("list has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// More than [`MAX_LINES`].
    #[error("list has more than {MAX_LINES} lines")]
    TooLong,
    /// It begins with `<`: a page for people, not a list.
    #[error("list is HTML or XML")]
    Markup,
    /// A NUL byte, or no UTF-8.
    #[error("list is not text at byte {at}")]
    Binary {
        /// Where, from 0.
        at: usize,
    },
    /// Lines, and none of them a version of whatever form: something else has answered.
    #[error("list has {lines} lines, and none of them is a version")]
    NoVersion {
        /// How many there are, blank ones not counted.
        lines: usize,
    },
}

impl List {
    /// Reads the list of the module `path`. A line is a version and perhaps a time; blanks, CR and blank lines do
    /// not matter. Lines that are something else, and versions that do not fit, are dropped and counted; but where not
    /// one line is a version of any form, fit or not, it is no list: the empty one has no lines.
    ///
    /// # Errors
    /// See [`ListError`]: bytes that cannot be a list.
    pub fn parse(bytes: &[u8], path: &ModulePath) -> Result<List, ListError> {
        let text = text(bytes)?;
        let mut list = List::default();
        let mut has_version = false;
        for (number, line) in text.split('\n').enumerate() {
            if number >= MAX_LINES {
                return Err(ListError::TooLong);
            }
            let mut fields = line.split_whitespace();
            let Some(first) = fields.next() else { continue };
            has_version = has_version || semver::is_valid(first);
            match version_for(first, path) {
                Some(version) => list.add(version, fields.next()),
                None => list.dropped_lines += 1,
            }
        }
        if list.dropped_lines > 0 && !has_version {
            return Err(ListError::NoVersion { lines: list.dropped_lines });
        }
        list.versions.sort();
        list.versions.dedup();
        Ok(list)
    }

    /// A list of versions that are known by other means, such as the tags of a repository; those that do not fit the
    /// path, and pseudo-versions, are dropped.
    pub fn from_versions(versions: impl IntoIterator<Item = Version>, path: &ModulePath) -> List {
        let mut list = List::default();
        for version in versions {
            match version_for(version.as_str(), path) {
                Some(version) => list.add(version, None),
                None => list.dropped_lines += 1,
            }
        }
        list.versions.sort();
        list.versions.dedup();
        list
    }

    /// The versions in semver order, lowest first, without pseudo-versions.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The list as it is sent: one version a line, each with its newline; nothing for an empty list.
    pub fn to_text(&self) -> String {
        let bytes = self.versions.iter().map(|version| version.as_str().len() + 1).sum();
        let mut out = String::with_capacity(bytes);
        for version in &self.versions {
            out.push_str(version.as_str());
            out.push('\n');
        }
        out
    }

    /// The version that the go command falls back to when `@latest` is absent and nothing tagged is suitable: the
    /// newest by time among pseudo-versions and lines that carry a time (cmd/go `latestFromList`). The first of
    /// equally new ones. It is a version of the right form; whether its files exist is not known.
    pub fn newest_pseudo(&self) -> Option<&Version> {
        self.newest_pseudo.as_ref().map(|(_, version)| version)
    }

    /// How many lines were dropped because they were no version, or none that fits the path. Pseudo-versions of
    /// the right form are not counted.
    pub fn dropped_lines(&self) -> usize {
        self.dropped_lines
    }

    fn add(&mut self, version: Version, time: Option<&str>) {
        let pseudo = PseudoVersion::parse(version.as_str()).ok();
        let is_pseudo = pseudo.is_some();
        let at = match time {
            Some(time) => Time::parse(time).ok().map(|time| time.timestamp()),
            None => pseudo.and_then(|pseudo| pseudo.time().ok()),
        };
        let newest = self.newest_pseudo.as_ref().map(|(at, _)| *at);
        if let Some(at) = at.filter(|at| newest.is_none_or(|newest| newest < *at)) {
            self.newest_pseudo = Some((at, version.clone()));
        }
        if !is_pseudo {
            self.versions.push(version);
        }
    }
}

/// Checks that the bytes can be a list, and gives them as text.
fn text(bytes: &[u8]) -> Result<&str, ListError> {
    if bytes.len() > MAX_BYTES {
        return Err(ListError::TooLarge { bytes: bytes.len() });
    }
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(ListError::Markup);
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(ListError::Binary { at });
    }
    str::from_utf8(bytes).map_err(|cause| ListError::Binary { at: cause.valid_up_to() })
}

/// The version if it is canonical and belongs to the module. Stricter than x/mod `CheckPathMajor`: `+incompatible` only
/// where cmd/go makes such versions, at v2 and above without a suffix.
fn version_for(text: &str, path: &ModulePath) -> Option<Version> {
    let version = Version::parse(text).ok()?;
    let is_misnamed = version.is_incompatible()
        && (!path.path_major().is_empty() || matches!(version.major(), "v0" | "v1"));
    (path.matches_path_major(text) && !is_misnamed).then_some(version)
}
