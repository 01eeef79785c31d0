//! The proven tiles that are remembered: the newest of them, up to a bound.

use std::collections::{HashMap, VecDeque};

use sumdb::{Proven, Tile};

/// How many tiles are remembered, of 8 KiB each: 16 MiB. What proves a run of records is the tiles above them, few and
/// near; what proves single records anywhere is bounded by the go.sum file or the sample that names them.
const MAX_TILES: usize = 2048;

/// Proven tiles, by the name of the full one.
#[derive(Default)]
pub(super) struct Memory {
    tiles: HashMap<Tile, Proven>,
    /// Lowest levels go first, and of one level the oldest.
    order: [VecDeque<Tile>; 2],
}

impl Memory {
    pub(super) fn find(&self, whole: Tile) -> Option<Proven> {
        self.tiles.get(&whole).cloned()
    }

    pub(super) fn keep(&mut self, fresh: &[Proven]) {
        for proven in fresh {
            let whole = proven.tile().whole();
            let known = self.tiles.get(&whole).map(|known| known.tile().width());
            if known.is_some_and(|width| width >= proven.tile().width()) {
                continue;
            }
            if known.is_none() {
                self.make_room();
                let [low, high] = &mut self.order;
                if whole.level() == Some(0) { low.push_back(whole) } else { high.push_back(whole) }
            }
            self.tiles.insert(whole, proven.clone());
        }
    }

    fn make_room(&mut self) {
        while self.tiles.len() >= MAX_TILES {
            let [low, high] = &mut self.order;
            // All tiles of hashes above the lowest level are few: one of 256 for each 65,536 records.
            let Some(oldest) = low.pop_front().or_else(|| high.pop_front()) else { return };
            self.tiles.remove(&oldest);
        }
    }
}
