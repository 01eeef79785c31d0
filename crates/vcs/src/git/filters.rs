//! Which filters servers know, as they have shown it.
//!
//! Nobody says what filters a server takes before it refuses one, so the best is tried first, and what a server refused is
//! not tried again while this process runs.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::Place;

/// From the best on. The first brings the small files at the top along, `go.mod` among them; some hosts know only the second.
const FILTERS: [&str; 2] = ["combine:tree:2+blob:limit=64k", "blob:none"];

/// How many of [`FILTERS`] servers have refused, by scheme and host, and which of them have shown to know one.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    refused: Mutex<HashMap<String, usize>>,
    proven: Mutex<HashSet<String>>,
}

impl Filters {
    /// The filter for a server, if there is one; `deep` if files in directories are wanted, and so all directories.
    pub(super) fn of(&self, place: &Place, deep: bool) -> Option<&'static str> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refused.get(&server(place)).copied().unwrap_or(0);
        FILTERS.get(first.max(usize::from(deep))).copied()
    }

    /// It left out what it was told to.
    pub(super) fn prove(&self, place: &Place) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(server(place));
    }

    /// Whether it leaves out what it is told to.
    pub(super) fn is_proven(&self, place: &Place) -> bool {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(&server(place))
    }

    /// It refused this one.
    pub(super) fn refuse(&self, place: &Place, filter: &str) {
        let next = FILTERS.iter().position(|known| *known == filter).map_or(FILTERS.len(), |at| at + 1);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = refused.entry(server(place)).or_default();
        *kept = next.max(*kept);
    }

    /// It leaves nothing out.
    pub(super) fn forgo(&self, place: &Place) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(server(place), FILTERS.len());
    }
}

/// Repositories in files have settings of their own.
fn server(place: &Place) -> String {
    match place.host() {
        "" => place.url().to_owned(),
        host => format!("{}://{host}", place.scheme()),
    }
}
