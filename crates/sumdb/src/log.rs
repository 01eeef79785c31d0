//! A log of our own: appending records, and signing the tree over them.
//!
//! What this is for: a checksum database whose every answer a client can prove, made of static files: tiles, and one
//! signed note. What can go wrong is the order in which things reach the disk, so the order is made of types:
//!
//! ```text
//! Log ── stage(records) ──▶ Staged      files() must be durable
//!          ── written() ──▶ Written     the note is signed now, over durable tiles only
//!             ── sign() ──▶ Signed      head() must be durable beside the key, outside of the store
//!       ── remembered() ──▶ Remembered  head() must be durable as the store's newest head
//!        ── published() ──▶ Log         and only now is anybody told
//! ```
//!
//! Each arrow is the caller's word that what stands to its left is done. The log itself goes along, so nothing can be
//! staged twice; [`Staged::abandon`] gives it back after a failed write, as if nothing had been. After a failure that comes
//! later it is not known what is durable: the log is made again by a [`Restore`]. The file of a tile beyond the newest
//! signed head means nothing and is written over, never kept because it is there.
//! What it promises: one record for a path and a version for ever, as far as the caller's index knows; both lines in each;
//! no signature over a tree that does not continue the one before. [`Restore`] refuses to go on from a store
//! that lacks what the remembered head covers (a backup), rather than fork.
//! Not here: the index from module versions to records (it follows from the tiles of records), the lock against a second
//! writer (one of the store; and the remembered head is to be replaced only if it is still [`Signed::replaces`]), and
//! fetching what is to be logged.
//!
//! The rules come from RFC 6962 and x/mod `sumdb.ServerOps`, `tlog.StoredHashes`, `tlog.NewTiles`.

use std::fmt;

use gomod::ModuleVersion;

use crate::client::Head;

use crate::note::{Note, Signer};
use crate::record::{Record, Sums};
use crate::tile::Tile;
use crate::tree::Tree;

mod edge;
mod restore;
mod stage;

use edge::Edge;
pub use restore::{Restore, RestoreError};
pub use stage::{File, Refused, Remembered, Signed, Staged, Written};

/// A log that can be appended to: its key, its newest signed head, and what is not in full tiles yet.
#[derive(Clone)]
pub struct Log {
    signer: Signer,
    head: Head,
    edge: Edge,
}

/// What is to be logged: a module version and its hashes, verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRecord {
    /// The module version.
    pub module: ModuleVersion,
    /// Its hashes.
    pub sums: Sums,
}

impl Log {
    /// The key whose name the log has.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The newest head that was signed; one without a note for a log that never signed anything.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The number of records.
    pub fn size(&self) -> u64 {
        self.head.tree().size
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({} {:?})", self.signer.verifier().name(), self.head)
    }
}
