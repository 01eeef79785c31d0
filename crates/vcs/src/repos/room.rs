//! The room that kept copies have, and which goes when it is used up.
//!
//! The copy asked for the longest ago goes first, and never one that is in use. What earlier runs left counts too, and
//! counts as older than everything asked for now. Sizes are measured when something was fetched, so the bound is passed by
//! one fetch at most, which has a bound of its own.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use crate::mirror::{move_aside, remove, size_bytes};

/// Who uses a copy.
pub(crate) trait Keeper: Send + Sync {
    /// When it was last asked for, by the clock of [`Room::ask`].
    fn asked(&self) -> u64;

    /// Lets go of the copy if nobody uses it; nobody opens it while `go` runs. Whether it did.
    fn give_up(&self, go: &mut dyn FnMut()) -> bool;
}

/// All copies.
pub(crate) struct Room {
    dir: PathBuf,
    max_bytes: u64,
    clock: AtomicU64,
    keepers: Mutex<HashMap<PathBuf, Weak<dyn Keeper>>>,
    /// Sizes by directory; nothing before the first look at the disk.
    sizes: Mutex<Option<HashMap<PathBuf, u64>>>,
    evicted: AtomicU64,
}

/// The kept copies at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// How many there are.
    pub copies: u64,
    /// Their bytes, measured after each fetch.
    pub bytes: u64,
    /// Most bytes of them.
    pub max_bytes: u64,
    /// How many have gone to make room, since the start.
    pub evicted: u64,
}

impl Room {
    pub(super) fn new(dir: PathBuf, max_bytes: u64) -> Self {
        Self {
            dir,
            max_bytes,
            clock: AtomicU64::new(0),
            keepers: Mutex::default(),
            sizes: Mutex::default(),
            evicted: AtomicU64::new(0),
        }
    }

    /// Notes who uses a directory.
    pub(crate) fn enter(&self, dir: &Path, keeper: Weak<dyn Keeper>) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.retain(|_, keeper| keeper.strong_count() > 0);
        keepers.insert(dir.to_owned(), keeper);
    }

    /// The time, as a count of questions.
    pub(crate) fn ask(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The copies as they were last measured; nothing before they were, in this run, and while they are.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let sizes = self.sizes.try_lock().ok()?;
        let sizes = sizes.as_ref()?;
        Some(Kept {
            copies: sizes.len() as u64,
            bytes: sizes.values().sum(),
            max_bytes: self.max_bytes,
            evicted: self.evicted.load(Ordering::Relaxed),
        })
    }

    /// Measures what earlier runs have left, once. Blocking.
    pub(crate) fn measure(&self) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get_or_insert_with(|| found(&self.dir));
    }

    /// Measures a copy that has grown, and makes room if there is too little. Gives its size. Blocking.
    pub(crate) fn grown(&self, dir: &Path) -> u64 {
        let bytes = size_bytes(dir);
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = sizes.get_or_insert_with(|| found(&self.dir));
        sizes.insert(dir.to_owned(), bytes);
        let mut sum: u64 = sizes.values().sum();
        if sum <= self.max_bytes {
            return bytes;
        }
        for other in self.by_age(sizes).into_iter().filter(|other| other != dir) {
            if sum <= self.max_bytes {
                break;
            }
            if self.evict(&other) {
                sum -= sizes.remove(&other).unwrap_or_default();
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
        bytes
    }

    fn by_age(&self, sizes: &HashMap<PathBuf, u64>) -> Vec<PathBuf> {
        let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |dir: &Path| keepers.get(dir).and_then(Weak::upgrade).map_or(0, |keeper| keeper.asked());
        let mut aged: Vec<_> = sizes.keys().map(|dir| (asked(dir), dir.clone())).collect();
        aged.sort();
        aged.into_iter().map(|(_, dir)| dir).collect()
    }

    fn evict(&self, dir: &Path) -> bool {
        let mut aside = None;
        {
            // Held, so that nobody enters a directory that is being moved away.
            let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
            match keepers.get(dir).and_then(Weak::upgrade) {
                Some(keeper) => {
                    if !keeper.give_up(&mut || aside = move_aside(dir)) {
                        return false;
                    }
                }
                None => aside = move_aside(dir),
            }
        }
        if let Some(aside) = aside {
            let _ = fs::remove_dir_all(aside);
        }
        true
    }
}

/// What is there from before; what was on its way out goes.
fn found(dir: &Path) -> HashMap<PathBuf, u64> {
    let mut sizes = HashMap::new();
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.extension().is_some() {
            remove(&path);
        } else {
            let bytes = size_bytes(&path);
            sizes.insert(path, bytes);
        }
    }
    sizes
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}
