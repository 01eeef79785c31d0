//! Reading a note, and believing it (x/mod `note.Open`).

use std::collections::HashSet;

use super::{KeyHash, MAX_BYTES, MAX_SIGNATURES, Name, Note, PREFIX, Signature, Verifier};
use crate::b64;

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It has not the form of a note.
    #[error("malformed note")]
    Malformed,
    /// More than [`MAX_BYTES`].
    #[error("the note has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A key that is known is said to have signed, and has not.
    #[error("invalid signature for key {name}+{hash}")]
    Invalid {
        /// The name of the key.
        name: Name,
        /// Its hash.
        hash: KeyHash,
    },
    /// Two of the keys that are known have this name and hash.
    #[error("ambiguous key {name}+{hash}")]
    Ambiguous {
        /// The name of the keys.
        name: Name,
        /// Their hash.
        hash: KeyHash,
    },
    /// No key that is known has signed.
    #[error("note has no verifiable signatures")]
    Unverified,
}

impl Note {
    /// Reads a note and checks its signatures with the keys that are known (x/mod `note.Open`).
    ///
    /// # Errors
    /// A note that is malformed, that no known key has signed, or that a known key is wrongly said to have signed.
    pub fn open(message: &[u8], known: &[Verifier]) -> Result<Self, NoteError> {
        let (text, lines) = split(message)?;
        let mut note =
            Self { text: text.to_owned(), verified: Vec::new(), unknown: Vec::new(), added: Vec::new() };
        let mut seen_verified = HashSet::new();
        let mut seen_unknown = HashSet::new();
        for (count, line) in (1..).zip(lines.split_terminator('\n')) {
            let (signature, raw) = parse_signature(line).ok_or(NoteError::Malformed)?;
            if count > MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let Signature { name, hash, .. } = &signature;
            let Some(verifier) = verifier(known, name, *hash)? else {
                if seen_unknown.insert(line) {
                    note.unknown.push(signature);
                }
                continue;
            };
            // The first signature of a key counts.
            if !seen_verified.insert((name.clone(), *hash)) {
                continue;
            }
            if !verifier.is_signature(text.as_bytes(), &raw) {
                return Err(NoteError::Invalid { name: name.clone(), hash: *hash });
            }
            note.verified.push(signature);
        }
        if note.verified.is_empty() { Err(NoteError::Unverified) } else { Ok(note) }
    }
}

/// Splits a message into the text and the signature lines, which begin after the last blank line.
fn split(message: &[u8]) -> Result<(&str, &str), NoteError> {
    if message.len() > MAX_BYTES {
        return Err(NoteError::TooLarge { bytes: message.len() });
    }
    let message = str::from_utf8(message).map_err(|_| NoteError::Malformed)?;
    if message.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Malformed);
    }
    // Of three line feeds in a row the last two are the blank line, as in Go.
    let at = message.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, rest) = message.split_at(at + 1);
    let lines = rest.get(1..).filter(|lines| lines.ends_with('\n')).ok_or(NoteError::Malformed)?;
    Ok((text, lines))
}

/// Reads a signature line: the signature, and its bytes without the key hash, of which there is at least one.
fn parse_signature(line: &str) -> Option<(Signature, Vec<u8>)> {
    let (name, base64) = line.strip_prefix(PREFIX)?.split_once(' ')?;
    let (hash, raw) = parse_base64(base64)?;
    let name = Name::parse(name).ok()?;
    (!raw.is_empty()).then(|| (Signature { name, hash, base64: base64.to_owned() }, raw))
}

/// Reads the base64 of a signature: the key hash and the bytes after it.
fn parse_base64(base64: &str) -> Option<(KeyHash, Vec<u8>)> {
    let bytes = b64::decode(base64)?;
    let (hash, raw) = bytes.split_first_chunk()?;
    Some((KeyHash(u32::from_be_bytes(*hash)), raw.to_vec()))
}

/// The one key with this name and hash (x/mod `note.VerifierList`).
fn verifier<'k>(
    known: &'k [Verifier],
    name: &Name,
    hash: KeyHash,
) -> Result<Option<&'k Verifier>, NoteError> {
    let mut found = known.iter().filter(|key| key.name() == name && key.key_hash() == hash);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(NoteError::Ambiguous { name: name.clone(), hash }),
        (found, None) => Ok(found),
    }
}
