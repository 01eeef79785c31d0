//! Keys: the name and the hash that tell them apart, and the strings that carry them.
//!
//! The rules come from x/mod `note.NewVerifier`, `note.NewSigner` and `note.GenerateKey`.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::b64;

/// The algorithm byte of Ed25519, the only algorithm there is (x/mod `note.algEd25519`).
const ED25519: u8 = 1;

/// The name of a key, for a checksum database `host[/path]`: not empty, no blank of Unicode, no `+`
/// (x/mod `note.isValidName`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// The first four bytes of the SHA-256 of a key's name, a line feed and the public key; written as eight hexadecimal
/// digits: `033de0ae`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub u32);

/// A text is not the name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's name is not empty and has neither blanks nor `+`")]
pub struct NameError;

/// Why a text is not a key. It never holds the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It has not the form of a key.
    #[error("malformed key; it is NAME+HASH+KEY, or PRIVATE+KEY+NAME+HASH+KEY")]
    Malformed,
    /// The key is not for Ed25519.
    #[error("unknown algorithm {algorithm} of a key")]
    Algorithm {
        /// The algorithm byte.
        algorithm: u8,
    },
    /// The hash is not that of the name and the key: something was mistyped.
    #[error("the hash of the key is {actual}, not {written}")]
    Hash {
        /// The hash as it is written.
        written: KeyHash,
        /// The hash of what is written around it.
        actual: KeyHash,
    },
    /// The key could never verify a signature: it is no point of the curve, or one of small order.
    #[error("the key is no public key of Ed25519")]
    NoPoint,
}

/// A public key with its name: what signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: Name,
    hash: KeyHash,
    key: VerifyingKey,
}

/// A private key with its name: what notes are signed with. It is never shown by `Debug`.
#[derive(Clone)]
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

impl Name {
    /// Makes a name of a text that is one.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_name = !text.is_empty() && !text.contains(|c: char| c == '+' || c.is_whitespace());
        if is_name { Ok(Self(Arc::from(text))) } else { Err(NameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyHash {
    /// The hash of a key (x/mod `note.keyHash`): `key` is the algorithm byte and the public key.
    fn of(name: &str, key: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(name).chain_update("\n").chain_update(key).finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    fn parse(text: &str) -> Result<Self, KeyError> {
        let is_hash = text.len() == 8 && text.bytes().all(|c| c.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| is_hash).map(Self).ok_or(KeyError::Malformed)
    }
}

/// Reads `NAME+HASH+KEY`: the name, the hash as it is written, the algorithm byte and what follows it.
fn parse_parts(text: &str) -> Result<(Name, KeyHash, Vec<u8>), KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Malformed)?;
    let (hash, key) = rest.split_once('+').ok_or(KeyError::Malformed)?;
    let hash = KeyHash::parse(hash)?;
    let key = b64::decode(key).filter(|key| !key.is_empty()).ok_or(KeyError::Malformed)?;
    Ok((Name::parse(name).map_err(|_| KeyError::Malformed)?, hash, key))
}

/// The 32 bytes after the algorithm byte.
fn ed25519_bytes(key: &[u8]) -> Result<[u8; 32], KeyError> {
    match key.split_first() {
        Some((&ED25519, bytes)) => bytes.try_into().map_err(|_| KeyError::Malformed),
        Some((&algorithm, _)) => Err(KeyError::Algorithm { algorithm }),
        None => Err(KeyError::Malformed),
    }
}

/// The algorithm byte and the 32 bytes of a key.
fn tagged(bytes: &[u8; 32]) -> Vec<u8> {
    let mut key = vec![ED25519];
    key.extend_from_slice(bytes);
    key
}

impl Verifier {
    /// Reads a verifier key (x/mod `note.NewVerifier`):
    /// `sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, written, key) = parse_parts(text)?;
        let actual = KeyHash::of(name.as_str(), &key);
        if actual != written {
            return Err(KeyError::Hash { written, actual });
        }
        let key = VerifyingKey::from_bytes(&ed25519_bytes(&key)?).map_err(|_| KeyError::NoPoint)?;
        if key.is_weak() { Err(KeyError::NoPoint) } else { Ok(Self { name, hash: actual, key }) }
    }

    /// The name of the key.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The hash of the key.
    pub fn key_hash(&self) -> KeyHash {
        self.hash
    }

    /// Whether this is a signature of the text by the key; the module comment says how strict.
    pub(super) fn is_signature(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }
}

impl Signer {
    /// Makes a key of 32 secret random bytes, which the caller brings (x/mod `note.GenerateKey`).
    pub fn from_seed(name: Name, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let hash = KeyHash::of(name.as_str(), &tagged(key.verifying_key().as_bytes()));
        Self { verifier: Verifier { name, hash, key: key.verifying_key() }, key }
    }

    /// Reads a signer key, `PRIVATE+KEY+NAME+HASH+KEY` (x/mod `note.NewSigner`): the hash is that of the public key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Malformed)?;
        let (name, written, key) = parse_parts(rest)?;
        let signer = Self::from_seed(name, &ed25519_bytes(&key)?);
        let actual = signer.verifier.hash;
        if actual == written { Ok(signer) } else { Err(KeyError::Hash { written, actual }) }
    }

    /// The public key.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signer key as [`Signer::parse`] reads it. It is a secret: whoever has it can sign.
    pub fn reveal(&self) -> String {
        let Verifier { name, hash, .. } = &self.verifier;
        format!("PRIVATE+KEY+{name}+{hash}+{}", b64::encode(&tagged(self.key.as_bytes())))
    }

    /// The signature of a text, 64 bytes.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The verifier key as [`Verifier::parse`] reads it.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, self.hash, b64::encode(&tagged(self.key.as_bytes())))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}+{}+****)", self.verifier.name, self.verifier.hash)
    }
}
