//! Every file of our own log compared with its signed head by a scrub.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder::jobs::scrub::{Finding, Order, Outcome, Report, Scrub, What};
use sumdb::note::Note;
use sumdb::record::LookupAnswer;
use sumdb::{Signer, Tree};
use testkit::{Upstream, eventually};

use super::starting::server;
use super::world::{NAME, nth, sums};
use crate::proxy::TestProxy;

/// A full tile, and 44 records more.
const SIZE: u64 = 300;
/// Each lookup, two tiles of records and two of their hashes, one above them, `latest` and `supported`.
const FILES: u64 = SIZE + 7;

async fn scrub(proxy: &TestProxy, heal: bool) -> Report {
    let order = Order { only: None, heal, bytes_per_s: 0, after: None };
    let scrub = Scrub::new(proxy.pipeline().clone(), None, proxy.clock().clone());
    scrub.run(order, |_| {}).await.unwrap()
}

/// A server whose log has [`SIZE`] records, all of them copied for other servers.
async fn grown(dir: &Path) -> TestProxy {
    let upstream = Upstream::start().await;
    let (proxy, _) = server(dir, &upstream);
    let log = proxy.pipeline().log().unwrap().clone();
    // The first record has a head of its own.
    log.append(nth(0), sums(0)).await.unwrap();
    let rest = (1..SIZE).map(|n| log.append(nth(n), sums(n)));
    futures_util::future::try_join_all(rest).await.unwrap();
    eventually("the files of all lookups", || async { scrub(&proxy, false).await.files == FILES }).await;
    proxy
}

fn path(proxy: &TestProxy, file: &str) -> PathBuf {
    proxy.data(&format!("modules/sumdb/{NAME}/{file}"))
}

fn lookup(n: u64) -> String {
    format!("lookup/{}@{}", nth(n).path.escape(), nth(n).version)
}

/// All files of the log.
fn all(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(all(&entry));
        } else {
            found.insert(entry.clone(), std::fs::read(&entry).unwrap());
        }
    }
    found
}

/// Its only finding, which is about this file.
fn only<'r>(report: &'r Report, file: &str) -> &'r Finding {
    let [finding] = report.findings.as_slice() else { panic!("{file}: {report:#?}") };
    assert_eq!(finding.file, format!("modules/sumdb/{NAME}/{file}"));
    finding
}

/// Loses the file, flips a bit of it, cuts it, and lets it grow.
fn damages(bytes: &[u8]) -> Vec<(What, Option<Vec<u8>>)> {
    let mut all = vec![(What::Missing, None), (What::Rotten, Some([bytes, b"x\n\n"].concat()))];
    if let Some(half) = bytes.len().checked_div(2).filter(|half| *half > 0) {
        let mut flipped = bytes.to_vec();
        flipped[half] ^= 1;
        all.extend([(What::Rotten, Some(flipped)), (What::Rotten, Some(bytes[..half].to_vec()))]);
    }
    all
}

fn put(file: &Path, bytes: Option<&[u8]>) {
    match bytes {
        None => std::fs::remove_file(file).unwrap(),
        Some(bytes) => std::fs::write(file, bytes).unwrap(),
    }
}

