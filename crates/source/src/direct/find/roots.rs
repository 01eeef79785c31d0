//! Which import paths led to which repository, so that what is told of a repository reaches its modules.

use std::collections::BTreeSet;
use std::sync::Arc;

use gomod::{ModulePath, repo};
use quick_cache::sync::Cache;
use vcs::Place;

use super::Found;

/// How many import paths are remembered; those that nobody asks for go first.
const MOST: usize = 1 << 16;

/// The import paths of the tops of repositories, by the place that each led to when it was last asked for. Clones are the
/// same, and outlive changes of settings.
#[derive(Clone)]
pub struct Roots(Arc<Cache<String, Place>>);

impl Default for Roots {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MOST)))
    }
}

impl Roots {
    /// Notes what was found.
    pub(super) fn note(&self, found: &Found) {
        // Read first: what is asked for again is what should stay.
        if self.0.get(&found.root).as_ref() != Some(&found.place) {
            self.0.insert(found.root.clone(), found.place.clone());
        }
    }

    /// The import paths that led to such places.
    pub(super) fn at(&self, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<String> {
        self.0.iter().filter(|(_, place)| is_meant(place)).map(|(root, _)| root).collect()
    }

    /// The places that a module, or a path above it, led to.
    pub(super) fn places_of(&self, path: &ModulePath) -> Vec<Place> {
        let above = self.0.iter().filter(|(root, _)| repo::below(path.as_str(), root).is_some());
        above.map(|(_, place)| place).collect()
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots").field("known", &self.0.len()).finish()
    }
}
