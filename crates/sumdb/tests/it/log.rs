//! Our own log: what it writes, in which order, and what it makes of what a crash, a full disk, a backup or a second
//! writer leave behind.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use gomod::{H1, ModuleVersion};
use proptest::prelude::*;
use sumdb::client::{Head, Lookup};
use sumdb::log::{File, NewRecord, Refused, Restore, RestoreError};
use sumdb::record::{Sums, check_records};
use sumdb::{Hash, Log, Note, Record, Signer, Tile, Tree};

use crate::driver::Driver;
use crate::note::{TEST, TEST_SIGNER, verifier};
use crate::record::module;
use crate::world::{Leaves, Tiles};

fn signer() -> Signer {
    Signer::parse(TEST_SIGNER).unwrap()
}

fn new_record(id: u64, salt: &str) -> NewRecord {
    let sum = |what: &str| H1::of_mod(format!("{what}{id}{salt}").as_bytes());
    let module = module("example.com/m", &format!("v1.{id}.0"));
    NewRecord { module, sums: Sums { zip: sum("zip"), go_mod: sum("mod") } }
}

fn text(id: u64, salt: &str) -> Record {
    let NewRecord { module, sums } = new_record(id, salt);
    Record::of_module(id, &module, &sums)
}

/// A disk: the store, and what is remembered beside the key.
#[derive(Clone, Default)]
struct Disk {
    files: HashMap<Tile, Arc<[u8]>>,
    published: Option<String>,
    remembered: Option<String>,
}

/// Where an append breaks off, and whether the write that fails had its effect.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fault {
    at: usize,
    has_effect: bool,
}

impl Disk {
    fn restore(&self, height: u8) -> Result<Log, RestoreError> {
        let bytes = |note: &Option<String>| note.as_ref().map(|note| note.clone().into_bytes());
        let (remembered, published) = (bytes(&self.remembered), bytes(&self.published));
        let restore = Restore::new(signer(), height, remembered.as_deref(), published.as_deref())?;
        let needs = restore.needs();
        restore.finish(|tile| {
            assert!(needs.contains(&tile), "{tile} was not said to be needed");
            self.files.get(&tile).cloned()
        })
    }

    /// Appends records, one write after the other; stops at the fault.
    fn append(
        &mut self,
        log: Log,
        records: &[NewRecord],
        fault: Option<Fault>,
    ) -> Result<Log, Option<Box<Log>>> {
        let recorded = index(&log);
        let staged = log
            .stage(records, |module| recorded.get(module).copied())
            .map_err(|refused| Some(Box::new(refused.0)))?;
        let count = RefCell::new(0);
        let fails = |disk: &mut Self, write: &dyn Fn(&mut Self)| {
            *count.borrow_mut() += 1;
            let fails = fault.is_some_and(|fault| fault.at == *count.borrow() - 1);
            if !fails || fault.is_some_and(|fault| fault.has_effect) {
                write(disk);
            }
            fails
        };
        for File { tile, bytes } in staged.files() {
            if fails(self, &|disk| drop(disk.files.insert(*tile, bytes.as_slice().into()))) {
                return Err(Some(Box::new(staged.abandon())));
            }
        }
        let signed = staged.written().sign().unwrap();
        assert_eq!(self.remembered.as_deref().unwrap_or(""), signed.replaces().note(), "no other writer");
        if fails(self, &|disk| disk.remembered = Some(signed.head().note().to_owned())) {
            return Err(None);
        }
        let remembered = signed.remembered();
        if fails(self, &|disk| disk.published = Some(remembered.head().note().to_owned())) {
            return Err(None);
        }
        let (log, records) = remembered.published();
        assert_eq!(records.last().map(Record::id), Some(log.size() - 1));
        Ok(log)
    }

    /// Checks that everything a client could ask of the tree of a head is there.
    fn audit(&self, height: u8, head: &Head, salt_of: impl Fn(u64) -> &'static str) {
        let size = head.tree().size;
        let leaves = Leaves::of((0..size).map(|id| text(id, salt_of(id)).hash()));
        assert_eq!(head.tree(), &leaves.tree(size));
        assert!(Note::open(head.note().as_bytes(), &[verifier(TEST)]).is_ok());
        let tiles = Tiles::of(&leaves, height, size);
        for tile in Tile::added(height, 0, size) {
            assert_eq!(self.files[&tile], tiles.read(tile), "{tile}");
        }
        let mut driver = Driver::new(b"", height).unwrap();
        for (tile, bytes) in &self.files {
            driver.remote.insert(format!("/{tile}"), bytes.to_vec());
        }
        for id in [0, size / 2, size - 1] {
            let asked = new_record(id, "").module;
            let answer = format!("{}{}", text(id, salt_of(id)), head.note());
            driver.remote.insert(format!("/{}", Lookup::path(&asked)), answer.into_bytes());
            assert_eq!(driver.lookup(&asked).unwrap().record(), &text(id, salt_of(id)));
        }
        let last = Tile::new(height, None, (size - 1) >> height, 1).unwrap().in_tree(size).unwrap();
        let hashes = driver.drive(sumdb::client::TileCheck::of_records(last).unwrap()).unwrap();
        let records = check_records(last, &self.files[&last], &hashes).unwrap();
        assert_eq!(records.last(), Some(&text(size - 1, salt_of(size - 1))));
    }
}