#[tokio::test]
async fn what_follows_from_the_records_is_compared_and_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = grown(dir.path()).await;
    let sound = scrub(&proxy, true).await;
    assert_eq!((sound.files, sound.findings.len()), (FILES, 0), "{sound:#?}");
    let lookups = [lookup(0), lookup(SIZE - 1)];
    let tiles = ["tile/8/0/000", "tile/8/0/001.p/44", "tile/8/1/000.p/1", "supported"];
    for file in lookups.iter().map(String::as_str).chain(tiles) {
        let file_path = path(&proxy, file);
        let good = std::fs::read(&file_path).unwrap();
        for (what, damaged) in damages(&good) {
            put(&file_path, damaged.as_deref());
            let before = all(&path(&proxy, ""));
            let looked = scrub(&proxy, false).await;
            assert_eq!((only(&looked, file).what, &only(&looked, file).outcome), (what, &Outcome::Left));
            assert!(all(&path(&proxy, "")) == before, "only looking has changed something: {file}");
            let healed = scrub(&proxy, true).await;
            assert_eq!((only(&healed, file).what, &only(&healed, file).outcome), (what, &Outcome::Healed));
            assert_eq!((healed.mended, healed.broken), (1, 0));
            let now = std::fs::read(&file_path).unwrap();
            if file.starts_with("lookup/") {
                let [now, good] = [now, good.clone()].map(|answer| LookupAnswer::parse(&answer).unwrap());
                assert_eq!(now.record, good.record);
            } else {
                assert!(now == good, "{file}");
            }
            assert!(scrub(&proxy, true).await.findings.is_empty());
        }
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_damaged_tile_of_records_or_head_is_told_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = grown(dir.path()).await;
    for (file, advice) in [
        ("tile/8/data/000", "from a copy"),
        ("tile/8/data/001.p/44", "from a copy"),
        ("latest", "the next record"),
    ] {
        let file_path = path(&proxy, file);
        let good = std::fs::read(&file_path).unwrap();
        for (what, damaged) in damages(&good) {
            put(&file_path, damaged.as_deref());
            let before = all(&path(&proxy, ""));
            for heal in [false, true] {
                let report = scrub(&proxy, heal).await;
                let finding = only(&report, file);
                assert_eq!(finding.what, what, "{file} {report:#?}");
                match &finding.outcome {
                    Outcome::Left => assert!(!heal),
                    Outcome::Broken { why } => assert!(heal && why.contains(advice), "{why}"),
                    other => panic!("{file} {other:?}"),
                }
                assert_eq!((report.mended, report.broken), (0, 1));
                assert!(all(&path(&proxy, "")) == before, "{file} was touched");
            }
            put(&file_path, Some(&good));
            assert!(scrub(&proxy, true).await.findings.is_empty());
        }
    }
    // What the next record brings is what was advised.
    put(&path(&proxy, "latest"), Some(b"x"));
    let log = proxy.pipeline().log().unwrap();
    log.append(nth(SIZE), sums(SIZE)).await.unwrap();
    eventually("the copy of the newest", || async { scrub(&proxy, true).await.files == FILES + 1 }).await;
    assert!(scrub(&proxy, true).await.findings.is_empty());
    proxy.stop().await;
}

#[tokio::test]
async fn a_lookup_with_the_head_of_another_tree_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = grown(dir.path()).await;
    let key = std::fs::read_to_string(dir.path().join("log.key")).unwrap();
    let ours = Signer::parse(key.trim_end()).unwrap();
    let other = Signer::from_seed(sumdb::note::Name::parse(NAME).unwrap(), &[9; 32]);
    let file = lookup(200);
    let answer = LookupAnswer::parse(&std::fs::read(path(&proxy, &file)).unwrap()).unwrap();
    let head = String::from_utf8(std::fs::read(path(&proxy, "latest")).unwrap()).unwrap();
    let tree = Tree::parse(&head[..=head.find("\n\n").unwrap()]).unwrap();
    let first = LookupAnswer::parse(&std::fs::read(path(&proxy, &lookup(0))).unwrap()).unwrap();
    let signed = |signer: &Signer, tree: Tree| {
        Note::new(tree.to_string()).unwrap().signed(signer).to_string().into_bytes()
    };
    let wrong = Tree { hash: sumdb::Hash([7; 32]), ..tree };
    for note in [
        signed(&other, tree),
        signed(&ours, wrong),
        signed(&ours, Tree { size: 256, ..wrong }),
        signed(&ours, Tree { size: SIZE + 1, ..tree }),
        first.note,
    ] {
        let bytes = [answer.record.to_string().as_bytes(), &note].concat();
        put(&path(&proxy, &file), Some(&bytes));
        let report = scrub(&proxy, true).await;
        assert_eq!(
            (only(&report, &file).what, &only(&report, &file).outcome),
            (What::Rotten, &Outcome::Healed)
        );
        assert!(scrub(&proxy, true).await.findings.is_empty());
    }
    // Another record under a good head.
    let bytes = std::fs::read(path(&proxy, &lookup(201))).unwrap();
    put(&path(&proxy, &file), Some(&bytes));
    assert_eq!(only(&scrub(&proxy, true).await, &file).what, What::Rotten);
    proxy.stop().await;
}

#[tokio::test]
async fn a_log_that_grows_meanwhile_is_not_taken_for_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = grown(dir.path()).await;
    let log = proxy.pipeline().log().unwrap();
    let growing = async {
        for n in SIZE..SIZE + 250 {
            log.append(nth(n), sums(n)).await.unwrap();
        }
    };
    let scrubbing = async {
        for _ in 0..3 {
            let report = scrub(&proxy, true).await;
            assert!(report.findings.is_empty(), "{report:#?}");
        }
    };
    tokio::join!(growing, scrubbing);
    proxy.stop().await;
}

#[tokio::test]
async fn a_log_that_could_not_be_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = grown(dir.path()).await;
    let tile = path(&proxy, "tile/8/data/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    let proxy = proxy.restart().await;
    let report = scrub(&proxy, true).await;
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!((finding.file.as_str(), finding.what), (&*format!("modules/sumdb/{NAME}"), What::Unreadable));
    let Outcome::Broken { why } = &finding.outcome else { panic!("{finding:?}") };
    assert!(why.contains("copy or a mirror"), "{why}");
    proxy.stop().await;
}
