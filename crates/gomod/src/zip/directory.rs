//! The central directory of a zip archive.
//!
//! What this is for: the list of entries, read without trusting it: what it takes in memory is bounded, every entry can be
//! read by us, none reaches into another. What the local headers say is compared when the entries are read
//! ([`super::content`]).
//!
//! The rules come from APPNOTE.TXT 4.3.12 and 4.5.3 and Go's archive/zip `readDirectoryHeader`.

use std::io::{Read, Seek, SeekFrom};

use super::bytes::Fields;
use super::end::{self, End};
use super::fault::{EntryFault, LayoutFault, ZipError};
use super::{MAX_DIRECTORY_BYTES, MAX_ENTRIES, MAX_NAME_BYTES};

const HEADER: u32 = 0x0201_4b50;
const LOCAL_HEADER_BYTES: u64 = 30;
const ZIP64_EXTRA: u16 = 1;
/// Bits 0 and 6: encrypted; 5: patch data; 13: the directory is encrypted.
const FLAGS_ENCRYPTED: u16 = 0x2061;
const FLAG_DESCRIPTOR: u16 = 0x0008;
const UNIX: u16 = 3;
const DARWIN: u16 = 19;
const MODE_TYPE: u16 = 0o170_000;
const MODE_REGULAR: u16 = 0o100_000;
const MODE_DIRECTORY: u16 = 0o040_000;

/// How an entry is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Method 0: not at all.
    Store,
    /// Method 8: raw deflate.
    Deflate,
}

/// An entry as the central directory describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The full name, slash-separated; ends in a slash for a directory. Not checked in any way.
    pub name: &'a [u8],
    /// The compression method.
    pub method: Method,
    /// The general purpose flags.
    pub flags: u16,
    /// The CRC-32 of the content.
    pub crc32: u32,
    /// The size in the archive.
    pub compressed_bytes: u64,
    /// The size of the content.
    pub size_bytes: u64,
    /// Where the local header begins, from the begin of the file.
    pub offset: u64,
}

impl Entry<'_> {
    /// Whether a data descriptor follows the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }

    pub(super) fn error(&self, fault: EntryFault) -> ZipError {
        ZipError::Entry { name: String::from_utf8_lossy(self.name).into_owned(), fault }
    }

    fn end_at_least(&self) -> u64 {
        self.offset
            .saturating_add(LOCAL_HEADER_BYTES + self.name.len() as u64)
            .saturating_add(self.compressed_bytes)
    }
}

/// The central directory: entries in the directory's order.
pub struct Directory {
    names: Vec<u8>,
    records: Vec<Record>,
    /// Indexes of `records`, by offset of the local header.
    by_offset: Vec<u32>,
    offset: u64,
}

/// An [`Entry`] with its name as a range of [`Directory::names`].
struct Record {
    size_bytes: u64,
    name: u32,
    name_bytes: u16,
    flags: u16,
    crc32: u32,
    compressed_bytes: u32,
    offset: u32,
    method: Method,
}

impl Directory {
    /// Reads the central directory of an archive of `size` bytes.
    pub fn read(reader: &mut (impl Read + Seek), size: u64) -> Result<Self, ZipError> {
        let end = end::read(reader, size)?;
        if end.directory_bytes > MAX_DIRECTORY_BYTES {
            return Err(LayoutFault::DirectoryTooLarge { size_bytes: end.directory_bytes }.into());
        }
        if end.entries > MAX_ENTRIES {
            return Err(LayoutFault::TooMany.into());
        }
        // Not more than there is: the end record was found where the directory ends.
        let mut raw = vec![0; usize::try_from(end.directory_bytes).unwrap_or(0)];
        reader.seek(SeekFrom::Start(end.directory_offset)).map_err(ZipError::Read)?;
        reader.read_exact(&mut raw).map_err(ZipError::Read)?;
        let mut directory =
            Self { names: raw, records: Vec::new(), by_offset: Vec::new(), offset: end.directory_offset };
        directory.parse(end)?;
        directory.order()?;
        Ok(directory)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The entries in the directory's order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.records.iter().filter_map(|record| self.entry(record))
    }

    /// The entries in the order of the file, each with where the next one (or the directory) begins.
    pub(super) fn by_offset(&self) -> impl Iterator<Item = (Entry<'_>, u64)> {
        let at =
            |index: usize| self.by_offset.get(index).and_then(|record| self.records.get(*record as usize));
        (0..self.by_offset.len()).filter_map(move |index| {
            let next = at(index + 1).map_or(self.offset, |next| next.offset.into());
            Some((self.entry(at(index)?)?, next))
        })
    }

