//! Records: go.sum lines as a checksum database has logged them, and the answers that carry them.
//!
//! ```text
//! 302                                                                     the record's number
//! example.com/m v1.0.0 h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=    its text
//! example.com/m v1.0.0/go.mod h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=
//!                                                                         a blank line
//! go.sum database tree                                                    a signed note
//! …
//! ```
//!
//! What it promises: lines are taken from the text of the record alone, never from the note after it
//! (CVE-2026-42501), and only those that name the module and version that were asked for (CVE-2026-56864).
//! Why [`Record::sums`] wants both lines: from Go 1.27 a go command refuses an answer that lacks the line it wants, and
//! it wants either. Records with a negative number, which x/mod reads, are refused.
//! Not here: whether a record is in the log. [`crate::client`] finds that out.
//!
//! The rules come from x/mod `sumdb/tlog` (note.go), `sumdb.Client.Lookup` and cmd/go `modfetch.checkSumDB`.

use std::fmt::{self, Write as _};

use gomod::{H1, ModuleVersion};

use crate::hash::Hash;
use crate::tile::{Proven, Tile};

/// The largest answer to a lookup that is read, in bytes: 2 MiB. The largest note is half of it.
pub const MAX_ANSWER_BYTES: usize = 2 << 20;

/// Bytes are not a record, or not an answer to a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed record data")]
pub struct MalformedRecord;

/// Why a record does not say what the hashes of a module version are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumsError {
    /// It has no `h1:` line for the version.
    #[error("checksum of {module} is missing from record {id}")]
    Missing {
        /// The module version, with `/go.mod` if it is that line.
        module: String,
        /// The number of the record.
        id: u64,
    },
    /// Its `h1:` line for the version is no hash.
    #[error("checksum of {module} in record {id} is malformed")]
    Malformed {
        /// The module version, with `/go.mod` if it is that line.
        module: String,
        /// The number of the record.
        id: u64,
    },
}

/// What a record says of a module version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sums {
    /// The hash of the module's zip.
    pub zip: H1,
    /// The hash of its go.mod file.
    pub go_mod: H1,
}

/// A record of a log: its number, from 0, and its text, one or more lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    id: u64,
    text: String,
}

/// An answer to a lookup, as it came: nothing in it is proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupAnswer {
    /// The record.
    pub record: Record,
    /// The signed tree head that the record should be in.
    pub note: Vec<u8>,
}

impl Record {
    /// Makes a record of a text that can be one: lines of UTF-8 without control characters, none of them blank
    /// (x/mod `tlog.FormatRecord`).
    pub fn new(id: u64, text: String) -> Result<Self, MalformedRecord> {
        if is_text(&text) { Ok(Self { id, text }) } else { Err(MalformedRecord) }
    }

    /// The record of a module version in our own log: both lines.
    pub fn of_module(id: u64, module: &ModuleVersion, sums: &Sums) -> Self {
        let ModuleVersion { path, version, .. } = module;
        let text = format!(
            "{path} {version} {zip}\n{path} {version}/go.mod {go_mod}\n",
            zip = sums.zip,
            go_mod = sums.go_mod
        );
        Self { id, text }
    }

    /// Reads a record at the beginning of bytes, up to its blank line: the record and what comes after it (x/mod
    /// `tlog.ParseRecord`).
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), MalformedRecord> {
        let (id, rest) = split_once(bytes, b"\n").ok_or(MalformedRecord)?;
        let id: i64 = str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(MalformedRecord)?;
        let (text, rest) = parse_text(rest)?;
        Ok((Self { id: u64::try_from(id).map_err(|_| MalformedRecord)?, text: text.to_owned() }, rest))
    }

    /// Its number in the log, from 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its text: what is hashed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its hash in the tree.
    pub fn hash(&self) -> Hash {
        Hash::of_record(self.text.as_bytes())
    }

    /// The lines for a path and a version as they are written; a version with `/go.mod` has the line of the go.mod file
    /// (x/mod `sumdb.Client.Lookup`).
    pub fn lines(&self, path: &str, version: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{path} {version} ");
        self.text.split('\n').filter(move |line| line.starts_with(&prefix))
    }

    /// The hashes of a module version, and of its go.mod file. The first `h1:` line decides (cmd/go
    /// `modfetch.checkSumDB`).
    ///
    /// # Errors
    /// A record that lacks one of them, or that is of another module.
    pub fn sums(&self, module: &ModuleVersion) -> Result<Sums, SumsError> {
        let version = module.version.as_str();
        let zip = self.sum(module, version)?;
        Ok(Sums { zip, go_mod: self.sum(module, &format!("{version}/go.mod"))? })
    }

    fn sum(&self, module: &ModuleVersion, version: &str) -> Result<H1, SumsError> {
        let path = module.path.as_str();
        let named = || format!("{path}@{version}");
        let before = path.len() + version.len() + 2;
        let mut hashes = self.lines(path, version).filter_map(|line| line.get(before..));
        let hash = hashes.find(|hash| hash.starts_with("h1:"));
        let hash = hash.ok_or_else(|| SumsError::Missing { module: named(), id: self.id })?;
        H1::parse(hash).map_err(|_| SumsError::Malformed { module: named(), id: self.id })
    }

    /// What a tile of records has for it: its text and a blank line.
    pub(crate) fn in_tile(&self) -> impl fmt::Display {
        fmt::from_fn(|f| writeln!(f, "{}", self.text))
    }
}

