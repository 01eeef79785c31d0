//! What can be wrong with a module zip, each as a fact with its place.
//!
//! The texts are Go's where Go has one (x/mod `zip`), so that what a developer reads here is what searching finds.

use std::fmt;
use std::io;

use super::{MAX_GO_MOD_BYTES, MAX_LICENSE_BYTES, MAX_ZIP_BYTES};
use crate::path::PathError;
use crate::quote::quoted;

/// Why a zip is not a module's zip, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// Reading failed. This says nothing about the zip.
    #[error("cannot read the zip file")]
    Read(#[source] io::Error),
    /// The zip file is larger than any module's may be.
    #[error("module zip file is too large ({size_bytes} bytes; limit is {MAX_ZIP_BYTES} bytes)")]
    TooLarge {
        /// The size of the zip file.
        size_bytes: u64,
    },
    /// The container is not one zip archive from its first byte to its last.
    #[error("not a valid zip file: {0}")]
    Layout(LayoutFault),
    /// An entry cannot be read back, or says different things in different places.
    #[error("zip entry {}: {fault}", quoted(name))]
    Entry {
        /// The name of the entry as the central directory has it, invalid UTF-8 replaced.
        name: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// Files break the rules for names and sizes of files in modules.
    #[error("{0}")]
    Files(FileFaults),
    /// The files are larger together than a module may be.
    #[error("total uncompressed size of module contents too large (max size is {MAX_ZIP_BYTES} bytes)")]
    ContentTooLarge,
    /// The files of a tree are larger together than a module may be.
    #[error("module source tree too large (max size is {MAX_ZIP_BYTES} bytes)")]
    TreeTooLarge,
}

/// What is wrong with a zip archive as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutFault {
    /// No end record in the last 65,557 bytes: not a zip, or cut off.
    #[error("no end of central directory record")]
    NoEnd,
    /// The end record and its comment do not reach exactly to the end of the file.
    #[error("data after the end of central directory record")]
    Trailing,
    /// Two end records both fit the end of the file, so that readers may differ in which directory they read.
    #[error("two end of central directory records")]
    TwoEnds,
    /// The archive claims to be spread over several disks.
    #[error("archive is spread over several disks")]
    MultiDisk,
    /// The zip64 end records are not where they belong, or contradict the end record.
    #[error("zip64 end of central directory record disagrees with the archive")]
    Zip64,
    /// The central directory does not end where the end records begin: bytes before the archive, or between the two.
    #[error("central directory is not followed by its end record")]
    DirectoryPlace,
    /// The central directory is larger than is read.
    #[error("central directory is too large ({size_bytes} bytes)")]
    DirectoryTooLarge {
        /// The size the end record gives.
        size_bytes: u64,
    },
    /// There are more entries, or more directories in their names, than are read.
    #[error("too many files and directories")]
    TooMany,
    /// The central directory does not consist of exactly the headers that the end record counts.
    #[error("central directory is damaged at header {header} of {count}")]
    Directory {
        /// How many headers were read before the fault.
        header: u64,
        /// How many headers the end record counts.
        count: u64,
    },
    /// Bytes that belong to no entry before the first one.
    #[error("{bytes} bytes before the first entry")]
    Prefix {
        /// How many.
        bytes: u64,
    },
}

/// What is wrong with the entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The name is longer than any client could unpack.
    #[error("name is too long ({bytes} bytes)")]
    NameTooLong {
        /// The length of the name.
        bytes: usize,
    },
    /// The entry, or the central directory, is encrypted.
    #[error("entry is encrypted")]
    Encrypted,
    /// The compression method is neither store (0) nor deflate (8).
    #[error("unsupported compression method {0}")]
    Method(u16),
    /// The Unix mode says symbolic link, device, pipe or socket, or directory for a name without a final slash.
    #[error("not a regular file (mode {mode:o})")]
    NotRegular {
        /// The Unix mode.
        mode: u16,
    },
    /// An extra field is cut off, or the zip64 one does not hold what the header needs, or is there twice.
    #[error("damaged extra field")]
    Extra,
    /// A stored entry has two different sizes, or a directory has content.
    #[error("sizes cannot be right ({compressed_bytes} bytes for {size_bytes})")]
    Sizes {
        /// The size in the archive.
        compressed_bytes: u64,
        /// The size of the content.
        size_bytes: u64,
    },
    /// The entry reaches into the next one or into the central directory.
    #[error("entry overlaps what follows it")]
    Overlap,
    /// There is no local header where the central directory points.
    #[error("no local header")]
    NoLocalHeader,
    /// The local header or the data descriptor contradicts the central directory.
    #[error("local header and central directory differ in {field}")]
    Differs {
        /// Which field.
        field: &'static str,
    },
    /// Bytes that belong to no entry follow.
    #[error("{bytes} bytes between this entry and what follows it")]
    Gap {
        /// How many.
        bytes: u64,
    },
    /// The compressed data is damaged, or ends early.
    #[error("damaged compressed data")]
    Deflate,
    /// The compressed data ends before the entry does.
    #[error("data after the end of the compressed data")]
    AfterDeflate,
    /// There is more content than declared.
    #[error("uncompressed size is larger than declared size ({size_bytes} bytes)")]
    Longer {
        /// The declared size.
        size_bytes: u64,
    },
    /// There is less content than declared.
    #[error("uncompressed size is smaller than declared size ({found_bytes} of {size_bytes} bytes)")]
    Shorter {
        /// The declared size.
        size_bytes: u64,
        /// The size of what is there.
        found_bytes: u64,
    },
    /// The content does not have the checksum that is recorded for it.
    #[error("checksum error")]
    Checksum,
}

