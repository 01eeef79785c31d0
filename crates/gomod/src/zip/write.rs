//! Writing module zips, the same bytes for the same files.
//!
//! What this is for: whoever makes a module from a repository makes its zip, and makes it again elsewhere or later. Equal bytes
//! mean equal entity tags on all replicas.
//! Why our own writer of the container: it is a few fixed records, each with one value for every field, and has to be exactly
//! those of Go's writer; libraries put times, modes and systems of their own into them. Deflating is the library's.
//! What it promises: one pass, nothing kept of a file but its line in the directory; the result does not depend on how contents
//! or output are cut into pieces; never more than a module may have.
//! What is deliberately not here: which files ([`super::select`]), and deflate output equal to Go's, which no hash depends on.
//!
//! The shape of the container is that of x/mod `zip.Create` over archive/zip's `Writer.Create`: no directories, all entries
//! deflated, sizes behind the content, no time, no attributes.

use std::io::{self, Read, Write};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::{MAX_ZIP_BYTES, ZipError, rules};
use crate::ModuleVersion;

/// How much content is compressed at once, and how much output is written at once.
const PIECE_BYTES: usize = 64 << 10;
/// The version of the format that is needed, and that is written (2.0, on FAT: no attributes).
const VERSION_20: u16 = 20;
/// The version that knows zip64 records.
const VERSION_45: u16 = 45;
/// Sizes and checksum follow the content.
const FLAG_DESCRIPTOR: u16 = 0x8;
/// The name is UTF-8.
const FLAG_UTF8: u16 = 0x800;
/// Deflate.
const METHOD: u16 = 8;

