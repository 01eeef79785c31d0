//! Which record a module version has.
//!
//! A record is found by 96 bits of the SHA-256 of its path and version: 16 bytes a record, a million in about 35 MB. Two
//! module versions do not share them; if two did, the text of the record that is found would not name the one that was
//! asked for. The index follows from the tiles of records and is made of them at each start.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use gomod::ModuleVersion;
use sha2::{Digest as _, Sha256};
use sumdb::Record;

/// More readers than threads seldom meet on one of these.
const SHARDS: usize = 64;

type Print = [u8; 12];

/// Module versions to numbers of records.
pub(super) struct Index(Vec<RwLock<HashMap<Print, u32>>>);

impl Default for Index {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl Index {
    /// The number of the record that a module version has.
    pub(super) fn find(&self, module: &ModuleVersion) -> Option<u64> {
        let print = print([module.path.as_str(), " ", module.version.as_str()]);
        let shard = self.shard(print)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&print).copied().map(u64::from)
    }

    /// Adds a record. If its module version has an earlier one, that one stays; one whose number is too large for the
    /// index is never made.
    pub(super) fn insert(&self, record: &Record) {
        let Ok(id) = u32::try_from(record.id()) else { return };
        let line = record.text().split('\n').next().unwrap_or_default();
        let Some((module, _)) = line.rsplit_once(' ') else { return };
        let print = print([module]);
        let Some(shard) = self.shard(print) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        let known = shard.entry(print).or_insert(id);
        *known = id.min(*known);
    }

    /// Forgets records from this number on.
    pub(super) fn keep_below(&self, size: u64) {
        for shard in &self.0 {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, id| u64::from(*id) < size);
        }
    }

    fn shard(&self, print: Print) -> Option<&RwLock<HashMap<Print, u32>>> {
        let [first, ..] = print;
        self.0.get(usize::from(first) % SHARDS)
    }
}

fn print<'t>(texts: impl IntoIterator<Item = &'t str>) -> Print {
    let hash = texts.into_iter().fold(Sha256::new(), Sha256::chain_update).finalize();
    let hash: [u8; 32] = hash.into();
    hash.first_chunk().copied().unwrap_or_default()
}
