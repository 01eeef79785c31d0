//! A database that forges, forks, rolls back or is slow, and several tasks on one client.

use std::collections::HashMap;

use sumdb::client::{ClientError, Evidence, EvidenceError, Latest, Lookup, Standing, Step, Task, TileCheck};
use sumdb::record::check_records;
use sumdb::tile::TileError;
use sumdb::{Client, Hash, Node, Note, Proven, Record, Signer, Tile, Tree};

use crate::driver::{Driver, Stopped};
use crate::note::{PETER, TEST, TEST_SIGNER, verifier};
use crate::record::module;
use crate::world::{Leaves, Tiles};

/// A database with real heights and sizes: record `id` is that of version `v1.<id>.0`.
struct Database {
    leaves: Leaves,
    salt: &'static str,
    shared: u64,
}

impl Database {
    /// The records from `shared` on have the salt in their hashes.
    fn new(size: u64, shared: u64, salt: &'static str) -> Self {
        let records = (0..size).map(|id| Hash::of_record(text(id, shared, salt).as_bytes()));
        Self { leaves: Leaves::of(records), salt, shared }
    }

    fn sign(&self, size: u64) -> String {
        sign(&self.leaves.tree(size))
    }

    fn answer(&self, id: u64, size: u64) -> Vec<u8> {
        let record = Record::new(id, text(id, self.shared, self.salt)).unwrap();
        format!("{record}{}", self.sign(size)).into_bytes()
    }

    /// What is served of the tree of a size: all tiles that it has.
    fn serve(&self, driver: &mut Driver, size: u64) {
        let tiles = Tiles::of(&self.leaves, 8, size);
        for tile in Tile::added(8, 0, size) {
            driver.remote.insert(format!("/{tile}"), tiles.read(tile).to_vec());
        }
    }
}

fn text(id: u64, shared: u64, salt: &str) -> String {
    let salt = if id < shared { "" } else { salt };
    let hash = |what: &str| format!("h1:{}", Hash::of_record(format!("{what}{id}{salt}").as_bytes()));
    format!("example.com/m v1.{id}.0 {}\nexample.com/m v1.{id}.0/go.mod {}\n", hash("zip"), hash("mod"))
}

fn version(id: u64) -> gomod::ModuleVersion {
    module("example.com/m", &format!("v1.{id}.0"))
}

fn sign(tree: &Tree) -> String {
    Note::new(tree.to_string()).unwrap().signed(&Signer::parse(TEST_SIGNER).unwrap()).to_string()
}

fn driver(database: &Database, size: u64, remembered: u64) -> Driver {
    let remembered = if remembered == 0 { String::new() } else { database.sign(remembered) };
    let mut driver = Driver::new(remembered.as_bytes(), 8).unwrap();
    database.serve(&mut driver, size);
    driver
}

fn ask(driver: &mut Driver, database: &Database, id: u64, size: u64) -> Result<Standing, Stopped> {
    driver.remote.insert(format!("/{}", Lookup::path(&version(id))), database.answer(id, size));
    driver.lookup(&version(id)).map(|authentic| {
        assert_eq!(authentic.record().id(), id);
        assert!(authentic.sums().is_ok());
        authentic.standing()
    })
}

const SIZES: [u64; 7] = [1, 512, 519, 700, 65_536, 70_000, 131_077];

#[test]
fn an_honest_database_is_believed_at_every_size() {
    let database = Database::new(131_077, 0, "");
    for size in SIZES {
        for remembered in [0, 1, size / 2, size] {
            let mut driver = driver(&database, size, remembered);
            let standing = if remembered == size { Standing::Current } else { Standing::Newer };
            assert_eq!(ask(&mut driver, &database, size - 1, size).unwrap(), standing, "{size}");
            for id in [0, size / 3, size / 2] {
                assert_eq!(ask(&mut driver, &database, id, size).unwrap(), Standing::Current, "{size} {id}");
            }
            assert_eq!(driver.durable, database.sign(size));
        }
    }
}

