//! Looking up ahead: a client that reads a go.mod file asks for what it requires next.
//!
//! What this is for: a file of a public module leaves only with its record, and a record takes two round trips where the
//! file takes one. A client asks for few files at a time, each a step deeper into the graph, so each lookup would be
//! waited for. One that began when the requiring go.mod file was verified is done, or nearly.
//! Why this shape: only direct requirements, since the others are mostly of versions that nobody selects; never more at
//! once than there are places, and none waits for a place: it is a guess, and a lookup that somebody waits for begins
//! by itself. What comes out is remembered by the database, as of any lookup; what fails is nobody's failure.
//! What it promises: only names that a database covers leave, and only to that database.

use std::sync::Arc;

use gomod::modfile::ModFile;
use gomod::{ModulePath, ModuleVersion};
use tokio::sync::Semaphore;

use super::Pipeline;
use crate::trust::Cover;

/// Lookups ahead under way at once. Less than a database is asked at once (`budget.small`), so that those somebody waits
/// for find room.
const PLACES: usize = 64;

/// The places of lookups ahead.
pub(super) struct Ahead(Arc<Semaphore>);

impl Default for Ahead {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Pipeline {
    /// Begins the lookups of what a verified go.mod file requires directly.
    pub(super) fn look_up_ahead(&self, go_mod: &[u8]) {
        let Ok(file) = ModFile::parse_lax(go_mod) else { return };
        let settings = self.settings.now();
        for require in file.require.into_iter().filter(|require| !require.indirect) {
            let Ok(path) = ModulePath::parse(&require.path) else { continue };
            let Ok(module) = ModuleVersion::new(path, require.version) else { continue };
            let Cover::By(database) = settings.databases.cover(&module.path) else { continue };
            let Ok(place) = self.ahead.0.clone().try_acquire_owned() else { return };
            let tasks = self.tasks.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    looked_up = database.lookup(&module) => drop(looked_up),
                    () = tasks.stopping() => {}
                }
                drop(place);
            });
        }
    }
}
