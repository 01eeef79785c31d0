//! The tiles: read from the tiles of records, proven each time, and written.
//!
//! A tile of hashes is made of records, or of roots that are in memory: the files of such tiles are for other servers. A
//! full tile of records is proven by its root, the last one is in memory as a whole. What was read lately is kept.

use std::sync::Arc;

use bytes::Bytes;
use store::{Blobs, Durability, Key, Publish, StoreError};
use sumdb::record::{parse_records, print_records};
use sumdb::tile::HEIGHT;
use sumdb::{Hash, Record, Tile};

use super::shelf::{FULL, Shelf, root_of};

/// A tile of records is no larger: 256 of the longest that name a module take less.
const TILE_BYTES: u64 = 4 << 20;
/// Bytes of full tiles of records that are kept in memory, and of other tiles.
const MEMORY_BYTES: u64 = 16 << 20;

/// Why a tile cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It is not there.
    #[error("{tile} is not there")]
    Absent {
        /// Which.
        tile: Tile,
    },
    /// It is not what was signed.
    #[error("{tile} is not what was signed")]
    Wrong {
        /// Which.
        tile: Tile,
    },
    /// No tree has such a record.
    #[error("there is no record {id}")]
    Beyond {
        /// Its number.
        id: u64,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The tiles of one log.
pub(super) struct Tiles {
    blobs: Arc<dyn Blobs>,
    /// Where they are: `modules/sumdb/NAME`.
    place: String,
    memory: quick_cache::sync::Cache<Tile, Bytes, Weigh>,
    /// Records of full tiles, by the number of the tile.
    records: quick_cache::sync::Cache<u64, Arc<Vec<Record>>, Weigh>,
}

#[derive(Clone)]
struct Weigh;

impl quick_cache::Weighter<Tile, Bytes> for Weigh {
    fn weight(&self, _: &Tile, bytes: &Bytes) -> u64 {
        100 + bytes.len() as u64
    }
}

impl quick_cache::Weighter<u64, Arc<Vec<Record>>> for Weigh {
    fn weight(&self, _: &u64, records: &Arc<Vec<Record>>) -> u64 {
        records.iter().map(|record| 100 + record.text().len() as u64).sum()
    }
}

impl Tiles {
    pub(super) fn new(blobs: Arc<dyn Blobs>, name: &str) -> Self {
        let memory = || quick_cache::sync::Cache::with_weighter(1024, MEMORY_BYTES, Weigh);
        let records = quick_cache::sync::Cache::with_weighter(256, MEMORY_BYTES, Weigh);
        Self { blobs, place: format!("modules/sumdb/{name}"), memory: memory(), records }
    }

    /// Where they are, in the data directory.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// Where a file of the log lies.
    pub(super) fn key(&self, file: &str) -> Result<Key, StoreError> {
        Key::named(&format!("{}/{file}", self.place))
    }

    /// Writes a file of the log, over what is there; durable when this returns.
    pub(super) async fn write(&self, file: &str, bytes: Bytes) -> Result<(), StoreError> {
        let key = self.key(file)?;
        store::put(&*self.blobs, &key, bytes, Publish::Replace, Durability::Strict).await.map(drop)
    }

    /// Reads a file of the log.
    pub(super) async fn file(&self, file: &str) -> Result<Option<Bytes>, StoreError> {
        store::read(&*self.blobs, &self.key(file)?, TILE_BYTES).await
    }

    /// The records of a tile as they are on the disk; nothing of them is proven. A full tile will do for one that is not.
    pub(super) async fn stored(&self, tile: Tile) -> Result<Vec<Record>, ReadError> {
        let bytes = match self.file(&tile.to_string()).await? {
            None if !tile.is_whole() => self.file(&tile.whole().to_string()).await?,
            bytes => bytes,
        };
        let bytes = bytes.ok_or(ReadError::Absent { tile })?;
        let wrong = ReadError::Wrong { tile };
        let first = tile.number() << HEIGHT;
        let Ok(mut records) = parse_records(first, &bytes) else { return Err(wrong) };
        let width = usize::try_from(tile.width()).unwrap_or(FULL);
        records.truncate(width);
        if records.len() == width { Ok(records) } else { Err(wrong) }
    }

    /// One record of the tree.
    pub(super) async fn record(&self, shelf: &Shelf, id: u64) -> Result<Record, ReadError> {
        let at = usize::try_from(id).unwrap_or(usize::MAX) % FULL;
        let tile = Tile::new(HEIGHT, None, id >> HEIGHT, 1).ok_or(ReadError::Beyond { id })?;
        let found = if tile.number() == shelf.full_tiles() {
            shelf.tail().get(at).cloned()
        } else {
            self.full(shelf, tile.whole()).await?.get(at).cloned()
        };
        found.ok_or(ReadError::Beyond { id })
    }

    /// The records of a full tile, proven.
    async fn full(&self, shelf: &Shelf, tile: Tile) -> Result<Arc<Vec<Record>>, ReadError> {
        if let Some(records) = self.records.get(&tile.number()) {
            return Ok(records);
        }
        let records = self.stored(tile).await?;
        let hashes: Vec<Hash> = records.iter().map(Record::hash).collect();
        if root_of(&hashes).is_none() || root_of(&hashes) != shelf.root(tile.number()) {
            return Err(ReadError::Wrong { tile });
        }
        let records = Arc::new(records);
        self.records.insert(tile.number(), records.clone());
        Ok(records)
    }

    /// A tile of the tree, as wide as is asked for; `None` if the tree does not have it.
    pub(super) async fn tile(&self, shelf: &Shelf, tile: Tile) -> Result<Option<Bytes>, ReadError> {
        let is_there = |wide: Tile| tile.height() == HEIGHT && tile.width() <= wide.width();
        if !tile.in_tree(shelf.size()).is_some_and(is_there) {
            return Ok(None);
        }
        if let Some(bytes) = self.memory.get(&tile) {
            return Ok(Some(bytes));
        }
        let bytes = match tile.level() {
            None => Bytes::from(print_records(&self.records_of(shelf, tile).await?)),
            Some(0) => joined(self.records_of(shelf, tile).await?.iter().map(Record::hash)),
            Some(level) => {
                let hashes = shelf.hashes(level, tile.number() << HEIGHT, tile.width());
                joined(hashes.ok_or(ReadError::Absent { tile })?)
            }
        };
        if tile.is_whole() {
            self.memory.insert(tile, bytes.clone());
        }
        Ok(Some(bytes))
    }

    /// The records of a tile of records or of its hashes.
    pub(super) async fn records_of(&self, shelf: &Shelf, tile: Tile) -> Result<Vec<Record>, ReadError> {
        let width = usize::try_from(tile.width()).unwrap_or(FULL);
        let records = if tile.number() == shelf.full_tiles() {
            shelf.tail().get(..width).map(<[Record]>::to_vec)
        } else {
            let whole = Tile::new(HEIGHT, None, tile.number(), 1).ok_or(ReadError::Absent { tile })?.whole();
            self.full(shelf, whole).await?.get(..width).map(<[Record]>::to_vec)
        };
        records.ok_or(ReadError::Absent { tile })
    }
}

/// A tile of hashes, as its file has it.
pub(super) fn joined(hashes: impl IntoIterator<Item = Hash>) -> Bytes {
    Bytes::from(hashes.into_iter().flat_map(|hash| hash.0).collect::<Vec<u8>>())
}
