//! `larder config`: what is set, and whether it is right.

use super::args::Document;
use crate::config::{Loaded, Origin, reference};
use crate::observe::families;

/// Every key with its value and where that came from.
pub(super) fn show(loaded: &Loaded, json: bool) -> String {
    if json { format!("{:#}\n", loaded.to_json()) } else { loaded.to_table() }
}

/// Says that all is right, what was read, and how many values of each source are in force.
pub(super) fn check(loaded: &Loaded) -> String {
    let count = |is_it: fn(&Origin) -> bool| loaded.origins.values().filter(|origin| is_it(origin)).count();
    let in_file = count(|origin| matches!(origin, Origin::File { .. }));
    let in_environment = count(|origin| matches!(origin, Origin::Environment { .. }));
    let in_flags = count(|origin| matches!(origin, Origin::Flag { .. }));
    let file = loaded.file.as_deref().unwrap_or("no file");
    format!(
        "OK: {file} ({in_file} values), environment ({in_environment}), flags ({in_flags}), else defaults\n"
    )
}

/// A document that is made of the types.
pub(super) fn reference(document: Document) -> String {
    match document {
        Document::Configure => reference::configure_md(),
        Document::Schema => reference::json_schema(),
        Document::Metrics => families::reference(),
    }
}
