//! Writes zip archives field by field, so that a test can lie in any of them.

use std::io::Write as _;

/// An entry, as it is written twice: before its data and in the directory.
#[derive(Clone, Debug)]
pub(crate) struct RawEntry {
    pub local: Header,
    pub central: Header,
    /// The bytes after the local header.
    pub data: Vec<u8>,
    /// The bytes after the data.
    pub descriptor: Vec<u8>,
    /// The offset in the directory, if it is to be another than the true one.
    pub offset: Option<u64>,
}

/// The fields that both headers have, and the directory's attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
    pub creator: u16,
    pub attributes: u32,
    pub disk: u16,
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn entry(name: &[u8], method: u16, content: &[u8], data: Vec<u8>) -> RawEntry {
    let header = Header {
        name: name.to_vec(),
        method,
        crc32: crc32fast::hash(content),
        compressed: u32::try_from(data.len()).unwrap(),
        size: u32::try_from(content.len()).unwrap(),
        creator: 20,
        ..Header::default()
    };
    RawEntry { local: header.clone(), central: header, data, descriptor: Vec::new(), offset: None }
}

impl RawEntry {
    pub(crate) fn stored(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        entry(name.as_ref(), 0, content.as_ref(), content.as_ref().to_vec())
    }

    pub(crate) fn deflated(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        entry(name.as_ref(), 8, content.as_ref(), deflate(content.as_ref()))
    }

    /// As Go's zip writer writes it: sizes and checksum only after the data.
    pub(crate) fn described(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let mut entry = Self::deflated(name, content);
        entry.descriptor.extend(0x0807_4b50_u32.to_le_bytes());
        for field in [entry.central.crc32, entry.central.compressed, entry.central.size] {
            entry.descriptor.extend(field.to_le_bytes());
        }
        (entry.local.flags, entry.central.flags) = (8, 8);
        (entry.local.crc32, entry.local.compressed, entry.local.size) = (0, 0, 0);
        entry
    }

    /// Changes both headers in the same way.
    pub(crate) fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    pub(crate) fn local(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        self
    }

    pub(crate) fn central(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.central);
        self
    }

    pub(crate) fn with(mut self, change: impl Fn(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// What the end record says.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub disk: u16,
    pub entries: u64,
    pub directory_bytes: u64,
    pub directory_offset: u64,
    pub comment: Vec<u8>,
}

fn local_header(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(b"PK\x03\x04\x14\x00");
    bytes.extend(common(header));
    bytes.extend(&header.name);
    bytes.extend(&header.extra);
    bytes
}

fn common(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(header.flags.to_le_bytes());
    bytes.extend(header.method.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(header.crc32.to_le_bytes());
    bytes.extend(header.compressed.to_le_bytes());
    bytes.extend(header.size.to_le_bytes());
    bytes.extend(u16::try_from(header.name.len()).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(header.extra.len()).unwrap().to_le_bytes());
    bytes
}

fn central_header(header: &Header, offset: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(b"PK\x01\x02");
    bytes.extend(header.creator.to_le_bytes());
    bytes.extend([20, 0]);
    bytes.extend(common(header));
    bytes.extend([0; 2]);
    bytes.extend(header.disk.to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(header.attributes.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend(&header.name);
    bytes.extend(&header.extra);
    bytes
}

/// The end record, `FF`s where a value does not fit.
pub(crate) fn end_record(end: &End) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06".to_vec();
    bytes.extend(end.disk.to_le_bytes());
    bytes.extend(end.disk.to_le_bytes());
    let entries = u16::try_from(end.entries).unwrap_or(u16::MAX);
    bytes.extend(entries.to_le_bytes());
    bytes.extend(entries.to_le_bytes());
    bytes.extend(u32::try_from(end.directory_bytes).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(u32::try_from(end.directory_offset).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(u16::try_from(end.comment.len()).unwrap().to_le_bytes());
    bytes.extend(&end.comment);
    bytes
}

/// The zip64 end record and its locator, for a record at `offset`.
pub(crate) fn end_record64(end: &End, offset: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0]);
    bytes.extend(u32::from(end.disk).to_le_bytes());
    bytes.extend(u32::from(end.disk).to_le_bytes());
    for field in [end.entries, end.entries, end.directory_bytes, end.directory_offset] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(offset.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

/// Entries and directory, and the end record that would be true.
pub(crate) fn body(entries: &[RawEntry]) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = entry.offset.unwrap_or(bytes.len() as u64);
        directory.extend(central_header(&entry.central, u32::try_from(offset).unwrap()));
        bytes.extend(local_header(&entry.local));
        bytes.extend(&entry.data);
        bytes.extend(&entry.descriptor);
    }
    let end = End {
        entries: entries.len() as u64,
        directory_bytes: directory.len() as u64,
        directory_offset: bytes.len() as u64,
        ..End::default()
    };
    bytes.extend(directory);
    (bytes, end)
}

/// A whole archive, its end record changed by `lie`.
pub(crate) fn archive_with(entries: &[RawEntry], lie: impl FnOnce(&mut End)) -> Vec<u8> {
    let (mut bytes, mut end) = body(entries);
    lie(&mut end);
    bytes.extend(end_record(&end));
    bytes
}

/// A whole archive.
pub(crate) fn archive(entries: &[RawEntry]) -> Vec<u8> {
    archive_with(entries, |_| {})
}
