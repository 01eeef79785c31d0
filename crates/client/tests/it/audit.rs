//! Audits of databases that are sound, and of databases that are wrong in one way each.

use std::path::Path;

use client::audit::{Audit, Kind, Range, Report, Verdict};
use client::{State, audit::AuditError};
use sumdb::client::Evidence;
use testkit::Database;
use testkit::database::{History, record_text, synthetic_text};

use crate::world::{spec, way};

/// More lookups than any of these logs has records.
const ALL: usize = 10_000;

const ZIP: &str = "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=";
const MOD: &str = "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=";

async fn of(size: u64) -> Database {
    Database::of(History::synthetic(size)).await
}

async fn audit(database: &Database, dir: &Path, range: Range, lookups: usize) -> Report {
    let spec = spec(database);
    let audit = Audit { way: way(&spec), spec, state: State::at(dir.join("head")), range, lookups };
    audit.run(|_| {}).await.unwrap()
}

/// An audit of all there is, without a memory.
async fn whole(database: &Database) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let report = audit(database, dir.path(), Range::All, ALL).await;
    // What is wrong is not remembered.
    assert_eq!(dir.path().join("head").exists(), report.verdict == Verdict::Fine, "{report:?}");
    report
}

fn found(report: &Report) -> Vec<(Kind, &str, &str)> {
    assert_eq!(report.wrong, report.findings.len() as u64);
    report.findings.iter().map(|found| (found.kind, &*found.place, &*found.what)).collect()
}

#[tokio::test]
async fn a_sound_database_is_fine_whatever_its_size() {
    for size in [0, 1, 2, 255, 256, 257, 512, 519, 700] {
        let database = of(size).await;
        let report = whole(&database).await;
        assert_eq!(report.verdict, Verdict::Fine, "{size}: {report:?}");
        let seen = (report.tree.unwrap().size, report.records, report.lookups, report.to);
        assert_eq!(seen, (size, size, size, size));
    }
}

#[tokio::test]
async fn a_second_visit_reads_only_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(519).await;
    let first = audit(&database, dir.path(), Range::SinceLast, 5).await;
    assert_eq!((first.records, first.lookups, first.before), (519, 5, None));
    assert_eq!(std::fs::read_to_string(dir.path().join("head")).unwrap(), database.head(519));
    database.grow(700);
    database.forget();
    let second = audit(&database, dir.path(), Range::SinceLast, 0).await;
    assert_eq!(second.verdict, Verdict::Fine, "{second:?}");
    assert_eq!((second.before.unwrap().size, second.from, second.records), (519, 512, 188));
    let asked: Vec<String> = database.paths();
    assert_eq!(asked.iter().filter(|path| path.starts_with("/tile/8/data/")).count(), 1, "{asked:?}");
    assert_eq!(std::fs::read_to_string(dir.path().join("head")).unwrap(), database.head(700));
    let third = audit(&database, dir.path(), Range::Newest(10), 0).await;
    assert_eq!((third.verdict, third.from, third.skipped), (Verdict::Fine, 512, 0));
}

#[tokio::test]
async fn without_records_the_tree_alone_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(700).await;
    let report = audit(&database, dir.path(), Range::Newest(0), ALL).await;
    assert_eq!((report.verdict, report.records, report.lookups), (Verdict::Fine, 0, 0));
    assert!(!database.paths().iter().any(|path| path.contains("/data/")));
    database.on("/tile/8/0/002.p/188").bytes(vec![7; 188 * 32]);
    let report = audit(&database, dir.path(), Range::Newest(0), ALL).await;
    assert!(matches!(found(&report)[..], [(Kind::Tile, "tile/8/0/002.p/188", _)]), "{report:?}");
}

