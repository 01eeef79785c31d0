//! A zip writer that writes what Go's `archive/zip` writes for cmd/go: deflate, flag 0x0008 (sizes in a descriptor
//! after the data), flag 0x0800 for names outside plain ASCII, no times, no extra fields, no directory entries.
//!
//! The same entries always give the same bytes. No zip64: contents stay below 4 GiB.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// One file of a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The full name as stored, slashes between elements.
    pub name: String,
    /// The content before compression.
    pub content: Bytes,
    level: Compression,
}

impl Entry {
    /// An entry that is compressed.
    pub fn new(name: &str, content: impl Into<Bytes>) -> Self {
        Self { name: name.to_owned(), content: content.into(), level: Compression::default() }
    }

    /// The same entry in deflate's stored blocks: fast for content that does not compress.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.level = Compression::none();
        self
    }

    /// The same entry with a prefix before its name.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        Self { name: format!("{prefix}{}", self.name), ..self.clone() }
    }

    fn deflated(&self) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), self.level);
        encoder.write_all(&self.content).unwrap();
        encoder.finish().unwrap()
    }

    fn flags(&self) -> u16 {
        // As Go's detectUTF8, which also counts `~` and `\` as not plain.
        let plain = self.name.bytes().all(|byte| (0x20..=0x7d).contains(&byte) && byte != b'\\');
        if plain { 0x0008 } else { 0x0808 }
    }
}

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const VERSION: u16 = 20;
const DEFLATE: u16 = 8;

/// Writes the entries in the order given, names and contents unchecked: broken ones may be wanted.
pub fn write_zip(entries: &[Entry]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = size32(zip.len());
        let data = entry.deflated();
        let crc = crc32fast::hash(&entry.content);
        let sizes = [crc, size32(data.len()), size32(entry.content.len())];

        longs(&mut zip, &[LOCAL]);
        shorts(&mut zip, &[VERSION, entry.flags(), DEFLATE, 0, 0]);
        longs(&mut zip, &[0, 0, 0]);
        shorts(&mut zip, &[size16(entry.name.len()), 0]);
        zip.extend_from_slice(entry.name.as_bytes());
        zip.extend_from_slice(&data);
        longs(&mut zip, &[DESCRIPTOR]);
        longs(&mut zip, &sizes);

        longs(&mut directory, &[CENTRAL]);
        shorts(&mut directory, &[VERSION, VERSION, entry.flags(), DEFLATE, 0, 0]);
        longs(&mut directory, &sizes);
        shorts(&mut directory, &[size16(entry.name.len()), 0, 0, 0, 0]);
        longs(&mut directory, &[0, offset]);
        directory.extend_from_slice(entry.name.as_bytes());
    }
    let (count, offset) = (size16(entries.len()), size32(zip.len()));
    zip.extend_from_slice(&directory);
    longs(&mut zip, &[END]);
    shorts(&mut zip, &[0, 0, count, count]);
    longs(&mut zip, &[size32(directory.len()), offset]);
    shorts(&mut zip, &[0]);
    zip
}

fn longs(to: &mut Vec<u8>, values: &[u32]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn shorts(to: &mut Vec<u8>, values: &[u16]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn size32(size: usize) -> u32 {
    u32::try_from(size).expect("a zip of the test kit stays below 4 GiB")
}

fn size16(size: usize) -> u16 {
    u16::try_from(size).expect("a name or count that fits a zip without zip64")
}
