//! Reading everything that is held again: what is found, what is healed, what is left for a person.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use larder::jobs::scrub::schedule::{self, Schedule};
use larder::jobs::scrub::{Event, Finding, Order, Outcome, Report, Scrub, What};
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

const WHOLE: Order = Order { only: None, heal: true, bytes_per_s: 0, after: None };

fn module(path: &str) -> ModuleFiles {
    ModuleFiles::new(path, "v1.0.0").padding(600_000)
}

fn scrub(proxy: &TestProxy) -> Scrub {
    Scrub::new(proxy.pipeline().clone(), None, proxy.clock().clone())
}

async fn run(proxy: &TestProxy, order: Order) -> Report {
    scrub(proxy).run(order, |_| {}).await.unwrap()
}

fn tree(proxy: &TestProxy, url: &str) -> std::path::PathBuf {
    proxy.data(&format!("modules{url}"))
}

/// Puts other bytes in a file's place, as a disk or a person would.
fn put(proxy: &TestProxy, url: &str, bytes: &[u8]) {
    std::fs::write(tree(proxy, url), bytes).unwrap();
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

fn named<'a>(report: &'a Report, file: &str) -> &'a Finding {
    let found = report.findings.iter().find(|finding| finding.file.ends_with(file));
    found.unwrap_or_else(|| panic!("{file} is not found: {report:#?}"))
}

#[tokio::test]
async fn what_is_sound_is_read_and_nothing_is_found() {
    let files = module("example.com/M");
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    proxy.get(&files.list_url()).await;
    let report = run(&proxy, WHOLE).await;
    assert_eq!((report.modules, report.files, report.findings.len()), (1, 3, 0), "{report:#?}");
    let sizes = [files.info().len(), files.mod_file().len(), files.zip().len()];
    assert_eq!(report.bytes, sizes.iter().map(|size| *size as u64).sum::<u64>());
}

#[tokio::test]
async fn every_kind_of_damage_is_found_named_and_healed_and_the_evidence_kept() {
    type Break = fn(&TestProxy, &ModuleFiles, &str, &[u8]);
    let kinds: [(What, Break); 5] = [
        (What::Rotten, |proxy, files, kind, bytes| {
            put(proxy, &files.url(kind), &flipped(bytes, bytes.len() / 2));
        }),
        (What::Truncated, |proxy, files, kind, bytes| {
            put(proxy, &files.url(kind), &bytes[..bytes.len() - 1]);
        }),
        (What::Truncated, |proxy, files, kind, _| put(proxy, &files.url(kind), b"")),
        (What::Grown, |proxy, files, kind, bytes| put(proxy, &files.url(kind), &[bytes, b"x"].concat())),
        (What::Missing, |proxy, files, kind, _| {
            std::fs::remove_file(tree(proxy, &files.url(kind))).unwrap();
        }),
    ];
    for kind in ["info", "mod", "zip"] {
        for (what, damage) in kinds {
            let files = module("example.com/M");
            let (_upstream, proxy) = TestProxy::holding(&files).await;
            let bytes = std::fs::read(tree(&proxy, &files.url(kind))).unwrap();
            damage(&proxy, &files, kind, &bytes);
            let looked = run(&proxy, Order { heal: false, ..WHOLE }).await;
            assert_eq!((named(&looked, kind).what, looked.broken), (what, 1), "{kind} {looked:#?}");
            assert_eq!(named(&looked, kind).outcome, Outcome::Left);
            assert!(!proxy.data("evidence").exists(), "only looking has changed something");
            let report = run(&proxy, WHOLE).await;
            let finding = named(&report, kind);
            assert_eq!((finding.what, &finding.outcome), (what, &Outcome::Healed), "{kind} {report:#?}");
            assert_eq!((report.mended, report.broken), (1, 0));
            assert_eq!(finding.evidence.is_some(), what != What::Missing);
            if let Some(evidence) = &finding.evidence {
                let note = std::fs::read_to_string(proxy.data(&format!("{evidence}.json"))).unwrap();
                assert!(note.contains(&format!("v1.0.0.{kind}")) && note.contains("\"scrub\""), "{note}");
                assert!(proxy.data(&format!("{evidence}.body")).exists());
            }
            assert_eq!(std::fs::read(tree(&proxy, &files.url(kind))).unwrap(), bytes);
            assert_eq!(proxy.get(&files.url(kind)).await.header("x-larder-cache"), Some("hit"));
            assert!(run(&proxy, WHOLE).await.findings.is_empty());
            proxy.restart().await.fill(&files).await;
        }
    }
}

