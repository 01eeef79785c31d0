//! Evidence of a fork, which anyone can check who has the database's key.
//!
//! The text is laid out as that of the go command, so that what its users report and what is kept here can be compared:
//!
//! ```text
//! SECURITY ERROR
//! go.sum database server misbehavior detected!
//!
//! old database:
//!         go.sum database tree
//!         5
//!         …
//! new database:
//!         …
//! proof of misbehavior:
//!         T7i+H/8ER4nXOiw4Bj0koZOkGjkxoNvlI34GpvhHhQg=
//!         …
//! ```
//!
//! The proof is first the hash that the newer tree has over as many records as the older one has, and then the hashes which
//! show that it has it (x/mod `sumdb.Client.checkTrees`).

use std::fmt;

use super::{ClientError, Head};
use crate::hash::Hash;
use crate::note::Verifier;
use crate::tree::{Tree, TreeProof};

const HEADING: &str = "SECURITY ERROR\ngo.sum database server misbehavior detected!\n\n";
const OLDER: &str = "old database:\n\t";
const NEWER: &str = "\nnew database:\n\t";
const PROOF: &str = "\nproof of misbehavior:\n\t";

/// Two tree heads, signed by one key, of which the larger does not continue the smaller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    older: String,
    newer: String,
    /// What the newer tree has where the older one says otherwise.
    hash: Hash,
    proof: TreeProof,
}

/// Why evidence proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The text is not that of evidence.
    #[error("malformed evidence")]
    Malformed,
    /// One of the tree heads is not signed by the key.
    #[error("a tree head in the evidence is not the database's")]
    NotSigned(#[source] Box<ClientError>),
    /// The trees do not contradict each other, or that is not shown.
    #[error("the evidence does not show a fork")]
    NoFork,
}

impl Evidence {
    pub(super) fn new(older: &str, newer: &str, hash: Hash, proof: Vec<Hash>) -> Self {
        Self { older: older.to_owned(), newer: newer.to_owned(), hash, proof: TreeProof(proof) }
    }

    /// The signed note of the smaller tree.
    pub fn older(&self) -> &str {
        &self.older
    }

    /// The signed note of the larger tree.
    pub fn newer(&self) -> &str {
        &self.newer
    }

    /// Checks that the owner of this key has signed two trees of which neither continues the other. Nothing else is
    /// needed, least of all the database.
    pub fn check(&self, verifier: &Verifier) -> Result<(), EvidenceError> {
        let open = |note: &str| {
            let head = Head::open(verifier, note.as_bytes());
            head.map(|head| head.tree).map_err(|error| EvidenceError::NotSigned(Box::new(error)))
        };
        let (older, newer) = (open(&self.older)?, open(&self.newer)?);
        let shown = if older.size == 0 {
            // A tree without records has one hash: to sign another one needs no second tree to be wrong.
            self.hash == Hash::EMPTY
        } else {
            self.proof.check(&newer, &Tree { size: older.size, hash: self.hash }).is_ok()
        };
        if shown && self.hash != older.hash { Ok(()) } else { Err(EvidenceError::NoFork) }
    }

    /// Reads evidence as it is printed; [`Evidence::check`] then says whether it is any.
    pub fn parse(text: &str) -> Result<Self, EvidenceError> {
        Self::read(text).ok_or(EvidenceError::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(HEADING)?.strip_prefix(OLDER)?;
        // Lines of notes are indented, so these are not inside of one.
        let (older, rest) = rest.split_once(NEWER)?;
        let (newer, proof) = rest.split_once(PROOF)?;
        let proof = proof.strip_suffix('\n').unwrap_or(proof);
        let mut hashes = proof.split("\n\t").map(Hash::parse);
        let hash = hashes.next()?.ok()?;
        let proof = hashes.collect::<Result<Vec<_>, _>>().ok()?;
        Some(Self::new(&outdent(older), &outdent(newer), hash, proof))
    }
}

fn indent(note: &str) -> String {
    note.replace('\n', "\n\t")
}

fn outdent(text: &str) -> String {
    text.replace("\n\t", "\n")
}

/// The text that is kept and shown; [`Evidence::parse`] reads it.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (older, newer) = (indent(&self.older), indent(&self.newer));
        write!(f, "{HEADING}{OLDER}{older}{NEWER}{newer}{PROOF}{}", self.hash)?;
        self.proof.0.iter().try_for_each(|hash| write!(f, "\n\t{hash}"))
    }
}
