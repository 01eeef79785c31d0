//! The dashboard and the alerts name only what a server exports, by names, labels and words that exist.

use std::collections::BTreeSet;
use std::path::Path;

use larder::observe::families::{self, Family, Form};
use larder::observe::{Cached, Kind, Outcome, Reason, Tally};
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use super::metrics::numbers;
use crate::proxy::TestProxy;

fn deployed(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("deploy").join(name)).unwrap()
}

/// Every expression of the dashboard and of the alerts.
fn expressions() -> Vec<String> {
    let mut found = Vec::new();
    let board: serde_json::Value = serde_json::from_str(&deployed("grafana/larder.json")).unwrap();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    let alerts = deployed("prometheus/alerts.yml");
    let lines = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    found.extend(lines.map(str::to_owned));
    assert!(found.len() > 50, "{}", found.len());
    found
}

/// The name of a series that this family exports.
fn exports(family: &Family, name: &str) -> bool {
    let base = format!("larder_{}", family.name);
    match family.form {
        Form::Histogram => ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{base}{end}")),
        _ => name == family.series(),
    }
}

fn words() -> BTreeSet<&'static str> {
    let mut words: BTreeSet<_> = Kind::ALL.iter().map(|word| word.as_str()).collect();
    words.extend(Outcome::ALL.iter().map(|word| word.as_str()));
    words.extend(Cached::ALL.iter().map(|word| word.as_str()));
    words.extend(Tally::ALL.iter().map(|word| word.as_str()));
    words.extend(larder::log::State::WORDS);
    words.extend(Reason::ALL.iter().map(|word| word.as_str()));
    words.extend(vcs::jail::Outcome::ALL.iter().map(|word| word.as_str()));
    words.extend([
        "closed",
        "open",
        "half-open",
        "paused",
        "crowded",
        "larder",
        "$instance",
        "full",
        "read-only",
        "no-descriptors",
        "stuck",
        "failing",
    ]);
    words
}

/// What is wrong with one expression.
fn judge(expression: &str, words: &BTreeSet<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in expression.match_indices("larder_") {
        let rest = &expression[at..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let Some(family) = families::ALL.iter().find(|family| exports(family, name)) else {
            wrong.push(format!("no family exports {name}"));
            continue;
        };
        let Some(selector) = rest[name.len()..].strip_prefix('{') else { continue };
        let selector = selector.split_once('}').unwrap().0;
        for part in selector.split(", ") {
            let (label, value) = part.split_once(['=', '!']).unwrap();
            if label != "instance" && !family.labels.contains(&label) {
                wrong.push(format!("{name} has no label {label}"));
            }
            let value = value.trim_matches(|c| "=~\"".contains(c));
            wrong.extend(
                value.split('|').filter(|word| !words.contains(word)).map(|word| format!("no {word}")),
            );
        }
    }
    for (at, _) in expression.match_indices("by (") {
        let labels = expression[at + 4..].split_once(')').unwrap().0;
        let known = |label: &str| {
            ["le", "instance"].contains(&label)
                || families::ALL.iter().any(|family| family.labels.contains(&label))
        };
        wrong.extend(labels.split(", ").filter(|label| !known(label)).map(|label| format!("by {label}")));
    }
    wrong
}

#[test]
fn the_dashboard_and_the_alerts_name_what_exists() {
    let words = words();
    let wrong: Vec<_> = expressions()
        .into_iter()
        .filter_map(|expression| {
            let wrong = judge(&expression, &words);
            (!wrong.is_empty()).then(|| format!("{expression}: {wrong:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for misspelt in [
        "larder_request_total",
        "larder_requests_total{knid=\"zip\"}",
        "larder_requests_total{kind=\"zpi\"}",
        "sum by (knid) (larder_requests_total)",
    ] {
        assert_eq!(judge(misspelt, &words).len(), 1, "{misspelt}");
    }
}

#[test]
fn every_family_is_on_the_dashboard_or_in_an_alert() {
    let all = expressions().join("\n");
    let unseen: Vec<_> = families::ALL
        .iter()
        .filter(|family| !all.contains(&format!("larder_{}", family.name)))
        .map(|family| family.name)
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn every_alert_says_what_to_do() {
    let alerts = deployed("prometheus/alerts.yml");
    let (names, summaries) = (alerts.matches("- alert: ").count(), alerts.matches("summary: \"").count());
    assert!(names >= 12 && names == summaries, "{names} {summaries}");
}

#[tokio::test]
async fn a_running_server_exports_every_family_and_no_other() {
    let files = ModuleFiles::new("example.com/private-name", "v1.0.0").file("a.go", "package a\n");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for _ in 0..2 {
        proxy.get(&files.url("zip")).await;
    }
    eventually("the first look at when to scrub", || async {
        numbers(&proxy).await.of("larder_scrub_last_end_seconds") > 0.0
    })
    .await;
    let text = proxy.get("/metrics").await.text();
    assert!(!text.contains("private-name"), "no module is named");
    let seen = numbers(&proxy).await;
    let mut exported: BTreeSet<_> = seen.types.keys().cloned().collect();
    // Without TLS, without a checksum database, and without a log.
    let databases = [families::SUMDB_TREE, families::SUMDB_CLOSED];
    let log = [families::LOG_SIZE, families::LOG_REFUSED, families::LOG_STATE];
    // And maybe without a repository that was asked.
    let vcs = [families::VCS_CALLS, families::VCS_SECONDS, families::VCS_BYTES, families::VCS_WAITING];
    let copies = [families::COPIES, families::COPIES_BYTES, families::COPIES_LIMIT, families::COPIES_EVICTED];
    let vcs = [&vcs[..], &copies, &[families::VCS_CHILDREN]].concat();
    let without = [&[families::CERTIFICATE][..], &databases, &log, &vcs].concat();
    for family in &vcs {
        exported.remove(&format!("larder_{}", family.name));
    }
    let known = families::ALL.iter().filter(|family| !without.contains(family));
    let known: BTreeSet<_> = known.map(|family| format!("larder_{}", family.name)).collect();
    assert_eq!(exported, known);
    let name = upstream.address().to_string();
    let of = |what: &str| format!("{{upstream=\"{name}\",{what}}}");
    assert_eq!(seen.count(&format!("larder_upstream_calls_total{}", of("outcome=\"ok\""))), 1, "{seen:#?}");
    assert_eq!(seen.count(&format!("larder_upstream_breaker{}", of("state=\"closed\""))), 1);
    assert_eq!(seen.count("larder_store_state{state=\"ok\"}"), 1);
    assert!(seen.count("larder_connections_accepted_total") >= 3);
    assert_eq!(seen.count("larder_connections_open"), 1, "that of the scrape");
    proxy.stop().await;
}
