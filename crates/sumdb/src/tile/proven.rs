//! A tile of hashes of which it is proven that the tree has them.

use std::fmt;
use std::sync::Arc;

use super::{Tile, hash_at, subtree};
use crate::hash::{HASH_BYTES, Hash};
use crate::tree::Node;

/// A tile of hashes, proven to belong to a tree: the only thing worth keeping. Cheap to clone. It stays true for every
/// tree that continues the one it was proven against, and is made by [`super::Plan::finish`] alone: bytes read back
/// from a file are bytes, and are proven again.
#[derive(Clone, PartialEq, Eq)]
pub struct Proven {
    tile: Tile,
    bytes: Arc<[u8]>,
    /// The tile's root, of a full tile.
    root: Option<Hash>,
}

impl Proven {
    /// The caller has proven the bytes, and says what their root is if the tile is full.
    pub(super) fn new(tile: Tile, bytes: Arc<[u8]>, root: Option<Hash>) -> Self {
        Self { tile, bytes, root }
    }

    /// Which tile it is.
    pub fn tile(&self) -> Tile {
        self.tile
    }

    /// Its hashes, 32 bytes each, one after the other.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The root of a full tile.
    pub(super) fn root(&self) -> Option<Hash> {
        self.root
    }

    /// The same tile as a smaller tree has it; `None` if that would be wider.
    pub fn narrowed(&self, width: u32) -> Option<Self> {
        let tile = self.tile.with_width(width)?;
        if tile.width() == self.tile.width() {
            return Some(self.clone());
        }
        let bytes = self.bytes.get(..tile.size_bytes())?;
        Some(Self { tile, bytes: Arc::from(bytes), root: None })
    }

    /// The hash of a node that is in the tile, or follows from it (x/mod `tlog.HashFromTile`).
    pub fn hash(&self, node: Node) -> Option<Hash> {
        let least = Tile::of_node(self.tile.height(), node)?;
        if least.whole() != self.tile.whole() || least.width() > self.tile.width() {
            return None;
        }
        let level = node.level() % self.tile.height();
        let number = node.number() - (self.tile.start()? >> level);
        if level == 0 {
            return hash_at(&self.bytes, usize::try_from(number).ok()?);
        }
        subtree(&self.bytes, Node::new(level, number)?)
    }

    /// All its hashes, in order.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = Hash> {
        self.bytes.chunks_exact(HASH_BYTES).map(|hash| Hash(hash.first_chunk().copied().unwrap_or_default()))
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proven({})", self.tile)
    }
}
