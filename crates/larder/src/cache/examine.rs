//! Reading what is held again, all of it, and taking out what is not what was kept.
//!
//! A look changes nothing; what is found is condemned in a step of its own, in turn with the module's writers, and
//! only if the record is still the one that was looked at: whoever healed the file meanwhile was right.

use std::sync::Arc;
use std::time::Duration;

use gomod::h1::H1;
use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use serde::{Deserialize, Serialize};
use store::{Blob, Durability, Publish, StoreError};

use super::evidence::{FoundBy, Note, Witness};
use super::load::{MANIFEST_BYTES, in_tree};
use super::manifest::{self, Manifest, Record};
use super::{Cache, file_key, manifest_key, read};
use crate::verify::sums::{BLOCK, Summer, Sums};

/// Bytes read between two charges of the pace.
const CHUNK: u64 = 4 * BLOCK;
/// Largest go.mod file that is read whole.
const MOD_BYTES: u64 = gomod::zip::MAX_GO_MOD_BYTES;

/// What is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Damage {
    /// Its record is there and it is not.
    #[error("it is missing")]
    Missing,
    /// It ends too early.
    #[error("it has {size_bytes} bytes, fewer than were kept")]
    Short {
        /// Its length now.
        size_bytes: u64,
    },
    /// It goes on behind its end.
    #[error("it has {size_bytes} bytes, more than were kept")]
    Long {
        /// Its length now.
        size_bytes: u64,
    },
    /// Its bytes are others.
    #[error("{wrong} of its {blocks} blocks are not what was kept, the first at byte {first_byte}")]
    Rotten {
        /// SHA-256 of the bytes found, where the whole was read.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sha256: Option<String>,
        /// Blocks that are wrong; one where a reader met it and went no further.
        wrong: u64,
        /// Blocks it has.
        blocks: u64,
        /// Where the first of them begins.
        first_byte: u64,
    },
    /// The bytes are those that were kept, but the record's other hashes are not of them.
    #[error("its bytes are what was kept, but its record says otherwise: {why}")]
    Misrecorded {
        /// What does not fit.
        why: String,
    },
    /// No record vouches for it.
    #[error("no record vouches for it")]
    Unvouched,
    /// A source sent something else than what is recorded.
    #[error("its hash is {got}, but another is recorded")]
    Differs {
        /// The hash of what was sent.
        got: H1,
    },
}

/// What a held file is condemned for.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What is wrong with it.
    pub damage: Damage,
    /// Who found it.
    pub found_by: FoundBy,
    /// What a checksum database says it should be, where that is the charge.
    pub witness: Option<Witness>,
}

impl From<(Damage, FoundBy)> for Charge {
    fn from((damage, found_by): (Damage, FoundBy)) -> Self {
        Self { damage, found_by, witness: None }
    }
}

/// Reads no faster than so many bytes a second.
#[derive(Debug)]
pub struct Pace {
    bytes_per_s: Option<u64>,
    next: tokio::sync::Mutex<tokio::time::Instant>,
}

impl Pace {
    /// So many bytes a second; as fast as it goes with zero.
    pub fn of(bytes_per_s: u64) -> Self {
        let next = tokio::sync::Mutex::new(tokio::time::Instant::now());
        Self { bytes_per_s: Some(bytes_per_s).filter(|rate| *rate > 0), next }
    }

    /// Waits until these bytes may be read.
    pub async fn charge(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_s else { return };
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        // Rates below one byte a millisecond are not told from it.
        let ms = bytes.saturating_mul(1000) / rate;
        *next = (*next).max(tokio::time::Instant::now()) + Duration::from_millis(ms);
    }
}

impl Cache {
    /// Reads a held file again, whole; what is wrong with it, if anything is.
    ///
    /// # Errors
    /// The file could not be read: that says nothing of what is in it.
    pub async fn examine(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
        pace: &Pace,
    ) -> Result<Option<Damage>, StoreError> {
        let blob = match self.blobs.open(&file_key(module, kind)?).await {
            Ok(blob) => blob,
            Err(error) if error.is_absent() => return Ok(Some(Damage::Missing)),
            Err(error) => return Err(error),
        };
        if let Some(damage) = wrong_size(blob.size(), record.size) {
            return Ok(Some(damage));
        }
        let sums = match sums_of(&blob, pace).await {
            Err(StoreError::Truncated { at, .. }) => return Ok(Some(Damage::Short { size_bytes: at })),
            other => other?,
        };
        if sums.sha256 != record.sha256 {
            return Ok(Some(rotten(&sums, record)));
        }
        if sums.blocks != record.blocks {
            let why = "its block checksums are not of these bytes".to_owned();
            return Ok(Some(Damage::Misrecorded { why }));
        }
        let Some(recorded) = record.h1 else { return Ok(None) };
        pace.charge(if kind == FileKind::Zip { blob.size() } else { 0 }).await;
        let got = h1_of(module, kind, blob).await?;
        Ok(match got {
            Ok(got) if got == recorded => None,
            Ok(got) => Some(Damage::Misrecorded { why: format!("{recorded} is recorded, but it has {got}") }),
            Err(why) => Some(Damage::Misrecorded { why }),
        })
    }

