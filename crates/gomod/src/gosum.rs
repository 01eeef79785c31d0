//! go.sum files: which hashes a project has seen for the modules it uses.
//!
//! Why this shape: a line names a module version or its go.mod file, and a hash; several hashes for one name are
//! legal. Only `h1:` hashes mean something to anybody today, yet the go command keeps others, so they are kept here.
//! What it promises: reads what cmd/go `modfetch.readGoSum` reads, and refuses what it refuses, with the line; and a
//! malformed `h1:` hash, which go would find out later. Printed, it is sorted as the go command sorts it. No input
//! panics.
//! Not here: whether paths and versions are valid.

use std::cmp::Ordering;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;

use crate::{H1, ModuleVersion, semver};

/// The largest go.sum file that is read, in bytes: 32 MiB. The largest known ones have a few MiB.
pub const MAX_BYTES: usize = 32 << 20;

/// The longest go.sum file that is read, in lines.
pub const MAX_LINES: usize = 250_000;

/// The hash of an empty go.mod file. An old go command wrote it by mistake; such lines are passed over.
const EMPTY_GO_MOD: &str = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=";

/// A go.sum file.
///
/// ```text
/// example.com/m v1.0.0 h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=
/// example.com/m v1.0.0/go.mod h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GoSum {
    sums: BTreeMap<Key, Vec<String>>,
}

/// Which file of a module version a hash is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Summed {
    /// The whole module: its zip.
    Zip,
    /// Its go.mod file alone.
    GoMod,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum<'a> {
    /// The module path.
    pub path: &'a str,
    /// The version, without `/go.mod`.
    pub version: &'a str,
    /// What was hashed.
    pub of: Summed,
    /// The hash: `h1:` and base64, or of a kind to come.
    pub hash: &'a str,
}

/// Why bytes are not a go.sum file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GoSumError {
    /// More than [`MAX_BYTES`].
    #[error("go.sum has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// More than [`MAX_LINES`].
    #[error("go.sum has more than {MAX_LINES} lines")]
    TooLong,
    /// A line that is not a path, a version and a hash.
    #[error("malformed go.sum:\ngo.sum:{line}: wrong number of fields {fields}")]
    Fields {
        /// The line, from 1.
        line: usize,
        /// How many fields it has.
        fields: usize,
    },
    /// A line that is no UTF-8.
    #[error("malformed go.sum:\ngo.sum:{line}: not text")]
    Binary {
        /// The line, from 1.
        line: usize,
    },
    /// A hash that begins with `h1:`, but is not 32 bytes in base64.
    #[error("malformed go.sum:\ngo.sum:{line}: malformed hash {hash:?}")]
    Hash {
        /// The line, from 1.
        line: usize,
        /// The hash as it came.
        hash: String,
    },
}

/// A path and a version as written, perhaps with `/go.mod`; ordered as the go command orders them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    path: String,
    version: String,
}

impl GoSum {
    /// Reads a go.sum file (cmd/go `modfetch.readGoSum`). Blank lines do not matter.
    ///
    /// # Errors
    /// The first line that cannot be read; see [`GoSumError`].
    pub fn parse(bytes: &[u8]) -> Result<GoSum, GoSumError> {
        let mut sums = GoSum::default();
        for line in lines(bytes) {
            let (_, Sum { path, version, of, hash }) = line?;
            let file = if of == Summed::GoMod { "/go.mod" } else { "" };
            sums.insert(path, format!("{version}{file}"), hash);
        }
        Ok(sums)
    }

    /// Whether a file of a module version may have that hash: `None` if no `h1:` hash of it is known.
    pub fn allows(&self, module: &ModuleVersion, of: Summed, hash: &H1) -> Option<bool> {
        let mut known = self.hashes(module, of).iter().filter_map(|text| H1::parse(text).ok()).peekable();
        known.peek()?;
        Some(known.any(|known| known == *hash))
    }

