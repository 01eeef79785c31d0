//! Bringing what is held from the disk into memory, and noticing on the way that it is lost.

use std::sync::{Arc, RwLock};

use bytes::Bytes;
use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use store::StoreError;

use super::manifest::{self, Manifest, Record};
use super::open::OpenFile;
use super::{Cache, Content, Held, Remembered, SMALL_BYTES, file_key, known, manifest_key, read};
use crate::verify::sums;

/// A manifest is read whole; a million records of one module would be about this large.
const MANIFEST_BYTES: u64 = 512 * 1024 * 1024;
/// A stored list is at most what a source may send, with its head.
const KNOWN_BYTES: u64 = 17 * 1024 * 1024;

impl Cache {
    /// The manifest of a module, empty when nothing is held of it.
    pub(super) async fn manifest(&self, path: &ModulePath) -> Result<Arc<RwLock<Manifest>>, StoreError> {
        if let Some(manifest) = self.manifests.get(path) {
            return Ok(manifest);
        }
        // In turn with the module's writers, so that no record is appended between the reading and the remembering.
        let _turn = self.turn(path).await;
        self.manifest_in_turn(path).await
    }

    /// The same for a writer, whose turn it is already.
    pub(super) async fn manifest_in_turn(
        &self,
        path: &ModulePath,
    ) -> Result<Arc<RwLock<Manifest>>, StoreError> {
        if let Some(manifest) = self.manifests.get(path) {
            return Ok(manifest);
        }
        let text = match self.blobs.open(&manifest_key(path)?).await {
            Ok(blob) => blob.read_all(MANIFEST_BYTES).await?,
            Err(error) if error.is_absent() => Bytes::new(),
            Err(error) => return Err(error),
        };
        let manifest = Arc::new(RwLock::new(Manifest::parse(&text)));
        self.manifests.insert(path.clone(), manifest.clone());
        Ok(manifest)
    }

    pub(super) async fn lookup_file(
        &self,
        want: &Request,
        module: &ModuleVersion,
        kind: FileKind,
    ) -> Result<Option<Held>, StoreError> {
        if let Some(file) = self.open.get(want) {
            if !file.is_rotten() {
                file.notice_change();
                return Ok(Some(held_file(&file)));
            }
            self.lose(want, module, kind, file.record()).await?;
            return Ok(None);
        }
        let manifest = self.manifest(&module.path).await?;
        let record = read(&manifest).record(&module.version, kind).cloned();
        match record {
            Some(record) if !record.lost => self.load_file(want, module, kind, record).await,
            _ => Ok(None),
        }
    }

    async fn load_file(
        &self,
        want: &Request,
        module: &ModuleVersion,
        kind: FileKind,
        record: Arc<Record>,
    ) -> Result<Option<Held>, StoreError> {
        let blob = match self.blobs.open(&file_key(module, kind)?).await {
            Ok(blob) if blob.size() == record.size => blob,
            Ok(_) => return self.lose(want, module, kind, &record).await.map(|()| None),
            Err(error) if error.is_absent() => {
                return self.lose(want, module, kind, &record).await.map(|()| None);
            }
            Err(error) => return Err(error),
        };
        if record.size > SMALL_BYTES {
            let file = Arc::new(OpenFile::new(record, blob));
            self.open.insert(want.clone(), file.clone());
            return Ok(Some(held_file(&file)));
        }
        let bytes = blob.read_all(SMALL_BYTES).await?;
        if sums::of(&bytes).sha256 != record.sha256 {
            return self.lose(want, module, kind, &record).await.map(|()| None);
        }
        let held = held_small(&record, bytes);
        self.memory.insert(want.clone(), Remembered::File(held.clone()));
        Ok(Some(held))
    }

    /// Takes a file that is gone or rotten out of what is held. Its record stays, marked, and binds what may replace it.
    async fn lose(
        &self,
        want: &Request,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
    ) -> Result<(), StoreError> {
        tracing::error!(
            module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
            "a held file is missing or is not what was kept; it will be fetched again"
        );
        let _turn = self.turn(&module.path).await;
        self.forget(want);
        let manifest = self.manifest_in_turn(&module.path).await?;
        let lost = Arc::new(Record { lost: true, ..record.clone() });
        self.blobs.remove(&file_key(module, kind)?, None).await?;
        let line = manifest::line(&lost);
        self.blobs.append(&manifest_key(&module.path)?, line, store::Durability::Batched).await?;
        manifest.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(lost);
        self.write_list(&module.path, &manifest).await
    }

    /// Whether a file of the static tree is what a record says. A list is checked by being written anew.
    pub async fn vouches_for(&self, key: &store::Key) -> Result<bool, StoreError> {
        let held = match in_tree(key) {
            Some(Request::List(path)) => {
                let manifest = self.manifest(&path).await?;
                return self.write_list(&path, &manifest).await.map(|()| true);
            }
            Some(Request::File(module, kind)) => {
                let want = Request::File(module.clone(), kind);
                self.lookup_file(&want, &module, kind).await?
            }
            _ => return Ok(false),
        };
        let Some(held) = held else { return Ok(false) };
        let Content::File(file) = &held.content else { return Ok(true) };
        let mut at = 0;
        while at < held.size() {
            let Ok(bytes) = file.read(at, usize::try_from(sums::BLOCK).unwrap_or(usize::MAX)).await else {
                return Ok(false);
            };
            at += bytes.len() as u64;
        }
        Ok(true)
    }

    /// Takes a file that no record vouches for out of the tree. In turn with the module's writers: one of them may
    /// have published the file just now and be about to write its record. Whether it was taken out.
    pub async fn take_out(&self, key: &store::Key) -> Result<bool, StoreError> {
        let Some(Request::File(module, kind)) = in_tree(key) else {
            return self.blobs.remove(key, None).await.map(|()| true);
        };
        let _turn = self.turn(&module.path).await;
        let manifest = self.manifest_in_turn(&module.path).await?;
        let is_recorded = read(&manifest).record(&module.version, kind).is_some_and(|record| !record.lost);
        if !is_recorded {
            self.blobs.remove(key, None).await?;
        }
        Ok(!is_recorded)
    }

    pub(super) async fn load_known(&self, want: &Request) -> Result<Option<Held>, StoreError> {
        let Some(key) = known::key(want) else { return Ok(None) };
        let stored = match self.blobs.open(&key).await {
            Ok(blob) => blob.read_all(KNOWN_BYTES).await?,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some((head, body)) = known::decode(&stored) else { return Ok(None) };
        let held = Held::new(Content::Memory(body), &head.sha256, &head.source, head.at);
        self.memory.insert(want.clone(), Remembered::Known(held.clone()));
        Ok(Some(held))
    }
}

/// What a file of the static tree answers.
fn in_tree(key: &store::Key) -> Option<Request> {
    Request::parse_name(key.as_str().strip_prefix("modules/")?).ok()
}

pub(super) fn held_small(record: &Record, bytes: Bytes) -> Held {
    Held::new(Content::Memory(bytes), &record.sha256, &record.source, record.at)
}

pub(super) fn held_file(file: &Arc<OpenFile>) -> Held {
    let record = file.record();
    Held::new(Content::File(file.clone()), &record.sha256, &record.source, record.at)
}
