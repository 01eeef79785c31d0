//! Going on with a log after a restart, or refusing to.
//!
//! The head beside the key is remembered before the store's own is published, and both after the tiles are durable. So
//! after any crash the remembered head is the store's, or newer with all its tiles there. If they are not, the store is
//! older than what was signed (it came from a backup), and going on would sign a second history.
//! If both were put back together, nothing here can tell.

use std::sync::Arc;

use super::{Edge, Head, Log, Signer, Tree};
use crate::client::ClientError;
use crate::record::{MalformedRecord, Record, check_records};
use crate::tile::{MAX_HEIGHT, Plan, Tile, TileError, Tiles};
use crate::tree::{Node, hash_of, nodes_of};

/// Why a log does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No tile has this height.
    #[error("tiles have a height from 1 to {MAX_HEIGHT}, not {height}")]
    Height {
        /// The height.
        height: u8,
    },
    /// One of the heads is not signed by the log's key.
    #[error("the {which} tree head is not of this log")]
    Head {
        /// `remembered` or `published`.
        which: &'static str,
        /// What is wrong with it.
        #[source]
        cause: Box<ClientError>,
    },
    /// The store has a head and nothing is remembered beside the key: what was signed last is not known.
    #[error("the store has a tree of {published} records, but no tree head is remembered beside the key")]
    Forgotten {
        /// The size of the published tree.
        published: u64,
    },
    /// The store lacks what the remembered head covers: it is older than what was signed.
    #[error(
        "the store is older than what was signed: {remembered} records were signed, {published} are published"
    )]
    RolledBack {
        /// The size of the tree that was signed last.
        remembered: u64,
        /// The size of the tree in the store.
        published: u64,
        /// What is missing.
        #[source]
        cause: TileError,
    },
    /// The tiles of the store are not those of the tree.
    #[error("the store is damaged: a tree of {size} records")]
    Damaged {
        /// The size of the tree.
        size: u64,
        /// What is wrong.
        #[source]
        cause: TileError,
    },
    /// The records of the last tile are not those of the tree.
    #[error("the store is damaged: {tile}")]
    Records {
        /// The tile.
        tile: Tile,
        /// What is wrong.
        #[source]
        cause: MalformedRecord,
    },
    /// The remembered and the published head contradict each other.
    #[error("trees of {older} and of {newer} records were signed, and neither continues the other")]
    Forked {
        /// The size of the smaller one.
        older: u64,
        /// The size of the larger one.
        newer: u64,
    },
}

/// A log that is being restored: says which tiles it needs.
#[derive(Clone, Debug)]
pub struct Restore {
    signer: Signer,
    height: u8,
    remembered: u64,
    published: u64,
    older: Tree,
    head: Head,
    plan: Plan,
}

impl Restore {
    /// Begins with the head that is remembered beside the key, and the newest one of the store; neither is there for a new
    /// log.
    ///
    /// # Errors
    /// Heads that say that something was lost.
    pub fn new(
        signer: Signer,
        height: u8,
        remembered: Option<&[u8]>,
        published: Option<&[u8]>,
    ) -> Result<Self, RestoreError> {
        if !(1..=MAX_HEIGHT).contains(&height) {
            return Err(RestoreError::Height { height });
        }
        let open = |which, note: Option<&[u8]>| match note {
            None => Ok(Head::empty()),
            Some(note) => Head::open(signer.verifier(), note)
                .map_err(|cause| RestoreError::Head { which, cause: Box::new(cause) }),
        };
        let (ours, stored) = (open("remembered", remembered)?, open("published", published)?);
        let sizes = (ours.tree().size, stored.tree().size);
        if remembered.is_none() && published.is_some() {
            return Err(RestoreError::Forgotten { published: sizes.1 });
        }
        let (older, head) = if sizes.0 < sizes.1 { (ours, stored) } else { (stored, ours) };
        let (older, newer) = (*older.tree(), *head.tree());
        if older.size == newer.size && older != newer {
            return Err(RestoreError::Forked { older: older.size, newer: newer.size });
        }
        let mut nodes = nodes_of(0..older.size);
        // The last node of each tile at the edge, and so the whole edge.
        let last = |tile: Tile| tile.node(tile.width() - 1);
        nodes.extend(Tile::edge(height, newer.size).into_iter().filter_map(last));
        let plan = Plan::against(newer, height, &nodes, |_| None);
        let plan = plan.map_err(|cause| RestoreError::Damaged { size: newer.size, cause })?;
        Ok(Self { signer, height, remembered: sizes.0, published: sizes.1, older, head, plan })
    }

    /// The tiles that are needed.
    pub fn needs(&self) -> Vec<Tile> {
        let mut needs = self.plan.needs();
        needs.extend(self.records_tile());
        needs
    }

    /// The last tile of records, if it is not full.
    fn records_tile(&self) -> Option<Tile> {
        let size = self.head.tree().size;
        Tile::new(self.height, None, size >> self.height, 1)?.in_tree(size)
    }

    /// Goes on with the log; `stored` looks a tile of the store up. If [`Log::head`] is not what is remembered, or not what
    /// is published, it is to be remembered and published before anything is staged: a crash came between.
    ///
    /// # Errors
    /// A store that is damaged, or older than what was signed. There is nothing to be done here then but to ask an operator.
    pub fn finish(self, stored: impl Fn(Tile) -> Option<Arc<[u8]>>) -> Result<Log, RestoreError> {
        let records_tile = self.records_tile();
        let Self { signer, height, remembered, published, older, head, plan } = self;
        let size = head.tree().size;
        let failed = |cause| {
            if remembered > published {
                RestoreError::RolledBack { remembered, published, cause }
            } else {
                RestoreError::Damaged { size, cause }
            }
        };
        let tiles = plan.finish(&stored).map_err(failed)?;
        let hash = hash_of(0..older.size, |node| tiles.hash(node));
        let hash = hash.map_err(|node: Node| failed(TileError::NotInTree { node, size }))?;
        if hash != older.hash {
            return Err(RestoreError::Forked { older: older.size, newer: size });
        }
        let records = match records_tile {
            None => Vec::new(),
            Some(tile) => {
                let bytes = stored(tile).ok_or_else(|| failed(TileError::NotGiven { tile }))?;
                last_records(tile, &bytes, &tiles)?
            }
        };
        let edge = Edge::new(height, size, edge_hashes(height, size, &tiles), records);
        Ok(Log { signer, head, edge })
    }
}

fn last_records(tile: Tile, bytes: &[u8], tiles: &Tiles) -> Result<Vec<Record>, RestoreError> {
    let hashes = Tile::new(tile.height(), Some(0), tile.number(), tile.width());
    let hashes = hashes.and_then(|hashes| tiles.tile(hashes));
    let records = hashes.ok_or(MalformedRecord).and_then(|hashes| check_records(tile, bytes, hashes));
    records.map_err(|cause| RestoreError::Records { tile, cause })
}

/// The hashes of the tiles at the edge, of every level of the tree.
fn edge_hashes(height: u8, size: u64, tiles: &Tiles) -> Vec<Vec<u8>> {
    let mut hashes: Vec<Vec<u8>> = Vec::new();
    for tile in Tile::edge(height, size) {
        let level = usize::from(tile.level().unwrap_or(0));
        hashes.resize(level + 1, Vec::new());
        if let (Some(last), Some(proven)) = (hashes.last_mut(), tiles.tile(tile)) {
            last.extend_from_slice(proven.bytes());
        }
    }
    hashes
}
