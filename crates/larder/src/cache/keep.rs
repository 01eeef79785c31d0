//! Keeping what was verified.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use store::{Durability, Publish, StoreError};

use super::load::{held_file, held_small};
use super::manifest::{self, Manifest, Record, VerifiedBy};
use super::open::OpenFile;
use super::{
    Cache, Content, Held, KeepError, Remembered, SMALL_BYTES, file_key, known, lines, manifest_key, read,
    tree_key,
};
use crate::verify::sums;
use crate::verify::{Verified, VerifiedContent};

/// A list names what is held of one module: a million versions would be about this long.
const LIST_BYTES: u64 = 32 * 1024 * 1024;
/// The source that is named for an answer made from what is held.
pub const DERIVED: &str = "held";

/// Where a verified file came from and how surely it must be kept.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The configured name of the source.
    pub source: Arc<str>,
    /// Why it is trusted.
    pub verified_by: VerifiedBy,
    /// `Strict` when durability is promised before the answer (imports).
    pub durability: Durability,
}

impl Cache {
    /// Keeps a verified file of a version. If one is held already, that one stays and is returned: the first verified
    /// content wins.
    pub async fn keep(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        verified: Verified,
        from: Provenance,
    ) -> Result<Held, KeepError> {
        let want = Request::File(module.clone(), kind);
        let _turn = self.turn(&module.path).await;
        let manifest = self.manifest_in_turn(&module.path).await?;
        let earlier = read(&manifest).record(&module.version, kind).cloned();
        let was_held = earlier.as_ref().is_some_and(|earlier| !earlier.lost);
        if let Some(earlier) = earlier {
            // A record of a database decides over what was held before it and is lost.
            if !(earlier.lost && matches!(from.verified_by, VerifiedBy::Record { .. })) {
                agree(module, kind, &earlier, &verified)?;
            }
            tell_of_return(module, kind, &earlier, &verified);
            if !earlier.lost
                && let Some(held) = self.still_held(&want, module, kind, &earlier).await?
            {
                return Ok(held);
            }
        }
        let record = Arc::new(record(module, kind, &verified, &from, self.clock.now()));
        let held = self.publish(module, kind, &record, (verified.content, from.durability)).await?;
        let line = manifest::line(&record);
        self.blobs.append(&manifest_key(&module.path)?, line, from.durability).await?;
        manifest.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(record.clone());
        self.weigh(&module.path, &manifest);
        if !was_held {
            self.note_change(module, kind, &record, &manifest);
        }
        self.remember(&want, &held);
        if let Err(error) = self.write_list(&module.path, &manifest).await {
            // The file is held all the same; the list is completed when the next one is kept.
            tracing::warn!(
                event = "tree_list_failed",
                error = &error as &dyn std::error::Error,
                "a list of the tree could not be written"
            );
        }
        Ok(held)
    }

