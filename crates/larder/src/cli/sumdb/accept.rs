//! `larder sumdb accept`.

use std::fmt::Write;

use crate::cli::paper::{count, one_line, time};
use crate::cli::{Exit, print_answer};
use crate::config::Loaded;
use crate::trust::{Accepted, TreeSeen};

/// Has a closed database asked again, and says what was forgotten.
pub(in crate::cli) fn run(name: &str, loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let accepted = crate::app::sumdb::accept(&loaded.config, name)?;
    print_answer(json, &accepted, || describe(&accepted))
}

fn describe(accepted: &Accepted) -> String {
    let Accepted { name, closed, known, forked, lookups, tiles } = accepted;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} was closed since {}: {}",
        one_line(name),
        time(closed.since),
        one_line(&closed.why)
    );
    if let Some(known) = known {
        let _ = writeln!(text, "  believed      {}", tree(known));
    }
    for forked in forked.iter().filter(|forked| Some(*forked) != known.as_ref()) {
        let _ = writeln!(text, "  contradicted  {}", tree(forked));
    }
    if let Some(evidence) = &closed.evidence {
        let _ = writeln!(text, "  evidence      {}", one_line(evidence));
    }
    let _ = writeln!(
        text,
        "Forgotten: its newest tree, {} lookups and {} tiles. It is asked again, and its next tree is believed.\n\
         What was verified before stays held.",
        count(*lookups),
        count(*tiles)
    );
    text
}

fn tree(tree: &TreeSeen) -> String {
    format!("{} records, {}", count(tree.size), one_line(&tree.hash))
}
