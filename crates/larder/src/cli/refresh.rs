//! `larder refresh`: has the running server ask its sources now.

use super::Exit;
use super::mode::Ask;
use super::named::Named;
use super::paper::{Cell, Paper, Tone, count, one_line};
use crate::app::api::refresh::{Came, Outcome, Refreshed};

/// New versions that are named in one line.
const SHOWN: usize = 20;

/// Asks; [`Exit::Failed`] when some answer was not to be had.
pub(super) fn run(ask: &Ask, named: &Named) -> anyhow::Result<Exit> {
    let refreshed: Refreshed = ask.caller().post("refresh", &named.meant())?;
    let is_failure = |asked: &Outcome| match asked.outcome {
        Came::Failed => true,
        Came::Derived => !asked.why.is_empty(),
        _ => false,
    };
    let failed = refreshed.asked.iter().any(is_failure);
    super::print_described(&ask.shown, &refreshed, describe)?;
    Ok(if failed { Exit::Failed } else { Exit::Fine })
}

fn describe(paper: &mut Paper, refreshed: &Refreshed) {
    paper.line(&[Cell(one_line(&refreshed.module), Tone::Strong)]);
    paper.table(&refreshed.asked.iter().map(row).collect::<Vec<_>>());
    for asked in &refreshed.asked {
        for why in &asked.why {
            paper.line(&[Cell::soft(format!("  {}: {why}", name(asked)))]);
        }
    }
}

fn name(asked: &Outcome) -> &str {
    asked.name.as_deref().unwrap_or(if asked.what == "latest" { "@latest" } else { &asked.what })
}

fn row(asked: &Outcome) -> Vec<Cell> {
    let (word, tone) = match asked.outcome {
        Came::Loaded => ("loaded", Tone::Good),
        Came::Changed => ("changed", Tone::Good),
        Came::Unchanged => ("unchanged", Tone::Plain),
        Came::Held => ("held, never changes", Tone::Plain),
        Came::Derived => ("made of what is held", Tone::Warn),
        Came::Absent => ("absent", Tone::Warn),
        Came::Failed if asked.old_copy_stays => ("failed, the old copy stays", Tone::Bad),
        Came::Failed => ("failed", Tone::Bad),
    };
    vec![
        Cell::soft(name(asked)),
        Cell(word.to_owned(), tone),
        Cell::plain(change(asked)),
        Cell::soft(asked.source.as_deref().unwrap_or_default()),
    ]
}

fn change(asked: &Outcome) -> String {
    let versions = |what: &str, versions: &[String]| match versions.len() {
        0 => None,
        all if all > SHOWN => Some(format!("{} {what} versions", count(all as u64))),
        _ => Some(format!("{what}: {}", versions.join(" "))),
    };
    let lists = [versions("new", &asked.new), versions("gone", &asked.gone)].into_iter().flatten();
    let lists = lists.collect::<Vec<_>>().join("; ");
    match (&asked.was, &asked.now) {
        (Some(was), Some(now)) => format!("{was} -> {now}"),
        (None, Some(now)) => now.clone(),
        _ => lists,
    }
}