#[tokio::test]
async fn two_files_in_each_others_place_are_told_as_swapped_and_put_right() {
    let (one, two) = (module("example.com/one"), module("example.com/two"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    proxy.fill(&two).await;
    let proxy = proxy.restart().await;
    assert_eq!(one.zip().len(), two.zip().len(), "only equal sizes can be mistaken");
    put(&proxy, &one.url("zip"), &two.zip());
    put(&proxy, &two.url("zip"), &one.zip());
    let report = run(&proxy, WHOLE).await;
    for (file, other) in [("one/@v/v1.0.0.zip", "two/@v"), ("two/@v/v1.0.0.zip", "one/@v")] {
        let finding = named(&report, file);
        assert_eq!((finding.what, &finding.outcome), (What::Swapped, &Outcome::Healed));
        assert!(finding.detail.contains(other), "{finding:?}");
    }
    proxy.fill(&one).await;
    proxy.fill(&two).await;
}

#[tokio::test]
async fn what_nobody_vouches_for_is_taken_out_and_a_list_put_right() {
    let files = module("example.com/M");
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    let strays = ["/example.com/!m/@v/v1.0.1.zip", "/example.com/other/@v/v1.0.0.mod", "/note.txt"];
    for stray in strays {
        std::fs::create_dir_all(tree(&proxy, stray).parent().unwrap()).unwrap();
        put(&proxy, stray, b"anything");
    }
    put(&proxy, &files.list_url(), b"v1.0.0\nv9.0.0\n");
    let report = run(&proxy, WHOLE).await;
    for stray in strays {
        let finding = named(&report, stray);
        assert_eq!((finding.what, &finding.outcome), (What::Unvouched, &Outcome::Removed));
        assert!(!tree(&proxy, stray).exists());
        let body = proxy.data(&format!("{}.body", finding.evidence.as_ref().unwrap()));
        assert_eq!(std::fs::read(body).unwrap(), b"anything");
    }
    assert_eq!(named(&report, "/list").what, What::List);
    assert_eq!(std::fs::read(tree(&proxy, &files.list_url())).unwrap(), b"v1.0.0\n");
    assert_eq!((report.mended, report.broken), (4, 0));
}

#[tokio::test]
async fn a_tree_whose_records_are_lost_is_left_alone() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let files: Vec<String> = (0..150).map(|at| format!("/example.com/m{at}/@v/v1.0.0.mod")).collect();
    for file in &files {
        std::fs::create_dir_all(tree(&proxy, file).parent().unwrap()).unwrap();
        put(&proxy, file, b"module example.com/m\n");
    }
    let report = run(&proxy, WHOLE).await;
    assert!(files.iter().all(|file| tree(&proxy, file).exists()), "the scrub took files away");
    let Outcome::Broken { why } = &named(&report, "modules").outcome else { panic!("{report:#?}") };
    assert!(why.contains("larder import"), "{why}");
    assert_eq!((report.mended, report.broken), (0, 1));
}

#[tokio::test]
async fn lines_of_a_manifest_that_are_no_records_are_told_and_the_rest_kept() {
    let files = module("example.com/M");
    let (upstream, proxy) = TestProxy::holding(&files).await;
    let proxy = proxy.restart().await;
    let manifest = proxy.data("meta/example.com/!m/@manifest");
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let info = lines.lines().find(|line| line.contains("\"info\"")).unwrap();
    let odd = info.replace("v1.0.0", "v1");
    let text = format!("\0\0\0\n{}not json\n{odd}\n{lines}{}", "", &info[..info.len() / 2]);
    std::fs::write(&manifest, text).unwrap();
    let report = run(&proxy, WHOLE).await;
    let finding = named(&report, "@manifest");
    assert_eq!((finding.what, &finding.outcome), (What::BadLines, &Outcome::Healed), "{report:#?}");
    assert!(finding.detail.starts_with("4 lines, the first is line 1"), "{}", finding.detail);
    assert!(run(&proxy, WHOLE).await.findings.is_empty());
    let proxy = proxy.restart().await;
    upstream.stop().await;
    proxy.fill(&files).await;
}

#[tokio::test]
async fn records_that_contradict_each_other_are_left_for_a_person() {
    let (files, other) = (module("example.com/M"), module("example.com/other"));
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    let proxy = proxy.restart().await;
    let manifest = proxy.data("meta/example.com/!m/@manifest");
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let zip = lines.lines().find(|line| line.contains("\"zip\"")).unwrap();
    let changed = format!("{lines}{}\n", zip.replace(&files.zip_h1(), &other.zip_h1()));
    std::fs::write(&manifest, &changed).unwrap();
    let report = run(&proxy, WHOLE).await;
    let finding = named(&report, "@manifest");
    assert_eq!(finding.what, What::Contradiction, "{report:#?}");
    assert!(matches!(finding.outcome, Outcome::Broken { .. }));
    assert_eq!(named(&report, "v1.0.0.zip").what, What::Misrecorded);
    assert!(std::fs::read_to_string(&manifest).unwrap().starts_with(&changed));
}

#[tokio::test]
async fn with_the_source_away_nothing_wrong_is_served_and_the_next_scrub_heals() {
    let files = module("example.com/M");
    let (upstream, proxy) = TestProxy::holding(&files).await;
    put(&proxy, &files.url("zip"), &flipped(&files.zip(), 300_000));
    upstream.on(&files.url("zip")).status(503);
    let report = run(&proxy, WHOLE).await;
    let Outcome::Broken { why } = &named(&report, "zip").outcome else { panic!("{report:#?}") };
    assert!(why.contains("tried again"), "{why}");
    let refused = proxy.get(&files.url("zip")).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    proxy.clock().advance(Duration::from_mins(2));
    upstream.on(&files.url("zip"));
    let report = run(&proxy, WHOLE).await;
    assert_eq!((named(&report, "zip").what, report.broken), (What::Lost, 0), "{report:#?}");
    proxy.fill(&files).await;
}

#[tokio::test]
async fn what_the_source_has_changed_is_never_taken_for_what_was_lost() {
    let (files, moved) = (module("example.com/M"), module("example.com/M").file("m.go", "package moved\n"));
    let (upstream, proxy) = TestProxy::holding(&files).await;
    put(&proxy, &files.url("zip"), &flipped(&files.zip(), 0));
    upstream.serve(&moved);
    for _ in 0..2 {
        let report = run(&proxy, WHOLE).await;
        let Outcome::Broken { why } = &named(&report, "zip").outcome else { panic!("{report:#?}") };
        assert!(why.contains("refused") && why.contains(&files.zip_h1()), "{why}");
        assert_eq!(proxy.get(&files.url("zip")).await.status, 502);
        proxy.clock().advance(Duration::from_mins(2));
    }
    upstream.serve(&files);
    assert_eq!(run(&proxy, WHOLE).await.broken, 0);
    proxy.fill(&files).await;
}

#[tokio::test]
async fn only_the_modules_that_are_named_are_touched() {
    let (one, two) = (module("example.com/one"), module("example.com/two"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    for files in [&one, &two] {
        proxy.fill(files).await;
        put(&proxy, &files.url("zip"), &flipped(&files.zip(), 9));
    }
    put(&proxy, "/stray", b"x");
    let only = Some(gomod::pattern::Patterns::parse("*/one"));
    let report = run(&proxy, Order { only, ..WHOLE }).await;
    assert_eq!((report.modules, report.findings.len()), (1, 1), "{report:#?}");
    assert_eq!(run(&proxy, WHOLE).await.findings.len(), 2);
}

#[tokio::test]
async fn of_two_scrubs_at_once_the_second_is_refused() {
    let files = module("example.com/M");
    let (upstream, proxy) = TestProxy::holding(&files).await;
    put(&proxy, &files.url("zip"), &flipped(&files.zip(), 9));
    upstream.on(&files.url("zip")).hold();
    let scrub = Arc::new(scrub(&proxy));
    let first = tokio::spawn({
        let scrub = scrub.clone();
        async move { scrub.run(WHOLE, |_| {}).await }
    });
    upstream.arrived(&files.url("zip"), 2).await;
    assert!(scrub.run(WHOLE, |_| {}).await.unwrap_err().to_string().contains("under way"));
    upstream.release();
    assert_eq!(first.await.unwrap().unwrap().mended, 1);
    assert!(!scrub.is_busy());
}

#[tokio::test]
async fn no_more_is_read_in_a_second_than_was_allowed() {
    let pace = larder::cache::examine::Pace::of(100 << 20);
    let began = tokio::time::Instant::now();
    for _ in 0..41 {
        pace.charge(256 << 10).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(80), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_scrub_is_due_some_days_after_the_last_one_also_over_restarts() {
    let files = module("example.com/M");
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    let weekly = Schedule { every: Duration::from_hours(168), bytes_per_s: 0 };
    let never = Schedule { every: Duration::ZERO, ..weekly };
    let due = async |proxy: &TestProxy, schedule| {
        schedule::once(&scrub(proxy), schedule, 0).await.unwrap().is_some()
    };
    assert!(!due(&proxy, weekly).await, "before a week was over");
    proxy.clock().advance(Duration::from_hours(100));
    let proxy = proxy.restart().await;
    assert!(!due(&proxy, weekly).await);
    proxy.clock().advance(Duration::from_hours(69));
    assert!(!due(&proxy, never).await);
    assert!(schedule::once(&scrub(&proxy), weekly, 999).await.unwrap().is_none(), "not all at once");
    assert!(due(&proxy, weekly).await);
    assert!(!due(&proxy, weekly).await, "twice");
    proxy.clock().advance(Duration::from_hours(169));
    run(&proxy, WHOLE).await;
    assert!(!due(&proxy, weekly).await, "one that was asked for counts too");
}

#[tokio::test]
async fn each_step_is_told_and_the_report_survives_its_way_through_json() {
    let (one, two) = (module("example.com/one"), module("example.com/two"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    proxy.fill(&two).await;
    put(&proxy, &one.url("mod"), b"module x\n");
    let told = Mutex::new(Vec::new());
    let report = scrub(&proxy).run(WHOLE, |event| told.lock().unwrap().push(event)).await.unwrap();
    let told = told.into_inner().unwrap();
    assert!(matches!(told.last(), Some(Event::Progress { done: 2, of: 2, .. })), "{told:#?}");
    assert_eq!(told.iter().filter(|event| matches!(event, Event::Found(_))).count(), 1);
    let text = serde_json::to_string(&Event::Done(report.clone())).unwrap();
    let Event::Done(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    assert_eq!(back.findings[0].outcome, report.findings[0].outcome);
}

#[tokio::test]
async fn how_much_is_held_is_known_while_it_changes_and_after_a_restart() {
    let versions: Vec<_> =
        (0..30).map(|n| ModuleFiles::new("example.com/M", &format!("v1.{n}.0")).padding(n * 1000)).collect();
    let other = module("example.com/other");
    let upstream = Upstream::of(&[&versions[..], std::slice::from_ref(&other)].concat()).await;
    let proxy = TestProxy::over(&upstream);
    let facts = |proxy: &TestProxy| proxy.pipeline().cache().facts();
    testkit::eventually("the count", || async { facts(&proxy).is_counted }).await;
    let sizes = |files: &ModuleFiles| files.info().len() + files.mod_file().len() + files.zip().len();
    let mut bytes = 0;
    for files in &versions {
        proxy.fill(files).await;
        bytes += sizes(files) as u64;
    }
    proxy.get(&other.url("mod")).await;
    let known = facts(&proxy);
    let expected = (2, 31, 91, bytes + other.mod_file().len() as u64);
    assert_eq!((known.modules, known.versions, known.files, known.bytes), expected);
    std::fs::remove_file(tree(&proxy, &other.url("mod"))).unwrap();
    upstream.on(&other.url("mod")).status(503);
    assert_eq!(
        run(&proxy, Order { only: Some(gomod::pattern::Patterns::parse("*/other")), ..WHOLE }).await.broken,
        1
    );
    assert_eq!(facts(&proxy).modules, 1);
    let lost = facts(&proxy);
    assert_eq!((lost.versions, lost.files, lost.bytes), (30, 90, bytes));
    let proxy = proxy.restart().await;
    testkit::eventually("the count", || async { facts(&proxy).is_counted }).await;
    assert_eq!(facts(&proxy), lost);
    run(&proxy, WHOLE).await;
    assert_eq!(facts(&proxy), lost);
}

#[tokio::test]
async fn who_saw_the_rot_too_does_not_undo_what_another_has_healed() {
    use gomod::{FileKind, Request};
    use larder::cache::evidence::FoundBy;
    use larder::cache::examine::Damage;
    let files = module("example.com/M");
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    let cache = proxy.pipeline().cache().clone();
    let Ok(Request::File(version, kind)) = Request::parse(files.url("zip").trim_start_matches('/')) else {
        panic!()
    };
    let records = cache.records(&version.path).await.unwrap();
    let seen = records.iter().find(|record| record.kind == FileKind::Zip.extension()).unwrap();
    proxy.clock().advance(Duration::from_secs(1));
    let condemn = async || cache.condemn(&version, kind, seen, (Damage::met(0, seen), FoundBy::Read)).await;
    assert!(condemn().await.unwrap().is_some());
    proxy.fill(&files).await;
    assert!(condemn().await.unwrap().is_none());
    assert_eq!(proxy.get(&files.url("zip")).await.header("x-larder-cache"), Some("hit"));
}

#[tokio::test]
async fn evidence_stays_within_its_bounds_and_the_oldest_goes_first() {
    let files = module("example.com/M");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("evidence.keep", "3")]);
    proxy.fill(&files).await;
    let pieces = || {
        let names = std::fs::read_dir(proxy.data("evidence")).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..6 {
        put(&proxy, &files.url("zip"), &flipped(&files.zip(), 7));
        proxy.clock().advance(Duration::from_secs(1));
        run(&proxy, WHOLE).await;
        all.extend(pieces());
    }
    assert_eq!(all.len(), 12);
    assert_eq!(pieces(), all.iter().skip(6).cloned().collect());
}

#[tokio::test]
async fn a_zip_sent_in_place_of_the_recorded_one_is_kept_as_evidence() {
    let (files, moved) = (module("example.com/M"), module("example.com/M").file("m.go", "package moved\n"));
    let (upstream, proxy) = TestProxy::holding(&files).await;
    std::fs::remove_file(tree(&proxy, &files.url("zip"))).unwrap();
    let proxy = proxy.restart().await;
    upstream.serve(&moved);
    let answer = proxy.get(&files.url("zip")).await;
    assert!(answer.status == 502 || !answer.complete, "{}", answer.status);
    let piece = std::fs::read_dir(proxy.data("evidence")).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read(piece.with_extension("body")).unwrap() == moved.zip());
    let note = std::fs::read_to_string(piece.with_extension("json")).unwrap();
    for told in ["\"entry\"", &files.zip_h1(), &moved.zip_h1()] {
        assert!(note.contains(told), "{told}: {note}");
    }
}