    /// The hashes known for a file of a module version, sorted, each once; empty if it is not known.
    pub fn hashes(&self, module: &ModuleVersion, of: Summed) -> &[String] {
        let version = match of {
            Summed::Zip => module.version.to_string(),
            Summed::GoMod => format!("{}/go.mod", module.version),
        };
        self.sums.get(&Key { path: module.path.to_string(), version }).map_or(&[], Vec::as_slice)
    }

    /// All lines, sorted by path, version in semver order, the module before its go.mod file, and hash.
    pub fn iter(&self) -> impl Iterator<Item = Sum<'_>> {
        self.sums.iter().flat_map(|(key, hashes)| {
            hashes.iter().map(move |hash| Sum::named(&key.path, &key.version, hash))
        })
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    fn insert(&mut self, path: &str, version: String, hash: &str) {
        let hashes = match self.sums.entry(Key { path: path.to_owned(), version }) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Vec::with_capacity(1)),
        };
        if let Err(at) = hashes.binary_search_by(|known| known.as_str().cmp(hash)) {
            hashes.insert(at, hash.to_owned());
        }
    }
}

/// The lines of a go.sum file as they are written, each with its number, from 1: for who has to name the line. The blank
/// ones, and those that mean nothing, are left out.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, Sum<'_>), GoSumError>> {
    let too_large = (bytes.len() > MAX_BYTES).then_some(Err(GoSumError::TooLarge { bytes: bytes.len() }));
    let readable = if too_large.is_some() { &[] } else { bytes };
    let lines = (1..).zip(readable.split(|byte| *byte == b'\n'));
    too_large.into_iter().chain(lines.filter_map(|(line, text)| read_line(line, text).transpose()))
}

fn read_line(line: usize, text: &[u8]) -> Result<Option<(usize, Sum<'_>)>, GoSumError> {
    if line > MAX_LINES {
        return Err(GoSumError::TooLong);
    }
    let text = str::from_utf8(text).map_err(|_| GoSumError::Binary { line })?;
    let mut fields = text.split_whitespace();
    match (fields.next(), fields.next(), fields.next(), fields.count()) {
        (None, ..) | (_, _, Some(EMPTY_GO_MOD), 0) => Ok(None),
        (Some(path), Some(version), Some(hash), 0) if is_hash(hash) => {
            Ok(Some((line, Sum::named(path, version, hash))))
        }
        (_, _, Some(hash), 0) => Err(GoSumError::Hash { line, hash: hash.to_owned() }),
        (_, second, third, rest) => {
            let fields = 1 + usize::from(second.is_some()) + usize::from(third.is_some()) + rest;
            Err(GoSumError::Fields { line, fields })
        }
    }
}

impl<'a> Sum<'a> {
    /// A line of these three fields: the version may have `/go.mod` behind it.
    fn named(path: &'a str, version: &'a str, hash: &'a str) -> Self {
        match version.strip_suffix("/go.mod") {
            Some(version) => Self { path, version, of: Summed::GoMod, hash },
            None => Self { path, version, of: Summed::Zip, hash },
        }
    }
}

/// The file as the go command writes it.
impl fmt::Display for GoSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, hashes) in &self.sums {
            for hash in hashes {
                writeln!(f, "{} {} {hash}", key.path, key.version)?;
            }
        }
        Ok(())
    }
}

impl Key {
    /// The version, and what follows its first slash, slash included.
    fn split(&self) -> (&str, &str) {
        self.version.split_at(self.version.find('/').unwrap_or(self.version.len()))
    }
}

/// As x/mod `module.Sort`; the bytes decide between versions that are equal in semver order, where Go leaves the order
/// open.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((version, file), (other_version, other_file)) = (self.split(), other.split());
        self.path
            .cmp(&other.path)
            .then_with(|| semver::compare(version, other_version))
            .then_with(|| version.cmp(other_version))
            .then_with(|| file.cmp(other_file))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether it is a well-formed `h1:` hash, or one of another kind, of which nothing is known.
fn is_hash(text: &str) -> bool {
    !text.starts_with("h1:") || H1::parse(text).is_ok()
}