    /// Takes a file that is not what was kept out of what is held, and keeps it as evidence. Its record stays, marked,
    /// and binds what may replace it. Where the evidence lies, unless there was none to keep or somebody was faster.
    ///
    /// What the disk refuses is logged: the file is not served all the same, at least until the next start, which
    /// finds it again.
    ///
    /// # Errors
    /// The manifest could not be read.
    pub async fn condemn(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
        charge: impl Into<Charge>,
    ) -> Result<Option<String>, StoreError> {
        let Charge { damage, found_by, witness } = charge.into();
        let _turn = self.turn(&module.path).await;
        let manifest = self.manifest_in_turn(&module.path).await?;
        let is_current =
            read(&manifest).record(&module.version, kind).is_some_and(|now| **now == *record && !now.lost);
        if !is_current {
            return Ok(None);
        }
        tell_of_loss(module, kind, &damage, witness.as_ref());
        self.forget(&Request::File(module.clone(), kind));
        let lost = Arc::new(Record { lost: true, ..record.clone() });
        manifest.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(lost.clone());
        self.note_change(module, kind, &lost, &manifest);
        let from = file_key(module, kind)?;
        let is_there = damage != Damage::Missing;
        let expected = Some(record.into());
        let at = self.clock.now();
        let note = Note { key: from.to_string(), at, found_by, damage, expected, sent_by: None, witness };
        let written = async {
            let place = if is_there { Some(self.set_aside(&from, &note).await?) } else { None };
            self.blobs
                .append(&manifest_key(&module.path)?, manifest::line(&lost), Durability::Batched)
                .await?;
            self.write_list(&module.path, &manifest).await?;
            Ok::<_, StoreError>(place)
        };
        Ok(written.await.unwrap_or_else(|error| {
            tracing::warn!(
                event = "rot_unrecorded",
                error = &error as &dyn std::error::Error,
                "that a held file is lost could not be written down"
            );
            None
        }))
    }

    /// Takes a file that no record vouches for out of the tree; it becomes evidence. In turn with the module's writers:
    /// one of them may have published the file just now and be about to write its record. Where it lies, if it was
    /// taken out.
    pub async fn take_out(&self, key: &store::Key, found_by: FoundBy) -> Result<Option<String>, StoreError> {
        let note = Note {
            key: key.to_string(),
            at: self.clock.now(),
            found_by,
            damage: Damage::Unvouched,
            expected: None,
            sent_by: None,
            witness: None,
        };
        let Some(Request::File(module, kind)) = in_tree(key) else {
            return self.set_aside(key, &note).await.map(Some);
        };
        let _turn = self.turn(&module.path).await;
        let manifest = self.manifest_in_turn(&module.path).await?;
        let is_recorded = read(&manifest).record(&module.version, kind).is_some_and(|record| !record.lost);
        if is_recorded { Ok(None) } else { self.set_aside(key, &note).await.map(Some) }
    }

    /// Whether a manifest is there, and what is wrong with its lines, by number and in words.
    pub async fn audit(&self, path: &ModulePath) -> Result<Option<Vec<manifest::BadLine>>, StoreError> {
        let text = store::read(&*self.blobs, &manifest_key(path)?, MANIFEST_BYTES).await?;
        Ok(text.map(|text| manifest::audit(&text)))
    }

