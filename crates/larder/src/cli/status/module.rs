//! A module, a version or a query.

use crate::app::api::modules::VersionState;
use crate::app::api::modules::{Failure, FileState, Kept, Known, Loaded, Module, Named, Query, Version};
use crate::cache::manifest::VerifiedBy;
use crate::cli::Exit;
use crate::cli::paper::{Cell, Paper, Tone, count, heading, one_line, size, time};
use crate::clock::ago;

/// Versions of a module that are shown; `--json` has more.
const SHOWN: usize = 20;

/// Shows what is known of a module.
pub(super) fn show(paper: &mut Paper, module: &Module) -> Exit {
    title(paper, &module.named, None);
    let mut known = vec![("list", &module.list), ("@latest", &module.latest)];
    known.extend(module.queries.iter().map(|(query, known)| (query.as_str(), known)));
    paper.space();
    paper.table(&known.iter().map(|(name, known)| row(name, known)).collect::<Vec<_>>());
    for (name, known) in &known {
        notes(paper, name, &known.said, known.failure.as_ref());
    }
    paper.space();
    if module.versions.is_empty() {
        paper.line(&[Cell::plain("no version is held")]);
    } else {
        let mut rows = vec![heading(&["VERSION", "HELD", "SIZE", "SOURCE", "KEPT", "NOT HELD"])];
        rows.extend(module.versions.iter().take(SHOWN).map(version_row));
        paper.table(&rows);
    }
    let more = module.versions_in_all.saturating_sub(SHOWN as u64);
    if more > 0 {
        paper.line(&[Cell::soft(format!("and {} older versions; --json has more", count(more)))]);
    }
    for version in &module.versions {
        for (kind, file) in &version.files {
            let name = format!("{} {kind}", version.version);
            notes(paper, &name, &[], file.failure.as_ref());
        }
    }
    let failed = known.iter().any(|(_, known)| known.failure.is_some());
    exit(failed || module.versions.iter().any(needs_attention))
}

/// Shows what is known of a version.
pub(super) fn show_version(paper: &mut Paper, version: &Version) -> Exit {
    title(paper, &version.named, Some(&version.version.version));
    files(paper, &version.version);
    exit(needs_attention(&version.version))
}

/// What is known of the files of a version.
pub(in crate::cli) fn files(paper: &mut Paper, version: &VersionState) {
    if let Some(source) = &version.pinned_source {
        let text = format!("its first file came from {source}, and so do the others");
        paper.line(&[Cell::soft(text)]);
    }
    paper.space();
    let mut rows = vec![heading(&["FILE", "STATE", "SIZE", "SOURCE", "KEPT", "TRUSTED", "HASH"])];
    rows.extend(version.files.iter().map(|(kind, file)| file_row(kind, file)));
    paper.table(&rows);
    for (kind, file) in &version.files {
        notes(paper, kind, &file.said, file.failure.as_ref());
    }
}

/// Shows what is known of a query.
pub(super) fn show_query(paper: &mut Paper, query: &Query) -> Exit {
    title(paper, &query.named, Some(&query.query));
    paper.space();
    paper.table(&[row(&query.query, &query.known)]);
    notes(paper, &query.query, &query.known.said, query.known.failure.as_ref());
    exit(query.known.failure.is_some())
}

fn exit(needs_attention: bool) -> Exit {
    if needs_attention { Exit::Attention } else { Exit::Fine }
}

fn needs_attention(version: &VersionState) -> bool {
    version.files.values().any(|file| file.failure.is_some() || file.state == Kept::Lost)
}

fn title(paper: &mut Paper, named: &Named, version: Option<&str>) {
    let version = version.map_or(String::new(), |version| format!("@{version}"));
    let mut words = vec![Cell(one_line(&format!("{}{version}", named.module)), Tone::Strong)];
    if named.private {
        words.push(Cell(" (private)".to_owned(), Tone::Warn));
    }
    match &named.no_source {
        Some(why) => words.push(Cell(format!(": {}", one_line(why)), Tone::Warn)),
        None => words.push(Cell::soft(format!(" from {}", named.sources.join(", ")))),
    }
    paper.line(&words);
}