/// Files that break a rule, in the order of the archive or tree, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFaults {
    /// The first faults; no more than [`FileFaults::KEPT`] are kept.
    pub faults: Vec<FileFault>,
    /// How many more there were.
    pub more: usize,
}

/// A file that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The name as given (full entry name in a zip, relative path in a tree), invalid UTF-8 replaced.
    pub path: String,
    /// The rule.
    pub rule: FileRule,
}

/// The rules for names and sizes of files (x/mod `zip.checkFiles`, `zip.checkZip`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileRule {
    /// The path has `.`, `..`, empty elements or a final slash.
    #[error("file path is not clean")]
    NotClean,
    /// The path begins with a slash.
    #[error("file path is not relative")]
    NotRelative,
    /// The name of a zip entry does not begin with `<module>@<version>/`.
    #[error("path does not have prefix {}", quoted(prefix))]
    Prefix {
        /// The prefix of all names in this module's zip.
        prefix: String,
    },
    /// The name is not UTF-8.
    #[error("malformed file path {}: invalid UTF-8", quoted(path))]
    NotUtf8 {
        /// The path, invalid parts replaced.
        path: String,
    },
    /// The name has a line feed, and so has no line in the list that is hashed (x/mod `dirhash.Hash1`).
    #[error("file names with newlines have no h1 hash")]
    Newline,
    /// The name cannot be a file's name in a module.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The root has a `GO.MOD` or `Go.mod`.
    #[error("go.mod files must have lowercase names")]
    GoModCase,
    /// A go.mod (in any case) in a directory would begin another module.
    #[error("go.mod file not in module root directory")]
    GoModNotRoot,
    /// The go.mod is too large.
    #[error("go.mod file too large (max size is {MAX_GO_MOD_BYTES} bytes)")]
    GoModTooLarge,
    /// The LICENSE is too large.
    #[error("LICENSE file too large (max size is {MAX_LICENSE_BYTES} bytes)")]
    LicenseTooLarge,
    /// Two paths differ only in case.
    #[error("case-insensitive file name collision: {} and {}", quoted(other), quoted(path))]
    CaseCollision {
        /// The one that came first.
        other: String,
        /// The one that came second: the file, or one of its parent directories.
        path: String,
    },
    /// A path is there as a file and as a directory.
    #[error("entry {} is both a file and a directory", quoted(path))]
    FileAndDirectory {
        /// The path.
        path: String,
    },
    /// A file is there twice.
    #[error("multiple entries for file {}", quoted(path))]
    Duplicate {
        /// The path.
        path: String,
    },
}

impl FileFaults {
    /// How many faults are kept. A report of more helps nobody.
    pub const KEPT: usize = 100;

    pub(super) fn push(&mut self, path: &[u8], rule: FileRule) {
        if self.faults.len() < Self::KEPT {
            self.faults.push(FileFault { path: String::from_utf8_lossy(path).into_owned(), rule });
        } else {
            self.more += 1;
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for FileFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{fault}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

impl ZipError {
    pub(super) fn file(path: &[u8], rule: FileRule) -> Self {
        let mut faults = FileFaults::default();
        faults.push(path, rule);
        Self::Files(faults)
    }
}

impl From<LayoutFault> for ZipError {
    fn from(fault: LayoutFault) -> Self {
        Self::Layout(fault)
    }
}
