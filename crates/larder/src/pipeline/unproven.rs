//! What is held and covered by a checksum database that has not vouched for it yet: a list for who compares it later.
//!
//! Only in memory: the manifests say the same, and are looked through after a start, a reload and an import. The list is
//! bounded; beyond that the whole store is looked through again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gomod::ModuleVersion;
use tokio::sync::Notify;

/// Versions that are listed.
const MOST: usize = 100_000;

/// The list.
pub struct Unproven {
    state: Mutex<State>,
    woken: Notify,
}

struct State {
    /// Not compared yet.
    waiting: BTreeSet<ModuleVersion>,
    /// Compared, and not on record.
    unrecorded: BTreeSet<ModuleVersion>,
    /// There may be more: all that is held must be looked through.
    has_more: bool,
}

impl Default for Unproven {
    fn default() -> Self {
        let state = State { waiting: BTreeSet::new(), unrecorded: BTreeSet::new(), has_more: true };
        Self { state: Mutex::new(state), woken: Notify::new() }
    }
}

impl Unproven {
    /// Lists a version.
    pub fn note(&self, module: &ModuleVersion) {
        let mut state = self.state();
        if state.waiting.len() < MOST {
            state.waiting.insert(module.clone());
        } else {
            state.has_more = true;
        }
    }

    /// Strikes a version out: the database has vouched for it, or none covers it.
    pub fn settle(&self, module: &ModuleVersion) {
        let mut state = self.state();
        state.waiting.remove(module);
        state.unrecorded.remove(module);
    }

    /// Notes that the database does not know a version. Whether that is new.
    pub fn is_unrecorded(&self, module: &ModuleVersion) -> bool {
        let mut state = self.state();
        state.waiting.remove(module);
        state.unrecorded.len() < MOST && state.unrecorded.insert(module.clone())
    }

    /// Has what waits compared now.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Has all that is held looked through, now.
    pub fn look_through(&self) {
        self.state().has_more = true;
        self.woken.notify_one();
    }

    /// Has all that is held looked through by the next round.
    pub fn note_more(&self) {
        self.state().has_more = true;
    }

    /// Whether all that is held must be looked through; from now on it need not.
    pub fn take_look(&self) -> bool {
        std::mem::take(&mut self.state().has_more)
    }

    /// The versions that wait.
    pub fn waiting(&self) -> Vec<ModuleVersion> {
        self.state().waiting.iter().cloned().collect()
    }

    /// How many wait, and how many are on record nowhere.
    pub fn count(&self) -> [usize; 2] {
        let state = self.state();
        [state.waiting.len(), state.unrecorded.len()]
    }

    /// Resolves when all that is held must be looked through.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
