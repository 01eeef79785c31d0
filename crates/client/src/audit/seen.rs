//! Which module versions were read, to find those that are logged twice.
//!
//! Of each version a keyed hash of 64 bits and the number of its record are remembered, so a hit is a suspicion and
//! the earlier record is read again. Two generations: when the newer one is full the older one is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// How many versions a generation has: a log of so many records is looked through whole, of a longer one at least so many
/// behind each record. Two generations take 75 MiB at most.
pub(super) const WINDOW: usize = 1_800_000;

/// The versions of the last records.
#[derive(Default)]
pub(super) struct Versions {
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
    keyed: RandomState,
}

impl Versions {
    /// The record that may be of the same version; else this one is remembered.
    pub(super) fn earlier(&mut self, version: &str, id: u64) -> Option<u64> {
        let hash = self.keyed.hash_one(version);
        if let Some(earlier) = self.newer.get(&hash).or_else(|| self.older.get(&hash)) {
            return Some(*earlier);
        }
        if self.newer.len() >= WINDOW {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash, id);
        None
    }
}
