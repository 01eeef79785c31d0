//! `larder sumdb status`.

use crate::app::api::sumdb::{Databases, OwnLog};
use crate::cli::failure::Usage;
use crate::cli::mode::Shown;
use crate::cli::paper::{Cell, Paper, Tone, count, heading, time};
use crate::cli::{Exit, print_described};
use crate::config::Loaded;
use crate::trust::Standing;

/// Shows how the databases do; [`Exit::Attention`] when one is closed.
pub(in crate::cli) fn run(name: Option<&str>, loaded: &Loaded, shown: &Shown) -> anyhow::Result<Exit> {
    let Databases { mut databases, mut log } = crate::app::sumdb::status(&loaded.config)?;
    if let Some(name) = name {
        databases.retain(|database| database.name == name);
        log = log.filter(|log| log.name == name);
        if databases.is_empty() && log.is_none() {
            let what = format!("the checksum database {name} is not configured");
            return Err(
                Usage { what, next: "`larder sumdb status` shows those that are", cause: None }.into()
            );
        }
    }
    let answer = Databases { databases, log };
    print_described(shown, &answer, describe)?;
    let is_closed = answer.databases.iter().any(|database| database.closed.is_some());
    let is_mute = answer.log.as_ref().is_some_and(|log| log.why.is_some());
    Ok(if is_closed || is_mute { Exit::Attention } else { Exit::Fine })
}

fn describe(paper: &mut Paper, Databases { databases, log }: &Databases) {
    if !databases.is_empty() {
        describe_databases(paper, databases);
    }
    if let Some(log) = log {
        if !databases.is_empty() {
            paper.space();
        }
        describe_log(paper, log);
    } else if databases.is_empty() {
        paper.line(&[Cell::plain("no checksum database is configured")]);
    }
}

fn describe_log(paper: &mut Paper, log: &OwnLog) {
    let tone = if log.why.is_some() { Tone::Bad } else { Tone::Good };
    paper.table(&[
        heading(&["OUR OWN LOG", "STATE", "RECORDS", "ADDED", "REFUSED"]),
        vec![
            Cell::plain(&log.name),
            Cell(log.state.clone(), tone),
            log.records.map_or_else(|| Cell::soft("-"), |records| Cell::plain(count(records))),
            Cell::plain(count(log.added)),
            Cell::plain(count(log.refused)),
        ],
    ]);
    if let Some(why) = &log.why {
        paper.space();
        paper.line(&[Cell(format!("{} takes no records: ", log.name), Tone::Bad), Cell::plain(why)]);
    }
    if let Some(next) = &log.next {
        paper.line(&[Cell::plain(format!("  {next}"))]);
    }
    paper.line(&[Cell::soft("GOSUMDB of clients: "), Cell::plain(&log.key)]);
}

fn describe_databases(paper: &mut Paper, databases: &[Standing]) {
    let mut rows =
        vec![heading(&["DATABASE", "KEY", "STATE", "REACHED", "RECORDS", "SEEN AT", "LOOKUPS", "TILES"])];
    rows.extend(databases.iter().map(|database| {
        let state = match &database.closed {
            Some(_) => Cell("CLOSED".to_owned(), Tone::Bad),
            None => Cell("asked".to_owned(), Tone::Good),
        };
        let or_none = |text: Option<String>| text.map_or_else(|| Cell::soft("-"), Cell::plain);
        vec![
            Cell::plain(&database.name),
            Cell::plain(&database.key_hash),
            state,
            or_none(database.way.clone()),
            or_none(database.tree.as_ref().map(|tree| count(tree.size))),
            or_none(database.tree_since.map(time)),
            Cell::plain(count(database.lookups)),
            Cell::plain(count(database.tiles)),
        ]
    }));
    paper.table(&rows);
    for Standing { name, closed, last_failure, .. } in databases {
        if let Some(closed) = closed {
            paper.space();
            let since = time(closed.since);
            paper.line(&[
                Cell::plain(name),
                Cell(format!(" is closed since {since}: "), Tone::Bad),
                Cell::plain(&closed.why),
            ]);
            if let Some(evidence) = &closed.evidence {
                paper.line(&[Cell::soft("  evidence: "), Cell::plain(evidence)]);
            }
            paper.line(&[Cell::plain(format!(
                "  What is kept is served. To ask it again: larder sumdb accept {name}"
            ))]);
        } else if let Some(failed) = last_failure {
            paper.space();
            paper.line(&[
                Cell::soft(format!("{name} failed last at {}: ", time(failed.at))),
                Cell::plain(&failed.text),
            ]);
        }
    }
}
