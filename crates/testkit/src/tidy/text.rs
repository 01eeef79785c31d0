//! Rules about files as text: length, comments, attributes, what must not be in them.

use super::Workspace;
use super::source::{code, line, split_tests, words};

const FILE_LINES: usize = 500;
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES: usize = 150;
/// The table from what is promised to the tests that hold it.
const PROMISES: &str = "docs/decisions/0003-promises.md";

/// What may wait by the clock in tests: the one place that waits for all, and the soak, which is a load over time.
const MAY_SLEEP: [&str; 2] = ["crates/testkit/src/eventually.rs", "e2e/soak/"];

/// Rust files of at most 500 lines.
pub(super) fn files_are_short(workspace: &Workspace) -> Vec<String> {
    let long = |(path, text): (&str, &str)| {
        let lines = text.lines().count();
        (lines > FILE_LINES)
            .then(|| format!("{path}:{lines}: more than {FILE_LINES} lines: split it by subject"))
    };
    workspace.rust().filter_map(long).collect()
}

/// Every file of a crate begins with its module comment.
pub(super) fn modules_begin_with_a_comment(workspace: &Workspace) -> Vec<String> {
    let silent =
        workspace.rust().filter(|(path, text)| path.starts_with("crates/") && !text.starts_with("//!"));
    silent.map(|(path, _)| format!("{path}:1: begins without a module comment (`//!`)")).collect()
}

/// No `#[ignore]`, and `#[expect(…, reason)]` in place of `#[allow(…)]`.
pub(super) fn attributes_give_reasons(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust() {
        let code = code(text);
        for banned in ["#[ignore", "#[allow(", "#![allow("] {
            for (at, _) in code.match_indices(banned) {
                violations.push(format!("{path}:{}: `{banned}` is not used here", line(&code, at)));
            }
        }
    }
    violations
}

/// Tests wait on events. Code that is shipped may sleep.
pub(super) fn tests_do_not_sleep(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust() {
        if MAY_SLEEP.iter().any(|may| path.starts_with(may)) {
            continue;
        }
        let code = code(text);
        let all_is_test =
            path.contains("/tests/") || path.starts_with("crates/testkit/") || path.starts_with("e2e/");
        let tests = if all_is_test { code } else { split_tests(&code).1 };
        for (at, word) in
            words(&tests).filter(|(_, word)| matches!(*word, "sleep" | "sleep_until" | "sleep_ms"))
        {
            violations.push(format!("{path}:{}: `{word}` in a test: wait on an event", line(&tests, at)));
        }
    }
    violations
}

/// No path of a developer's machine, in any file.
pub(super) fn files_name_no_machine(workspace: &Workspace) -> Vec<String> {
    // In halves, for this file is looked at too.
    let folders = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    let mut violations = Vec::new();
    for (path, text) in workspace.all() {
        for (at, folder) in folders.iter().flat_map(|folder| text.match_indices(folder)) {
            let begins =
                !text[..at].ends_with(|before: char| before.is_alphanumeric() || "._-~/})>".contains(before));
            if begins {
                violations.push(format!("{path}:{}: a path of one machine: `{folder}…`", line(text, at)));
            }
        }
    }
    violations
}

/// No marks of an unfinished merge, in any file.
pub(super) fn files_are_merged(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.all() {
        for (number, line) in text.lines().enumerate() {
            if line.starts_with(&"<".repeat(7)) || line.starts_with(&">".repeat(7)) {
                violations.push(format!("{path}:{}: a conflict marker", number + 1));
            }
        }
    }
    violations
}

/// Every test that the table of promises names in backquotes exists.
pub(super) fn promises_have_their_tests(workspace: &Workspace) -> Vec<String> {
    let Some(table) = workspace.text(PROMISES) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    for (number, line) in table.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        for name in line.split('`').skip(1).step_by(2) {
            let function = format!("fn {name}()");
            if !workspace.rust().any(|(_, text)| text.contains(&function)) {
                violations.push(format!("{PROMISES}:{}: there is no test `{name}`", number + 1));
            }
        }
    }
    violations
}

/// The map of the code stays a map: at most 150 lines, and every crate is on it.
pub(super) fn architecture_is_short_and_complete(workspace: &Workspace) -> Vec<String> {
    let Some(text) = workspace.text(ARCHITECTURE) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    let lines = text.lines().count();
    if lines > ARCHITECTURE_LINES {
        violations.push(format!("{ARCHITECTURE}:{lines}: more than {ARCHITECTURE_LINES} lines"));
    }
    for (name, _) in workspace.crates().filter(|(name, _)| !text.contains(&format!("`{name}`"))) {
        violations.push(format!("{ARCHITECTURE}:1: does not name the crate `{name}`"));
    }
    violations
}
