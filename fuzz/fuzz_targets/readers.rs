//! Every reader of foreign bytes: none panics, and what is read is written as it was.
#![no_main]

use fuzz::{module, signer};
use libfuzzer_sys::fuzz_target;
use sumdb::client::{Client, Evidence};
use sumdb::record::LookupAnswer;
use sumdb::{Hash, Note, Record, Signer, Spec, Tile, Tree, Verifier};

fuzz_target!(|bytes: &[u8]| {
    let key = signer().verifier().clone();
    if let Ok(note) = Note::open(bytes, std::slice::from_ref(&key)) {
        let again = Note::open(note.to_string().as_bytes(), std::slice::from_ref(&key)).unwrap();
        assert_eq!(again.text(), note.text());
    }
    let _ = Client::new(key.clone(), bytes).map(|client| client.newest().note().len());
    if let Ok((record, rest)) = Record::parse(bytes) {
        let _ = record.sums(&module(0)).map_err(|error| error.to_string());
        let written = [record.to_string().as_bytes(), rest].concat();
        assert_eq!(Record::parse(&written), Ok((record, rest)));
    }
    let _ = LookupAnswer::parse(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(tree) = Tree::parse(text) {
        assert_eq!(Tree::parse(&tree.to_string()), Ok(tree));
    }
    if let Ok(hash) = Hash::parse(text) {
        // As in Go, bits of the last letter that mean nothing may be anything.
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
    }
    if let Ok(tile) = Tile::parse(text) {
        assert_eq!(tile.to_string(), text);
        let _ = (tile.parent(), tile.root(), tile.node(0), tile.in_tree(u64::MAX), tile.size_bytes());
    }
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(Verifier::parse(&verifier.to_string()), Ok(verifier));
    }
    let _ = Signer::parse(text).map(|signer| signer.reveal());
    let _ = Spec::parse(text).map(|spec| spec.name().len());
    if let Ok(evidence) = Evidence::parse(text) {
        let _ = evidence.check(&key);
        assert_eq!(Evidence::parse(&evidence.to_string()), Ok(evidence));
    }
});
