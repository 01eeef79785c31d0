//! What is published of the log, as readers see it: the newest head, and as much of its tree as is not in full tiles.
//!
//! In memory are the root of each full tile of records, 32 bytes for 256 records, and the records after the last of them.
//! Every other hash follows from these or from one tile of records.

use std::sync::Arc;

use sumdb::client::Head;
use sumdb::tree::hash_of;
use sumdb::{Hash, Node, Record};

/// How many records a full tile has.
pub(super) const FULL: usize = 1 << sumdb::tile::HEIGHT;

/// A tree whose every hash is at hand, or can be proven.
#[derive(Clone)]
pub(super) struct Shelf {
    head: Head,
    roots: Arc<Vec<Hash>>,
    tail: Arc<Vec<Record>>,
}

impl Shelf {
    /// The empty tree, which nobody has signed.
    pub(super) fn empty() -> Self {
        Self { head: Head::empty(), roots: Arc::default(), tail: Arc::default() }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// How many records there are.
    pub(super) fn size(&self) -> u64 {
        (self.roots.len() * FULL + self.tail.len()) as u64
    }

    /// How many full tiles of records there are.
    pub(super) fn full_tiles(&self) -> u64 {
        self.roots.len() as u64
    }

    /// The same with more records, under the head that covers them.
    #[must_use]
    pub(super) fn with(mut self, records: impl IntoIterator<Item = Record>, head: Head) -> Self {
        let tail = Arc::make_mut(&mut self.tail);
        for record in records {
            tail.push(record);
            if tail.len() == FULL {
                let hashes: Vec<Hash> = tail.iter().map(Record::hash).collect();
                Arc::make_mut(&mut self.roots).extend(root_of(&hashes));
                tail.clear();
            }
        }
        self.head = head;
        self
    }

    /// The same without the records after the last full tile, to be read again.
    #[must_use]
    pub(super) fn of_full_tiles(&self) -> Self {
        Self { tail: Arc::default(), ..self.clone() }
    }

    /// Whether these records are those of the tree that the head says.
    pub(super) fn is_proven(&self) -> bool {
        let tree = self.head.tree();
        tree.size == self.size() && hash_of(0..tree.size, |node| self.hash(node)) == Ok(tree.hash)
    }

    /// A hash of the tree, unless it lies in a full tile.
    pub(super) fn hash(&self, node: Node) -> Option<Hash> {
        self.hash_with(self.full_tiles(), &self.tail_hashes(), node)
    }

    /// A hash of the tree as it was with so many full tiles, and the `rest` of hashes of records after them.
    pub(super) fn hash_with(&self, full_tiles: u64, rest: &[Hash], node: Node) -> Option<Hash> {
        let height = sumdb::tile::HEIGHT;
        if node.level() >= height {
            return within(&self.roots, Node::new(node.level() - height, node.number())?);
        }
        let number = node.number().checked_sub(full_tiles << (height - node.level()))?;
        within(rest, Node::new(node.level(), number)?)
    }

    fn tail_hashes(&self) -> Vec<Hash> {
        self.tail.iter().map(Record::hash).collect()
    }

    /// The root of a full tile of records.
    pub(super) fn root(&self, number: u64) -> Option<Hash> {
        self.roots.get(usize::try_from(number).ok()?).copied()
    }

    /// The records after the last full tile.
    pub(super) fn tail(&self) -> &[Record] {
        &self.tail
    }

    /// Hashes of a tile of level 1 or above: the roots of the tiles below it.
    pub(super) fn hashes(&self, level: u8, first: u64, count: u32) -> Option<Vec<Hash>> {
        let shift = sumdb::tile::HEIGHT.checked_mul(level.checked_sub(1)?)?;
        let hash = |number| within(&self.roots, Node::new(shift, number)?);
        (first..first.checked_add(count.into())?).map(hash).collect()
    }
}

/// The root over the hashes of a tile.
pub(super) fn root_of(hashes: &[Hash]) -> Option<Hash> {
    hash_of(0..hashes.len() as u64, |node| within(hashes, node)).ok()
}

/// The hash of a node over these leaves.
fn within(leaves: &[Hash], node: Node) -> Option<Hash> {
    if node.level() == 0 {
        return leaves.get(usize::try_from(node.number()).ok()?).copied();
    }
    let child =
        |at| within(leaves, Node::new(node.level() - 1, node.number().checked_mul(2)?.checked_add(at)?)?);
    Some(Hash::of_node(&child(0)?, &child(1)?))
}
