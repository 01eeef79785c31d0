//! Nodes of the tree, and the places that x/mod stores their hashes at.

use std::fmt;
use std::ops::Range;

use super::MAX_SIZE;
use crate::hash::Hash;

/// A node with a complete tree below it: node `number` of its level, over the records
/// `number << level .. (number + 1) << level`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    level: u8,
    number: u64,
}

impl Node {
    /// Makes a node, if a tree of at most [`MAX_SIZE`] records can have it.
    pub fn new(level: u8, number: u64) -> Option<Self> {
        let count = number.checked_add(1)?;
        let in_bounds = level < 63 && count <= MAX_SIZE >> level;
        in_bounds.then_some(Self { level, number })
    }

    /// The node of a single record.
    pub fn of_record(id: u64) -> Option<Self> {
        Self::new(0, id)
    }

    /// How many levels there are below it, 62 at most.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Its number in its level, from 0.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The number of records a tree has at least if it has this node.
    pub fn end(self) -> u64 {
        (self.number + 1) << self.level
    }

    /// Where the hash of the node is stored when all hashes are kept one after the other, each as soon as its records
    /// are there (x/mod `tlog.StoredHashIndex`).
    pub fn stored_index(self) -> u64 {
        stored_hash_count(self.end() - 1) + u64::from(self.level)
    }

    /// The node whose hash is stored at this index (x/mod `tlog.SplitStoredHashIndex`); `None` if no tree is that
    /// large.
    pub fn from_stored_index(index: u64) -> Option<Self> {
        // Record n is followed by the nodes that it completes; n is between index / 2 and 64 more than that.
        let mut record = index / 2;
        while record < MAX_SIZE && stored_hash_count(record + 1) <= index {
            record += 1;
        }
        let level = u8::try_from(index.checked_sub(stored_hash_count(record))?).ok()?;
        Self::new(level, record.checked_shr(level.into())?)
    }
}

/// How many hashes are stored for a tree of this size, at most [`MAX_SIZE`] (x/mod `tlog.StoredHashCount`).
pub fn stored_hash_count(size: u64) -> u64 {
    // A complete tree of n records has 2n - 1 nodes, and there is a complete tree for each bit of the size.
    (2 * size.min(MAX_SIZE)) - u64::from(size.min(MAX_SIZE).count_ones())
}

/// The nodes that cover a range of records, largest first. `0..size` gives those that make the hash of a tree; the range
/// of a proof begins at a multiple of the power of two that it fits in (x/mod `tlog.subTreeIndex`).
pub fn nodes_of(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let Range { start: mut lo, end } = range;
    let end = end.min(MAX_SIZE);
    while lo < end {
        let level = floor_log2(end - lo).min(lo.trailing_zeros());
        let Ok(level) = u8::try_from(level) else { break };
        let node = Node { level, number: lo >> level };
        nodes.push(node);
        lo = node.end();
    }
    nodes
}

/// The hash over a range of records, from the hashes of its [`nodes_of`]; the hash of the empty tree for none
/// (x/mod `tlog.TreeHash`). `read` gives the hash of a node.
///
/// # Errors
/// The first node, from the right, whose hash `read` does not have.
pub fn hash_of(range: Range<u64>, read: impl Fn(Node) -> Option<Hash>) -> Result<Hash, Node> {
    let mut whole = None;
    for node in nodes_of(range).into_iter().rev() {
        let left = read(node).ok_or(node)?;
        whole = Some(match whole {
            None => left,
            Some(right) => Hash::of_node(&left, &right),
        });
    }
    Ok(whole.unwrap_or(Hash::EMPTY))
}

/// The exponent of the largest power of two that is not greater than this number, which is not 0.
pub(super) fn floor_log2(number: u64) -> u32 {
    number.max(1).ilog2()
}

/// As in the picture of the module: `(level,number)`.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.level, self.number)
    }
}

/// As in the picture of the module: `(level,number)`.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
