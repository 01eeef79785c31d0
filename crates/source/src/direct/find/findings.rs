//! What finding came to: which import paths led to which repository, so that what is told of a repository reaches its
//! modules; and how often it came to what.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gomod::{ModulePath, repo};
use quick_cache::sync::Cache;
use vcs::Place;

use super::{Discovery, FindError, Found, Lead};

/// How many import paths are remembered; those that nobody asks for go first.
const MOST: usize = 1 << 16;

/// What finders have found. Clones are the same, and outlive changes of settings.
#[derive(Clone)]
pub struct Findings(Arc<Inner>);

struct Inner {
    /// The place that the import path of a repository's top led to when it was last asked for.
    places: Cache<String, Place>,
    counts: [AtomicU64; Outcome::ALL.len()],
}

/// What finding came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A repository, which the operator's table names.
    Table,
    /// A repository, which the path names.
    Path,
    /// A repository, which a page names.
    Page,
    /// A proxy, which a page names.
    Proxy,
    /// There is none.
    Absent,
    /// The rules forbid it.
    Refused,
    /// It cannot be told now.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Table, Self::Path, Self::Page, Self::Proxy, Self::Absent, Self::Refused, Self::Failed];

    /// The word for logs and numbers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Path => "path",
            Self::Page => "page",
            Self::Proxy => "proxy",
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl From<&FindError> for Outcome {
    fn from(error: &FindError) -> Self {
        match error {
            error if error.is_refusal() => Self::Refused,
            error if error.class().is_absent() => Self::Absent,
            _ => Self::Failed,
        }
    }
}

impl From<&Lead> for Outcome {
    fn from(lead: &Lead) -> Self {
        match lead {
            Lead::Table(_) => Self::Table,
            Lead::Path(_) => Self::Path,
            Lead::Page(_) => Self::Page,
        }
    }
}

impl Default for Findings {
    fn default() -> Self {
        Self(Arc::new(Inner { places: Cache::new(MOST), counts: Default::default() }))
    }
}

impl Findings {
    /// Notes what was found of a path, by what it was to be found.
    pub(super) fn note(&self, path: &ModulePath, by: Outcome, found: &Result<Discovery, FindError>) {
        let outcome = match found {
            Ok(Discovery::Repo(found)) => {
                self.remember(found);
                let (root, place) = (&found.root, found.place.url());
                tracing::debug!(module.path = %path, by = by.as_str(), root, place, "found the repository");
                by
            }
            Ok(Discovery::Proxy(_)) => Outcome::Proxy,
            Err(error) => {
                let outcome = Outcome::from(error);
                tracing::debug!(module.path = %path, by = by.as_str(), outcome = outcome.as_str(), %error, "found no repository");
                outcome
            }
        };
        if let Some(count) = self.0.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn remember(&self, found: &Found) {
        let places = &self.0.places;
        // Read first: what is asked for again is what should stay.
        if places.get(&found.root).as_ref() != Some(&found.place) {
            places.insert(found.root.clone(), found.place.clone());
        }
    }

    /// How often finding came to what.
    pub fn counts(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.into_iter().zip(self.0.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// The import paths that led to such places.
    pub(super) fn at(&self, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<String> {
        self.0.places.iter().filter(|(_, place)| is_meant(place)).map(|(root, _)| root).collect()
    }

    /// The places that a module, or a path above it, led to.
    pub(super) fn places_of(&self, path: &ModulePath) -> Vec<Place> {
        let above = self.0.places.iter().filter(|(root, _)| repo::below(path.as_str(), root).is_some());
        above.map(|(_, place)| place).collect()
    }
}

impl std::fmt::Debug for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Findings").field("known", &self.0.places.len()).finish()
    }
}
