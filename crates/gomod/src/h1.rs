//! The `h1:` hash of go.sum lines and checksum database records.
//!
//! What this is for: one 32-byte value says whether two copies of a module, or of its go.mod, are the same. It is the
//! SHA-256 of a list with one line a file (`<hex SHA-256 of the content>  <name>\n`, sorted by name as bytes), so
//! it depends on names and contents only, never on how a zip was packed.
//! What is deliberately not here: reading zips ([`crate::zip`] does, and makes the [`H1`] on the way).
//!
//! The rules come from x/mod `sumdb/dirhash` (`Hash1`) and cmd/go `modfetch.goModSum`.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::quote::quoted;

/// The SHA-256 of a file's content.
pub type ContentHash = [u8; 32];

/// An h1 hash, written `h1:` and the standard base64 of its 32 bytes:
/// `h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=` is the hash of no files at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct H1([u8; 32]);

/// Why a text is not an h1 hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum H1Error {
    /// Another algorithm, or none, is named before the colon.
    #[error("hash does not begin with \"h1:\"")]
    Algorithm,
    /// What follows `h1:` is not the standard, padded base64 of 32 bytes.
    #[error("hash is not the base64 of 32 bytes")]
    Base64,
}

/// A name with a line feed cannot be listed, so there is no h1 hash of such a file (x/mod `dirhash.Hash1`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("file names with newlines have no h1 hash: {}", quoted(name))]
pub struct NewlineInName {
    /// The name.
    pub name: String,
}

impl H1 {
    /// Reads `h1:<base64>`. Only the one canonical spelling of a hash is accepted.
    pub fn parse(text: &str) -> Result<Self, H1Error> {
        let encoded = text.strip_prefix("h1:").ok_or(H1Error::Algorithm)?;
        let mut bytes = [0; 33];
        match BASE64.decode_slice(encoded, &mut bytes) {
            Ok(32) => bytes.first_chunk().map(|hash| Self(*hash)).ok_or(H1Error::Base64),
            _ => Err(H1Error::Base64),
        }
    }

    /// The hash of a go.mod file, the `<path> <version>/go.mod` line of go.sum: a list of one file named `go.mod`.
    pub fn of_mod(content: &[u8]) -> Self {
        Self::of_mod_hash(&Sha256::digest(content).into())
    }

    /// As [`H1::of_mod`], from the SHA-256 of the file.
    pub fn of_mod_hash(content: &ContentHash) -> Self {
        let mut list = List::default();
        list.line("go.mod", content);
        list.finish()
    }

    /// The hash of a set of files, given by full name (`<module>@<version>/<path>`) and SHA-256, in any order.
    /// A name given twice is listed twice.
    pub fn of_files<N: AsRef<str>>(mut files: Vec<(N, ContentHash)>) -> Result<Self, NewlineInName> {
        if let Some((name, _)) = files.iter().find(|(name, _)| name.as_ref().contains('\n')) {
            return Err(NewlineInName { name: name.as_ref().to_owned() });
        }
        files.sort_unstable_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
        let mut list = List::default();
        for (name, content) in &files {
            list.line(name.as_ref(), content);
        }
        Ok(list.finish())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The list that an h1 hash is the SHA-256 of, hashed while it is written.
#[derive(Default)]
struct List {
    sha256: Sha256,
    line: String,
}

impl List {
    fn line(&mut self, name: &str, content: &ContentHash) {
        self.line.clear();
        for byte in content {
            // Writing to a String cannot fail.
            let _ = write!(self.line, "{byte:02x}");
        }
        self.line.push_str("  ");
        self.line.push_str(name);
        self.line.push('\n');
        self.sha256.update(&self.line);
    }

    fn finish(self) -> H1 {
        H1(self.sha256.finalize().into())
    }
}

impl fmt::Display for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h1:{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for H1 {
    type Err = H1Error;

    fn from_str(text: &str) -> Result<Self, H1Error> {
        Self::parse(text)
    }
}

impl Serialize for H1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for H1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}
