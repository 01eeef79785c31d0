//! The hashes of a log's tree, as RFC 6962 section 2.1 makes them.
//!
//! A record and an inner node are told apart by the first byte that is hashed, so that no record can pass for a node.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::b64;

/// The size of a hash in bytes (x/mod `tlog.HashSize`).
pub const HASH_BYTES: usize = 32;

/// The hash of a record, of a node, or of a whole tree; written as base64:
/// `47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=` is that of the empty tree (x/mod `tlog.Hash`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// A text is not the base64 of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed hash")]
pub struct MalformedHash;

impl Hash {
    /// The hash of the tree without records: the SHA-256 of nothing (RFC 6962 section 2.1).
    pub const EMPTY: Hash = Hash([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// Reads the base64 of a hash (x/mod `tlog.ParseHash`).
    pub fn parse(text: &str) -> Result<Self, MalformedHash> {
        let bytes = b64::decode(text).ok_or(MalformedHash)?;
        <[u8; HASH_BYTES]>::try_from(bytes).map(Self).map_err(|_| MalformedHash)
    }

    /// The hash of a record's text: SHA-256(0x00, text) (x/mod `tlog.RecordHash`).
    pub fn of_record(text: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(text).finalize().into())
    }

    /// The hash of a node with these two below it: SHA-256(0x01, left, right) (x/mod `tlog.NodeHash`).
    pub fn of_node(left: &Hash, right: &Hash) -> Self {
        Self(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64::encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
