//! Which filters servers know, and whether they give commits by ids, as they have shown it.
//!
//! Nobody says what a server takes before it refuses it, so the best is tried first, and what a server refused is not tried
//! again while this process runs.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::Place;

/// How many there are, from the best on. The first brings the small files of the upper directories along, `go.mod` among them;
/// some hosts know only the second, which brings directories alone.
const FILTERS: usize = 2;
/// Down to how many directories below the top the first is used.
const MAX_DEPTH: usize = 4;

/// How many of the filters servers have refused, by scheme and host, and which of them have shown to know one.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    refused: Mutex<HashMap<String, usize>>,
    proven: Mutex<HashSet<String>>,
    by_name: Mutex<HashSet<String>>,
}

impl Filters {
    /// The filter for a server, if there is one, by which the files of directories so far below the top are brought.
    pub(super) fn of(&self, place: &Place, depth: usize) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refused.get(&server(place)).copied().unwrap_or(0);
        match first.max(usize::from(depth > MAX_DEPTH)) {
            // Further down there are more files, and `go.mod` is one of the smallest. What lies deeper a second time may be left
            // out by git all the same, and is fetched when it is read.
            0 => Some(format!("combine:tree:{}+blob:limit={}k", depth + 2, if depth == 0 { 64 } else { 16 })),
            1 => Some("blob:none".to_owned()),
            _ => None,
        }
    }

    /// It left out what it was told to.
    pub(super) fn prove(&self, place: &Place) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(server(place));
    }

    /// Whether it leaves out what it is told to.
    pub(super) fn is_proven(&self, place: &Place) -> bool {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(&server(place))
    }

    /// It gave by its name what it did not give by its id.
    pub(super) fn want_names(&self, place: &Place) {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).insert(server(place));
    }

    /// Whether it gives commits by names only.
    pub(super) fn wants_names(&self, place: &Place) -> bool {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).contains(&server(place))
    }

    /// It refused this one.
    pub(super) fn refuse(&self, place: &Place, filter: &str) {
        let next = if filter.starts_with("combine:") { 1 } else { FILTERS };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = refused.entry(server(place)).or_default();
        *kept = next.max(*kept);
    }

    /// It leaves nothing out.
    pub(super) fn forgo(&self, place: &Place) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(server(place), FILTERS);
    }
}

/// Repositories in files have settings of their own.
fn server(place: &Place) -> String {
    match place.host() {
        "" => place.url().to_owned(),
        host => format!("{}://{host}", place.scheme()),
    }
}