/// Why a zip could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The content could not be read.
    #[error("cannot read the content of {path}")]
    Read {
        /// The file's path within the module.
        path: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The zip could not be written.
    #[error("cannot write the zip file")]
    Write(#[source] io::Error),
    /// A module may not have that.
    #[error(transparent)]
    Rule(#[from] ZipError),
}

/// Writes the zip of one module version, file by file.
pub struct Writer<W> {
    out: W,
    /// What comes before each path: `<module>@<version>/`.
    prefix: String,
    /// Where the next record begins.
    at: u64,
    /// The size of all contents so far.
    content_bytes: u64,
    directory: Vec<u8>,
    entries: u64,
    deflate: Compress,
    input: Box<[u8]>,
    output: Vec<u8>,
}

/// What is known of a file when its content has ended.
#[derive(Default)]
struct Written {
    crc32: u32,
    compressed_bytes: u64,
    size_bytes: u64,
}

impl<W: Write> Writer<W> {
    /// A zip of this module version. Nothing is written yet.
    pub fn new(module: &ModuleVersion, out: W) -> Self {
        Self {
            out,
            prefix: format!("{module}/"),
            at: 0,
            content_bytes: 0,
            directory: Vec::new(),
            entries: 0,
            deflate: Compress::new(Compression::default(), false),
            input: vec![0; PIECE_BYTES].into(),
            output: Vec::with_capacity(PIECE_BYTES),
        }
    }

    /// Adds a file, its content read to the end. The path is relative to the module's root, and one that [`super::select`]
    /// includes; the order is that of the calls.
    ///
    /// # Errors
    /// [`WriteError::Rule`] for what only contents tell, since conversions change sizes: a go.mod or LICENSE, or all files
    /// together, are too large. After an error what was written is no zip.
    pub fn add(&mut self, path: &str, content: &mut dyn Read) -> Result<(), WriteError> {
        let name = format!("{}{path}", self.prefix);
        let flags = if needs_utf8(&name) { FLAG_DESCRIPTOR | FLAG_UTF8 } else { FLAG_DESCRIPTOR };
        let header_at = self.at;
        let mut header = Record::new(0x0403_4b50);
        header.u16(VERSION_20).u16(flags).u16(METHOD).u32(0);
        header.u32(0).u32(0).u32(0).u16(length(&name)).u16(0).text(&name);
        self.write(&header)?;
        let written = self.content(path, content)?;
        self.write(written.sizes(&mut Record::new(0x0807_4b50)))?;
        let mut line = Record::new(0x0201_4b50);
        line.u16(VERSION_20).u16(VERSION_20).u16(flags).u16(METHOD).u32(0);
        written.sizes(&mut line).u16(length(&name)).u16(0).u16(0);
        line.u16(0).u16(0).u32(0).u32(low(header_at)).text(&name);
        self.directory.extend_from_slice(&line.0);
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory and gives the output back.
    ///
    /// # Errors
    /// The output refused it, or it grew larger than a module's zip may be.
    pub fn finish(mut self) -> Result<W, WriteError> {
        let (directory_at, directory) = (self.at, std::mem::take(&mut self.directory));
        let size = directory.len() as u64;
        self.write(&Record(directory))?;
        let mut end = Record(Vec::new());
        // The number of entries is the only one that can be too large: the file is smaller than 4 GiB.
        let is_zip64 = self.entries >= u64::from(u16::MAX);
        if is_zip64 {
            end.u32(0x0606_4b50).u64(44).u16(VERSION_45).u16(VERSION_45).u32(0).u32(0);
            end.u64(self.entries).u64(self.entries).u64(size).u64(directory_at);
            end.u32(0x0706_4b50).u32(0).u64(directory_at + size).u32(1);
        }
        let count = u16::try_from(self.entries).unwrap_or(u16::MAX);
        let (size, at) = if is_zip64 { (u32::MAX, u32::MAX) } else { (low(size), low(directory_at)) };
        end.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count).u32(size).u32(at).u16(0);
        self.write(&end)?;
        self.out.flush().map_err(WriteError::Write)?;
        Ok(self.out)
    }

    /// Compresses a content. The compressor is fed whole pieces only, so that its output depends on the content alone.
    fn content(&mut self, path: &str, content: &mut dyn Read) -> Result<Written, WriteError> {
        self.deflate.reset();
        let (mut written, mut crc32) = (Written::default(), Hasher::new());
        loop {
            let filled = fill(content, &mut self.input)
                .map_err(|cause| WriteError::Read { path: path.to_owned(), cause })?;
            let piece = self.input.get(..filled).unwrap_or_default();
            crc32.update(piece);
            written.size_bytes += filled as u64;
            self.content_bytes += filled as u64;
            let fine = rules::check_size(path, written.size_bytes);
            fine.map_err(|rule| ZipError::file(path.as_bytes(), rule))?;
            if self.content_bytes > MAX_ZIP_BYTES {
                return Err(ZipError::TreeTooLarge.into());
            }
            let is_last = filled < PIECE_BYTES;
            written.compressed_bytes += self.compress(filled, is_last)?;
            if is_last {
                written.crc32 = crc32.finalize();
                return Ok(written);
            }
        }
    }

    /// Compresses the first `filled` bytes of the input, and ends the content if they were the last. Gives the number of bytes
    /// written.
    fn compress(&mut self, filled: usize, is_last: bool) -> Result<u64, WriteError> {
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::None };
        let (mut used, mut written) = (0, 0);
        loop {
            let before = self.deflate.total_in();
            let rest = self.input.get(used..filled).unwrap_or_default();
            let done = self.deflate.compress_vec(rest, &mut self.output, flush);
            let status = done.map_err(|cause| WriteError::Write(io::Error::other(cause)))?;
            used += usize::try_from(self.deflate.total_in() - before).unwrap_or_default();
            let is_full = self.output.len() == self.output.capacity();
            let output = std::mem::take(&mut self.output);
            written += output.len() as u64;
            let record = Record(output);
            let sent = self.write(&record);
            self.output = record.0;
            self.output.clear();
            sent?;
            if status == Status::StreamEnd || (!is_last && !is_full && used == filled) {
                return Ok(written);
            }
        }
    }

    fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        self.at += record.0.len() as u64;
        if self.at > MAX_ZIP_BYTES {
            return Err(ZipError::TooLarge { size_bytes: self.at }.into());
        }
        self.out.write_all(&record.0).map_err(WriteError::Write)
    }
}

impl Written {
    fn sizes<'a>(&self, record: &'a mut Record) -> &'a mut Record {
        record.u32(self.crc32).u32(low(self.compressed_bytes)).u32(low(self.size_bytes))
    }
}

/// Bytes of a record, numbers in little-endian.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn u16(&mut self, number: u16) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether Go marks the name as UTF-8: also for what some old character sets have in the place of `\` and `~`
/// (archive/zip `detectUTF8`).
fn needs_utf8(name: &str) -> bool {
    name.bytes().any(|byte| !(0x20..=0x7d).contains(&byte) || byte == b'\\')
}

/// The length of a name. Names that a client could unpack are shorter than 64 KiB; a longer one gives a zip that no check passes.
fn length(name: &str) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

/// A place or size in a file that is not larger than [`MAX_ZIP_BYTES`].
fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
