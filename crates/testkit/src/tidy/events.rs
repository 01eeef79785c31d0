//! Rules about what is logged: every line that is not a request's names its event, and the operator's page lists them.

use std::collections::BTreeSet;

use super::Workspace;
use super::source::{code, line, split_tests};

/// What tells the events, each as `name`.
const PAGE: &str = "docs/operate.md";
const PAGE_BEGINS: &str = "## What the log says";
const LEVELS: [&str; 3] = ["tracing::info!(", "tracing::warn!(", "tracing::error!("];
const NAME: &str = "event = \"";
/// The line of a request has a target of its own, and no event.
const REQUEST: &str = "target: \"request\"";

/// Each line that is logged begins with `event = "name"`; the page names it.
pub(super) fn lines_name_their_events(workspace: &Workspace) -> Vec<String> {
    let page = workspace.text(PAGE).and_then(|text| text.split_once(PAGE_BEGINS)).map(|(_, said)| said);
    let mut violations = Vec::new();
    let mut told = BTreeSet::new();
    let shipped = |path: &str| path.starts_with("crates/") && path.contains("/src/");
    for (path, text) in workspace.rust().filter(|(path, _)| shipped(path)) {
        for (at, said) in logged(text) {
            if said.starts_with(REQUEST) {
                continue;
            }
            let Some(name) = said.strip_prefix(NAME).and_then(|rest| rest.split('"').next()) else {
                violations.push(format!("{path}:{at}: a log line that does not begin with its `event`"));
                continue;
            };
            told.insert(name.to_owned());
            if name.contains(|c: char| !c.is_ascii_lowercase() && c != '_') {
                violations.push(format!("{path}:{at}: the event `{name}` is not in snake_case"));
            } else if page.is_some_and(|page| !page.contains(&format!("`{name}`"))) {
                violations.push(format!("{path}:{at}: {PAGE} does not name the event `{name}`"));
            }
        }
    }
    let rows = page.into_iter().flat_map(str::lines).filter(|row| row.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(','));
    let named = cells.map(|name| name.trim().trim_matches('`'));
    violations.extend(
        named
            .filter(|name| !told.contains(*name))
            .map(|name| format!("{PAGE}:1: there is no event `{name}`")),
    );
    violations
}

/// Where something is logged outside of tests: the line, and what stands after the bracket.
fn logged(text: &str) -> Vec<(usize, &str)> {
    let code = code(text);
    // Tests stand last in a file, and are blanked out of what is shipped: lines keep their numbers.
    let shipped = split_tests(&code).0;
    let mut found = Vec::new();
    for level in LEVELS {
        let lines = shipped.match_indices(level).map(|(at, _)| line(&shipped, at));
        for at in lines {
            let before: usize = text.split_inclusive('\n').take(at - 1).map(str::len).sum();
            let rest = &text[before..];
            let said = rest.find(level).map_or("", |start| rest[start + level.len()..].trim_start());
            found.push((at, said));
        }
    }
    found
}
