//! Signing a note (x/mod `note.Sign`).

use super::{Note, Signature, Signer};
use crate::b64;

/// Why a text cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// It does not end with a line feed.
    #[error("a text to be signed ends with a line feed")]
    Unfinished,
    /// It holds a control character, with which no note can be read.
    #[error("a text to be signed has no control characters but line feeds")]
    Control,
}

pub(super) fn check_text(text: &str) -> Result<(), SignError> {
    if !text.ends_with('\n') {
        Err(SignError::Unfinished)
    } else if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        Err(SignError::Control)
    } else {
        Ok(())
    }
}

impl Note {
    /// Adds the signature of this key after those that are there; one that the key had made is replaced.
    #[must_use]
    pub fn signed(mut self, signer: &Signer) -> Self {
        let (name, hash) = (signer.verifier().name(), signer.verifier().key_hash());
        let by_others = |signature: &Signature| signature.name != *name || signature.hash != hash;
        self.verified.retain(by_others);
        self.unknown.retain(by_others);
        self.added.retain(by_others);
        let mut bytes = hash.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signer.sign(self.text.as_bytes()));
        let signature = Signature { name: name.clone(), hash, base64: b64::encode(&bytes) };
        self.added.push(signature);
        self
    }
}