#[test]
fn no_changed_tile_is_believed_or_kept_at_any_size() {
    let database = Database::new(131_077, 0, "");
    for size in [512, 519, 700, 70_000, 131_077] {
        let id = size * 2 / 3;
        let mut honest = driver(&database, size, size / 2);
        let served = honest.remote.clone();
        ask(&mut honest, &database, id, size).unwrap();
        for tile in honest.asked.clone() {
            for kind in ["flip", "swap", "lift", "liftall"] {
                if kind == "swap" && tile.width() == 1 {
                    continue;
                }
                let mut driver = Driver::new(database.sign(size / 2).as_bytes(), 8).unwrap();
                driver.remote.clone_from(&served);
                let mut tiles = Tiles::of(&database.leaves, 8, size);
                let at = (tile.number() << 8) + u64::from(tile.width() / 4 * 2);
                tiles.change(kind, tile.level().unwrap(), at);
                for tile in tiles.changed() {
                    driver.remote.insert(format!("/{tile}"), tiles.read(tile).to_vec());
                }
                let result = ask(&mut driver, &database, id, size);
                assert!(
                    matches!(result, Err(Stopped::Refused(ClientError::Tiles { .. }))),
                    "{size} {tile} {kind}"
                );
                assert!(driver.memory.is_empty() && driver.newest() == size / 2 || driver.newest() == size);
            }
        }
    }
}

#[test]
fn a_fork_is_found_at_first_sight_and_anyone_can_check_the_evidence() {
    let database = Database::new(70_000, 0, "");
    for (shared, known, other) in [
        (0, 519, 700),
        (518, 519, 700),
        (519, 700, 520),
        (600, 700, 70_000),
        (69_999, 70_000, 70_000),
        (3, 70_000, 5),
    ] {
        let forked = Database::new(other, shared, "evil");
        let mut driver = driver(&database, known, known);
        ask(&mut driver, &database, 0, known).unwrap();
        for tile in Tile::added(8, 0, other) {
            let tiles = Tiles::of(&forked.leaves, 8, other);
            driver.remote.insert(format!("/{tile}"), tiles.read(tile).to_vec());
        }
        if other < known {
            database.serve(&mut driver, known);
        }
        let kept = driver.memory.len();
        let Err(Stopped::Refused(ClientError::Fork(evidence))) = driver.latest(&forked.sign(other)) else {
            panic!("no fork: {shared} {known} {other}");
        };
        assert_eq!((driver.newest(), driver.memory.len()), (known, kept));
        assert_eq!(driver.durable, database.sign(known));
        let text = evidence.to_string();
        let read = Evidence::parse(&text).unwrap();
        assert_eq!(read.check(&verifier(TEST)), Ok(()), "{text}");
        assert!(matches!(read.check(&verifier(PETER)), Err(EvidenceError::NotSigned(_))));
    }
}

#[test]
fn evidence_of_nothing_is_no_evidence() {
    let database = Database::new(700, 0, "");
    let forked = Database::new(700, 100, "evil");
    let mut driver = driver(&database, 519, 519);
    forked.serve(&mut driver, 700);
    let Err(Stopped::Refused(ClientError::Fork(evidence))) = driver.latest(&forked.sign(700)) else {
        panic!()
    };
    let text = evidence.to_string();
    // A head of the same timeline instead of the older one, and any proof that was changed.
    let same =
        text.replace(&database.sign(519).replace('\n', "\n\t"), &forked.sign(519).replace('\n', "\n\t"));
    assert_ne!(same, text);
    assert_eq!(Evidence::parse(&same).unwrap().check(&verifier(TEST)), Err(EvidenceError::NoFork));
    let lines: Vec<&str> = text.lines().collect();
    let proof = lines.iter().position(|line| line.starts_with("proof")).unwrap() + 1;
    for at in proof..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let checked = Evidence::parse(&fewer.join("\n")).and_then(|evidence| evidence.check(&verifier(TEST)));
        assert!(checked.is_err(), "{at}");
    }
    for cut in 0..text.len() - 1 {
        let checked = text.get(..cut).map(|text| Evidence::parse(text)?.check(&verifier(TEST)));
        assert!(checked.is_none_or(|checked| checked.is_err()), "{cut}");
    }
}

#[test]
fn an_older_head_on_the_timeline_changes_nothing() {
    let database = Database::new(70_000, 0, "");
    let mut driver = driver(&database, 70_000, 70_000);
    for (size, id) in [(69_999, 3), (519, 518), (1, 0)] {
        assert_eq!(ask(&mut driver, &database, id, size).unwrap(), Standing::Older(70_000 - size));
        assert_eq!(driver.latest(&database.sign(size)).unwrap(), Standing::Older(70_000 - size));
    }
    let empty = sign(&Tree::EMPTY);
    let mut first = Driver::new(b"", 8).unwrap();
    assert_eq!(first.latest(&empty).unwrap(), Standing::Current);
    assert_eq!(first.client.newest().note(), empty, "the note of a log that is empty yet");
    assert_eq!(driver.latest(&empty).unwrap(), Standing::Older(70_000));
    assert_eq!(driver.durable, database.sign(70_000));
}

