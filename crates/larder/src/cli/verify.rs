//! `larder verify`.

use client::verify::{self, Finding, Kind, Proxy, Report, Subject, SubjectError};
use gomod::Patterns;

use super::failure::Usage;
use super::mode::Shown;
use super::paper::{Cell, Paper, Tone, count, fact};
use super::verdict::Verdict;
use super::{Exit, args, print_described, progress, sumdb};
use crate::config::{Loaded, Pattern};
use crate::tasks;

/// Findings that are named on the terminal; `--json` names all.
const SHOWN: usize = 100;

/// Compares; [`Exit::Refused`] when something differs, [`Exit::Failed`] when something could not be compared.
pub(super) fn run(args: &args::Verify, loaded: &Loaded, shown: &Shown) -> anyhow::Result<Exit> {
    let config = &loaded.config;
    let spec = sumdb::meant(args.sumdb.as_deref(), &shown.environment, config)?;
    let subject = Subject::at(&args.path).map_err(|error| match error {
        SubjectError::Neither { .. } => Usage::of(&error, "see `larder verify --help`").into(),
        error => anyhow::Error::from(error),
    })?;
    let builder = crate::app::builder(config)?;
    let proxy = args.proxy.as_deref().map(|url| Proxy::at(url, args.zips, &builder)).transpose();
    let proxy = proxy.map_err(|error| Usage::of(&error, "write --proxy https://HOST"))?;
    let private: Vec<&str> = config.gonosumdb.iter().map(Pattern::as_str).collect();
    let private = Patterns::parse(&private.join(","));
    let bar = progress::bar("module versions, {eta} left");
    let runtime = tasks::runtime()?;
    let report = runtime.block_on(async {
        let way = verify::way(&spec, proxy.as_ref(), &builder).await?;
        let database = sumdb::opened(&spec, way, &shown.environment)?;
        let verify = verify::Verify { subject, database, proxy, private };
        anyhow::Ok(
            verify
                .run(|progress| {
                    bar.set_length(progress.of);
                    bar.set_position(progress.done);
                })
                .await,
        )
    });
    bar.finish_and_clear();
    let report = report?;
    print_described(shown, &report, describe)
}

/// The report for a person, and what follows from it.
fn describe(paper: &mut Paper, report: &Report) -> Exit {
    let subject: Vec<String> = report.subject.iter().map(|file| file.display().to_string()).collect();
    let mut rows = vec![fact("looked at", subject.join(", "))];
    rows.push(fact("database", format!("{}, asked at {}", report.database, report.source)));
    if let Some(tree) = report.tree {
        rows.push(fact("proven in", format!("tree of {} records", count(tree.size))));
    }
    rows.push(fact("same", count(report.same)));
    if let Some(proxy) = &report.proxy {
        rows.push(fact("proxy", format!("{proxy}: {} files are the same", count(report.served))));
    }
    for (name, number) in [("private", report.private), ("other kinds", report.unknown)] {
        if number > 0 {
            rows.push(fact(name, format!("{}, not compared", count(number))));
        }
    }
    for (name, kind, tone) in COUNTED {
        let number = report.count(kind);
        if number > 0 {
            rows.push(vec![Cell::soft(name), Cell(count(number as u64), tone)]);
        }
    }
    let verdict = verdict(report);
    rows.push(verdict.row());
    paper.table(&rows);
    for finding in report.findings.iter().take(SHOWN) {
        tell(paper, finding, &report.advice(finding));
    }
    if report.findings.len() > SHOWN {
        let more = report.findings.len() - SHOWN;
        paper.line(&[Cell::plain(format!("... and {more} more; --json names all"))]);
    }
    verdict.exit
}

/// The words for what is counted.
const COUNTED: [(&str, Kind, Tone); 9] = [
    ("differ", Kind::Differs, Tone::Bad),
    ("conflicts", Kind::Conflict, Tone::Bad),
    ("malformed", Kind::Malformed, Tone::Bad),
    ("damaged", Kind::Damaged, Tone::Bad),
    ("by proxy", Kind::Proxy, Tone::Bad),
    ("not proven", Kind::Unbelievable, Tone::Bad),
    ("no record", Kind::Absent, Tone::Warn),
    ("no answer", Kind::Unreachable, Tone::Warn),
    ("no proxy", Kind::ProxyUnreachable, Tone::Warn),
];

fn verdict(report: &Report) -> Verdict {
    match report.verdict {
        verify::Verdict::Same => Verdict::good("all is the same"),
        verify::Verdict::Incomplete => Verdict::open("not all could be compared"),
        verify::Verdict::Differs => Verdict::bad("SOMETHING DIFFERS"),
    }
}

fn tell(paper: &mut Paper, finding: &Finding, advice: &str) {
    let tone = if finding.kind.is_wrong() { Tone::Bad } else { Tone::Warn };
    let word = COUNTED.iter().find(|(_, kind, _)| *kind == finding.kind).map_or("", |(word, ..)| *word);
    let mut place = finding.file.display().to_string();
    if let Some(line) = finding.line {
        place = format!("{place}:{line}");
    }
    let module: Vec<&str> = finding.module.as_deref().into_iter().chain(finding.of).collect();
    let module = module.join(" ");
    paper.space();
    paper.line(&[
        Cell(word.to_owned(), tone),
        Cell::plain("  "),
        Cell::plain(&place),
        Cell::plain("  "),
        Cell::plain(&module),
    ]);
    let hash = |name: &str, hash: &Option<gomod::H1>| {
        hash.map(|hash| vec![Cell::plain("  "), Cell::soft(name), Cell::plain(hash.to_string())])
    };
    let hashes =
        [hash("here", &finding.here), hash("database", &finding.database), hash("proxy", &finding.proxy)];
    let mut rows: Vec<Vec<Cell>> = hashes.into_iter().flatten().collect();
    rows.push(vec![Cell::plain("  "), Cell::soft("what"), Cell::plain(&finding.what)]);
    rows.push(vec![Cell::plain("  "), Cell::soft("next"), Cell::plain(advice)]);
    paper.table(&rows);
}
