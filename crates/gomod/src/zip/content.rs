//! Reads the entries of an archive, front to back, and hashes what is in them.
//!
//! What it promises: every byte between the begin of the file and the central directory belongs to exactly one entry; each
//! local header says what the directory says; each content has the declared size and checksum. One pass, two buffers
//! of 64 KiB, and never more output than declared, however well the data is compressed.
//!
//! The rules come from APPNOTE.TXT 4.3.7 to 4.3.9 and Go's archive/zip `checksumReader`, which is laxer in three places: it
//! does not look at the local header's fields, ignores what follows the deflate stream, and takes a recorded
//! checksum of zero for none.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use super::bytes::Fields;
use super::directory::{self, Entry, Method};
use super::fault::{EntryFault, ZipError};
use crate::h1::ContentHash;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const LOCAL_HEADER_BYTES: usize = 30;
const DESCRIPTOR: u32 = 0x0807_4b50;
const BUFFER_BYTES: usize = 64 << 10;

/// Why an entry could not be read.
enum Stop {
    Read(std::io::Error),
    Fault(EntryFault),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<EntryFault> for Stop {
    fn from(fault: EntryFault) -> Self {
        Self::Fault(fault)
    }
}

/// The entries of an archive, read in the order of the file.
pub(super) struct Contents<R> {
    source: BufReader<R>,
    inflate: Decompress,
    output: Box<[u8]>,
}

impl<R: Read + Seek> Contents<R> {
    /// Begins at the first byte of the file.
    pub(super) fn begin(mut reader: R) -> Result<Self, ZipError> {
        reader.seek(SeekFrom::Start(0)).map_err(ZipError::Read)?;
        Ok(Self {
            source: BufReader::with_capacity(BUFFER_BYTES, reader),
            inflate: Decompress::new(false),
            output: vec![0; BUFFER_BYTES].into_boxed_slice(),
        })
    }

    /// Reads the next entry, which ends at offset `end`, and returns the SHA-256 of its content.
    pub(super) fn read(&mut self, entry: &Entry<'_>, end: u64) -> Result<ContentHash, ZipError> {
        self.read_entry(entry, end).map_err(|stop| match stop {
            Stop::Read(error) => ZipError::Read(error),
            Stop::Fault(fault) => entry.error(fault),
        })
    }

    fn read_entry(&mut self, entry: &Entry<'_>, end: u64) -> Result<ContentHash, Stop> {
        let header_bytes = self.local_header(entry)?;
        let rest = end
            .checked_sub(entry.offset + header_bytes)
            .and_then(|rest| rest.checked_sub(entry.compressed_bytes));
        let rest = rest.ok_or(EntryFault::Overlap)?;
        let mut content = Content::new(entry);
        match entry.method {
            Method::Store => self.copy(entry.compressed_bytes, &mut content)?,
            Method::Deflate => self.inflate(entry.compressed_bytes, &mut content)?,
        }
        let hash = content.finish()?;
        self.descriptor(entry, rest)?;
        Ok(hash)
    }

    /// Compares the local header with the directory's; returns its length.
    fn local_header(&mut self, entry: &Entry<'_>) -> Result<u64, Stop> {
        let mut header = [0; LOCAL_HEADER_BYTES];
        self.source.read_exact(&mut header)?;
        let header = LocalHeader::parse(&header).ok_or(EntryFault::NoLocalHeader)?;
        header.compare(entry)?;
        let mut variable = vec![0; usize::from(header.name_bytes) + usize::from(header.extra_bytes)];
        self.source.read_exact(&mut variable)?;
        let (name, extra) = variable.split_at_checked(header.name_bytes.into()).unwrap_or_default();
        if name != entry.name {
            return Err(EntryFault::Differs { field: "name" }.into());
        }
        header.compare_sizes(extra, entry)?;
        Ok((LOCAL_HEADER_BYTES + variable.len()) as u64)
    }

    fn copy(&mut self, mut left: u64, content: &mut Content) -> Result<(), Stop> {
        while left > 0 {
            let chunk = upto(self.source.fill_buf()?, left);
            if chunk.is_empty() {
                return Err(EntryFault::Deflate.into());
            }
            content.add(chunk)?;
            let taken = chunk.len();
            left -= taken as u64;
            self.source.consume(taken);
        }
        Ok(())
    }

