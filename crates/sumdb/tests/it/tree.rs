//! Trees, proofs and the places of nodes.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use sumdb::tree::{MAX_SIZE, ProofError, RecordProof, TreeProof, hash_of, nodes_of, stored_hash_count};
use sumdb::{Hash, Node, Tile, Tree};
use testkit::cases;
use testkit::cases::Case;

use crate::world::Leaves;

#[test]
fn nodes_are_stored_where_go_stores_them() {
    for case in cases!("tile_of_node") {
        let height = u8::try_from(case.number(0)).unwrap();
        let node = Node::from_stored_index(case.number(1)).unwrap();
        assert_eq!((u64::from(node.level()), node.number()), (case.number(2), case.number(3)), "{case}");
        assert_eq!(node.stored_index(), case.number(1), "{case}");
        assert_eq!(Tile::of_node(height, node).unwrap().to_string(), case.text(4), "{case}");
    }
}

#[test]
fn stored_hashes_are_counted_without_gaps() {
    let mut next = 0;
    for size in 0..300 {
        assert_eq!(stored_hash_count(size), next);
        let mut node = Node::of_record(size).unwrap();
        while node.end() == size + 1 {
            assert_eq!(node.stored_index(), next);
            assert_eq!(Node::from_stored_index(next), Some(node));
            next += 1;
            let Some(above) = Node::new(node.level() + 1, node.number() / 2) else { break };
            if above.end() != size + 1 {
                break;
            }
            node = above;
        }
    }
}

#[test]
fn hashes_and_proofs_are_those_of_go() {
    let leaves = Leaves::new(700);
    let read = |node: Node| leaves.hash(node);
    for case in cases!("tree") {
        let size = case.number(1);
        match case.word(0) {
            "hash" => assert_eq!(hash_of(0..size, read).unwrap().to_string(), case.text(2), "{case}"),
            "record" => {
                let proof = RecordProof::make(size, case.number(2), read).unwrap();
                assert_digest(&proof.0, &case);
                let nodes = RecordProof::nodes(size, case.number(2)).unwrap();
                let only = |node: Node| nodes.contains(&node).then(|| leaves.hash(node)).flatten();
                assert_eq!(RecordProof::make(size, case.number(2), only), Ok(proof), "{case}");
            }
            "tree" => {
                let proof = TreeProof::make(size, case.number(2), read).unwrap();
                assert_digest(&proof.0, &case);
                let nodes = TreeProof::nodes(size, case.number(2)).unwrap();
                let only = |node: Node| nodes.contains(&node).then(|| leaves.hash(node)).flatten();
                assert_eq!(TreeProof::make(size, case.number(2), only), Ok(proof), "{case}");
            }
            "check-record" => check_record(&leaves, &case),
            "check-tree" => check_tree(&leaves, &case),
            other => panic!("{other}"),
        }
    }
}

fn assert_digest(hashes: &[Hash], case: &Case) {
    let mut sha256 = Sha256::new();
    for hash in hashes {
        sha256.update(hash.0);
    }
    let digest = Hash(sha256.finalize().into());
    let count = u64::try_from(hashes.len()).unwrap();
    assert_eq!((count, digest.to_string().as_str()), (case.number(3), case.text(4)), "{case}");
}

fn check_record(leaves: &Leaves, case: &Case) {
    let (size, id) = (case.number(1), case.number(2));
    let proof = RecordProof::make(size, id, |node| leaves.hash(node)).unwrap();
    let record = leaves.hash(Node::of_record(id).unwrap()).unwrap();
    let mut changed = Changed { proof: proof.0, tree: leaves.tree(size), of: id, hash: record };
    let verdict = changed
        .apply(case.word(3))
        .and_then(|()| RecordProof(changed.proof).check(&changed.tree, changed.of, &changed.hash).ok());
    assert_eq!(verdict.is_some(), case.is_ok(4), "{case}");
}

fn check_tree(leaves: &Leaves, case: &Case) {
    let (size, older) = (case.number(1), case.number(2));
    let proof = TreeProof::make(size, older, |node| leaves.hash(node)).unwrap();
    let hash = leaves.tree(older).hash;
    let mut changed = Changed { proof: proof.0, tree: leaves.tree(size), of: older, hash };
    let verdict = changed.apply(case.word(3)).and_then(|()| {
        let older = Tree { size: changed.of, hash: changed.hash };
        TreeProof(changed.proof).check(&changed.tree, &older).ok()
    });
    assert_eq!(verdict.is_some(), case.is_ok(4), "{case}");
}

/// A proof and what it is of, to be changed as the generator does.
struct Changed {
    proof: Vec<Hash>,
    tree: Tree,
    of: u64,
    hash: Hash,
}

