//! What fuzz targets share: a small honest log with tiles of height 2, and input that is taken piece by piece.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use gomod::{H1, ModulePath, ModuleVersion, Version};
use sumdb::record::{Record, Sums, print_records};
use sumdb::tree::hash_of;
use sumdb::{Hash, Node, Note, Signer, Tile, Tree};

/// The height of tiles: small, so that trees of few records have many levels.
pub const HEIGHT: u8 = 2;

/// How many records the log has.
pub const SIZE: u64 = 23;

/// The published test key of cmd/go.
pub fn signer() -> Signer {
    let key = "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk";
    Signer::parse(key).unwrap()
}

/// The module version of a record.
pub fn module(id: u64) -> ModuleVersion {
    let version = Version::parse(&format!("v1.{id}.0")).unwrap();
    ModuleVersion::new(ModulePath::parse("example.com/m").unwrap(), version).unwrap()
}

/// The honest record.
pub fn record(id: u64) -> Record {
    let sum = |what: &str| H1::of_mod(format!("{what}{id}").as_bytes());
    Record::of_module(id, &module(id), &Sums { zip: sum("zip"), go_mod: sum("mod") })
}

/// The hash of a node of the honest log, which has it.
pub fn hash(node: Node) -> Hash {
    static HASHES: LazyLock<HashMap<Node, Hash>> = LazyLock::new(|| {
        let mut hashes: HashMap<Node, Hash> =
            (0..SIZE).map(|id| (Node::of_record(id).unwrap(), record(id).hash())).collect();
        for level in 1..SIZE.ilog2() as u8 + 1 {
            for number in 0..SIZE >> level {
                let below = |number| hashes[&Node::new(level - 1, number).unwrap()];
                let hash = Hash::of_node(&below(2 * number), &below(2 * number + 1));
                hashes.insert(Node::new(level, number).unwrap(), hash);
            }
        }
        hashes
    });
    HASHES[&node]
}

/// The honest tree over the first records.
pub fn tree(size: u64) -> Tree {
    Tree { size, hash: hash_of(0..size, |node| Some(hash(node))).unwrap() }
}

/// A signed head, honest or not.
pub fn sign(tree: &Tree) -> String {
    Note::new(tree.to_string()).unwrap().signed(&signer()).to_string()
}

/// The honest bytes of a tile that the honest log has.
pub fn tile(tile: Tile) -> Option<Vec<u8>> {
    tile.in_tree(SIZE).filter(|wide| wide.width() >= tile.width())?;
    let at = |at| tile.node(at).map(|node| hash(node).0);
    if tile.level().is_none() {
        let first = tile.number() << HEIGHT;
        let records: Vec<Record> = (first..first + u64::from(tile.width())).map(record).collect();
        return Some(print_records(&records).into_bytes());
    }
    (0..tile.width()).map(at).collect::<Option<Vec<_>>>().map(|hashes| hashes.concat())
}

/// Input, taken from the front.
pub struct Input<'i>(pub &'i [u8]);

impl<'i> Input<'i> {
    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        (u64::from(self.byte()) << 8 | u64::from(self.byte())) % bound
    }

    /// The next bytes, as many as the next byte says.
    pub fn bytes(&mut self) -> &'i [u8] {
        let count = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    /// Honest bytes, as they are or changed as the input says; or whatever it says.
    pub fn bend(&mut self, honest: Option<Vec<u8>>) -> Option<Arc<[u8]>> {
        let Some(mut bytes) = honest else { return (self.byte() % 2 == 0).then(|| self.bytes().into()) };
        match self.byte() % 8 {
            0..4 => {}
            4 => return None,
            5 => return Some(self.bytes().into()),
            6 => bytes.truncate(usize::from(self.byte())),
            _ => {
                let at = usize::from(self.byte()) % bytes.len();
                bytes[at] ^= self.byte();
            }
        }
        Some(bytes.into())
    }
}
