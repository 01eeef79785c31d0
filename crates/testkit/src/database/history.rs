//! The records of a database and the tree over them, computed here from RFC 6962 and not by Larder's code.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::module::ModuleFiles;

/// SHA-256 of a node of the tree.
pub type NodeHash = [u8; 32];

/// How many levels of the tree a tile has.
const HEIGHT: usize = 8;

/// Records in their order, with the hashes of all complete nodes of the tree over them. Cheap enough to clone and change:
/// 131,077 records are made in well under a second, once for all tests of a process.
#[derive(Clone, Debug, Default)]
pub struct History {
    texts: Vec<Arc<str>>,
    /// Of all but made-up records, whose names have their numbers.
    ids: HashMap<String, u64>,
    /// Level 0 are the hashes of the records.
    levels: Vec<Vec<NodeHash>>,
}

/// The two lines of a record.
pub fn record_text(module: &str, version: &str, zip_h1: &str, mod_h1: &str) -> String {
    format!("{module} {version} {zip_h1}\n{module} {version}/go.mod {mod_h1}\n")
}

/// The module version of a made-up record: `example.com/synthetic v0.0.7`.
pub fn synthetic_module(id: u64) -> (&'static str, String) {
    ("example.com/synthetic", format!("v0.0.{id}"))
}

/// The text of a made-up record: its hashes are those of `zip 7` and `mod 7`, with the salt after them.
pub fn synthetic_text(id: u64, salt: &str) -> String {
    let (module, version) = synthetic_module(id);
    let h1 = |what: &str| format!("h1:{}", STANDARD.encode(Sha256::digest(format!("{what} {id}{salt}"))));
    record_text(module, &version, &h1("zip"), &h1("mod"))
}

impl History {
    /// That many made-up records.
    pub fn synthetic(size: u64) -> Self {
        static LONGEST: Mutex<Option<Arc<History>>> = Mutex::new(None);
        let mut longest = LONGEST.lock().unwrap_or_else(PoisonError::into_inner);
        let made = longest.take().filter(|made| made.size() >= size).unwrap_or_else(|| {
            let mut history = Self::default();
            for id in 0..size {
                history.push(&synthetic_text(id, ""));
            }
            Arc::new(history)
        });
        *longest = Some(Arc::clone(&made));
        made.truncated(size)
    }

    /// The first records only.
    #[must_use]
    pub fn truncated(&self, size: u64) -> Self {
        let count = usize::try_from(size).unwrap();
        let texts = self.texts[..count].to_vec();
        let ids = self.ids.iter().filter(|(_, id)| **id < size).map(|(name, id)| (name.clone(), *id));
        let levels = self.levels.iter().enumerate().map(|(level, nodes)| nodes[..count >> level].to_vec());
        Self { texts, ids: ids.collect(), levels: levels.collect() }
    }

    /// How many records there are.
    pub fn size(&self) -> u64 {
        u64::try_from(self.texts.len()).unwrap()
    }

    /// Adds a record; gives its number. The first of a module version is the one that lookups find.
    pub fn push(&mut self, text: &str) -> u64 {
        let id = self.size();
        self.texts.push(text.into());
        self.name(id, text);
        let (mut level, mut hash) = (0, record_hash(text));
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(hash);
            if nodes.len() % 2 == 1 {
                return id;
            }
            hash = node_hash(&nodes[nodes.len() - 2], &nodes[nodes.len() - 1]);
            level += 1;
        }
    }

    /// Puts another text in the place of a record, and the hashes above it: another history.
    pub fn replace(&mut self, id: u64, text: &str) {
        let mut at = usize::try_from(id).unwrap();
        self.ids.retain(|_, held| *held != id);
        self.name(id, text);
        self.texts[at] = text.into();
        self.levels[0][at] = record_hash(text);
        for level in 1..self.levels.len() {
            at /= 2;
            let below = &self.levels[level - 1];
            if at >= self.levels[level].len() {
                return;
            }
            self.levels[level][at] = node_hash(&below[2 * at], &below[2 * at + 1]);
        }
    }

    /// Notes the number of a module version, unless it can be told from its name.
    fn name(&mut self, id: u64, text: &str) {
        let (module, version) = synthetic_module(id);
        let name = named(text);
        if name != format!("{module} {version}") {
            self.ids.entry(name.to_owned()).or_insert(id);
        }
    }

    /// The number of the record of a module version.
    pub fn id(&self, module: &str, version: &str) -> Option<u64> {
        let name = format!("{module} {version}");
        let synthetic = version.strip_prefix("v0.0.").and_then(|id| id.parse().ok());
        let synthetic = synthetic.filter(|id| *id < self.size() && named(self.text(*id)) == name);
        synthetic.or_else(|| self.ids.get(&name).copied())
    }

    /// The text of a record.
    pub fn text(&self, id: u64) -> &str {
        &self.texts[usize::try_from(id).unwrap()]
    }

    /// The hash of the tree over the first records: the complete nodes below its right edge, joined from the right.
    pub fn root(&self, size: u64) -> NodeHash {
        assert!(size <= self.size(), "the history has {} records, not {size}", self.size());
        let mut root: Option<NodeHash> = None;
        for level in (0..64).filter(|level| size >> level & 1 == 1) {
            let left = self.levels[level][usize::try_from(size >> level).unwrap() - 1];
            root = Some(root.map_or(left, |right| node_hash(&left, &right)));
        }
        root.unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// The hashes of a tile of hashes in the tree over the first records; nothing where that tree does not reach.
    pub fn hashes(&self, size: u64, level: u8, number: u64, width: u32) -> Option<Vec<u8>> {
        let level = usize::from(level) * HEIGHT;
        let first = number.checked_mul(1 << HEIGHT)?;
        let end = first.checked_add(width.into())?;
        if level >= 64 || end > size >> level {
            return None;
        }
        let (first, end) = (usize::try_from(first).unwrap(), usize::try_from(end).unwrap());
        Some(self.levels[level][first..end].concat())
    }

    /// The texts of a tile of records, each with its blank line.
    pub fn records(&self, size: u64, number: u64, width: u32) -> Option<String> {
        let first = number.checked_mul(1 << HEIGHT)?;
        let end = first.checked_add(width.into()).filter(|end| *end <= size)?;
        let mut tile = String::new();
        (first..end).for_each(|id| writeln!(tile, "{}", self.text(id)).unwrap());
        Some(tile)
    }
}

impl FromIterator<ModuleFiles> for History {
    fn from_iter<I: IntoIterator<Item = ModuleFiles>>(versions: I) -> Self {
        let mut history = Self::default();
        for files in versions {
            history.push(&files.sum_lines());
        }
        history
    }
}

/// `path version` of the first line.
fn named(text: &str) -> &str {
    let end = text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The hash of a record's text.
pub fn record_hash(text: &str) -> NodeHash {
    Sha256::new_with_prefix([0]).chain_update(text).finalize().into()
}

/// The hash of a node over two others.
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}
