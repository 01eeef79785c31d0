//! A record with what proves it, in a form that other tools can check.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra ZXhhbXBsZS5jb20vbSB2MS4wLjAgaDE6…             the text of the record, in base64
//! index 302                                           its number
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=        the hashes beside the way up, the lowest first
//! …
//!
//! go.sum database tree                                the signed tree head, as the database gave it
//! 517
//! nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=
//!
//! — sum.example.org AAAMZ5/2FVAdMH58…
//! ```
//!
//! Why this shape: it is the format of C2SP "tlog-proof", whose checkpoints are what a checksum database signs, so that no
//! format has to be invented. Who checks it takes SHA-256(0x00, text) for the hash of the record (RFC 6962 section 2.1),
//! and the verifier key from somewhere else than here.
//! What it promises: what is printed has been checked, once by the verifying client and once as it stands here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gomod::ModuleVersion;
use serde::Serialize;
use sumdb::client::Head;
use sumdb::record::Sums;
use sumdb::tree::{ProofError, RecordProof};
use sumdb::{Hash, Record};

use crate::audit::Seen;
use crate::database::{Database, Fault};

/// A record, and the tree that it was proven in.
#[derive(Clone, Debug)]
pub struct Proof {
    module: ModuleVersion,
    record: Record,
    sums: Sums,
    head: Head,
    hashes: RecordProof,
}

/// A proof for scripts: all that the text has, and what follows from it.
#[derive(Serialize)]
struct Parts<'p> {
    module: String,
    zip: String,
    go_mod: String,
    index: u64,
    record: &'p str,
    leaf: String,
    tree: Seen,
    note: &'p str,
    proof: Vec<String>,
}

impl Proof {
    /// Looks a module version up, and proves its record in the newest tree.
    ///
    /// # Errors
    /// As [`Database::lookup`].
    pub async fn of(database: &Database, module: &ModuleVersion) -> Result<Self, Fault> {
        let found = database.lookup(module).await?;
        let (record, head) = (found.record, database.head());
        let (tree, id) = (*head.tree(), record.id());
        let wrong = |cause: ProofError| Fault::Proof { id, cause };
        let nodes = RecordProof::nodes(tree.size, id).map_err(wrong)?;
        let tiles = database.nodes(&head, &nodes).await?;
        let hashes = RecordProof::make(tree.size, id, |node| tiles.hash(node)).map_err(wrong)?;
        hashes.check(&tree, id, &record.hash()).map_err(wrong)?;
        Ok(Self { module: module.clone(), record, sums: found.sums, head, hashes })
    }

    /// The module version.
    pub fn module(&self) -> &ModuleVersion {
        &self.module
    }

    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What it says.
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The tree that it was proven in.
    pub fn head(&self) -> &Head {
        &self.head
    }
}

/// The text as it is laid out above.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "c2sp.org/tlog-proof@v1\nextra {}", BASE64.encode(self.record.text()))?;
        writeln!(f, "index {}", self.record.id())?;
        self.hashes.0.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.head.note())
    }
}

impl Serialize for Proof {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            module: self.module.to_string(),
            zip: self.sums.zip.to_string(),
            go_mod: self.sums.go_mod.to_string(),
            index: self.record.id(),
            record: self.record.text(),
            leaf: self.record.hash().to_string(),
            tree: Seen::of(self.head.tree()),
            note: self.head.note(),
            proof: self.hashes.0.iter().map(Hash::to_string).collect(),
        };
        parts.serialize(serializer)
    }
}
