//! Tiles: the pieces in which the hashes of a tree, and the records below it, are sent and kept.
//!
//! ```text
//! tile/8/0/x001/234/067        height 8, level 0, number 1234067: 256 hashes
//! tile/8/1/004.p/210           the first 210 hashes of a tile that is not full yet
//! tile/8/data/000              the texts of the first 256 records
//! ```
//!
//! Tile `number` of tile level `level` has the hashes of up to 2^height nodes of level `height * level`, from node
//! `number << height` on; all nodes between them and the tile's root follow from these.
//! Why this shape: what came from anywhere is bytes. It becomes [`Proven`] by a [`Plan`] alone, which ties every hash
//! of every tile that was given to it to the hash of a tree; only what is [`Proven`] can be kept.
//! What it promises: a tile has one path, and only that is read (`ParseTilePath`), with levels up to 63 as x/mod
//! documents them, where its parser has no bound.
//!
//! The rules come from x/mod `sumdb/tlog` (tile.go).

use std::fmt;

use crate::hash::{HASH_BYTES, Hash};
use crate::tree::{MAX_SIZE, Node, hash_of};

mod path;
mod plan;
mod proven;

pub use path::MalformedPath;
pub use plan::{Plan, TileError, Tiles};
pub use proven::Proven;

/// The height of tiles of all checksum databases that the go command knows (x/mod `sumdb.Client`).
pub const HEIGHT: u8 = 8;

/// The greatest height of a tile (x/mod `tlog.ParseTilePath`).
pub const MAX_HEIGHT: u8 = 30;

/// The greatest level of a tile (x/mod `tlog.Tile`).
pub const MAX_LEVEL: u8 = 63;

/// The name of a tile (x/mod `tlog.Tile`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    height: u8,
    level: Option<u8>,
    number: u64,
    width: u32,
}

impl Tile {
    /// Makes a name: `level` is `None` for a tile of records; `height` is 1 to 30, `width` 1 to 2^height.
    pub fn new(height: u8, level: Option<u8>, number: u64, width: u32) -> Option<Self> {
        let is_tile = (1..=MAX_HEIGHT).contains(&height)
            && level.is_none_or(|level| level <= MAX_LEVEL)
            && number <= MAX_SIZE
            && (1..=1 << height).contains(&width);
        is_tile.then_some(Self { height, level, number, width })
    }

    /// The tile with the fewest hashes from which the hash of a node follows (x/mod `tlog.TileForIndex`); `None` if
    /// the height is not one.
    pub fn of_node(height: u8, node: Node) -> Option<Self> {
        let level = node.level().checked_div(height)?;
        let inside = node.level() - level * height;
        // Heights above 30 are refused by `new`, so the shifts below stay in bounds for those that are not.
        let first = node.number() << inside;
        let number = first.checked_shr(height.into())?;
        let width = ((node.number() + 1) << inside) - (number << height.min(63));
        Self::new(height, Some(level), number, u32::try_from(width).ok()?)
    }

    /// The height: the tile has up to 2^height hashes or records.
    pub fn height(self) -> u8 {
        self.height
    }

    /// The tile level; `None` for a tile of records.
    pub fn level(self) -> Option<u8> {
        self.level
    }

    /// The number in its level, from 0.
    pub fn number(self) -> u64 {
        self.number
    }

    /// How many hashes or records it has.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Whether nothing will be added to it.
    pub fn is_whole(self) -> bool {
        self.width == 1 << self.height
    }