    fn entry(&self, record: &Record) -> Option<Entry<'_>> {
        let name = record.name as usize;
        Some(Entry {
            name: self.names.get(name..name + usize::from(record.name_bytes))?,
            method: record.method,
            flags: record.flags,
            crc32: record.crc32,
            compressed_bytes: record.compressed_bytes.into(),
            size_bytes: record.size_bytes,
            offset: record.offset.into(),
        })
    }

    fn parse(&mut self, end: End) -> Result<(), ZipError> {
        let mut fields = Fields(&self.names);
        for header in 0..end.entries {
            let damaged = LayoutFault::Directory { header, count: end.entries };
            let record = header_at(&mut fields, self.names.len()).ok_or(damaged)??;
            self.records.push(record);
        }
        if fields.0.is_empty() {
            return Ok(());
        }
        Err(LayoutFault::Directory { header: end.entries, count: end.entries }.into())
    }

    /// Sorts by place and makes sure that the archive begins with an entry and that no two overlap.
    fn order(&mut self) -> Result<(), ZipError> {
        self.by_offset = (0..).take(self.records.len()).collect();
        let records = &self.records;
        self.by_offset.sort_by_key(|index| records.get(*index as usize).map(|record| record.offset));
        let first = self.by_offset().next().map_or(self.offset, |(entry, _)| entry.offset);
        if first != 0 {
            return Err(LayoutFault::Prefix { bytes: first }.into());
        }
        match self.by_offset().find(|(entry, next)| entry.end_at_least() > *next) {
            Some((entry, _)) => Err(entry.error(EntryFault::Overlap)),
            None => Ok(()),
        }
    }
}

/// Reads a header of the directory, which is `directory_bytes` long; `None` if there is none.
fn header_at(fields: &mut Fields<'_>, directory_bytes: usize) -> Option<Result<Record, ZipError>> {
    if fields.u32()? != HEADER {
        return None;
    }
    let creator = fields.u16()? >> 8;
    fields.take(2)?; // version needed
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.take(4)?; // time and date
    let (crc32, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name_bytes, extra_bytes, comment_bytes) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let disk = fields.u16()?;
    fields.take(2)?; // internal attributes
    let (attributes, offset) = (fields.u32()?, fields.u32()?);
    let name_at = directory_bytes - fields.0.len();
    let name = fields.take(name_bytes.into())?;
    let extra = fields.take(extra_bytes.into())?;
    fields.take(comment_bytes.into())?;
    if disk != 0 {
        return Some(Err(LayoutFault::MultiDisk.into()));
    }
    let mode = if matches!(creator, UNIX | DARWIN) { (attributes >> 16) as u16 } else { 0 };
    let record = check_kind(name, flags, mode)
        .and_then(|()| method_of(method))
        .and_then(|method| Ok((method, wide(extra, [size, compressed, offset])?)))
        .and_then(|(method, [size_bytes, compressed_bytes, offset])| {
            check_sizes(name, method, compressed_bytes, size_bytes)?;
            Ok(Record {
                size_bytes,
                name: u32::try_from(name_at).map_err(|_| EntryFault::Extra)?,
                name_bytes,
                flags,
                crc32,
                compressed_bytes: u32::try_from(compressed_bytes).map_err(|_| EntryFault::Overlap)?,
                offset: u32::try_from(offset).map_err(|_| EntryFault::Overlap)?,
                method,
            })
        });
    Some(record.map_err(|fault| ZipError::Entry { name: String::from_utf8_lossy(name).into_owned(), fault }))
}

fn check_kind(name: &[u8], flags: u16, mode: u16) -> Result<(), EntryFault> {
    if name.len() > MAX_NAME_BYTES {
        return Err(EntryFault::NameTooLong { bytes: name.len() });
    }
    if flags & FLAGS_ENCRYPTED != 0 {
        return Err(EntryFault::Encrypted);
    }
    match mode & MODE_TYPE {
        0 | MODE_REGULAR => Ok(()),
        MODE_DIRECTORY if name.ends_with(b"/") => Ok(()),
        _ => Err(EntryFault::NotRegular { mode }),
    }
}

fn check_sizes(
    name: &[u8],
    method: Method,
    compressed_bytes: u64,
    size_bytes: u64,
) -> Result<(), EntryFault> {
    let stored_differs = method == Method::Store && compressed_bytes != size_bytes;
    if stored_differs || (name.ends_with(b"/") && size_bytes != 0) {
        return Err(EntryFault::Sizes { compressed_bytes, size_bytes });
    }
    Ok(())
}

fn method_of(method: u16) -> Result<Method, EntryFault> {
    match method {
        0 => Ok(Method::Store),
        8 => Ok(Method::Deflate),
        other => Err(EntryFault::Method(other)),
    }
}

/// Widens header fields (in the order of the zip64 extra field) by it: a field of all ones stands there in 64 bits.
/// As in Go, a size of all ones without the extra field is meant literally.
pub(super) fn wide<const N: usize>(extra: &[u8], fields: [u32; N]) -> Result<[u64; N], EntryFault> {
    let mut wide = fields.map(u64::from);
    let mut fields = Fields(extra);
    let mut found = false;
    // Up to three bytes of padding are left by tools that align entries.
    while fields.0.len() >= 4 {
        let tag = fields.u16().ok_or(EntryFault::Extra)?;
        let size = fields.u16().ok_or(EntryFault::Extra)?;
        let mut content = Fields(fields.take(size.into()).ok_or(EntryFault::Extra)?);
        if tag != ZIP64_EXTRA {
            continue;
        }
        if std::mem::replace(&mut found, true) {
            return Err(EntryFault::Extra);
        }
        for field in &mut wide {
            if *field == u64::from(u32::MAX) {
                *field = content.u64().ok_or(EntryFault::Extra)?;
            }
        }
    }
    Ok(wide)
}
