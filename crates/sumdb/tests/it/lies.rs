//! Every lie that a database can tell, at sizes where hashes of the tree share tiles and where none do, to clients that
//! know nothing, an older tree or the newest one: Go's verdicts, and nothing but the truth in memory.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};
use sumdb::client::ClientError;
use sumdb::{Signer, Tile};
use testkit::cases;
use testkit::cases::Case;
use testkit::database::{History, LIES, Lie, Speaker, forged_lines, lookup_path, synthetic_module};

use crate::driver::{Driver, Stopped};
use crate::note::{TEST, TEST_SIGNER, verifier};
use crate::record::module;

/// The lies that are told by their name.
fn lies() -> HashMap<String, Lie> {
    LIES.iter().map(|lie| (format!("{lie:?}"), *lie)).collect()
}

/// The history in which a record is another, as the generator makes it.
fn forge(size: u64, shape: &str, id: u64) -> History {
    let size = match shape {
        "longer" => size + 10,
        "shorter" => (id + 1).max(size - 5),
        _ => size,
    };
    let mut forged = History::synthetic(size);
    let (path, version) = synthetic_module(id);
    forged.replace(id, &forged_lines(path, &version));
    forged
}

/// The tiles on the way from a record to the root, as wide as the tree has them.
fn tiles_above(id: u64, size: u64) -> impl Iterator<Item = Tile> {
    (0..3).filter_map(move |level| Tile::new(8, Some(level), id >> (8 * (level + 1)), 1)?.in_tree(size))
}

/// The fingerprint of what is said, as the generator takes it.
fn said(speaker: &Speaker, id: u64) -> String {
    let (path, version) = synthetic_module(id);
    let paths = tiles_above(id, speaker.truth.size()).map(|tile| format!("/{tile}"));
    let mut sum = Sha256::new();
    for path in std::iter::once(lookup_path(path, &version)).chain(paths) {
        if let Some(reply) = speaker.answer(&path).filter(|reply| reply.status == 200) {
            sum.update(&reply.body);
        }
    }
    let first = sum.finalize().first_chunk().copied().unwrap();
    format!("{:016x}", u64::from_be_bytes(first))
}

/// Speakers by size, shape and record, made once.
#[derive(Default)]
struct Speakers(HashMap<(u64, String, u64), Speaker>);

impl Speakers {
    fn of(&mut self, case: &Case) -> Speaker {
        let key = (case.number(0), case.word(1).to_owned(), case.number(2));
        let speaker = self.0.entry(key).or_insert_with_key(|(size, shape, id)| {
            let mut speaker = Speaker::new(Signer::parse(TEST_SIGNER).unwrap(), History::synthetic(*size));
            speaker.forged = forge(*size, shape, *id).into();
            speaker
        });
        let lie = lies()[case.text(4)];
        Speaker { lies: vec![lie], ..speaker.clone() }
    }
}

/// What is in memory and on the disk is true: of the honest history, or of the forged one where nobody could know.
fn assert_only(case: &Case, driver: &Driver, history: &History) {
    for proven in driver.memory.values() {
        let tile = proven.tile();
        let honest = history.hashes(history.size(), tile.level().unwrap(), tile.number(), tile.width());
        assert_eq!(honest.as_deref(), Some(&**proven.bytes()), "{case}: {tile} is kept");
    }
    let head = driver.client.newest().tree();
    assert_eq!(head.hash.0, history.root(head.size), "{case}: the newest tree");
    let durable = driver.durable.lines().nth(1).map_or(0, |size| size.parse().unwrap());
    assert!(durable <= head.size, "{case}");
}

#[test]
fn lies_are_believed_only_where_go_believes_them_too() {
    let mut speakers = Speakers::default();
    let (mut told, mut forks) = (BTreeSet::new(), 0);
    for case in cases!("lies") {
        let (id, remembered, lie) = (case.number(2), case.number(3), case.text(4));
        let speaker = speakers.of(&case);
        assert_eq!(said(&speaker, id), case.word(5), "{case}: Go was told something else");
        let head = if remembered == 0 { String::new() } else { speaker.head(remembered) };
        let mut driver = Driver::new(head.as_bytes(), 8).unwrap();
        let (truth, forged) = (speaker.truth.clone(), speaker.forged.clone());
        driver.speaker = Some(speaker);
        let (path, version) = synthetic_module(id);
        let ours = driver.lookup(&module(path, &version));
        told.insert(lie.to_owned());
        match (case.word(6), case.word(7), &ours) {
            ("honest", _, Ok(authentic)) => assert_eq!(authentic.record().text(), truth.text(id), "{case}"),
            // Of a history that nobody has seen before.
            ("forged", _, Ok(authentic)) => {
                assert_eq!(authentic.record().text(), forged.text(id), "{case}");
                assert_only(&case, &driver, &forged);
                continue;
            }
            // An authentic record without the lines that were asked for is none for the go command either.
            ("other", _, Err(Stopped::Refused(ClientError::OtherModule { .. })))
            | ("error", "none", Err(_)) => {}
            // Where the tiles are forged too, Go only says that they do not fit what it remembers.
            ("error", fork, Err(Stopped::Refused(ClientError::Fork(evidence)))) => {
                assert!(fork == "fork" || lies()[lie].is_fork(), "{case}: {evidence}");
                evidence.check(&verifier(TEST)).unwrap();
                forks += 1;
            }
            _ => panic!("{case}: {ours:?}"),
        }
        // Two heads of one size are a fork, whether there are tiles or not.
        let is_of_one_size = case.word(1) == "same" && remembered == truth.size();
        let is_evident = is_of_one_size && matches!(lie, "MadeUpRoot" | "Fork" | "ForkInLookups");
        let is_fork = matches!(ours, Err(Stopped::Refused(ClientError::Fork(_))));
        assert!(is_fork || !is_evident, "{case}: {ours:?}");
        assert_only(&case, &driver, &truth);
        assert!(ours.is_ok() || driver.memory.is_empty(), "{case}");
    }
    assert_eq!(told.len(), LIES.len(), "all lies that there are");
    assert!(forks >= 50, "{forks}");
}
