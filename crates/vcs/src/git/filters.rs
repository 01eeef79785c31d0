//! Which filters servers know, as they have shown it.
//!
//! Nobody says what filters a server takes before it refuses one, so the best is tried first, and what a server refused is
//! not tried again while this process runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::Place;

/// From the best on. The first brings the files at the top along, `go.mod` and the licence among them; some hosts know only
/// the second.
const FILTERS: [&str; 2] = ["tree:2", "blob:none"];

/// How many of [`FILTERS`] servers have refused, by scheme and host.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    refused: Mutex<HashMap<String, usize>>,
}

impl Filters {
    /// The filter for a server, if there is one.
    pub(super) fn of(&self, place: &Place) -> Option<&'static str> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        FILTERS.get(refused.get(&server(place)).copied().unwrap_or(0)).copied()
    }

    /// It refused the one it was given.
    pub(super) fn lower(&self, place: &Place) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(server(place)).or_default() += 1;
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