#[test]
fn a_first_head_is_taken_over_only_if_there_are_tiles_that_make_it() {
    let database = Database::new(700, 0, "");
    let absurd = sign(&Tree { size: 1 << 60, hash: Hash([7; 32]) });
    let mut driver = Driver::new(b"", 8).unwrap();
    database.serve(&mut driver, 700);
    let honest = driver.remote.clone();
    assert!(matches!(driver.latest(&absurd), Err(Stopped::Absent)));
    // Made-up tiles do not make it either.
    for at in 0..8 {
        let Some(tile) = Tile::new(8, Some(at), 0, 256).unwrap().in_tree(1 << 60) else { continue };
        driver.remote.insert(format!("/{tile}"), vec![7; tile.size_bytes()]);
        let edge = Tile::new(8, Some(at), ((1_u64 << 60) >> (8 * at)).saturating_sub(1) >> 8, 256).unwrap();
        driver.remote.insert(format!("/{edge}"), vec![7; edge.size_bytes()]);
    }
    assert!(driver.latest(&absurd).is_err());
    assert_eq!((driver.newest(), driver.durable.as_str()), (0, ""), "it is in nobody's way");
    driver.remote = honest;
    assert_eq!(driver.latest(&database.sign(700)).unwrap(), Standing::Newer);
    assert_eq!(driver.durable, database.sign(700));
    assert!(driver.latest(&absurd).is_err());
    assert_eq!(driver.latest(&database.sign(519)).unwrap(), Standing::Older(181));
}

#[test]
fn a_rollback_that_goes_on_differently_is_a_fork() {
    let database = Database::new(700, 0, "");
    let mut driver = driver(&database, 700, 519);
    assert_eq!(driver.latest(&database.sign(700)).unwrap(), Standing::Newer);
    // Restored from a backup of 519 records: that is on the timeline. The next record that is appended is not.
    let restored = Database::new(520, 519, "after the backup");
    assert_eq!(driver.latest(&restored.sign(519)).unwrap(), Standing::Older(181));
    assert!(matches!(driver.latest(&restored.sign(520)), Err(Stopped::Refused(ClientError::Fork(_)))));
    // Also after a restart, from what is durable alone.
    let remembered = driver.durable.clone();
    let mut driver = Driver::new(remembered.as_bytes(), 8).unwrap();
    database.serve(&mut driver, 700);
    assert!(matches!(driver.latest(&restored.sign(520)), Err(Stopped::Refused(ClientError::Fork(_)))));
}

#[test]
fn what_is_not_in_the_tree_is_refused() {
    let database = Database::new(700, 0, "");
    let forged = Database::new(700, 0, "forged");
    let mut driver = driver(&database, 700, 700);
    let path = |id| format!("/{}", Lookup::path(&version(id)));
    let with_note = |answer: Vec<u8>, size| {
        let answer = String::from_utf8(answer).unwrap();
        format!("{}\n\n{}", answer.split_once("\n\n").unwrap().0, database.sign(size)).into_bytes()
    };
    driver.remote.insert(path(5), with_note(forged.answer(5, 700), 700));
    assert!(matches!(driver.lookup(&version(5)), Err(Stopped::Refused(ClientError::Forged { id: 5 }))));
    driver.remote.insert(path(6), database.answer(5, 700));
    assert!(matches!(
        driver.lookup(&version(6)),
        Err(Stopped::Refused(ClientError::OtherModule { id: 5, .. }))
    ));
    driver.remote.insert(
        path(7),
        String::from_utf8(database.answer(7, 700)).unwrap().replacen('7', "8", 1).into_bytes(),
    );
    assert!(matches!(driver.lookup(&version(7)), Err(Stopped::Refused(ClientError::Forged { id: 8 }))));
    driver.remote.insert(
        path(8),
        String::from_utf8(database.answer(8, 700)).unwrap().replacen('8', "700", 1).into_bytes(),
    );
    assert!(matches!(
        driver.lookup(&version(8)),
        Err(Stopped::Refused(ClientError::Beyond { size: 700, .. }))
    ));
    driver.remote.insert(path(9), b"9\n\n".to_vec());
    assert!(matches!(driver.lookup(&version(9)), Err(Stopped::Refused(ClientError::Answer(_)))));
    let unsigned = String::from_utf8(database.answer(9, 700)).unwrap().replace("— ", "— x");
    driver.remote.insert(path(9), unsigned.into_bytes());
    assert!(matches!(driver.lookup(&version(9)), Err(Stopped::Refused(ClientError::Note(_)))));
    assert!(driver.memory.is_empty());
}

