//! What holds for all bytes: no reader panics, and writing is the inverse of reading.

use std::sync::Arc;

use proptest::prelude::*;
use sumdb::client::{Evidence, Latest, Lookup, Step, Task};
use sumdb::log::Restore;
use sumdb::note::Name;
use sumdb::record::{LookupAnswer, check_records};
use sumdb::{Client, Hash, Note, Record, Signer, Spec, Tile, Tree, Verifier};

use crate::note::{PETER, TEST, TEST_SIGNER, verifier};
use crate::record::module;

/// Bytes, most of which are nearly what is read.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[a-z0-9+/=\n \u{2014}.-]{0,200}".prop_map(String::into_bytes),
        mangled(),
    ]
}

/// A well-formed answer to a lookup with a byte changed, put in or taken out.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    (any::<prop::sample::Index>(), any::<u8>(), 0..3).prop_map(|(at, byte, how)| {
        let mut bytes = answer();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        bytes
    })
}

fn record() -> Record {
    Record::new(0, "example.com/m v1.0.0 h1:a\nexample.com/m v1.0.0/go.mod h1:b\n".to_owned()).unwrap()
}

fn answer() -> Vec<u8> {
    let tree = Tree { size: 1, hash: record().hash() };
    let note = Note::new(tree.to_string()).unwrap().signed(&Signer::parse(TEST_SIGNER).unwrap());
    format!("{}{note}", record()).into_bytes()
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in bytes()) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = Note::open(&bytes, &[verifier(TEST), verifier(PETER)]).map_err(|error| error.to_string());
        let _ = Verifier::parse(&text).map_err(|error| error.to_string());
        let _ = Signer::parse(&text).map_err(|error| error.to_string());
        let _ = Spec::parse(&text).map_err(|error| error.to_string());
        let _ = Tree::parse(&text);
        let _ = Hash::parse(&text);
        let _ = Tile::parse(&text);
        let _ = Evidence::parse(&text).map(|evidence| evidence.check(&verifier(TEST)).is_ok());
        let _ = Client::new(verifier(TEST), &bytes).map_err(|error| error.to_string());
        let signer = Signer::parse(TEST_SIGNER).unwrap();
        let _ = Restore::new(signer, 8, Some(&bytes), Some(&bytes)).map(|restore| restore.needs());
        if let Ok((record, rest)) = Record::parse(&bytes) {
            let _ = record.sums(&module("example.com/m", "v1.0.0"));
            let written = [record.to_string().as_bytes(), rest].concat();
            prop_assert_eq!(Record::parse(&written), Ok((record, rest)));
        }
    }

    #[test]
    fn no_answer_makes_a_lookup_panic_or_lie(bytes in bytes(), tile in prop::collection::vec(any::<u8>(), 0..70), honest in any::<bool>()) {
        let mut client = Client::new(verifier(TEST), b"").unwrap();
        let Ok(mut task) = Lookup::new(&client, module("example.com/m", "v1.0.0"), &bytes) else { return Ok(()) };
        let tile: Arc<[u8]> = if honest { record().hash().0.into() } else { tile.into() };
        for _ in 0..8 {
            match task.step(&mut client, &|_| None) {
                Err(_) => break,
                Ok(Step::Bring(tiles) | Step::BringAnew(tiles)) => tiles.into_iter().for_each(|name| task.bring(name, tile.clone())),
                Ok(Step::Keep(head)) => client.kept(&head),
                Ok(Step::Done(authentic)) => {
                    prop_assert_eq!(authentic.record(), &record());
                    break;
                }
            }
        }
    }

    #[test]
    fn a_note_is_read_as_it_is_written(text in "([^\u{0}-\u{1f}]{0,20}\n){1,4}", seed in any::<[u8; 32]>(), name in "[a-z.]{1,9}") {
        let signer = Signer::from_seed(Name::parse(&name).unwrap(), &seed);
        let (key, other) = (signer.verifier().clone(), Signer::parse(TEST_SIGNER).unwrap());
        let note = Note::new(text.clone()).unwrap().signed(&signer).signed(&other);
        let opened = Note::open(note.to_string().as_bytes(), std::slice::from_ref(&key)).unwrap();
        prop_assert_eq!(opened.text(), text.as_str());
        prop_assert_eq!((opened.verified().len(), opened.unknown().len()), (1, 1));
        prop_assert_eq!(opened.to_string(), note.to_string());
        prop_assert_eq!(Verifier::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn tree_heads_and_hashes_are_read_as_they_are_written(size in 0..=sumdb::tree::MAX_SIZE, hash in any::<[u8; 32]>()) {
        let tree = Tree { size, hash: Hash(hash) };
        prop_assert_eq!(Tree::parse(&tree.to_string()), Ok(tree));
        prop_assert_eq!(Hash::parse(&tree.hash.to_string()), Ok(tree.hash));
    }
}

#[test]
fn an_honest_answer_is_what_the_mangled_ones_are_made_of() {
    let mut client = Client::new(verifier(TEST), b"").unwrap();
    assert!(LookupAnswer::parse(&answer()).is_ok());
    let mut task = Lookup::new(&client, module("example.com/m", "v1.0.0"), &answer()).unwrap();
    let Ok(Step::Bring(tiles)) = task.step(&mut client, &|_| None) else { panic!("nothing to bring") };
    task.bring(tiles[0], record().hash().0.into());
    let Ok(Step::Keep(head)) = task.step(&mut client, &|_| None) else { panic!("nothing to keep") };
    client.kept(&head);
    let Ok(Step::Done(authentic)) = task.step(&mut client, &|_| None) else { panic!("not done") };
    assert_eq!((authentic.record(), tiles.len()), (&record(), 1));
    let head = client.open(client.newest().note().as_bytes()).unwrap();
    assert!(matches!(Latest::new(head).step(&mut client, &|_| None), Ok(Step::Done(_))));
    let proven = task.fresh()[0].clone();
    assert!(check_records(Tile::parse("tile/8/data/000.p/1").unwrap(), b"x\n\n", &proven).is_err());
}
