//! Module zips: checking them, choosing what goes into them, and writing them.
//!
//! What this is for: a zip that passes [`check`] can be unpacked by every go command with the result that its h1 hash
//! names, and by every other zip reader with the same result. [`select`] says which files of a source tree make
//! up a module, and [`Writer`] writes them.
//! Why our own reader of the container: what is hostile in a zip is hidden where two readers differ, in
//! directory against local headers, gaps, and doubled end records. Libraries pick one reading; we must refuse all but one. Inflating
//! and checksums are libraries' work.
//! What it promises: one pass over the file; memory in proportion to the directory, which is bounded; never more inflated
//! than declared and allowed; no panic on any bytes.
//! What is deliberately not here: unpacking, and looking for the go.mod of a repository.
//!
//! The rules come from x/mod `zip` (`CheckZip`, `Unzip`, `CheckFiles`) and `sumdb/dirhash.HashZip`. We are stricter than
//! Go's archive/zip in what no writer of module zips does: bytes outside of the entries and the directory, entries that overlap,
//! local headers that differ from the directory, symbolic links, encryption.

mod bytes;
mod collision;
mod content;
mod directory;
mod end;
mod fault;
mod fold;
mod rules;
mod tree;
mod write;

use std::io::{Read, Seek};

pub use directory::{Directory, Entry, Method};
pub use fault::{EntryFault, FileFault, FileFaults, FileRule, LayoutFault, ZipError};
pub use fold::fold;
pub use tree::{Omission, Selection, TreeEntry, TreeKind, select};
pub use write::{WriteError, Writer};

use crate::ModuleVersion;
use crate::h1::{ContentHash, H1};
use content::Contents;

/// The largest module zip, and the largest sum of its files' sizes: 500 MiB (x/mod `zip.MaxZipFile`).
pub const MAX_ZIP_BYTES: u64 = 500 << 20;
/// The largest go.mod in a module zip: 16 MiB (x/mod `zip.MaxGoMod`).
pub const MAX_GO_MOD_BYTES: u64 = 16 << 20;
/// The largest LICENSE in the root of a module zip: 16 MiB (x/mod `zip.MaxLICENSE`).
pub const MAX_LICENSE_BYTES: u64 = 16 << 20;
/// The largest central directory that is read, several times the largest known. It is held in memory.
pub const MAX_DIRECTORY_BYTES: u64 = 32 << 20;
/// The most entries that are read.
pub const MAX_ENTRIES: u64 = 1 << 18;
/// The longest name of an entry: what Linux takes as a path, so that no client could unpack a longer one.
pub const MAX_NAME_BYTES: usize = 4096;

/// The most files and directories together: what a hash table of half a million places takes before it grows.
const MAX_NAMES: usize = (1 << 19) / 8 * 7;
/// The most bytes of names that are hashed for the collision check. Only names with thousands of parents reach it.
const MAX_NAME_WORK_BYTES: usize = 128 << 20;

/// What is known of a zip that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The h1 hash of the module (x/mod `dirhash.HashZip`).
    pub h1: H1,
    /// The h1 hash of the go.mod in the root, if there is one (toolchains have none).
    pub go_mod: Option<H1>,
    /// How many files there are, directories not counted.
    pub files: usize,
    /// The size of all files together.
    pub inflated_bytes: u64,
}

/// Checks that a zip of `size` bytes is one that the go command takes for this module version, reads it whole, and
/// returns its hashes.
///
/// # Errors
///
/// [`ZipError::Read`] if the reader fails (or is shorter than `size`); everything else is the zip's fault.
pub fn check(
    reader: &mut (impl Read + Seek),
    size: u64,
    module: &ModuleVersion,
) -> Result<Checked, ZipError> {
    if size > MAX_ZIP_BYTES {
        return Err(ZipError::TooLarge { size_bytes: size });
    }
    let prefix = &format!("{module}/");
    let directory = Directory::read(reader, size)?;
    let inflated_bytes = rules::check(&directory, prefix)?;
    let hashes = read_all(reader, &directory)?;
    let is_go_mod = |name: &str| name.strip_prefix(prefix) == Some("go.mod");
    let go_mod = hashes.iter().find(|(name, _)| is_go_mod(name)).map(|(_, content)| H1::of_mod_hash(content));
    let files = hashes.iter().filter(|(name, _)| !name.ends_with('/')).count();
    Ok(Checked { h1: of_contents(hashes)?, go_mod, files, inflated_bytes })
}

/// The h1 hash of a zip whose files may have any names and sizes, up to [`MAX_ZIP_BYTES`] together: says whether content
/// that no go command takes is what somebody has on record all the same (x/mod `dirhash.HashZip`).
///
/// # Errors
///
/// As [`check`], but for the rules for names and sizes of single files.
pub fn hash(reader: &mut (impl Read + Seek), size: u64) -> Result<H1, ZipError> {
    if size > MAX_ZIP_BYTES {
        return Err(ZipError::TooLarge { size_bytes: size });
    }
    let directory = Directory::read(reader, size)?;
    if directory.entries().fold(0, |sum: u64, entry| sum.saturating_add(entry.size_bytes)) > MAX_ZIP_BYTES {
        return Err(ZipError::ContentTooLarge);
    }
    of_contents(read_all(reader, &directory)?)
}

fn of_contents(hashes: Vec<(&str, ContentHash)>) -> Result<H1, ZipError> {
    H1::of_files(hashes).map_err(|error| ZipError::file(error.name.as_bytes(), FileRule::Newline))
}

fn read_all<'a>(
    reader: &mut (impl Read + Seek),
    directory: &'a Directory,
) -> Result<Vec<(&'a str, ContentHash)>, ZipError> {
    let mut contents = Contents::begin(reader)?;
    let mut hashes = Vec::with_capacity(directory.len());
    for (entry, end) in directory.by_offset() {
        let hash = contents.read(&entry, end)?;
        let name = rules::as_text(entry.name).map_err(|rule| ZipError::file(entry.name, rule))?;
        hashes.push((name, hash));
    }
    Ok(hashes)
}
