//! Signed notes: a text with signatures below it, the form in which a checksum database says anything.
//!
//! ```text
//! go.sum database tree
//! 302
//! nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=
//!
//! — sum.example.org AAAMZ5/2FVAdMH58kmnz/0h299pwyskEbzDzoa2/YaPdhvLya4YWDFQQxu2TQb5GpwAH4NdWnTwuhILafisyf3CNbgg=
//! ```
//!
//! Why this shape: the only way to a [`Note`] with verified signatures is [`Note::open`]; signatures by keys that are
//! not known are kept, so that a note can be passed on, or be signed once more, without loss.
//! What it promises: the verdicts of x/mod `sumdb/note`, with two exceptions, both refusals of what no honest key
//! can make. A verifier key that is no point of its curve, or one of small order, is refused when it is read, where
//! Go refuses all its signatures later. A signature whose first half is a point of small order is refused, where Go
//! accepts it: Ed25519 makes such a one only from the nonce 0, which is never the output of its hash, so only
//! the owner of the key can contrive it (`verify_strict` of ed25519-dalek).
//! Not here: what texts mean. [`crate::tree`] reads tree heads.
//!
//! The rules come from x/mod `sumdb/note`.

use std::fmt;

mod key;
mod open;
mod sign;

pub use key::{KeyError, KeyHash, Name, NameError, Signer, Verifier};
pub use open::NoteError;
pub use sign::SignError;

/// The largest number of signatures of a note that is read (x/mod `note.Open`).
pub const MAX_SIGNATURES: usize = 100;

/// The largest note that is read, in bytes: 1 MiB, a little more than the largest tree head (1,000,000 bytes).
pub const MAX_BYTES: usize = 1 << 20;

/// What each signature line begins with: an em dash and a blank.
const PREFIX: &str = "— ";

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    verified: Vec<Signature>,
    unknown: Vec<Signature>,
    added: Vec<Signature>,
}

/// One signature of a note (x/mod `note.Signature`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: Name,
    hash: KeyHash,
    base64: String,
}

impl Note {
    /// A note that nobody has signed yet. Its text ends with a line feed.
    ///
    /// # Errors
    /// A text that could not be read back from a note: see [`SignError`].
    pub fn new(text: String) -> Result<Self, SignError> {
        sign::check_text(&text)?;
        Ok(Self { text, verified: Vec::new(), unknown: Vec::new(), added: Vec::new() })
    }

    /// The text that is signed, its last line feed included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures that a known key has made: each key once, in the order of the note.
    pub fn verified(&self) -> &[Signature] {
        &self.verified
    }

    /// The signatures by keys that are not known, each once: they say nothing.
    pub fn unknown(&self) -> &[Signature] {
        &self.unknown
    }
}

impl Signature {
    /// The name of the key that is said to have signed.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The hash of that key.
    pub fn key_hash(&self) -> KeyHash {
        self.hash
    }

    /// The key hash and the signature as they are written: base64.
    pub fn base64(&self) -> &str {
        &self.base64
    }
}

/// The signature as its line in a note, without the line feed.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{} {}", self.name, self.base64)
    }
}

/// The whole note as it is sent (x/mod `note.Sign`): verified signatures, unknown ones, those added here.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        let signatures = self.verified.iter().chain(&self.unknown).chain(&self.added);
        signatures.into_iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