#[test]
fn no_answer_leaves_before_the_head_it_rests_on_is_durable() {
    let database = Database::new(700, 0, "");
    let mut driver = driver(&database, 700, 519);
    driver.disk_full = true;
    assert!(matches!(ask(&mut driver, &database, 3, 700), Err(Stopped::Absent)));
    assert_eq!((driver.newest(), driver.durable.as_str()), (700, database.sign(519).as_str()));
    // Nor does that of another task, whose own head is old.
    assert!(matches!(ask(&mut driver, &database, 4, 600), Err(Stopped::Absent)));
    driver.disk_full = false;
    assert_eq!(ask(&mut driver, &database, 4, 600).unwrap(), Standing::Older(100));
    assert_eq!(driver.durable, database.sign(700));
}

#[test]
fn tasks_side_by_side_end_on_one_timeline() {
    let database = Database::new(70_000, 0, "");
    let remote = driver(&database, 70_000, 519);
    let mut client = Client::new(verifier(TEST), database.sign(519).as_bytes()).unwrap();
    let none = |_: Tile| None::<Proven>;
    let heads = [600, 70_000, 700, 520];
    let mut tasks: Vec<Latest> =
        heads.map(|size| Latest::new(client.open(database.sign(size).as_bytes()).unwrap())).into();
    let tiles = Tiles::of(&database.leaves, 8, 70_000);
    let mut ends = HashMap::new();
    assert_eq!(remote.newest(), 519);
    for _ in 0..10 {
        for (task, size) in tasks.iter_mut().zip(heads) {
            match task.step(&mut client, &none).unwrap() {
                Step::Bring(needs) | Step::BringAnew(needs) => {
                    for tile in needs {
                        task.bring(tile, tiles.read(tile));
                    }
                }
                Step::Keep(head) => client.kept(&head),
                Step::Done(standing) => drop(ends.insert(size, standing)),
            }
        }
    }
    assert_eq!(client.newest().tree().size, 70_000);
    assert_eq!(ends[&70_000], Standing::Newer);
    assert!(matches!(ends[&700], Standing::Older(_)) && matches!(ends[&520], Standing::Older(_)), "{ends:?}");
}

#[test]
fn a_tile_is_proven_before_it_is_passed_on() {
    let database = Database::new(70_000, 0, "");
    let mut driver = driver(&database, 70_000, 70_000);
    let tiles = Tiles::of(&database.leaves, 8, 70_000);
    for path in [
        "tile/8/0/005",
        "tile/8/0/273.p/100",
        "tile/8/0/273.p/112",
        "tile/8/1/000.p/7",
        "tile/8/1/001.p/17",
        "tile/8/2/000.p/1",
    ] {
        let tile = Tile::parse(path).unwrap();
        let proven = driver.drive(TileCheck::new(tile)).unwrap();
        assert_eq!((proven.tile(), proven.bytes()), (tile, &tiles.read(tile)), "{path}");
    }
    for beyond in [
        "tile/8/0/273.p/113",
        "tile/8/0/273",
        "tile/8/0/274",
        "tile/8/2/000.p/2",
        "tile/8/8/000.p/1",
        "tile/8/data/000",
    ] {
        let task = TileCheck::new(Tile::parse(beyond).unwrap());
        assert!(matches!(driver.drive(task), Err(Stopped::Refused(ClientError::Beyond { .. }))), "{beyond}");
    }
    driver.remote.get_mut("/tile/8/0/007").unwrap()[1000] ^= 1;
    let task = TileCheck::new(Tile::parse("tile/8/0/007").unwrap());
    let Err(Stopped::Refused(ClientError::Tiles { cause, .. })) = driver.drive(task) else { panic!() };
    assert_eq!(cause, TileError::Forged { tile: Tile::parse("tile/8/0/007").unwrap() });
    let records = Tile::parse("tile/8/data/273.p/3").unwrap();
    let hashes = driver.drive(TileCheck::of_records(records).unwrap()).unwrap();
    let start = 273 * 256;
    let bytes: String = (start..start + 3).map(|id| text(id, 0, "") + "\n").collect();
    assert_eq!(check_records(records, bytes.as_bytes(), &hashes).unwrap().len(), 3);
    assert!(check_records(records, bytes.replace("zip", "").replace('a', "b").as_bytes(), &hashes).is_err());
    assert!(TileCheck::of_records(hashes.tile()).is_none());
    assert_eq!(
        hashes.hash(Node::of_record(start).unwrap()),
        database.leaves.hash(Node::of_record(start).unwrap())
    );
}