impl Changed {
    /// `None` if a number would become negative, which no proof is of.
    fn apply(&mut self, change: &str) -> Option<()> {
        let proof = &mut self.proof;
        match change {
            "size+1" => self.tree.size += 1,
            "size-1" => self.tree.size -= 1,
            "of+1" => self.of += 1,
            "of-1" => self.of = self.of.checked_sub(1)?,
            "first" => drop(proof.drain(..proof.len().min(1))),
            "last" => drop(proof.pop()),
            "twice" => proof.extend(proof.last().copied()),
            "flip0" | "flip1" | "flip5" => {
                let at: usize = change[4..].parse().unwrap();
                proof.get_mut(at).into_iter().for_each(|hash| hash.0[0] ^= 1);
            }
            "swap" if proof.len() > 1 => proof.swap(0, 1),
            "none" | "swap" => {}
            "hash" => self.hash.0[31] ^= 1,
            "root" => self.tree.hash.0[31] ^= 1,
            "empty" => proof.clear(),
            other => panic!("{other}"),
        }
        Some(())
    }
}

#[test]
fn nothing_is_proven_of_what_is_not_there() {
    let none = |_: Node| None;
    assert_eq!(RecordProof::make(0, 0, none), Err(ProofError::Inputs { size: 0, of: 0 }));
    assert_eq!(RecordProof::make(5, 5, none), Err(ProofError::Inputs { size: 5, of: 5 }));
    assert_eq!(TreeProof::make(5, 0, none), Err(ProofError::Inputs { size: 5, of: 0 }));
    assert_eq!(TreeProof::make(5, 6, none), Err(ProofError::Inputs { size: 5, of: 6 }));
    assert_eq!(RecordProof::make(u64::MAX, 6, none), Err(ProofError::Inputs { size: u64::MAX, of: 6 }));
    let missing = RecordProof::make(2, 0, none);
    assert_eq!(missing, Err(ProofError::Missing { node: Node::of_record(1).unwrap() }));
    assert!(RecordProof(Vec::new()).check(&Tree::EMPTY, 0, &Hash::EMPTY).is_err());
    assert!(TreeProof(Vec::new()).check(&Tree::EMPTY, &Tree::EMPTY).is_err());
}

#[test]
fn the_largest_tree_can_be_reckoned_with() {
    assert_eq!(nodes_of(0..MAX_SIZE).len(), 63);
    assert_eq!(nodes_of(0..u64::MAX).len(), 63);
    assert_eq!(RecordProof::nodes(MAX_SIZE, MAX_SIZE - 1).unwrap().len(), 62);
    assert!(Node::new(62, 0).is_some() && Node::new(62, 1).is_none() && Node::new(63, 0).is_none());
    assert!(Node::of_record(MAX_SIZE - 1).is_some() && Node::of_record(MAX_SIZE).is_none());
    let last = Node::of_record(MAX_SIZE - 1).unwrap();
    assert_eq!(Node::from_stored_index(last.stored_index()), Some(last));
    assert_eq!(Node::from_stored_index(u64::MAX), None);
    for height in 1..=30 {
        assert!(Tile::of_node(height, last).unwrap().in_tree(MAX_SIZE).is_some(), "{height}");
        assert!(!Tile::edge(height, MAX_SIZE).is_empty());
    }
}

proptest! {
    #[test]
    fn a_node_is_found_where_it_is_stored(level in 0_u8..64, number in any::<u64>(), shift in 0_u32..64, index in any::<u64>()) {
        if let Some(node) = Node::new(level, number >> shift) {
            prop_assert_eq!(Node::from_stored_index(node.stored_index()), Some(node));
        }
        if let Some(node) = Node::from_stored_index(index >> shift) {
            prop_assert_eq!(node.stored_index(), index >> shift);
        }
    }

    #[test]
    fn proofs_hold_for_trees_of_any_size(size in 1_u64..600, at in any::<prop::sample::Index>()) {
        let leaves = Leaves::new(size);
        let id = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let read = |node: Node| leaves.hash(node);
        let (tree, record) = (leaves.tree(size), read(Node::of_record(id).unwrap()).unwrap());
        prop_assert_eq!(RecordProof::make(size, id, read).unwrap().check(&tree, id, &record), Ok(()));
        let older = leaves.tree(id + 1);
        prop_assert_eq!(TreeProof::make(size, id + 1, read).unwrap().check(&tree, &older), Ok(()));
    }

    #[test]
    fn checking_a_proof_never_panics(size in any::<u64>(), of in any::<u64>(), count in 0_usize..70) {
        let (tree, hashes) = (Tree { size, hash: Hash::EMPTY }, vec![Hash::EMPTY; count]);
        let _ = RecordProof(hashes.clone()).check(&tree, of, &Hash::EMPTY);
        let _ = TreeProof(hashes).check(&tree, &Tree { size: of, hash: Hash::EMPTY });
        let _ = hash_of(0..size, |_| Some(Hash::EMPTY));
    }
}
