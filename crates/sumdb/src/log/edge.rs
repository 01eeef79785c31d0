//! The part of a log that is not in full tiles yet: what the next record is added to.

use super::{File, Record, Tile, Tree};
use crate::hash::{HASH_BYTES, Hash};
use crate::record::print_records;
use crate::tile::{hash_of_all, subtree};
use crate::tree::{MAX_SIZE, nodes_of};

/// The bytes of the tiles at the right edge, and the records of the last one.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    height: u8,
    size: u64,
    /// The hashes of the tile of each level, fewer than a full one has, 32 bytes each.
    hashes: Vec<Vec<u8>>,
    /// The records of the last tile of records, fewer than a full one has.
    records: Vec<Record>,
}

impl Edge {
    /// The edge of a tree of this size, from its tiles, lowest first, and the records of its last tile of records.
    pub(super) fn new(height: u8, size: u64, hashes: Vec<Vec<u8>>, records: Vec<Record>) -> Self {
        Self { height, size, hashes, records }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record, which has the next number; gives the files of tiles that are full with it. `None` if there is no
    /// room in any log.
    pub(super) fn push(&mut self, record: Record) -> Option<Vec<File>> {
        if self.size >= MAX_SIZE {
            return None;
        }
        let mut files = Vec::new();
        let mut hash = record.hash();
        self.records.push(record);
        self.size += 1;
        if self.records.len() == 1 << self.height {
            files.push(self.file(None, print_records(&self.records).into_bytes())?);
            self.records.clear();
        }
        for level in 0.. {
            let at = usize::from(level);
            if self.hashes.len() == at {
                self.hashes.push(Vec::new());
            }
            let tile = self.hashes.get_mut(at)?;
            tile.extend_from_slice(&hash.0);
            if tile.len() < Tile::new(self.height, None, 0, 1)?.whole().size_bytes() {
                break;
            }
            hash = hash_of_all(tile)?;
            let full = std::mem::take(tile);
            files.push(self.file(Some(level), full)?);
        }
        Some(files)
    }

    /// The files of the tiles that are not full and have changed since the log had `older` records.
    pub(super) fn partial(&self, older: u64) -> Option<Vec<File>> {
        let mut files = Vec::new();
        if !self.records.is_empty() && older < self.size {
            files.push(self.file(None, print_records(&self.records).into_bytes())?);
        }
        for (level, tile) in (0..).zip(&self.hashes) {
            let shift = u32::from(self.height) * u32::from(level);
            let nodes = |size: u64| size.checked_shr(shift).unwrap_or(0);
            if !tile.is_empty() && nodes(older) < nodes(self.size) {
                files.push(self.file(Some(level), tile.clone())?);
            }
        }
        Some(files)
    }

    /// The file of the last tile of a level, with these bytes.
    fn file(&self, level: Option<u8>, bytes: Vec<u8>) -> Option<File> {
        let shift = u32::from(self.height) * u32::from(level.unwrap_or(0));
        let last = self.size.checked_shr(shift)?.checked_sub(1)?;
        let tile = Tile::new(self.height, level, last >> self.height, 1)?.in_tree(self.size)?;
        Some(File { tile, bytes })
    }

    /// The tree: the hashes of all tiles, joined from the right.
    pub(super) fn tree(&self) -> Tree {
        let mut whole: Option<Hash> = None;
        for tile in &self.hashes {
            let count = u64::try_from(tile.len() / HASH_BYTES).unwrap_or(0);
            for node in nodes_of(0..count).into_iter().rev() {
                let left = subtree(tile, node).unwrap_or(Hash::EMPTY);
                whole = Some(whole.map_or(left, |right| Hash::of_node(&left, &right)));
            }
        }
        Tree { size: self.size, hash: whole.unwrap_or(Hash::EMPTY) }
    }
}