impl LookupAnswer {
    /// Reads an answer to a lookup: a record, and the signed tree head after its blank line.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedRecord> {
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(MalformedRecord);
        }
        let (record, note) = Record::parse(bytes)?;
        Ok(Self { record, note: note.to_vec() })
    }
}

/// Reads the records of a tile of records, and checks them against the tile of level 0 with their hashes (x/mod
/// `sumdb.Server`, `/tile/H/data/`).
///
/// # Errors
/// Bytes that are not as many records as the tile has, or not those that the tree has.
pub fn check_records(tile: Tile, bytes: &[u8], hashes: &Proven) -> Result<Vec<Record>, MalformedRecord> {
    let of_records = Tile::new(tile.height(), Some(0), tile.number(), tile.width());
    let hashes = hashes.narrowed(tile.width()).filter(|hashes| Some(hashes.tile()) == of_records);
    let (Some(hashes), None, Some(start)) = (hashes, tile.level(), tile.start()) else {
        return Err(MalformedRecord);
    };
    let records = parse_records(start, bytes)?;
    let is_each_of_them = records.len() == hashes.hashes().len()
        && records.iter().zip(hashes.hashes()).all(|(record, hash)| record.hash() == hash);
    if is_each_of_them { Ok(records) } else { Err(MalformedRecord) }
}

/// Reads the records of a tile of records, the first of which has the number `first`. Whether the tree has them is not
/// known yet.
///
/// # Errors
/// Bytes that are not records.
pub fn parse_records(first: u64, bytes: &[u8]) -> Result<Vec<Record>, MalformedRecord> {
    let mut rest = bytes;
    let mut records = Vec::new();
    for id in first.. {
        if rest.is_empty() {
            break;
        }
        let (text, after) = parse_text(rest)?;
        records.push(Record { id, text: text.to_owned() });
        rest = after;
    }
    Ok(records)
}

/// The records of a tile, from the bytes of it or of a wider one. Each ends with the first blank line.
pub fn first_records(tile: Tile, bytes: &[u8]) -> &[u8] {
    if tile.is_whole() {
        return bytes;
    }
    let mut ends = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").map(|(at, _)| at + 2);
    let last = usize::try_from(tile.width()).ok().and_then(|width| ends.nth(width.checked_sub(1)?));
    last.and_then(|end| bytes.get(..end)).unwrap_or(bytes)
}

/// What a tile of records has for these (x/mod `sumdb.Server`, `/tile/H/data/`).
pub fn print_records<'r>(records: impl IntoIterator<Item = &'r Record>) -> String {
    let mut bytes = String::new();
    for record in records {
        // Writing to a String cannot fail.
        let _ = write!(bytes, "{}", record.in_tile());
    }
    bytes
}

/// Reads the text of a record up to its blank line.
fn parse_text(bytes: &[u8]) -> Result<(&str, &[u8]), MalformedRecord> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or(MalformedRecord)?;
    let (text, rest) = bytes.split_at_checked(end + 1).ok_or(MalformedRecord)?;
    let text = str::from_utf8(text).ok().filter(|text| is_text(text)).ok_or(MalformedRecord)?;
    Ok((text, rest.get(1..).ok_or(MalformedRecord)?))
}

/// Whether a record can have this text (x/mod `tlog.isValidRecordText`).
fn is_text(text: &str) -> bool {
    let is_control = |byte: u8| byte < b' ' && byte != b'\n';
    text.ends_with('\n') && !text.contains("\n\n") && !text.bytes().any(is_control)
}

fn split_once<'b>(bytes: &'b [u8], separator: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + separator.len()..)?))
}

/// The record as an answer to a lookup begins with it: number, text, blank line (x/mod `tlog.FormatRecord`).
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.id, self.text)
    }
}
