//! The server as a whole.

use crate::app::api::status::{Repositories, Status, Store};
use crate::app::api::upstreams::Upstream;
use crate::cli::Exit;
use crate::cli::paper::{Cell, Paper, Tone, count, fact, heading, latency, one_line, size, time};
use crate::clock::{ago, span};

/// Shows how the server does.
pub(super) fn show(paper: &mut Paper, status: &Status) -> Exit {
    let tone = if status.state == "ready" { Tone::Good } else { Tone::Warn };
    paper.line(&[
        Cell(format!("Larder {}", one_line(&status.version)), Tone::Strong),
        Cell(", ".to_owned(), Tone::Plain),
        Cell(one_line(&status.state), tone),
        Cell::plain(format!(", running for {}", span(status.running_s))),
        Cell::soft(format!(" (since {})", time(status.since))),
    ]);
    for what in &status.attention {
        paper.line(&[Cell("! ".to_owned(), Tone::Bad), Cell(one_line(what), Tone::Warn)]);
    }
    paper.space();
    paper.table(&facts(status));
    if !status.upstreams.is_empty() {
        paper.space();
        paper.table(&upstreams(&status.upstreams));
    }
    if status.attention.is_empty() { Exit::Fine } else { Exit::Attention }
}

fn facts(status: &Status) -> Vec<Vec<Cell>> {
    let configuration = &status.configuration;
    let file = configuration.file.as_deref().unwrap_or("no file");
    let mut rows = vec![
        fact("listens on", status.listeners.join(", ")),
        fact("configuration", format!("{file}, read at {}", time(configuration.read_at))),
    ];
    if !configuration.needs_restart.is_empty() {
        let keys: Vec<&str> = configuration.needs_restart.iter().map(|change| change.key.as_str()).collect();
        rows.push(fact("", format!("a restart puts in force: {}", keys.join(", "))));
    }
    let requests = &status.requests;
    let rate = requests.hit_rate.map_or(String::new(), |rate| format!(" ({:.1} %)", rate * 100.0));
    let (memory, store) = (&status.memory, &status.store);
    let free = store.free_bytes.map_or(String::new(), |free| format!(", {} free", size(free)));
    rows.extend([
        fact("sources", status.sources.join(", ")),
        fact(
            "requests",
            format!(
                "{}: {} from what is held{rate}, {} fetched, {} failed; {} sent",
                count(requests.modules),
                count(requests.hits),
                count(requests.misses),
                count(requests.failures),
                size(requests.sent_bytes)
            ),
        ),
        fact("fetches", format!("{} under way", status.flights)),
        fact(
            "memory",
            format!(
                "{} of {} in {} answers, {} files open",
                size(memory.used_bytes),
                size(memory.limit_bytes),
                count(memory.entries),
                memory.open_files
            ),
        ),
        fact("store", format!("{}{free}", store.directory)),
        vec![Cell::soft(""), condition(store)],
        fact("held", held(store)),
    ]);
    rows.extend(status.repositories.map(|kept| fact("repositories", copies(kept))));
    let unproven = status.unproven;
    if unproven.waiting + unproven.unrecorded > 0 {
        let text = format!(
            "{} versions wait for the checksum database, {} are not known to it",
            count(unproven.waiting),
            count(unproven.unrecorded)
        );
        rows.push(vec![Cell::soft(""), Cell(text, Tone::Warn)]);
    }
    rows
}

fn condition(store: &Store) -> Cell {
    let since = store.condition_since.filter(|_| store.condition != "ok");
    let since = since.map_or(String::new(), |since| format!(" since {}", time(since)));
    let tone = if store.condition == "ok" { Tone::Good } else { Tone::Bad };
    Cell(format!("{}{since}", one_line(&store.condition)), tone)
}

fn held(store: &Store) -> String {
    let so_far = if store.is_counted { "" } else { " so far, still counting" };
    format!(
        "{} in {} files of {} versions of {} modules{so_far}",
        size(store.held_bytes),
        count(store.files),
        count(store.versions),
        count(store.modules)
    )
}

fn copies(kept: Repositories) -> String {
    let evicted = match kept.evicted {
        0 => String::new(),
        evicted => format!(", {} gone to make room", count(evicted)),
    };
    let (used, limit) = (size(kept.used_bytes), size(kept.limit_bytes));
    format!("{} kept, {used} of {limit}{evicted}", count(kept.copies))
}

fn upstreams(upstreams: &[Upstream]) -> Vec<Vec<Cell>> {
    let names =
        ["UPSTREAM", "STATE", "CALLS", "FAILED", "AGAIN", "MEDIAN", "95 %", "RECEIVED", "LAST FAILURE"];
    let mut rows = vec![heading(&names)];
    for upstream in upstreams {
        let (state, tone) = match (upstream.state.as_str(), upstream.again_in_s) {
            ("closed", _) => ("asked".to_owned(), Tone::Good),
            ("open", Some(again)) => (format!("left alone, tried in {again:.0} s"), Tone::Bad),
            ("half-open", _) => ("being tried".to_owned(), Tone::Warn),
            (other, _) => (other.to_owned(), Tone::Warn),
        };
        let within = |seconds: Option<f64>| seconds.map_or("-".to_owned(), |it| format!("< {}", latency(it)));
        let failure = upstream.last_failure.as_ref();
        rows.push(vec![
            Cell::plain(&upstream.name),
            Cell(one_line(&state), tone),
            Cell::plain(count(upstream.calls.values().sum())),
            Cell::plain(count(failed(upstream))),
            Cell::plain(count(upstream.retries + upstream.resumed)),
            Cell::plain(within(upstream.median_s)),
            Cell::plain(within(upstream.p95_s)),
            Cell::plain(size(upstream.received_bytes)),
            failure.map_or(Cell::soft("none"), |it| Cell::plain(format!("{}: {}", ago(it.ago_s), it.text))),
        ]);
    }
    rows
}

/// Calls that did not end with an answer as it should be.
fn failed(upstream: &Upstream) -> u64 {
    let fine = ["ok", "absent", "abandoned"];
    upstream.calls.iter().filter(|(how, _)| !fine.contains(&how.as_str())).map(|(_, count)| count).sum()
}
