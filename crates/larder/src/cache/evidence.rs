//! What was found wrong, kept for a person to look at: bounded, oldest dropped first.
//!
//! A held file that is not what was kept is moved out of the tree in one step, so that no other server of the tree
//! gives it out either; a zip that a source sent and whose hash is not the recorded one is kept from its spool. Beside
//! the bytes lies a note. Nothing here is ever served. A note or a body that cannot be written is done without: what
//! is wrong is refused all the same.
//!
//! ```text
//! evidence/20261121T040000-0007.json   {"key":"modules/example.com/m/@v/v1.0.0.zip","found_by":"read",…}
//! evidence/20261121T040000-0007.body   the bytes, if there were any
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use gomod::h1::H1;
use gomod::{FileKind, ModuleVersion};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Durability, Key, Publish, Spool, StoreError};

use super::examine::Damage;
use super::manifest::Record;
use super::{Cache, file_key, read};
use crate::trust::Recorded;

/// How much evidence is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Pieces of it.
    pub pieces: usize,
    /// Bytes in all.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { pieces: 100, bytes: 1 << 30 }
    }
}

/// Who found it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// A request for it.
    Read,
    /// The look through the tree after a stop that was not clean.
    Start,
    /// A scrub.
    Scrub,
    /// The check of what a source sent.
    Entry,
    /// The comparison of what is held with the record of a checksum database.
    Record,
}

/// What is told beside the bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Where it lay, or was to lie.
    pub key: String,
    /// When it was found.
    pub at: Timestamp,
    /// How it was found.
    pub found_by: FoundBy,
    /// What is wrong with it.
    pub damage: Damage,
    /// What it should have been; none where nothing was recorded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<Expected>,
    /// The configured name of the source that sent it; none for what was held.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_by: Option<String>,
    /// What a checksum database says it should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub witness: Option<Witness>,
}

/// What a checksum database says a file should be, to be checked by anyone who has its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Witness {
    /// The name of the database.
    pub database: String,
    /// The hash on record; none for a file that no record names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub h1: Option<H1>,
    /// The answer to the lookup as it came: the number, the record, and the signed tree that it is in.
    pub answer: String,
}

impl Witness {
    /// What is on record of a file.
    pub fn of(recorded: &Recorded, kind: FileKind) -> Self {
        let h1 = match kind {
            FileKind::Info => None,
            FileKind::Mod => Some(recorded.sums.go_mod),
            FileKind::Zip => Some(recorded.sums.zip),
        };
        let answer = String::from_utf8_lossy(&recorded.answer).into_owned();
        Self { database: recorded.database.to_string(), h1, answer }
    }
}

/// What a record says a file should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expected {
    /// The Go hash, where the kind has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub h1: Option<H1>,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// The configured name of the source it came from.
    pub source: String,
    /// When it was kept.
    pub kept_at: Timestamp,
}

impl From<&Record> for Expected {
    fn from(record: &Record) -> Self {
        Self {
            h1: record.h1,
            sha256: record.sha256.clone(),
            size_bytes: record.size,
            source: record.source.to_string(),
            kept_at: record.at,
        }
    }
}

/// Tells pieces of one second apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Cache {
    /// Moves an object to the evidence; where it lies now, if there was anything to move.
    ///
    /// # Errors
    /// The object could not be moved. That the note could not be written is only logged.
    pub(super) async fn set_aside(&self, from: &Key, note: &Note) -> Result<String, StoreError> {
        let place = place(note.at);
        self.blobs.remove(from, Some(&Key::named(&format!("{place}.body"))?)).await?;
        self.note(&place, note).await;
        Ok(place)
    }

    /// Keeps what a source sent as evidence, if it can be kept.
    pub async fn keep_evidence(&self, spool: &Spool, note: &Note) {
        let place = place(note.at);
        let kept = match Key::named(&format!("{place}.body")) {
            Ok(body) => {
                self.blobs.publish(spool, &body, Publish::Replace, Durability::Batched).await.map(drop)
            }
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => self.note(&place, note).await,
            Err(error) => {
                tracing::warn!(
                    event = "evidence_unkept",
                    error = &error as &dyn std::error::Error,
                    "no evidence could be kept of what a source sent"
                );
            }
        }
    }

    /// Keeps what a source sent in place of what is on record, here or at a checksum database.
    pub async fn accuse(
        &self,
        (module, kind): (&ModuleVersion, FileKind),
        (sent_by, sent): (&str, &Spool),
        got: H1,
        witness: Option<&Recorded>,
    ) {
        let Ok(key) = file_key(module, kind) else { return };
        let recorded = match self.manifest(&module.path).await {
            Ok(manifest) => read(&manifest).record(&module.version, kind).cloned(),
            Err(_) => None,
        };
        let note = Note {
            key: key.to_string(),
            at: self.clock.now(),
            found_by: FoundBy::Entry,
            damage: Damage::Differs { got },
            expected: recorded.as_deref().map(Into::into),
            sent_by: Some(sent_by.to_owned()),
            witness: witness.map(|recorded| Witness::of(recorded, kind)),
        };
        self.keep_evidence(sent, &note).await;
    }

    async fn note(&self, place: &str, note: &Note) {
        let bytes = serde_json::to_vec_pretty(note).unwrap_or_default();
        let written = match Key::named(&format!("{place}.json")) {
            Ok(key) => store::put(&*self.blobs, &key, bytes.into(), Publish::Replace, Durability::Batched)
                .await
                .map(drop),
            Err(error) => Err(error),
        };
        let bounded = match written {
            Ok(()) => self.bound_evidence().await,
            Err(error) => Err(error),
        };
        if let Err(error) = bounded {
            tracing::warn!(
                event = "evidence_unnoted",
                error = &error as &dyn std::error::Error,
                "a note of evidence could not be written"
            );
        }
    }

    /// Drops the oldest evidence until what is left is within the bounds.
    async fn bound_evidence(&self) -> Result<(), StoreError> {
        let bounds = self.evidence;
        // Two objects a piece, and as many again: bounds that were lowered are met in a few steps.
        let most = bounds.pieces.saturating_mul(4).saturating_add(64);
        let listed = self.blobs.list(Some(&Key::named("evidence")?), None, most).await?;
        let mut pieces: BTreeMap<String, (u64, Vec<Key>)> = BTreeMap::new();
        for one in listed {
            let Some(name) = one.key.elements().nth(1) else { continue };
            // Evidence against a checksum database is small, and stays until somebody removes it.
            if name == "sumdb" {
                continue;
            }
            let name = name.split_once('.').map_or(name, |(name, _)| name).to_owned();
            let piece = pieces.entry(name).or_default();
            piece.0 += one.stamp.size;
            piece.1.push(one.key);
        }
        let mut bytes: u64 = pieces.values().map(|(bytes, _)| bytes).sum();
        let mut count = pieces.len();
        for (size, keys) in pieces.into_values() {
            if count <= bounds.pieces && bytes <= bounds.bytes {
                break;
            }
            for key in &keys {
                self.blobs.remove(key, None).await?;
            }
            bytes -= size;
            count -= 1;
        }
        Ok(())
    }
}

/// A new place, after all earlier ones of this process.
fn place(at: Timestamp) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % 10_000;
    format!("evidence/{}-{number:04}", at.strftime("%Y%m%dT%H%M%S"))
}
