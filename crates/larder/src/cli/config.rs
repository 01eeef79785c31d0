//! `larder config`: what is set, and whether it is right.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::Exit;
use crate::config::{Loaded, Origin, reference};

/// Every key with its value and where that came from.
pub(super) fn show(loaded: &Loaded, json: bool) -> String {
    if json { format!("{:#}\n", loaded.to_json()) } else { loaded.to_table() }
}

/// Says that all is right, what was read, and how many values of each source are in force.
pub(super) fn check(loaded: &Loaded, file: Option<&str>) -> String {
    let count = |is_it: fn(&Origin) -> bool| loaded.origins.values().filter(|origin| is_it(origin)).count();
    let in_file = count(|origin| matches!(origin, Origin::File { .. }));
    let in_environment = count(|origin| matches!(origin, Origin::Environment { .. }));
    let in_flags = count(|origin| matches!(origin, Origin::Flag { .. }));
    let file = file.unwrap_or("no file");
    format!(
        "OK: {file} ({in_file} values), environment ({in_environment}), flags ({in_flags}), else defaults\n"
    )
}

/// Writes the documents that are made of the types.
#[expect(clippy::disallowed_methods, reason = "documents go where the caller says, outside the store")]
pub(super) fn write_reference(to: &Path) -> anyhow::Result<Exit> {
    for (name, text) in
        [("configure.md", reference::configure_md()), ("larder.schema.json", reference::json_schema())]
    {
        let path = to.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Exit::Fine)
}
