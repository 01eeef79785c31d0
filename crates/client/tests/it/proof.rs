//! Proofs of single records, checked again as they stand.

use client::Proof;
use client::database::Class;
use sumdb::tree::RecordProof;
use sumdb::{Hash, Note, Tree};
use testkit::Database;
use testkit::database::{History, synthetic_module};

use crate::world::client_of;

fn module(id: u64) -> gomod::ModuleVersion {
    let (path, version) = synthetic_module(id);
    let version = gomod::Version::parse(&version).unwrap();
    gomod::ModuleVersion::new(gomod::ModulePath::parse(path).unwrap(), version).unwrap()
}

#[tokio::test]
async fn a_proof_has_all_that_another_needs() {
    for (size, id) in [(1, 0), (2, 1), (255, 254), (256, 0), (257, 256), (519, 300), (700, 699)] {
        let database = Database::of(History::synthetic(size)).await;
        let proof = Proof::of(&client_of(&database), &module(id)).await.unwrap();
        let text = proof.to_string();
        let (head, note) = text.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
        assert!(lines.next().unwrap().starts_with("extra "));
        assert_eq!(lines.next(), Some(&*format!("index {id}")));
        let hashes = RecordProof(lines.map(|line| Hash::parse(line).unwrap()).collect());
        let note = Note::open(note.as_bytes(), &[database.verifier()]).unwrap();
        let tree = Tree::parse(note.text()).unwrap();
        assert_eq!(tree.size, size);
        let leaf = Hash::of_record(database.truth().text(id).as_bytes());
        hashes.check(&tree, id, &leaf).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_proven_of_a_version_that_is_not_recorded() {
    let database = Database::of(History::synthetic(300)).await;
    let client = client_of(&database);
    assert_eq!(Proof::of(&client, &module(300)).await.unwrap_err().class(), Class::Absent);
    database.on("/tile/8/0/000").bytes(vec![1; 8192]);
    assert_eq!(Proof::of(&client, &module(7)).await.unwrap_err().class(), Class::Wrong);
    database.on("/tile/8/0/000").status(502);
    assert_eq!(Proof::of(&client, &module(7)).await.unwrap_err().class(), Class::Unreachable);
}
