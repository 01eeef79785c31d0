//! Bringing what is held from the disk into memory, and noticing on the way that it is lost.

use std::sync::{Arc, RwLock};

use bytes::Bytes;
use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use store::StoreError;

use super::evidence::FoundBy;
use super::examine::Damage;
use super::manifest::{Manifest, Record};
use super::open::OpenFile;
use super::{
    Cache, Content, Held, Label, Remembered, SMALL_BYTES, Weighed, file_key, known, manifest_key, read,
};
use crate::verify::sums;

/// A manifest is read whole; a million records of one module would be about this large.
pub(super) const MANIFEST_BYTES: u64 = 512 * 1024 * 1024;
/// A stored list is at most what a source may send, with its head.
const KNOWN_BYTES: u64 = 17 * 1024 * 1024;

impl Cache {
    /// The manifest of a module, empty when nothing is held of it.
    pub(super) async fn manifest(&self, path: &ModulePath) -> Result<Arc<RwLock<Manifest>>, StoreError> {
        if let Some(weighed) = self.manifests.get(path) {
            return Ok(weighed.manifest);
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
        if let Some(weighed) = self.manifests.get(path) {
            return Ok(weighed.manifest);
        }
        let text = store::read(&*self.blobs, &manifest_key(path)?, MANIFEST_BYTES).await?;
        let manifest = Arc::new(RwLock::new(Manifest::parse(&text.unwrap_or_default())));
        self.weigh(path, &manifest);
        Ok(manifest)
    }

    /// Has a manifest remembered by the weight that it has now: after it was loaded, and when it has grown.
    pub(super) fn weigh(&self, path: &ModulePath, manifest: &Arc<RwLock<Manifest>>) {
        let weight = 1 + read(manifest).len() as u64;
        self.manifests.insert(path.clone(), Weighed { manifest: manifest.clone(), weight });
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
            let record = file.record();
            let damage = file.rot().map_or(Damage::Missing, |block| Damage::met(block, record));
            self.condemn(module, kind, record, (damage, FoundBy::Read)).await?;
            self.open.remove_if(want, |open| Arc::ptr_eq(open, &file));
            return Ok(None);
        }
        let manifest = self.manifest(&module.path).await?;
        let record = read(&manifest).record(&module.version, kind).cloned();
        let Some(record) = record.filter(|record| !record.lost) else { return Ok(None) };
        let loaded = self.load_file(want, module, kind, record.clone()).await?;
        // Another record was written meanwhile: what is said of the file is not what was loaded.
        if !read(&manifest).record(&module.version, kind).is_some_and(|now| Arc::ptr_eq(now, &record)) {
            self.forget(want);
        }
        Ok(loaded)
    }

    async fn load_file(
        &self,
        want: &Request,
        module: &ModuleVersion,
        kind: FileKind,
        record: Arc<Record>,
    ) -> Result<Option<Held>, StoreError> {
        let opened = match self.blobs.open(&file_key(module, kind)?).await {
            Ok(blob) => Damage::of_size(blob.size(), &record).map_or(Ok(blob), Err),
            Err(error) if error.is_absent() => Err(Damage::Missing),
            Err(error) => return Err(error),
        };
        let blob = match opened {
            Ok(blob) => blob,
            Err(damage) => {
                self.condemn(module, kind, &record, (damage, FoundBy::Read)).await?;
                return Ok(None);
            }
        };
        if record.size > SMALL_BYTES {
            let file = Arc::new(OpenFile::new(record, blob));
            self.open.insert(want.clone(), file.clone());
            return Ok(Some(held_file(&file)));
        }
        let bytes = blob.read_all(SMALL_BYTES).await?;
        if let Some(damage) = Damage::of_bytes(&bytes, &record) {
            self.condemn(module, kind, &record, (damage, FoundBy::Read)).await?;
            return Ok(None);
        }
        let held = held_small(&record, bytes);
        self.memory.insert(want.clone(), Remembered::File(held.clone()));
        Ok(Some(held))
    }

    /// Whether a file of the static tree is what a record says. A list is checked by being written anew.
    pub async fn vouches_for(&self, key: &store::Key) -> Result<bool, StoreError> {
        let held = match in_tree(key) {
            Some(Request::List(path)) => {
                return self.mend_list(&path).await.map(|_| true);
            }
            // What checksum databases have said is proven whenever it is read back, here and by clients.
            Some(Request::SumDb(_)) => return Ok(true),
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

    pub(super) async fn load_known(&self, want: &Request) -> Result<Option<Held>, StoreError> {
        let Some(key) = known::key(want) else { return Ok(None) };
        let Some(stored) = store::read(&*self.blobs, &key, KNOWN_BYTES).await? else { return Ok(None) };
        let Some((head, body)) = known::decode(&stored) else { return Ok(None) };
        let held = Held::new(Content::Memory(body), &head.sha256, &head.source, head.at);
        self.memory.insert(want.clone(), Remembered::Known(held.clone()));
        Ok(Some(held))
    }
}

/// What a file of the static tree answers.
pub(super) fn in_tree(key: &store::Key) -> Option<Request> {
    Request::parse_name(key.as_str().strip_prefix("modules/")?).ok()
}

pub(super) fn held_small(record: &Record, bytes: Bytes) -> Held {
    Held { content: Content::Memory(bytes), label: Label::of_file(record), at: record.at }
}

pub(super) fn held_file(file: &Arc<OpenFile>) -> Held {
    Held { content: Content::File(file.clone()), label: file.label().clone(), at: file.record().at }
}