#[tokio::test]
async fn a_fork_between_two_visits_is_found_and_its_evidence_proves_it() {
    for (size, later) in [(1, 2), (255, 300), (519, 519), (519, 700)] {
        let dir = tempfile::tempdir().unwrap();
        let database = of(size).await;
        audit(&database, dir.path(), Range::SinceLast, 0).await;
        let remembered = std::fs::read(dir.path().join("head")).unwrap();
        let mut other = History::default();
        for id in 0..later {
            other.push(&synthetic_text(id, " otherwise"));
        }
        let forked = Database::of(other).await;
        let report = audit(&forked, dir.path(), Range::SinceLast, 0).await;
        assert_eq!(report.verdict, Verdict::Wrong);
        assert!(matches!(found(&report)[..], [(Kind::Fork, "latest", _)]), "{report:?}");
        let evidence = std::fs::read_to_string(report.evidence.unwrap()).unwrap();
        assert_eq!(report.proof.as_deref(), Some(&*evidence));
        Evidence::parse(&evidence).unwrap().check(&forked.verifier()).unwrap();
        assert_eq!(std::fs::read(dir.path().join("head")).unwrap(), remembered);
    }
}

#[tokio::test]
async fn a_database_that_shows_an_older_tree_is_fine_while_it_still_has_the_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(700).await;
    audit(&database, dir.path(), Range::SinceLast, 0).await;
    database.on("/latest").bytes(database.head(519));
    let report = audit(&database, dir.path(), Range::SinceLast, 0).await;
    assert_eq!((report.verdict, report.behind, report.tree.unwrap().size), (Verdict::Fine, 181, 700));
    let rolled_back = of(519).await;
    let report = audit(&rolled_back, dir.path(), Range::SinceLast, 0).await;
    assert_eq!(report.verdict, Verdict::Wrong);
    assert!(matches!(found(&report)[..], [(Kind::Missing, "tile/8/0/002.p/188", _), ..]), "{report:?}");
}

#[tokio::test]
async fn a_missing_tile_is_told_by_its_path() {
    for gone in ["/tile/8/data/001", "/tile/8/0/001"] {
        let database = of(700).await;
        database.on(gone).status(404);
        let report = whole(&database).await;
        let found = found(&report);
        assert!(
            found.contains(&(Kind::Missing, "tile/8/data/001", &*format!("{}: Not Found", &gone[1..]))),
            "{found:?}"
        );
        assert_eq!(report.records, 700 - 256);
    }
}

#[tokio::test]
async fn the_full_tile_does_where_the_partial_one_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(519).await;
    audit(&database, dir.path(), Range::SinceLast, 0).await;
    // The tree that is shown is old; meanwhile its last tile is full, and the part of it is swept away.
    database.grow(800);
    database.on("/latest").bytes(database.head(519));
    database.on("/tile/8/data/002.p/7").status(404);
    database.on("/tile/8/0/002.p/7").status(404);
    let report = audit(&database, dir.path(), Range::All, 0).await;
    assert_eq!((report.verdict, report.records), (Verdict::Fine, 519), "{report:?}");
}

#[tokio::test]
async fn a_changed_tile_is_told_by_its_path() {
    let database = of(700).await;
    let mut bytes = database.says("/tile/8/data/001").unwrap().to_vec();
    let at = bytes.iter().position(|byte| *byte == b':').unwrap() + 3;
    bytes[at] ^= 1;
    database.on("/tile/8/data/001").bytes(bytes);
    let report = whole(&database).await;
    assert!(matches!(found(&report)[..], [(Kind::Tile, "tile/8/data/001", _)]), "{report:?}");
    // One at the edge is of the tree itself, which is not believed then.
    for (path, kind) in [("/tile/8/0/001", Kind::Tile), ("/tile/8/0/002.p/188", Kind::Tree)] {
        let database = of(700).await;
        let mut bytes = database.says(path).unwrap().to_vec();
        bytes[40] ^= 1;
        database.on(path).bytes(bytes);
        let report = whole(&database).await;
        assert_eq!(report.verdict, Verdict::Wrong);
        assert!(found(&report).iter().all(|found| found.0 == kind), "{report:?}");
    }
}

#[tokio::test]
async fn records_that_are_not_of_one_version_are_told_by_their_number() {
    let cases = [
        format!("example.com/m v1.0.0 {ZIP}\n"),
        format!("example.com/m v1.0.0/go.mod {MOD}\n"),
        format!("example.com/m v1.0.0 {ZIP}\nexample.com/n v1.0.0/go.mod {MOD}\n"),
        "hello\n".to_owned(),
        record_text("example.com/m", "v1", ZIP, MOD),
    ];
    for text in cases {
        let database = of(256).await;
        database.log(&text);
        database.grow(300);
        let report = whole(&database).await;
        assert!(matches!(found(&report)[..], [(Kind::Record, "record 256", _)]), "{text}: {report:?}");
        assert_eq!(report.records, 300);
    }
}

