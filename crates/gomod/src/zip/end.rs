//! Finds the end of a zip archive: the end record, and the zip64 end records before it.
//!
//! Why so strict: which directory a zip has is decided here, and where two readers may decide differently, a zip can show
//! one content to the checker and another to the client. So the records must be the last bytes of the file, follow the
//! directory without a gap, and say everything once. Go's reader tolerates bytes before the archive, between
//! directory and end record, and after the comment; no writer of module zips makes them.
//!
//! The rules come from APPNOTE.TXT 4.3.14 to 4.3.16 and Go's archive/zip `readDirectoryEnd`.

use std::io::{Read, Seek, SeekFrom};

use super::bytes::Fields;
use super::fault::{LayoutFault, ZipError};

const END: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: u32 = 0x0706_4b50;
const LOCATOR_BYTES: usize = 20;
const END64: u32 = 0x0606_4b50;
const END64_BYTES: usize = 56;
const MAX_COMMENT_BYTES: usize = 0xffff;

/// Where the central directory is and how many headers it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
}

/// Reads the end records of an archive of `size` bytes.
pub(super) fn read(reader: &mut (impl Read + Seek), size: u64) -> Result<End, ZipError> {
    let longest = END64_BYTES + LOCATOR_BYTES + END_BYTES + MAX_COMMENT_BYTES;
    let mut tail = vec![0; usize::try_from(size).unwrap_or(longest).min(longest)];
    let tail_offset = size - tail.len() as u64;
    reader.seek(SeekFrom::Start(tail_offset)).map_err(ZipError::Read)?;
    reader.read_exact(&mut tail).map_err(ZipError::Read)?;
    let at = find(&tail)?;
    let (before, record) = tail.split_at_checked(at).ok_or(LayoutFault::NoEnd)?;
    let end = parse(record).ok_or(LayoutFault::NoEnd)??;
    let (end, begin) = match zip64(before, tail_offset, end)? {
        Some(end) => (end, at - LOCATOR_BYTES - END64_BYTES),
        None => (end, at),
    };
    let begin = tail_offset + begin as u64;
    if end.directory_offset.checked_add(end.directory_bytes) != Some(begin) {
        return Err(LayoutFault::DirectoryPlace.into());
    }
    Ok(end)
}

/// Finds the one end record that reaches exactly to the end of the file.
fn find(tail: &[u8]) -> Result<usize, LayoutFault> {
    let mut last = None;
    for at in (0..=tail.len().saturating_sub(END_BYTES)).rev() {
        let Some(record) = tail.get(at..).filter(|record| record.starts_with(END)) else { continue };
        let Some(&[low, high]) = record.get(END_BYTES - 2..END_BYTES) else { continue };
        let fits = END_BYTES + usize::from(u16::from_le_bytes([low, high])) == record.len();
        match (last, fits) {
            (None, true) => last = Some(at),
            // The last one is the one that Go reads, so it must be the right one.
            (None, false) => return Err(LayoutFault::Trailing),
            (Some(_), true) => return Err(LayoutFault::TwoEnds),
            (Some(_), false) => {}
        }
    }
    last.ok_or(LayoutFault::NoEnd)
}

fn parse(record: &[u8]) -> Option<Result<End, LayoutFault>> {
    let mut fields = Fields(record);
    fields.u32()?;
    let (disk, directory_disk) = (fields.u16()?, fields.u16()?);
    let (entries_on_disk, entries) = (fields.u16()?, fields.u16()?);
    let (directory_bytes, directory_offset) = (fields.u32()?, fields.u32()?);
    if (disk, directory_disk) != (0, 0) || entries_on_disk != entries {
        return Some(Err(LayoutFault::MultiDisk));
    }
    Some(Ok(End {
        entries: entries.into(),
        directory_bytes: directory_bytes.into(),
        directory_offset: directory_offset.into(),
    }))
}

/// The end according to the zip64 records, if there are any. Go looks for them only if one of three fields of the
/// end record has a certain value; so that nobody can read anything else, they must otherwise repeat the end record.
fn zip64(before: &[u8], before_offset: u64, end: End) -> Result<Option<End>, LayoutFault> {
    let Some((before, locator)) = before.split_last_chunk::<LOCATOR_BYTES>() else { return Ok(None) };
    let mut locator = Fields(locator);
    if locator.u32() != Some(LOCATOR) {
        return Ok(None);
    }
    let (disk, offset, disks) = (locator.u32(), locator.u64(), locator.u32());
    if (disk, disks) != (Some(0), Some(1)) {
        return Err(LayoutFault::MultiDisk);
    }
    let (before, record) = before.split_last_chunk::<END64_BYTES>().ok_or(LayoutFault::Zip64)?;
    if offset != Some(before_offset + before.len() as u64) {
        return Err(LayoutFault::Zip64);
    }
    let end64 = parse64(record).ok_or(LayoutFault::Zip64)??;
    let go_looks =
        end.entries == 0xffff || end.directory_bytes == 0xffff || end.directory_offset == 0xffff_ffff;
    let repeats = |field: u64, field64: u64, moved: u64| field == field64 || (go_looks && field == moved);
    let agree = repeats(end.entries, end64.entries, 0xffff)
        && repeats(end.directory_bytes, end64.directory_bytes, 0xffff_ffff)
        && repeats(end.directory_offset, end64.directory_offset, 0xffff_ffff);
    if agree { Ok(Some(end64)) } else { Err(LayoutFault::Zip64) }
}

fn parse64(record: &[u8]) -> Option<Result<End, LayoutFault>> {
    let mut fields = Fields(record);
    let (signature, size) = (fields.u32()?, fields.u64()?);
    fields.take(4)?; // version made by, version needed
    let (disk, directory_disk) = (fields.u32()?, fields.u32()?);
    let (entries_on_disk, entries) = (fields.u64()?, fields.u64()?);
    let (directory_bytes, directory_offset) = (fields.u64()?, fields.u64()?);
    if signature != END64 || size != END64_BYTES as u64 - 12 {
        return Some(Err(LayoutFault::Zip64));
    }
    if (disk, directory_disk) != (0, 0) || entries_on_disk != entries {
        return Some(Err(LayoutFault::MultiDisk));
    }
    Some(Ok(End { entries, directory_bytes, directory_offset }))
}