/// What the tiles of records say is logged.
fn index(log: &Log) -> HashMap<ModuleVersion, u64> {
    (0..log.size()).map(|id| (new_record(id, "").module, id)).collect()
}

fn batch(from: u64, to: u64, salt: &str) -> Vec<NewRecord> {
    (from..to).map(|id| new_record(id, salt)).collect()
}

#[test]
fn a_log_writes_the_tiles_of_its_tree_however_it_grows() {
    for (height, steps) in [
        (8, vec![1, 2, 255, 256, 257, 519, 700]),
        (2, vec![1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100]),
        (1, vec![1, 2, 3, 8]),
        (3, vec![519]),
    ] {
        let (mut disk, mut from) = (Disk::default(), 0);
        let mut log = disk.restore(height).unwrap();
        for size in steps {
            let staged = log.clone().stage(&batch(from, size, ""), |_| None).unwrap();
            let mut tiles: Vec<Tile> = staged.files().iter().map(|file| file.tile).collect();
            tiles.retain(|tile| tile.level().is_some());
            tiles.sort_unstable();
            let mut added: Vec<Tile> = Tile::added(height, from, size).collect();
            added.sort_unstable();
            assert_eq!(tiles, added, "height {height}, {from} to {size}");
            log = disk.append(log, &batch(from, size, ""), None).unwrap();
            assert_eq!(disk.published.as_deref(), Some(log.head().note()));
            disk.audit(height, log.head(), |_| "");
            // What a restart makes of the disk is what was in memory.
            let again = disk.restore(height).unwrap();
            assert_eq!(again.head(), log.head());
            log = again;
            from = size;
        }
    }
}

#[test]
fn one_record_for_a_module_version_for_ever() {
    let mut disk = Disk::default();
    let log = disk.restore(8).unwrap();
    let log = disk.append(log, &batch(0, 3, ""), None).unwrap();
    let recorded = index(&log);
    let find = |module: &ModuleVersion| recorded.get(module).copied();
    let (log, refused) = *log.stage(&[new_record(1, "other")], find).unwrap_err();
    assert_eq!(refused, Refused::Recorded { module: new_record(1, "").module, id: 1 });
    let twice = [new_record(3, ""), new_record(3, "other")];
    let (log, refused) = *log.stage(&twice, find).unwrap_err();
    assert_eq!(refused, Refused::Twice { module: new_record(3, "").module });
    let (log, refused) = *log.stage(&[], find).unwrap_err();
    assert_eq!((refused, log.size()), (Refused::Nothing, 3));
}

#[test]
fn no_fault_loses_what_was_acknowledged_or_signs_what_is_not_there() {
    for (height, before, after) in [(8, 0, 1), (8, 250, 260), (2, 14, 18), (2, 64, 81)] {
        let mut ground = Disk::default();
        let log = ground.restore(height).unwrap();
        let log = if before == 0 { log } else { ground.append(log, &batch(0, before, ""), None).unwrap() };
        let writes = log.clone().stage(&batch(before, after, "one"), |_| None).unwrap().files().len() + 2;
        for at in 0..writes {
            for has_effect in [false, true] {
                let (fault, mut disk) = (Fault { at, has_effect }, ground.clone());
                let back = disk.append(log.clone(), &batch(before, after, "one"), Some(fault)).unwrap_err();
                assert_eq!(
                    back.is_some(),
                    at < writes - 2,
                    "{fault:?}: only before the signature there is a way back"
                );
                // In the same process, or after a crash, which is all that is left once the signature may be remembered.
                for back in [back, None] {
                    let mut disk = disk.clone();
                    let is_signed = at == writes - 1 || at == writes - 2 && has_effect;
                    let log = back.map_or_else(|| disk.restore(height).unwrap(), |log| *log);
                    let size = if is_signed { after } else { before };
                    assert_eq!(log.size(), size, "{fault:?}");
                    if size > 0 {
                        // Signed, and so it stays: it is published now, if it was not.
                        assert_eq!(disk.remembered.as_deref(), Some(log.head().note()), "{fault:?}");
                        disk.published = Some(log.head().note().to_owned());
                        disk.audit(height, log.head(), |id| if id < before { "" } else { "one" });
                    }
                    // Other records get the numbers that were not signed, and write over what is there.
                    let log = disk.append(log, &batch(size, size + 3, "two"), None).unwrap();
                    let salt = |id| {
                        if id < before {
                            ""
                        } else if id < size {
                            "one"
                        } else {
                            "two"
                        }
                    };
                    disk.audit(height, log.head(), salt);
                    assert_eq!(disk.restore(height).unwrap().head(), log.head());
                }
            }
        }
    }
}

