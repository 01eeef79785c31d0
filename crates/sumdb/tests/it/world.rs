//! Logs in memory, honest and not: what a server would serve.

use std::collections::HashMap;
use std::sync::Arc;

use sumdb::tree::hash_of;
use sumdb::{Hash, Node, Tile, Tree};

/// The hashes of a log whose records are `leaf 0` and so on.
pub(crate) struct Leaves {
    hashes: Vec<Hash>,
}

impl Leaves {
    pub(crate) fn new(size: u64) -> Self {
        Self::of((0..size).map(|id| Hash::of_record(format!("leaf {id}\n").as_bytes())))
    }

    /// The hashes of a log with these hashes of records.
    pub(crate) fn of(records: impl IntoIterator<Item = Hash>) -> Self {
        let mut leaves = Self { hashes: Vec::new() };
        for (id, record) in records.into_iter().enumerate() {
            let id = u64::try_from(id).unwrap();
            leaves.hashes.push(record);
            let mut node = Node::of_record(id).unwrap();
            while node.number() % 2 == 1 {
                let left = leaves.hash(Node::new(node.level(), node.number() - 1).unwrap()).unwrap();
                let right = leaves.hash(node).unwrap();
                leaves.hashes.push(Hash::of_node(&left, &right));
                node = Node::new(node.level() + 1, node.number() / 2).unwrap();
            }
        }
        leaves
    }

    pub(crate) fn hash(&self, node: Node) -> Option<Hash> {
        self.hashes.get(usize::try_from(node.stored_index()).unwrap()).copied()
    }

    pub(crate) fn tree(&self, size: u64) -> Tree {
        Tree { size, hash: hash_of(0..size, |node| self.hash(node)).unwrap() }
    }
}

/// The tiles of a log, with some hashes changed.
pub(crate) struct Tiles<'l> {
    leaves: &'l Leaves,
    size: u64,
    height: u8,
    changed: HashMap<(u8, u64), Hash>,
}

impl<'l> Tiles<'l> {
    pub(crate) fn of(leaves: &'l Leaves, height: u8, size: u64) -> Self {
        Self { leaves, size, height, changed: HashMap::new() }
    }

    pub(crate) fn hash(&self, level: u8, number: u64) -> Hash {
        let node = || self.leaves.hash(Node::new(level * self.height, number).unwrap()).unwrap();
        self.changed.get(&(level, number)).copied().unwrap_or_else(node)
    }

    pub(crate) fn read(&self, tile: Tile) -> Arc<[u8]> {
        let first = tile.number() << tile.height();
        let hashes = (first..first + u64::from(tile.width())).map(|at| self.hash(tile.level().unwrap(), at));
        hashes.flat_map(|hash| hash.0).collect()
    }

    /// The tiles in which a hash was changed.
    pub(crate) fn changed(&self) -> Vec<Tile> {
        let tile = |(level, number): &(u8, u64)| {
            Tile::new(self.height, Some(*level), number >> self.height, 1)
                .unwrap()
                .in_tree(self.size)
                .unwrap()
        };
        self.changed.keys().map(tile).collect()
    }

    /// Changes hashes as the generator does: `flip` one, `swap` two neighbours, `lift` also those above of one level, or
    /// with `liftall` of all levels, so that full tiles agree with the tile above them.
    pub(crate) fn change(&mut self, kind: &str, level: u8, number: u64) {
        let nodes = |level: u8| self.size.checked_shr(u32::from(self.height) * u32::from(level)).unwrap_or(0);
        let mut one = self.hash(level, number);
        match kind {
            "none" => return,
            "swap" => {
                if number ^ 1 < nodes(level) {
                    let other = self.hash(level, number ^ 1);
                    self.changed.insert((level, number), other);
                    self.changed.insert((level, number ^ 1), one);
                }
            }
            _ => {
                one.0[7] ^= 4;
                self.changed.insert((level, number), one);
            }
        }
        let levels =
            [("lift", 1), ("liftall", 64)].iter().find(|(name, _)| *name == kind).map_or(0, |(_, n)| *n);
        let (mut level, mut number) = (level, number >> self.height);
        for _ in 0..levels {
            let nodes = self.size.checked_shr(u32::from(self.height) * u32::from(level)).unwrap_or(0);
            if (number + 1) << self.height > nodes {
                return;
            }
            let tile = Tile::new(self.height, Some(level), number, 1).unwrap().whole();
            let bytes = self.read(tile);
            let mut row: Vec<Hash> = bytes.chunks(32).map(|hash| Hash(hash.try_into().unwrap())).collect();
            while row.len() > 1 {
                row = row.chunks(2).map(|pair| Hash::of_node(&pair[0], &pair[1])).collect();
            }
            level += 1;
            self.changed.insert((level, number), row[0]);
            number >>= self.height;
        }
    }
}