    async fn still_held(
        &self,
        want: &Request,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Arc<Record>,
    ) -> Result<Option<Held>, StoreError> {
        match self.blobs.open(&file_key(module, kind)?).await {
            Ok(blob) if blob.size() == record.size => {
                let file = Arc::new(OpenFile::new(record.clone(), blob));
                self.open.insert(want.clone(), file.clone());
                Ok(Some(held_file(&file)))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn publish(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Arc<Record>,
        (content, durability): (VerifiedContent, Durability),
    ) -> Result<Held, StoreError> {
        let key = &file_key(module, kind)?;
        match content {
            VerifiedContent::Memory(bytes) => {
                store::put(&*self.blobs, key, bytes.clone(), Publish::Replace, durability).await?;
                Ok(held_small(record, bytes))
            }
            VerifiedContent::Spool(spool) => {
                let blob = self.blobs.publish(&spool, key, Publish::Replace, durability).await?;
                // Hashed on its way in, so the first reader need not check it again; but this descriptor's blocks count
                // as unchecked, which costs one CRC pass and spares a second way of marking them.
                Ok(held_file(&Arc::new(OpenFile::new(record.clone(), blob))))
            }
        }
    }

    /// Has a file found in memory from now on; only once its record is written, or a crash could take back what a
    /// client was given.
    fn remember(&self, want: &Request, held: &Held) {
        match &held.content {
            Content::Memory(_) if held.size() <= SMALL_BYTES => {
                self.memory.insert(want.clone(), Remembered::File(held.clone()));
                return;
            }
            Content::File(file) if held.size() > SMALL_BYTES => self.open.insert(want.clone(), file.clone()),
            // Found again through its manifest.
            Content::Memory(_) | Content::File(_) => {}
        }
        self.memory.remove(want);
    }

    /// Rewrites the list of the static tree: the versions whose three files are held. Whether it said something else.
    pub(super) async fn write_list(
        &self,
        path: &ModulePath,
        manifest: &RwLock<Manifest>,
    ) -> Result<bool, StoreError> {
        let text = lines(read(manifest).whole_versions());
        let key = tree_key(path, "list")?;
        let current = store::read(&*self.blobs, &key, LIST_BYTES).await?;
        // No list says what an empty one says.
        if current.unwrap_or_default() == text {
            return Ok(false);
        }
        store::put(&*self.blobs, &key, text.into(), Publish::Replace, Durability::Batched).await?;
        Ok(true)
    }

    /// Keeps an answer that may change. A failure to write it is logged and otherwise ignored: it is only a copy.
    pub async fn keep_known(&self, want: &Request, body: Bytes, source: &str) -> Held {
        let sha256 = sums::of(&body).sha256;
        let held = Held::new(Content::Memory(body.clone()), &sha256, source, self.clock.now());
        self.memory.insert(want.clone(), Remembered::Known(held.clone()));
        if let Some(key) = known::key(want) {
            let stored = known::encode(&known::Head { source: source.into(), at: held.at, sha256 }, &body);
            let written =
                store::put(&*self.blobs, &key, stored.into(), Publish::Replace, Durability::Batched).await;
            if let Err(error) = written {
                tracing::warn!(
                    event = "answer_unkept",
                    error = &error as &dyn std::error::Error,
                    "an answer could not be kept on disk"
                );
            }
        }
        held
    }

    /// A verified file that cannot be kept now, to be served this once.
    pub fn unkept(&self, bytes: Bytes, source: &str) -> Held {
        let sha256 = sums::of(&bytes).sha256;
        Held::new(Content::Memory(bytes), &sha256, source, self.clock.now())
    }

    /// A verified file of a version that cannot be kept now, to be served this once from where it is.
    ///
    /// # Errors
    /// It can have no name, or its spool cannot be examined.
    pub fn unkept_file(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        verified: Verified,
        from: &Provenance,
    ) -> Result<Held, StoreError> {
        let record = Arc::new(record(module, kind, &verified, from, self.clock.now()));
        match verified.content {
            VerifiedContent::Memory(bytes) => Ok(held_small(&record, bytes)),
            VerifiedContent::Spool(spool) => {
                let blob = spool.blob(file_key(module, kind)?)?;
                Ok(held_file(&Arc::new(OpenFile::new(record, blob))))
            }
        }
    }

    /// Remembers what a checksum database says, proven and right for ever, in memory only: `trust` keeps it on the disk.
    pub fn remember_proven(&self, want: &Request, bytes: Bytes, source: &str) -> Held {
        let held = self.unkept(bytes, source);
        if held.size() <= SMALL_BYTES {
            self.memory.insert(want.clone(), Remembered::File(held.clone()));
        }
        held
    }

    /// Remembers for a short time, in memory only, an answer made from what is held, since no source gave one.
    pub fn remember_derived(&self, want: &Request, body: Bytes, lasts: Duration) -> Held {
        let held = self.unkept(body, DERIVED);
        self.memory.insert(want.clone(), Remembered::Derived(held.clone(), lasts));
        held
    }
}

/// Whether what is offered may stand for what was recorded: the h1 decides; where there is none, the bytes.
fn agree(
    module: &ModuleVersion,
    kind: FileKind,
    earlier: &Record,
    verified: &Verified,
) -> Result<(), KeepError> {
    let (recorded, offered) = match (&earlier.h1, &verified.h1) {
        (Some(recorded), Some(offered)) => (recorded.to_string(), offered.to_string()),
        // An `.info` has no hash that anyone relies on: a lost one may be replaced by what the source says now.
        _ => return Ok(()),
    };
    if recorded == offered {
        return Ok(());
    }
    Err(KeepError::Differs { file: format!("{module} {}", kind.extension()), recorded, offered })
}

/// A lost file comes back: an event, and more so when an `.info`, which no hash binds, says something else now.
fn tell_of_return(module: &ModuleVersion, kind: FileKind, earlier: &Record, verified: &Verified) {
    if !earlier.lost {
        return;
    }
    if kind == FileKind::Info && earlier.sha256 != verified.sums.sha256 {
        tracing::warn!(
            event = "healed_differently",
            module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
            "a lost .info was taken over as its source gives it now, which is not what was held"
        );
        return;
    }
    tracing::info!(
        event = "healed",
        module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
        "a lost file is held again"
    );
}

fn record(
    module: &ModuleVersion,
    kind: FileKind,
    verified: &Verified,
    from: &Provenance,
    at: jiff::Timestamp,
) -> Record {
    Record {
        version: module.version.as_str().to_owned(),
        kind: kind.extension().to_owned(),
        h1: verified.h1,
        sha256: verified.sums.sha256.clone(),
        size: verified.sums.size,
        blocks: verified.sums.blocks.clone(),
        source: from.source.clone(),
        at,
        verified_by: from.verified_by.clone(),
        lost: false,
    }
}
