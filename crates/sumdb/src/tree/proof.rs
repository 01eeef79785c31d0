//! Proofs that a tree has a record, and that a tree continues an older one.
//!
//! A proof is a list of hashes, each over a range of records beside the way from the root down to what is proven,
//! the lowest first. Both sides compute the ranges from the sizes alone.

use std::ops::Range;

use super::node::{Node, floor_log2, hash_of, nodes_of};
use super::{MAX_SIZE, Tree};
use crate::hash::Hash;

/// Why a proof cannot be made, or does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree does not reach that far, or is empty.
    #[error("nothing to prove: a tree of {size} records and {of}")]
    Inputs {
        /// The size of the tree.
        size: u64,
        /// The record's number, or the size of the older tree.
        of: u64,
    },
    /// The hash of a node is not at hand.
    #[error("the hash of node {node} is missing")]
    Missing {
        /// The node.
        node: Node,
    },
    /// The proof proves something else, or nothing.
    #[error("invalid transparency proof")]
    Failed,
}

/// A proof that a tree has a record (x/mod `tlog.RecordProof`; RFC 6962 calls it an audit path).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordProof(pub Vec<Hash>);

/// A proof that a tree begins with all records of an older one (x/mod `tlog.TreeProof`; RFC 6962 calls it a
/// consistency proof).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeProof(pub Vec<Hash>);

impl RecordProof {
    /// The nodes whose hashes the proof for record `id` in a tree of this size is made of.
    pub fn nodes(size: u64, id: u64) -> Result<Vec<Node>, ProofError> {
        Ok(record_ranges(size, id)?.into_iter().flat_map(nodes_of).collect())
    }

    /// Makes the proof (x/mod `tlog.ProveRecord`). `read` gives the hash of a node.
    pub fn make(size: u64, id: u64, read: impl Fn(Node) -> Option<Hash>) -> Result<Self, ProofError> {
        make(record_ranges(size, id)?, read).map(Self)
    }

    /// Checks that the tree has this hash as its record `id` (x/mod `tlog.CheckRecord`).
    pub fn check(&self, tree: &Tree, id: u64, record: &Hash) -> Result<(), ProofError> {
        let ranges = record_ranges(tree.size, id)?;
        if ranges.len() != self.0.len() {
            return Err(ProofError::Failed);
        }
        let mut hash = *record;
        for (range, beside) in ranges.into_iter().zip(&self.0) {
            hash = if range.start > id { Hash::of_node(&hash, beside) } else { Hash::of_node(beside, &hash) };
        }
        if hash == tree.hash { Ok(()) } else { Err(ProofError::Failed) }
    }
}

impl TreeProof {
    /// The nodes whose hashes the proof for a tree of `older` records in a tree of this size is made of.
    pub fn nodes(size: u64, older: u64) -> Result<Vec<Node>, ProofError> {
        Ok(tree_ranges(size, older)?.into_iter().flat_map(nodes_of).collect())
    }

    /// Makes the proof (x/mod `tlog.ProveTree`). `read` gives the hash of a node.
    pub fn make(size: u64, older: u64, read: impl Fn(Node) -> Option<Hash>) -> Result<Self, ProofError> {
        make(tree_ranges(size, older)?, read).map(Self)
    }

    /// Checks that the tree begins with all records of the older one (x/mod `tlog.CheckTree`).
    pub fn check(&self, tree: &Tree, older: &Tree) -> Result<(), ProofError> {
        let ranges = tree_ranges(tree.size, older.size)?;
        if ranges.len() != self.0.len() {
            return Err(ProofError::Failed);
        }
        let mut hashes = ranges.into_iter().zip(&self.0).peekable();
        // The part that both trees share at the end of the older one: all of it, or what the first hash is of.
        let shared =
            hashes.next_if(|(range, _)| range.end == older.size).map_or(older.hash, |(_, hash)| *hash);
        let (mut before, mut now) = (shared, shared);
        for (range, beside) in hashes {
            if range.start < older.size {
                before = Hash::of_node(beside, &before);
                now = Hash::of_node(beside, &now);
            } else {
                now = Hash::of_node(&now, beside);
            }
        }
        if before == older.hash && now == tree.hash { Ok(()) } else { Err(ProofError::Failed) }
    }
}

fn make(ranges: Vec<Range<u64>>, read: impl Fn(Node) -> Option<Hash>) -> Result<Vec<Hash>, ProofError> {
    let hashes = ranges.into_iter().map(|range| hash_of(range, &read));
    hashes.collect::<Result<_, _>>().map_err(|node| ProofError::Missing { node })
}

/// The largest power of two that is less than this number, which is 2 or more (RFC 6962 section 2.1).
fn split(number: u64) -> u64 {
    1 << floor_log2(number.saturating_sub(1))
}

/// The ranges beside the way to a record, the lowest first (x/mod `tlog.leafProofIndex`).
fn record_ranges(size: u64, id: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if id >= size || size > MAX_SIZE {
        return Err(ProofError::Inputs { size, of: id });
    }
    let (mut lo, mut hi) = (0, size);
    let mut ranges = Vec::new();
    while hi - lo > 1 {
        let middle = lo + split(hi - lo);
        if id < middle {
            ranges.push(middle..hi);
            hi = middle;
        } else {
            ranges.push(lo..middle);
            lo = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// The ranges beside the way to the end of an older tree, the lowest first; before them the range that ends there,
/// unless it is the whole older tree (x/mod `tlog.treeProofIndex`).
fn tree_ranges(size: u64, older: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if older == 0 || older > size || size > MAX_SIZE {
        return Err(ProofError::Inputs { size, of: older });
    }
    let (mut lo, mut hi) = (0, size);
    let mut ranges = Vec::new();
    while hi != older {
        let middle = lo + split(hi - lo);
        if older <= middle {
            ranges.push(middle..hi);
            hi = middle;
        } else {
            ranges.push(lo..middle);
            lo = middle;
        }
    }
    if lo != 0 {
        ranges.push(lo..hi);
    }
    ranges.reverse();
    Ok(ranges)
}
