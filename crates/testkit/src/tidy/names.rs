//! Names that say nothing: rooms where anything could be put, verbs that fit every function.

use super::Workspace;
use super::source::{code, line, split_tests, words};

const MODULES: &[&str] =
    &["common", "utils", "util", "error", "errors", "types", "helper", "helpers", "manager", "misc"];

const FUNCTIONS: &[&str] = &["get_", "handle_", "process_", "do_"];

/// Crates, folders, files and inline modules with a banned name.
pub(super) fn modules_have_a_subject(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust().filter(|(path, _)| path.starts_with("crates/")) {
        for element in path.trim_end_matches(".rs").split('/').filter(|element| MODULES.contains(element)) {
            violations.push(format!("{path}:1: `{element}` is no name for a module: say what is in it"));
        }
        let code = code(text);
        // Declared with a semicolon, the module is a file and was seen above.
        let inline = |at: usize, name: &str| code[at + name.len()..].trim_start().starts_with('{');
        let modules =
            after_keyword(&code, "mod").filter(|(at, name)| MODULES.contains(name) && inline(*at, name));
        for (at, name) in modules {
            violations.push(format!(
                "{path}:{}: `{name}` is no name for a module: say what is in it",
                line(&code, at)
            ));
        }
    }
    violations
}

/// Functions outside tests whose name begins with a verb that says nothing.
pub(super) fn functions_say_what_they_do(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust().filter(|(path, _)| path.contains("/src/")) {
        let (shipped, _) = split_tests(&code(text));
        for (at, name) in after_keyword(&shipped, "fn") {
            if let Some(verb) = FUNCTIONS.iter().find(|verb| name.starts_with(**verb)) {
                violations.push(format!("{path}:{}: `{name}`: `{verb}` says nothing", line(&shipped, at)));
            }
        }
    }
    violations
}

/// The words that follow this keyword.
fn after_keyword<'code>(code: &'code str, keyword: &str) -> impl Iterator<Item = (usize, &'code str)> {
    let next = words(code).skip(1);
    words(code).zip(next).filter(move |((_, word), _)| *word == keyword).map(|(_, next)| next)
}