#[tokio::test]
async fn a_version_that_is_logged_twice_is_told_with_both_numbers() {
    for (zip, how) in [(ZIP, "repeats"), (MOD, "contradicts")] {
        let database = of(200).await;
        database.log(&record_text("example.com/m", "v1.0.0", ZIP, MOD));
        database.grow(600);
        database.log(&record_text("example.com/m", "v1.0.0", zip, MOD));
        let report = whole(&database).await;
        let what = format!("example.com/m@v1.0.0: it {how} record 200");
        let found = found(&report);
        assert!(found.contains(&(Kind::Repeated, "record 600", &what)), "{found:?}");
    }
}

#[tokio::test]
async fn a_lookup_that_differs_from_the_tiles_is_told() {
    let database = of(300).await;
    let path = "/lookup/example.com/synthetic@v0.0.7";
    let answer = String::from_utf8(database.says(path).unwrap().to_vec()).unwrap();
    let other = String::from_utf8(database.says("/lookup/example.com/synthetic@v0.0.8").unwrap().to_vec());
    for forged in [answer.replacen("h1:", "h1:A", 1), answer.replacen('7', "8", 1), other.unwrap()] {
        database.on(path).bytes(forged);
        let report = whole(&database).await;
        let place = "lookup/example.com/synthetic@v0.0.7";
        assert!(matches!(found(&report)[..], [(Kind::Lookup, at, _)] if at == place), "{report:?}");
        assert_eq!(report.lookups, 299);
    }
    database.on(path).status(404);
    assert!(matches!(found(&whole(&database).await)[..], [(Kind::Lookup, _, _)]));
}

#[tokio::test]
async fn a_lookup_that_answers_with_an_older_record_of_the_version_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(200).await;
    let text = record_text("example.com/m", "v1.0.0", ZIP, MOD);
    database.log(&text);
    database.grow(600);
    database.log(&text);
    database.grow(700);
    // The older one is not read, but it is what is answered, and it is in the tree.
    database.on("/lookup/example.com/m@v1.0.0").bytes(format!("200\n{text}\n{}", database.head(700)));
    let report = audit(&database, dir.path(), Range::Newest(188), ALL).await;
    let what = "it is record 600, the answer is record 200";
    assert_eq!(found(&report), [(Kind::Lookup, "lookup/example.com/m@v1.0.0", what)]);
}

#[tokio::test]
async fn a_head_that_the_key_has_not_signed_is_wrong() {
    let database = of(300).await;
    let other = Database::named("other.example").await;
    other.grow(300);
    for head in [other.head(300), database.head(300).replacen("300", "301", 1), "<html>".to_owned()] {
        database.on("/latest").bytes(head);
        let report = whole(&database).await;
        assert!(matches!(found(&report)[..], [(Kind::Tree, "latest", _)]), "{report:?}");
    }
}

#[tokio::test]
async fn an_outage_is_no_lie() {
    for path in
        ["/latest", "/tile/8/0/001", "/tile/8/data/002.p/188", "/lookup/example.com/synthetic@v0.0.600"]
    {
        let database = of(700).await;
        database.on(path).status(503);
        let report = whole(&database).await;
        assert_eq!((report.verdict, report.wrong), (Verdict::Incomplete, 0), "{report:?}");
        assert!(report.stopped.as_ref().unwrap().contains(&path[1..]), "{report:?}");
    }
    let database = of(1).await;
    database.stop().await;
    assert_eq!(whole(&database).await.verdict, Verdict::Incomplete);
}

#[tokio::test]
async fn a_state_of_another_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let database = of(2).await;
    let other = Database::named("other.example").await;
    other.grow(2);
    std::fs::write(dir.path().join("head"), other.head(2)).unwrap();
    let spec = spec(&database);
    let state = State::at(dir.path().join("head"));
    let audit = Audit { way: way(&spec), spec, state, range: Range::All, lookups: 0 };
    assert!(matches!(audit.run(|_| {}).await, Err(AuditError::Foreign { .. })));
    assert!(database.paths().is_empty());
}
