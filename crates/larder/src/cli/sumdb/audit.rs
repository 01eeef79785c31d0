//! `larder sumdb audit`.

use client::audit::{self, Audit, AuditError, Finding, Range, Report, Seen};
use client::{State, target};
use indicatif::HumanBytes;
use sumdb::Spec;

use crate::cli::failure::Usage;
use crate::cli::mode::Shown;
use crate::cli::paper::{Cell, Paper, Tone, count, fact, size};
use crate::cli::verdict::Verdict;
use crate::cli::{Exit, print_described, progress};
use crate::config::Loaded;
use crate::tasks;

/// What is to be audited.
pub(in crate::cli) struct AuditCall {
    /// The database.
    pub(in crate::cli) spec: Spec,
    /// What is remembered of it.
    pub(in crate::cli) state: State,
    /// Which records are read.
    pub(in crate::cli) range: Range,
    /// How many of them are looked up.
    pub(in crate::cli) lookups: usize,
}

/// Audits a database; [`Exit::Refused`] when it is wrong, [`Exit::Failed`] when that could not be found out.
pub(in crate::cli) fn run(call: AuditCall, loaded: &Loaded, shown: &Shown) -> anyhow::Result<Exit> {
    let AuditCall { spec, state, range, lookups } = call;
    let way = target::own_way(&spec, &crate::app::builder(&loaded.config)?)?;
    let bar = progress::bar("records, {msg}, {eta} left");
    let audit = Audit { spec, way, state, range, lookups }.run(|progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.done);
        bar.set_message(HumanBytes(progress.bytes).to_string());
    });
    let report = tasks::runtime()?.block_on(audit);
    bar.finish_and_clear();
    let report = report.map_err(|error| match error {
        AuditError::Foreign { .. } => Usage::of(&error, "name another file with --state").into(),
        error @ AuditError::State(_) => anyhow::Error::from(error),
    })?;
    print_described(shown, &report, describe)
}

/// The report for a person, and what follows from it.
fn describe(paper: &mut Paper, report: &Report) -> Exit {
    let mut rows = vec![fact("database", format!("{}, asked at {}", report.database, report.source))];
    rows.push(fact("last visit", report.before.map_or_else(|| "none".to_owned(), tree)));
    if let Some(seen) = report.tree {
        rows.push(fact("tree", tree(seen)));
        let (read, from, to) = (count(report.records), report.from, report.to);
        let span = format!("{read} are those of the tree, of {} from {} on", count(to - from), count(from));
        rows.push(fact("records", if from == to { "none were to be read".to_owned() } else { span }));
        if from < to {
            rows.push(fact(
                "lookups",
                format!("{} answered with the record that the tree has", report.lookups),
            ));
        }
    }
    let (answers, bytes) = (count(report.requests), size(report.bytes));
    rows.push(fact("asked", format!("{answers} answers, {bytes}")));
    if let Some(state) = &report.state {
        rows.push(fact("remembered", state.display().to_string()));
    }
    let verdict = verdict(report);
    rows.push(verdict.row());
    paper.table(&rows);
    remarks(paper, report);
    for Finding { kind, place, what } in &report.findings {
        let kind = Cell(format!("{kind:?}").to_lowercase(), Tone::Bad);
        paper.line(&[Cell::plain("  "), kind, Cell::plain("  "), Cell::plain(place)]);
        paper.line(&[Cell::plain("    "), Cell::plain(what)]);
    }
    let unnamed = report.wrong - report.findings.len() as u64;
    if unnamed > 0 {
        paper.line(&[Cell::plain(format!("  and {} more", count(unnamed)))]);
    }
    if let Some(proof) = &report.proof {
        paper.space();
        for line in proof.lines() {
            paper.line(&[Cell::plain(line.replace('\t', "        "))]);
        }
        let place = report.evidence.iter().map(|path| path.display().to_string()).collect::<String>();
        paper.line(&[Cell::soft("kept as "), Cell::plain(place)]);
    }
    verdict.exit
}

fn tree(seen: Seen) -> String {
    format!("{} records, {}", count(seen.size), seen.hash)
}

fn verdict(report: &Report) -> Verdict {
    match report.verdict {
        audit::Verdict::Fine => Verdict::good("all is in order"),
        audit::Verdict::Incomplete => Verdict::open("not found out"),
        audit::Verdict::Wrong => Verdict::bad(&format!("WRONG: {} found", count(report.wrong))),
    }
}

/// What is no fault of the records.
fn remarks(paper: &mut Paper, report: &Report) {
    if report.behind > 0 {
        let behind = count(report.behind);
        let text = format!(
            "It shows a tree that is {behind} records older than one that it showed before. If that lasts, look at it."
        );
        paper.line(&[Cell::plain(text)]);
    }
    if report.skipped > 0 {
        let skipped = count(report.skipped);
        paper.line(&[Cell::plain(format!(
            "{skipped} records since the last visit were not read; --all reads them."
        ))]);
    }
    if let Some(stopped) = &report.stopped {
        paper.line(&[Cell::plain("It ended early: "), Cell::plain(stopped)]);
        if stopped.starts_with("tile/8/data/") {
            let text = "Some proxies do not pass records on: ask the database itself, or only for the tree, with --records 0.";
            paper.line(&[Cell::plain(text)]);
        }
    }
}