    fn inflate(&mut self, mut left: u64, content: &mut Content) -> Result<(), Stop> {
        self.inflate.reset(false);
        loop {
            let input = if left == 0 { &[] } else { upto(self.source.fill_buf()?, left) };
            // With all the input there and room for the output, no window needs to be kept.
            let last = input.len() as u64 == left;
            let flush = if last { FlushDecompress::Finish } else { FlushDecompress::None };
            let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
            let status =
                self.inflate.decompress(input, &mut self.output, flush).map_err(|_| EntryFault::Deflate)?;
            let taken = usize::try_from(self.inflate.total_in() - taken).map_err(|_| EntryFault::Deflate)?;
            let given = self.inflate.total_out() - given;
            content.add(upto(&self.output, given))?;
            left -= taken as u64;
            self.source.consume(taken);
            match status {
                Status::StreamEnd if left == 0 => return Ok(()),
                Status::StreamEnd => return Err(EntryFault::AfterDeflate.into()),
                Status::Ok | Status::BufError if taken == 0 && given == 0 => {
                    return Err(EntryFault::Deflate.into());
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }

    /// Reads the data descriptor, the `rest` of the entry's bytes. Its four forms (with or without signature, sizes of
    /// 32 or 64 bits) differ in length.
    fn descriptor(&mut self, entry: &Entry<'_>, rest: u64) -> Result<(), Stop> {
        let gap = EntryFault::Gap { bytes: rest };
        if !entry.has_descriptor() {
            return if rest == 0 { Ok(()) } else { Err(gap.into()) };
        }
        let mut buffer = [0; 24];
        let length = usize::try_from(rest).map_err(|_| gap.clone())?;
        let bytes = buffer.get_mut(..length).ok_or(gap.clone())?;
        self.source.read_exact(bytes)?;
        let mut fields = Fields(bytes);
        if matches!(length, 16 | 24) && fields.u32() != Some(DESCRIPTOR) {
            return Err(gap.into());
        }
        let crc32 = fields.u32();
        let sizes = match fields.0.len() {
            8 => [fields.u32().map(u64::from), fields.u32().map(u64::from)],
            16 => [fields.u64(), fields.u64()],
            _ => return Err(gap.into()),
        };
        if crc32 != Some(entry.crc32) {
            return Err(EntryFault::Differs { field: "checksum" }.into());
        }
        if sizes != [Some(entry.compressed_bytes), Some(entry.size_bytes)] {
            return Err(EntryFault::Differs { field: "sizes" }.into());
        }
        Ok(())
    }
}

fn upto(bytes: &[u8], count: u64) -> &[u8] {
    usize::try_from(count).ok().and_then(|count| bytes.get(..count)).unwrap_or(bytes)
}

/// The fixed part of a local header, as far as it repeats the directory.
struct LocalHeader {
    flags: u16,
    method: u16,
    crc32: u32,
    compressed: u32,
    size: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl LocalHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.u32()? != LOCAL_HEADER {
            return None;
        }
        fields.take(2)?; // version needed
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time and date
        Some(Self {
            flags,
            method,
            crc32: fields.u32()?,
            compressed: fields.u32()?,
            size: fields.u32()?,
            name_bytes: fields.u16()?,
            extra_bytes: fields.u16()?,
        })
    }

    fn compare(&self, entry: &Entry<'_>) -> Result<(), EntryFault> {
        let method = match entry.method {
            Method::Store => 0,
            Method::Deflate => 8,
        };
        let later = entry.has_descriptor() && self.crc32 == 0;
        let differs = |field| Err(EntryFault::Differs { field });
        if usize::from(self.name_bytes) != entry.name.len() {
            differs("name")
        } else if self.flags != entry.flags {
            differs("flags")
        } else if self.method != method {
            differs("method")
        } else if self.crc32 != entry.crc32 && !later {
            differs("checksum")
        } else {
            Ok(())
        }
    }

    /// With a data descriptor, a writer that did not know the sizes yet left zeros, or all ones and a zip64 field.
    fn compare_sizes(&self, extra: &[u8], entry: &Entry<'_>) -> Result<(), EntryFault> {
        let [size, compressed] = directory::wide(extra, [self.size, self.compressed])?;
        let later = |written: u64| entry.has_descriptor() && (written == 0 || written == u64::from(u32::MAX));
        let agrees = |written: u64, real: u64| written == real || later(written);
        if agrees(size, entry.size_bytes) && agrees(compressed, entry.compressed_bytes) {
            Ok(())
        } else {
            Err(EntryFault::Differs { field: "sizes" })
        }
    }
}

/// The content of an entry, measured and hashed while it is read.
struct Content {
    size_bytes: u64,
    crc32: u32,
    found_bytes: u64,
    checksum: crc32fast::Hasher,
    sha256: Sha256,
}

impl Content {
    fn new(entry: &Entry<'_>) -> Self {
        Self {
            size_bytes: entry.size_bytes,
            crc32: entry.crc32,
            found_bytes: 0,
            checksum: crc32fast::Hasher::new(),
            sha256: Sha256::new(),
        }
    }

    fn add(&mut self, chunk: &[u8]) -> Result<(), EntryFault> {
        self.found_bytes += chunk.len() as u64;
        if self.found_bytes > self.size_bytes {
            return Err(EntryFault::Longer { size_bytes: self.size_bytes });
        }
        self.checksum.update(chunk);
        self.sha256.update(chunk);
        Ok(())
    }

    fn finish(self) -> Result<ContentHash, EntryFault> {
        if self.found_bytes < self.size_bytes {
            return Err(EntryFault::Shorter { size_bytes: self.size_bytes, found_bytes: self.found_bytes });
        }
        if self.checksum.finalize() != self.crc32 {
            return Err(EntryFault::Checksum);
        }
        Ok(self.sha256.finalize().into())
    }
}