    /// The same tile when it is full. Caches are kept by this name.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { width: 1 << self.height, ..self }
    }

    /// The same tile with another width, if there is such a one.
    pub fn with_width(self, width: u32) -> Option<Self> {
        Self::new(self.height, self.level, self.number, width)
    }

    /// How many bytes a tile of hashes of this width has.
    pub fn size_bytes(self) -> usize {
        usize::try_from(self.width).map_or(usize::MAX, |width| width.saturating_mul(HASH_BYTES))
    }

    /// The node of the hash at this place of the tile; `None` if no tree has it, and for records' tiles.
    pub fn node(self, at: u32) -> Option<Node> {
        let level = self.height.checked_mul(self.level?)?;
        Node::new(level, self.start()?.checked_add(at.into())?)
    }

    /// The number of the first record of a tile of records, or of the first node of a tile of hashes.
    pub(crate) fn start(self) -> Option<u64> {
        self.number.checked_mul(1 << self.height)
    }

    /// The tile as it is in a tree of this size: full, or as wide as the tree has it; `None` if the tree ends before
    /// (x/mod `tlog.tileParent`).
    pub fn in_tree(self, size: u64) -> Option<Self> {
        let level = u32::from(self.height) * u32::from(self.level.unwrap_or(0));
        let nodes = size.checked_shr(level)?;
        let width = nodes.checked_sub(self.start()?)?.min(1 << self.height);
        self.with_width(u32::try_from(width).ok()?)
    }

    /// The tile that has the root of this one, when it is full, as its last hash.
    pub fn parent(self) -> Option<Self> {
        let at = u32::try_from(self.number % (1 << self.height)).ok()?;
        Self::new(self.height, Some(self.level? + 1), self.number >> self.height, at + 1)
    }

    /// The node that is the root of this tile when it is full.
    pub fn root(self) -> Option<Node> {
        self.parent()?.node(u32::try_from(self.number % (1 << self.height)).ok()?)
    }

    /// The tiles of hashes at the right edge of a tree that are not full, lowest level first: the tree's hash is made
    /// of exactly all of their hashes.
    pub fn edge(height: u8, size: u64) -> Vec<Self> {
        let levels = (0..=MAX_LEVEL).take_while(|level| {
            let shift = u32::from(height) * u32::from(*level);
            size.checked_shr(shift).is_some_and(|nodes| nodes > 0)
        });
        let partial = levels.filter_map(|level| {
            let nodes = size >> (u32::from(height) * u32::from(level));
            let number = nodes.checked_shr(height.into())?;
            let width = nodes - (number << height.min(63));
            Self::new(height, Some(level), number, u32::try_from(width).ok()?)
        });
        partial.collect()
    }

    /// The tiles of hashes that are new or wider in a tree of `size` records than in one of `older` (x/mod
    /// `tlog.NewTiles`), lowest level first.
    pub fn added(height: u8, older: u64, size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..=MAX_LEVEL).take_while(move |level| size >> shift(height, *level) > 0);
        levels.flat_map(move |level| {
            let (before, now) = (older >> shift(height, level), size >> shift(height, level));
            let first = before >> shift(height, 1);
            let end = if before == now { first } else { now.div_ceil(1 << shift(height, 1)) };
            (first..end).filter_map(move |number| Self::new(height, Some(level), number, 1)?.in_tree(size))
        })
    }
}

/// By how much the number of records is shifted to give the number of nodes at a tile level; the last shift leaves
/// nothing of any size.
fn shift(height: u8, level: u8) -> u32 {
    (u32::from(height) * u32::from(level)).min(63)
}

/// The hash at a place of a tile's bytes.
pub(crate) fn hash_at(bytes: &[u8], at: usize) -> Option<Hash> {
    bytes.chunks_exact(HASH_BYTES).nth(at)?.first_chunk().map(|hash| Hash(*hash))
}

/// The hash over all hashes of a tile: its root if it is full.
pub(crate) fn hash_of_all(bytes: &[u8]) -> Option<Hash> {
    let count = u64::try_from(bytes.len() / HASH_BYTES).ok().filter(|count| *count > 0)?;
    hash_of(0..count, |node| subtree(bytes, node)).ok()
}

/// The hash of a node in a tile, counted from the tile's own first hash.
pub(crate) fn subtree(bytes: &[u8], node: Node) -> Option<Hash> {
    let first = usize::try_from(node.number() << node.level()).ok()?;
    if node.level() == 0 {
        return hash_at(bytes, first);
    }
    let (level, number) = (node.level() - 1, node.number() * 2);
    let left = subtree(bytes, Node::new(level, number)?)?;
    let right = subtree(bytes, Node::new(level, number + 1)?)?;
    Some(Hash::of_node(&left, &right))
}

/// The path, as x/mod prints it (`tlog.Tile.Path`).
impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