    /// Writes the manifest anew from the records that can be read, and keeps the old one as evidence.
    pub async fn rewrite_manifest(&self, path: &ModulePath) -> Result<String, StoreError> {
        let _turn = self.turn(path).await;
        let key = manifest_key(path)?;
        let text = self.blobs.open(&key).await?.read_all(MANIFEST_BYTES).await?;
        let mut lines = Vec::with_capacity(text.len());
        for record in Manifest::parse(&text).records() {
            lines.extend_from_slice(&manifest::line(record));
            lines.push(b'\n');
        }
        let note = Note {
            key: key.to_string(),
            at: self.clock.now(),
            found_by: FoundBy::Scrub,
            damage: Damage::Misrecorded { why: "some of its lines are no records".to_owned() },
            expected: None,
            sent_by: None,
            witness: None,
        };
        // The old one stays in place until the new one takes it: copied, not moved.
        let copy = self.blobs.spool()?;
        store::blocking("write", "a spool", {
            let copy = copy.clone();
            move || copy.write(&text)
        })
        .await?;
        self.keep_evidence(&copy, &note).await;
        store::put(&*self.blobs, &key, lines.into(), Publish::Replace, Durability::Strict).await?;
        self.manifests.remove(path);
        Ok(note.key)
    }

    /// Has the list of the static tree agree with what is held; whether it did not.
    pub async fn mend_list(&self, path: &ModulePath) -> Result<bool, StoreError> {
        let _turn = self.turn(path).await;
        let manifest = self.manifest_in_turn(path).await?;
        self.write_list(path, &manifest).await
    }
}

fn tell_of_loss(module: &ModuleVersion, kind: FileKind, damage: &Damage, witness: Option<&Witness>) {
    if let Some(witness) = witness {
        tracing::error!(
            event = "record_contradicts",
            module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
            database = witness.database,
            recorded = witness.h1.map(tracing::field::display),
            "a held file is not what the checksum database has on record ({damage}); it will be fetched again"
        );
        return;
    }
    tracing::error!(
        event = "rot_found",
        module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
        "a held file is not what was kept ({damage}); it will be fetched again"
    );
}

fn wrong_size(size: u64, recorded: u64) -> Option<Damage> {
    match size.cmp(&recorded) {
        std::cmp::Ordering::Less => Some(Damage::Short { size_bytes: size }),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Damage::Long { size_bytes: size }),
    }
}

impl Damage {
    /// What a file of this length is, held against its record.
    pub(super) fn of_size(size: u64, record: &Record) -> Option<Self> {
        wrong_size(size, record.size)
    }

    /// What a small file is whose bytes have another hash than is recorded.
    pub(super) fn of_bytes(bytes: &[u8], record: &Record) -> Option<Self> {
        let sums = crate::verify::sums::of(bytes);
        (sums.sha256 != record.sha256).then(|| rotten(&sums, record))
    }

    /// What a reader met.
    pub fn met(block: u64, record: &Record) -> Self {
        let blocks = record.size.div_ceil(BLOCK);
        Self::Rotten { sha256: None, wrong: 1, blocks, first_byte: block * BLOCK }
    }
}

fn rotten(sums: &Sums, record: &Record) -> Damage {
    let pairs = sums.blocks.as_bytes().chunks(8).zip(record.blocks.as_bytes().chunks(8));
    let wrong: Vec<u64> = (0..).zip(pairs).filter(|(_, (is, was))| is != was).map(|(at, _)| at).collect();
    Damage::Rotten {
        sha256: Some(sums.sha256.clone()),
        // A record whose block checksums were damaged too.
        wrong: (wrong.len() as u64).max(1),
        blocks: sums.size.div_ceil(BLOCK),
        first_byte: wrong.first().copied().unwrap_or(0) * BLOCK,
    }
}

async fn sums_of(blob: &Blob, pace: &Pace) -> Result<Sums, StoreError> {
    let (mut at, mut summer) = (0, Summer::default());
    while at < blob.size() {
        let len = CHUNK.min(blob.size() - at);
        pace.charge(len).await;
        let (reading, mut sums) = (blob.clone(), summer);
        summer = store::blocking("read", blob.key().as_str(), move || {
            sums.update(&reading.read_at(at, usize::try_from(len).unwrap_or(0))?);
            Ok(sums)
        })
        .await?;
        at += len;
    }
    Ok(summer.finish())
}

/// The Go hash of a file, or why it has none.
async fn h1_of(module: &ModuleVersion, kind: FileKind, blob: Blob) -> Result<Result<H1, String>, StoreError> {
    if kind != FileKind::Zip {
        return Ok(Ok(H1::of_mod(&blob.read_all(MOD_BYTES).await?)));
    }
    let (module, size, key) = (module.clone(), blob.size(), blob.key().clone());
    store::blocking("read", key.as_str(), move || {
        let checked = gomod::zip::check(&mut blob.reader(), size, &module);
        Ok(checked.map(|checked| checked.h1).map_err(|error| error.to_string()))
    })
    .await
}