/// One line about an answer that may change.
fn row(name: &str, known: &Known) -> Vec<Cell> {
    let (word, tone) = match known.state {
        Loaded::NotLoaded => ("not loaded", Tone::Soft),
        Loaded::Fresh => ("fresh", Tone::Good),
        Loaded::Stale => ("stale", Tone::Warn),
        Loaded::Old => ("old", Tone::Warn),
        Loaded::Derived => ("made of what is held", Tone::Warn),
        Loaded::Absent if known.withdrawn => ("withdrawn", Tone::Warn),
        Loaded::Absent => ("absent", Tone::Warn),
    };
    let word = if known.refreshing { format!("{word}, refreshing") } else { word.to_owned() };
    let what = match (known.versions, &known.version) {
        (Some(1), _) => "1 version".to_owned(),
        (Some(versions), _) => format!("{} versions", count(versions)),
        (None, Some(version)) => version.clone(),
        (None, None) => String::new(),
    };
    let again = known.asked_again_at.map_or(String::new(), |at| format!("asked again at {}", time(at)));
    vec![
        Cell::soft(name),
        Cell(word, tone),
        Cell::plain(what),
        Cell::plain(known.source.as_deref().unwrap_or_default()),
        Cell::plain(known.age_s.map(ago).unwrap_or_default()),
        Cell::soft(again),
    ]
}

/// What the sources said, and why the last try failed, below what it is about.
fn notes(paper: &mut Paper, name: &str, said: &[String], failure: Option<&Failure>) {
    for line in said {
        paper.line(&[Cell::soft(format!("  {name}: {line}"))]);
    }
    let Some(failure) = failure else { return };
    let head = format!("{name}: the last try failed at {} ({}): ", time(failure.at), failure.class);
    let head = Cell(format!("! {}", one_line(&head)), Tone::Bad);
    paper.line(&[head, Cell::plain(failure.text.join("; "))]);
    let retried = format!("  asked again by whoever wants it after {}", time(failure.retried_after));
    paper.line(&[Cell::soft(retried)]);
}

fn version_row(version: &VersionState) -> Vec<Cell> {
    let kinds = |is_held: bool| {
        let files = version.files.iter().filter(move |(_, file)| (file.state == Kept::Held) == is_held);
        files.map(|(kind, file)| match file.state {
            Kept::Held => kind.clone(),
            state => format!("{kind} {}", word(state, file.refreshing)),
        })
    };
    let kept = version.files.values().filter(|file| file.state == Kept::Held).filter_map(|file| file.age_s);
    let not_held = kinds(false).collect::<Vec<_>>().join(", ");
    vec![
        Cell::plain(&version.version),
        Cell::plain(kinds(true).collect::<Vec<_>>().join(" ")),
        Cell::plain(if version.size_bytes > 0 { size(version.size_bytes) } else { "-".to_owned() }),
        Cell::plain(version.pinned_source.as_deref().unwrap_or("-")),
        Cell::plain(kept.max().map_or("-".to_owned(), ago)),
        Cell(one_line(&not_held), Tone::Warn),
    ]
}

fn word(state: Kept, is_fetching: bool) -> String {
    let word = match state {
        Kept::NotLoaded => "not loaded",
        Kept::Held => "held",
        Kept::Lost => "lost",
        Kept::Absent => "absent",
    };
    if is_fetching { format!("{word}, being fetched") } else { word.to_owned() }
}

fn file_row(kind: &str, file: &FileState) -> Vec<Cell> {
    let tone = match file.state {
        Kept::Held => Tone::Good,
        Kept::NotLoaded => Tone::Soft,
        Kept::Absent => Tone::Warn,
        Kept::Lost => Tone::Bad,
    };
    let trusted = match &file.verified_by {
        Some(VerifiedBy::Unverified) => Cell("unverified".to_owned(), Tone::Warn),
        Some(why) => Cell::plain(why.to_string()),
        None => Cell::plain("-"),
    };
    let again = file.asked_again_at.map(|at| format!("asked again at {}", time(at)));
    vec![
        Cell::soft(kind),
        Cell(word(file.state, file.refreshing), tone),
        Cell::plain(file.size_bytes.map_or("-".to_owned(), size)),
        Cell::plain(file.source.as_deref().unwrap_or("-")),
        Cell::plain(file.age_s.map_or("-".to_owned(), ago)),
        trusted,
        Cell::soft(again.or_else(|| file.h1.map(|h1| h1.to_string())).unwrap_or_default()),
    ]
}
