//! What came out, for people and for machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::faults::Director;
use crate::findings::Window;
use crate::watch::Life;

/// How much resident memory and descriptors may grow in a minute, once warm, by the straight line that fits best.
const RSS_MIB_A_MINUTE: f64 = 1.0;
const FDS_A_MINUTE: f64 = 2.0;
/// How much resident memory there may be at any time.
const RSS_MIB: f64 = 256.0;

/// The results of a run.
pub(crate) struct Facts {
    pub(crate) found: Vec<String>,
    took: Duration,
    counts: Vec<(&'static str, u64)>,
    versions: usize,
    upstream_calls: usize,
    hits: Vec<Duration>,
    windows: Vec<Window>,
    lives: Vec<Life>,
    peak: (f64, f64),
    place: &'static str,
}

impl Facts {
    pub(crate) fn gather(director: &Director, upstream_calls: usize) -> Self {
        let findings = &director.world.findings;
        let (lives, peak) = (director.watch.lives(), director.watch.peak());
        for life in &lives {
            if life.rss_mib_a_minute > RSS_MIB_A_MINUTE || life.fds_a_minute > FDS_A_MINUTE {
                findings.found_now(|| format!("it grows: {life:?}"));
            }
        }
        if peak.0 > RSS_MIB {
            findings.found_now(|| format!("{} MiB of resident memory at the most", peak.0));
        }
        Self {
            found: findings.all(),
            took: findings.begun.elapsed(),
            counts: findings.counts().into_iter().collect(),
            versions: director.world.catalogue.count(),
            upstream_calls,
            hits: director.world.hits(),
            windows: findings.windows(),
            lives,
            peak,
            place: director.place.kind(),
        }
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(held, _)| *held == name).map_or(0, |(_, count)| *count)
    }

    fn hit_ms(&self, per_mille: usize) -> f64 {
        let at = self.hits.len().saturating_sub(1) * per_mille / 1000;
        self.hits.get(at).map_or(0.0, |hit| hit.as_secs_f64() * 1000.0)
    }

    /// Two tables, and what was found.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("\n| What | Result | Bound |\n| --- | --- | --- |\n");
        for (what, result, bound) in self.rows() {
            writeln!(text, "| {what} | {result} | {bound} |").unwrap();
        }
        text.push_str("\n| At | Fault | For | Failures excused | Last failure after its end | Bound |\n");
        text.push_str("| ---: | --- | ---: | ---: | ---: | ---: |\n");
        for (at, window) in self.windows_with_times() {
            let lasted = window.until.map_or(0.0, |end| (end - window.from).as_secs_f64());
            let (recovered, grace) = (window.recovered_after.as_secs_f64(), window.grace.as_secs());
            let Window { name, excused, .. } = window;
            writeln!(
                text,
                "| {at:.0} s | {name} | {lasted:.1} s | {excused} | {recovered:.1} s | {grace} s |"
            )
            .unwrap();
        }
        for found in &self.found {
            writeln!(text, "\nFOUND: {found}").unwrap();
        }
        text
    }

    fn rows(&self) -> Vec<(String, String, String)> {
        let row = |what: &str, result: String, bound: &str| (what.to_owned(), result, bound.to_owned());
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let mut rows = vec![
            row("ran for", format!("{:.1} min, {cores} cores", self.took.as_secs_f64() / 60.0), ""),
            row("data directory", self.place.to_owned(), ""),
            row("module versions", self.versions.to_string(), ""),
            row("requests", self.count("requests").to_string(), ""),
            row("right answers", self.count("right").to_string(), ""),
            row("right answers of absence", self.count("404 rightly").to_string(), ""),
            row("hits, misses, joined, stale", self.states(), ""),
            row("bytes received", format!("{} MiB", self.count("bytes") >> 20), ""),
            row("clients that left", self.count("left").to_string(), ""),
            row("runs of the go command", self.count("go commands").to_string(), ""),
            row("requests that upstreams saw", self.upstream_calls.to_string(), ""),
            row("failures in fault windows", self.count("excused").to_string(), ""),
            row("wrong, or failed elsewhere", self.found.len().to_string(), "0"),
            row("a hit, 50 % / 99 % / all", self.latencies(), "3 s"),
            row("resident memory at the most", format!("{:.0} MiB", self.peak.0), &format!("{RSS_MIB} MiB")),
            row("descriptors at the most", self.peak.1.to_string(), ""),
        ];
        for life in &self.lives {
            let minutes = life.judged.as_secs_f64() / 60.0;
            rows.push((
                format!("a life of {minutes:.1} min once warm: memory"),
                format!("{:.0} MiB, {:+.2} MiB/min", life.rss_mib, life.rss_mib_a_minute),
                format!("+{RSS_MIB_A_MINUTE} MiB/min"),
            ));
            rows.push((
                format!("a life of {minutes:.1} min once warm: descriptors"),
                format!("{:.0}, {:+.2}/min", life.fds, life.fds_a_minute),
                format!("+{FDS_A_MINUTE}/min"),
            ));
        }
        if self.lives.is_empty() {
            rows.push(row("growth", "not judged: no life was long enough".to_owned(), ""));
        }
        rows
    }

    fn states(&self) -> String {
        ["hits", "misses", "joined", "stale"].map(|name| self.count(name).to_string()).join(", ")
    }

    fn latencies(&self) -> String {
        format!("{:.1} / {:.1} / {:.0} ms", self.hit_ms(500), self.hit_ms(990), self.hit_ms(1000))
    }

    /// Windows with the seconds from the beginning of the first one's minute.
    fn windows_with_times(&self) -> Vec<(f64, &Window)> {
        let begun = self.windows.first().map(|window| window.from);
        let at = |window: &Window| begun.map_or(0.0, |begun| (window.from - begun).as_secs_f64());
        self.windows.iter().map(|window| (at(window), window)).collect()
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> String {
        let windows = self.windows_with_times().into_iter().map(|(at, window)| {
            json!({
                "at_s": at,
                "fault": window.name,
                "excused": window.excused,
                "recovered_after_s": window.recovered_after.as_secs_f64(),
                "bound_s": window.grace.as_secs(),
            })
        });
        let lives = self.lives.iter().map(|life| {
            json!({
                "judged_s": life.judged.as_secs_f64(),
                "rss_mib": life.rss_mib,
                "rss_mib_a_minute": life.rss_mib_a_minute,
                "fds": life.fds,
                "fds_a_minute": life.fds_a_minute,
            })
        });
        let facts = json!({
            "took_s": self.took.as_secs_f64(),
            "versions": self.versions,
            "counts": self.counts.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
            "upstream_calls": self.upstream_calls,
            "hit_ms": { "p50": self.hit_ms(500), "p99": self.hit_ms(990), "max": self.hit_ms(1000) },
            "rss_mib_peak": self.peak.0,
            "fds_peak": self.peak.1,
            "windows": windows.collect::<Vec<_>>(),
            "lives": lives.collect::<Vec<_>>(),
            "found": self.found,
        });
        format!("{facts:#}\n")
    }
}
