//! Hashes taken of bytes while they arrive, and the check of a block when it is read back.
//!
//! A file's SHA-256 is its `ETag`. The CRC-32 of each block finds rot when the file is first read after a start,
//! block by block, without reading the whole file before the first byte is sent. CRC-32 is enough here: it guards
//! against accidents of the disk; against malice the h1 hash does.

use sha2::{Digest, Sha256};

/// Bytes of one checked block. A reader holds one in memory, so it is small; a 500 MiB zip has 2,000.
pub const BLOCK: u64 = 256 * 1024;

/// Takes the hashes of a file that arrives piece by piece.
#[derive(Debug, Default)]
pub struct Summer {
    sha256: Sha256,
    block: crc32fast::Hasher,
    in_block: u64,
    blocks: String,
    size: u64,
}

/// The hashes of a whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// CRC-32 of each block, 8 hex digits a block.
    pub blocks: String,
    /// Length in bytes.
    pub size: u64,
}

impl Summer {
    /// Takes in the next piece.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK - self.in_block).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.update(now);
            self.in_block += now.len() as u64;
            if self.in_block == BLOCK {
                self.close_block();
            }
            bytes = later;
        }
    }

    fn close_block(&mut self) {
        let sum = std::mem::take(&mut self.block).finalize();
        push_hex(&mut self.blocks, &sum.to_be_bytes());
        self.in_block = 0;
    }

    /// The hashes of all that was taken in.
    pub fn finish(mut self) -> Sums {
        if self.in_block > 0 {
            self.close_block();
        }
        let mut sha256 = String::with_capacity(64);
        push_hex(&mut sha256, &self.sha256.finalize());
        Sums { sha256, blocks: self.blocks, size: self.size }
    }
}

/// The hashes of bytes in memory.
pub fn of(bytes: &[u8]) -> Sums {
    let mut summer = Summer::default();
    summer.update(bytes);
    summer.finish()
}

/// Whether `bytes` are what block `index` of a file with these `blocks` was when it was kept.
pub fn block_agrees(blocks: &str, index: u64, bytes: &[u8]) -> bool {
    let Some(expected) = usize::try_from(index).ok().and_then(|at| blocks.get(at * 8..at * 8 + 8)) else {
        return false;
    };
    u32::from_str_radix(expected, 16).is_ok_and(|expected| expected == crc32fast::hash(bytes))
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| DIGITS.get(usize::from(*nibble))));
    }
}