#[test]
fn a_store_restored_from_a_backup_is_refused() {
    let mut disk = Disk::default();
    let mut log = disk.restore(8).unwrap();
    let mut backups = Vec::new();
    for (from, to) in [(0, 5), (5, 256), (256, 519), (519, 700)] {
        backups.push(disk.clone());
        log = disk.append(log, &batch(from, to, ""), None).unwrap();
    }
    for backup in backups {
        let published = backup.published.clone();
        let old_store = Disk { remembered: disk.remembered.clone(), ..backup.clone() };
        let refused = old_store.restore(8).unwrap_err();
        assert!(matches!(refused, RestoreError::RolledBack { remembered: 700, .. }), "{refused:?}");
        // The files are all there, and only the published head is old: as after a crash before it was published.
        let old_head = Disk { published, ..disk.clone() };
        assert_eq!(old_head.restore(8).unwrap().head(), log.head());
        // What is remembered is old, or gone.
        let old_memory = Disk { remembered: backup.remembered, ..disk.clone() };
        match old_memory.restore(8) {
            Ok(restored) => assert_eq!(restored.head(), log.head()),
            Err(refused) => assert_eq!(refused, RestoreError::Forgotten { published: 700 }),
        }
    }
}

#[test]
fn a_damaged_store_is_refused() {
    let mut disk = Disk::default();
    let log = disk.restore(8).unwrap();
    disk.append(log, &batch(0, 519, ""), None).unwrap();
    for path in ["tile/8/0/002.p/7", "tile/8/1/000.p/2", "tile/8/data/002.p/7"] {
        let tile = Tile::parse(path).unwrap();
        let mut changed = disk.clone();
        let mut bytes = changed.files[&tile].to_vec();
        bytes[40] ^= 1;
        changed.files.insert(tile, bytes.into());
        let damaged = changed.restore(8).unwrap_err();
        assert!(
            matches!(damaged, RestoreError::Damaged { .. } | RestoreError::Records { .. }),
            "{path}: {damaged:?}"
        );
        changed.files.remove(&tile);
        assert!(matches!(changed.restore(8), Err(RestoreError::Damaged { size: 519, .. })), "{path}");
    }
    for height in [0, 31] {
        assert_eq!(disk.restore(height).unwrap_err(), RestoreError::Height { height });
    }
}

#[test]
fn two_histories_of_one_key_are_refused() {
    let sign = |tree: Tree| Some(Note::new(tree.to_string()).unwrap().signed(&signer()).to_string());
    let mut disk = Disk::default();
    let log = disk.restore(8).unwrap();
    disk.append(log, &batch(0, 519, ""), None).unwrap();
    for size in [1, 256, 300, 519] {
        let other = Disk { remembered: sign(Tree { size, hash: Hash::EMPTY }), ..disk.clone() };
        let needed = Leaves::of((0..519).map(|id| text(id, "").hash()));
        let mut files = other.files.clone();
        // The tiles that show it are full, or those of the edge.
        let tiles = Tiles::of(&needed, 8, 519);
        for tile in Tile::added(8, 0, 519) {
            files.insert(tile, tiles.read(tile));
        }
        let refused = Disk { files, ..other }.restore(8).unwrap_err();
        assert_eq!(refused, RestoreError::Forked { older: size, newer: 519 });
    }
    let stranger = Signer::from_seed(sumdb::note::Name::parse("other").unwrap(), &[1; 32]);
    let note = Note::new(Tree::EMPTY.to_string()).unwrap().signed(&stranger).to_string();
    let restored = Disk { remembered: Some(note), ..disk }.restore(8).unwrap_err();
    assert!(matches!(restored, RestoreError::Head { which: "remembered", .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_log_is_the_same_however_its_records_come(height in 1_u8..5, cuts in prop::collection::vec(1_u64..30, 1..6)) {
        let size: u64 = cuts.iter().sum();
        let (mut disk, mut from) = (Disk::default(), 0);
        let mut log = disk.restore(height).unwrap();
        for cut in cuts {
            log = disk.append(log, &batch(from, from + cut, ""), None).unwrap();
            from += cut;
        }
        let mut at_once = Disk::default();
        let whole = at_once.restore(height).unwrap();
        let whole = at_once.append(whole, &batch(0, size, ""), None).unwrap();
        prop_assert_eq!(log.head(), whole.head());
        for (tile, bytes) in &at_once.files {
            prop_assert_eq!(&disk.files[tile], bytes);
        }
    }
}
