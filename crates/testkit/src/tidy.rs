//! The rules of the house that no compiler and no lint checks, as a test over the workspace's own files.
//!
//! Each rule is a function from the files to its violations, one a line: `path:line: what is wrong`. Rules read text
//! with comments and strings blanked out ([`source`]), not a syntax tree: that is enough for rules this plain, and
//! it builds in a second. Function length, argument counts and the like are clippy's (`clippy.toml`).

mod crates;
mod events;
mod levels;
mod names;
mod source;
mod text;
mod workspace;

use std::path::Path;

pub use workspace::Workspace;

/// A rule: what it finds wrong.
type Rule = fn(&Workspace) -> Vec<String>;

const RULES: &[Rule] = &[
    levels::imports_go_down,
    crates::dependencies_go_down,
    text::files_are_short,
    names::modules_have_a_subject,
    names::functions_say_what_they_do,
    text::modules_begin_with_a_comment,
    text::attributes_give_reasons,
    text::tests_do_not_sleep,
    text::files_name_no_machine,
    text::files_are_merged,
    text::promises_have_their_tests,
    events::lines_name_their_events,
    text::architecture_is_short_and_complete,
];

/// All violations in the workspace whose `Cargo.toml` is in this directory.
pub fn tidy(root: &Path) -> Vec<String> {
    check(&Workspace::read(root))
}

/// All violations in these files.
pub fn check(workspace: &Workspace) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(workspace)).collect()
}
