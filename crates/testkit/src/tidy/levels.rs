//! Inside `larder`, a module imports only from lower levels: data flows one way, and a reader may trust the picture.

use super::Workspace;
use super::source::{code, line, split_tests, word_at, words};

/// The levels from the lowest to the highest. Modules of one level do not know each other.
const LEVELS: &[&[&str]] = &[
    &["config", "observe", "clock", "tasks", "version"],
    &["auth"],
    &["policy", "verify"],
    &["trust"],
    &["log"],
    &["cache"],
    &["pipeline"],
    &["http", "jobs", "dashboard"],
    &["app"],
    &["cli", "main"],
];

const ROOT: &str = "crates/larder/src/";

/// Names of `crate::x` paths, and of `super::…::x` paths that reach the crate's root, against the levels.
pub(super) fn imports_go_down(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust() {
        let Some(inside) = path.strip_prefix(ROOT).filter(|inside| *inside != "lib.rs") else {
            continue;
        };
        let modules: Vec<&str> = inside.trim_end_matches(".rs").split('/').collect();
        let own = modules[0];
        let code = code(text);
        for (at, name) in imports(&code, modules.len()) {
            if let Some(wrong) = judge(own, &name) {
                violations.push(format!("{path}:{}: {wrong}", line(&code, at)));
            }
        }
    }
    violations
}

fn judge(own: &str, name: &str) -> Option<String> {
    let level = |module: &str| LEVELS.iter().position(|level| level.contains(&module));
    if name == own {
        return None;
    }
    if name.starts_with(char::is_uppercase) {
        return Some(format!("`crate::{name}` hides the module it comes from: name the module"));
    }
    match (level(own), level(name)) {
        (None, _) => Some(format!("module `{own}` has no level: give it one in testkit's tidy")),
        (_, None) => Some(format!("`crate::{name}` has no level: give it one in testkit's tidy")),
        (Some(above), Some(below)) if below >= above => {
            Some(format!("`{own}` imports from `{name}`, which is not below it"))
        }
        _ => None,
    }
}

/// Every name directly below the crate's root that blanked code mentions, with where.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, word) in words(code) {
        if let Some(path) = code[at..].strip_prefix("crate::").filter(|_| word == "crate") {
            found.extend(heads(path).into_iter().map(|name| (at, name)));
        }
    }
    // An inline test module is one deeper, and `super` there is the file itself.
    let (shipped, _) = split_tests(code);
    let climb = "super::".repeat(depth);
    for (at, _) in shipped.match_indices(&climb) {
        let path = &shipped[at + climb.len()..];
        if !shipped[..at].ends_with("super::") && word_at(path) != "super" {
            let line_start = nth_line(code, line(&shipped, at));
            found.extend(heads(path).into_iter().map(|name| (line_start, name)));
        }
    }
    found
}

/// The first names of a path or, if it begins with a brace, of each path in the group.
fn heads(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![word_at(path).to_owned()];
    };
    let mut names = Vec::new();
    let (mut depth, mut begins) = (1, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            _ if begins && !letter.is_whitespace() => {
                names.push(word_at(&group[at..]).to_owned());
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn nth_line(code: &str, number: usize) -> usize {
    code.match_indices('\n').nth(number.wrapping_sub(2)).map_or(0, |(at, _)| at + 1)
}
