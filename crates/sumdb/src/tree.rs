//! The tree over the records of a log: its head as text, its nodes, and proofs.
//!
//! ```text
//!                 (3,0)                 level 3
//!         ┌─────────┴─────────┐
//!       (2,0)               (2,1)       level 2
//!     ┌───┴───┐           ┌───┴───┐
//!   (1,0)   (1,1)       (1,2)   (1,3)   level 1
//!   ┌─┴─┐   ┌─┴─┐       ┌─┴─┐   ┌─┴─┐
//!   0   1   2   3       4   5   6   7   level 0: records
//! ```
//!
//! Why this shape: a node is named by its level and its number there, and names a hash that never changes once its
//! records are there. Everything else (the hash of a tree, both kinds of proof) is made of ranges of records, each
//! the shortest list of nodes that cover it; so a maker of proofs only needs to be able to look nodes up, and says
//! beforehand which.
//! What it promises: sizes up to 2^63 - 1 in every function, no panic. (Go cannot compute with more than 2^62.)
//!
//! The rules come from RFC 6962 section 2.1 and x/mod `sumdb/tlog`.

use std::fmt;

use crate::hash::Hash;

mod node;
mod proof;

pub use node::{Node, hash_of, nodes_of, stored_hash_count};
pub use proof::{ProofError, RecordProof, TreeProof};

/// The largest number of records of a log: Go counts them in 63 bits.
pub const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// The longest text of a tree head that is read, in bytes (x/mod `tlog.ParseTree`).
pub const MAX_TEXT_BYTES: usize = 1_000_000;

const FIRST_LINE: &str = "go.sum database tree";

/// A tree head: how many records a log has, and the hash over all of them (x/mod `tlog.Tree`).
///
/// ```text
/// go.sum database tree
/// 2
/// nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tree {
    /// The number of records, at most [`MAX_SIZE`].
    pub size: u64,
    /// The hash of the tree's root.
    pub hash: Hash,
}

/// A text is not a tree head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed tree note")]
pub struct MalformedTree;

impl Tree {
    /// The tree without records.
    pub const EMPTY: Tree = Tree { size: 0, hash: Hash::EMPTY };

    /// Reads the text of a note as a tree head (x/mod `tlog.ParseTree`). Lines after the third are passed over.
    pub fn parse(text: &str) -> Result<Self, MalformedTree> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(MalformedTree);
        }
        let mut lines = text.splitn(4, '\n');
        let (Some(FIRST_LINE), Some(size), Some(hash), Some(_)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(MalformedTree);
        };
        let canonical = |number: &u64| *number <= MAX_SIZE && number.to_string() == size;
        let size = size.parse().ok().filter(canonical).ok_or(MalformedTree)?;
        Ok(Self { size, hash: Hash::parse(hash).map_err(|_| MalformedTree)? })
    }
}

/// The text as it is signed (x/mod `tlog.FormatTree`).
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\n{}\n{}", self.size, self.hash)
    }
}
