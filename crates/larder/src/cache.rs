//! What is held: looked up, kept, and found lost.
//!
//! Small answers live in memory, large files behind open descriptors, manifests of modules that were asked for
//! lately in memory too; the rest is on the disk. Looking up a hit takes no lock shared by all requests and waits for
//! nothing. Only this module makes a [`Held`], and only from a [`Verified`] or from what a manifest records.
//!
//! A version's file is kept in this order: the content is published under its name, then the record is appended
//! to the manifest. A crash between the two leaves a file that nobody vouches for; it is replaced when it is next
//! asked for. Writers of one module take turns; readers never wait for them.

mod condition;
pub mod evidence;
pub mod examine;
pub mod facts;
pub mod keep;
pub mod known;
mod load;
pub mod manifest;
pub mod open;
pub mod view;
mod vouch;
mod walk;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use gomod::{FileKind, ModulePath, ModuleVersion, Request, Version};
use http::HeaderValue;
use jiff::Timestamp;
use store::{Blobs, Key, StoreError, Watched};

use crate::clock::Clock;

pub use known::{Absence, Freshness, Lack};
use manifest::Manifest;
use open::OpenFile;

/// Files up to this size are served from memory; larger ones from the page cache, where a copy in memory gains little.
const SMALL_BYTES: u64 = 64 * 1024;
/// Open descriptors kept for large files.
const OPEN_FILES: usize = 512;
/// Records of manifests kept in memory, about 500 bytes each.
const MANIFEST_RECORDS: u64 = 100_000;
/// Writers of modules that fall on the same stripe take turns.
const STRIPES: usize = 64;

/// Something held, ready to be served.
#[derive(Clone, Debug)]
pub struct Held {
    /// The bytes.
    pub content: Content,
    /// What is told of them.
    pub label: Label,
    /// When it was kept, or last confirmed by the source.
    pub at: Timestamp,
}

/// What is told of held bytes in headers; made once, when they come into memory or are opened.
#[derive(Clone, Debug)]
pub struct Label {
    /// Quoted SHA-256 of the bytes, the `ETag`.
    pub etag: HeaderValue,
    /// The configured name of the source they came from.
    pub source: HeaderValue,
    /// Why they are trusted, of files of versions, as [`manifest::VerifiedBy`] writes it.
    pub verified_by: Option<HeaderValue>,
}

impl Label {
    fn new(sha256: &str, source: &str) -> Self {
        Self { etag: header(&format!("\"{sha256}\"")), source: header(source), verified_by: None }
    }

    /// Of the file of a version with this record.
    fn of_file(record: &manifest::Record) -> Self {
        let verified_by = Some(header(&record.verified_by.to_string()));
        Self { verified_by, ..Self::new(&record.sha256, &record.source) }
    }
}

/// Where the bytes of a [`Held`] are.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory.
    Memory(Bytes),
    /// In an open file.
    File(Arc<OpenFile>),
}

impl Held {
    /// Content whose SHA-256 is `sha256` in hex, from a source, as of a time.
    fn new(content: Content, sha256: &str, source: &str, at: Timestamp) -> Self {
        Self { content, label: Label::new(sha256, source), at }
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::File(file) => file.record().size,
        }
    }
}

/// What the cache says of a request.
#[derive(Debug)]
pub enum Lookup {
    /// Serve it.
    Fresh(Held),
    /// Serve it, and ask again behind the answer.
    Stale(Held),
    /// Ask again first, for a short while; then serve it.
    Old(Held),
    /// Made from what is held a short while ago, since no source gave one.
    Derived {
        /// The answer.
        held: Held,
        /// The sources should be asked again.
        is_due: bool,
    },
    /// Every source said no, a short while ago.
    Absent(Absence),
    /// Nothing is held.
    Missing,
}

/// What lies in memory under a request.
#[derive(Clone)]
enum Remembered {
    /// A small file of a version: right for ever.
    File(Held),
    /// An answer that may change.
    Known(Held),
    /// An answer made from what is held, and how long it counts.
    Derived(Held, Duration),
    /// An absence.
    Absent(Absence),
}

#[derive(Clone)]
struct Weigh;

impl quick_cache::Weighter<Request, Remembered> for Weigh {
    fn weight(&self, _: &Request, value: &Remembered) -> u64 {
        // 400: key, headers and the table's own part, estimated.
        400 + match value {
            Remembered::File(held) | Remembered::Known(held) | Remembered::Derived(held, _) => held.size(),
            Remembered::Absent(absence) => absence.text.len() as u64,
        }
    }
}

/// A manifest with its weight when it was put here: the table must find the same weight when it takes it out.
#[derive(Clone)]
struct Weighed {
    manifest: Arc<RwLock<Manifest>>,
    weight: u64,
}

impl quick_cache::Weighter<ModulePath, Weighed> for Weigh {
    fn weight(&self, _: &ModulePath, value: &Weighed) -> u64 {
        value.weight
    }
}

/// All that is held.
pub struct Cache {
    blobs: Arc<dyn Blobs>,
    /// The same, for what only it knows.
    store: Watched,
    clock: Clock,
    freshness: ArcSwap<Freshness>,
    memory: quick_cache::sync::Cache<Request, Remembered, Weigh>,
    open: quick_cache::sync::Cache<Request, Arc<OpenFile>>,
    manifests: quick_cache::sync::Cache<ModulePath, Weighed, Weigh>,
    ledger: facts::Ledger,
    writers: Vec<tokio::sync::Mutex<()>>,
    evidence: evidence::Bounds,
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Something else is recorded for this file already.
    #[error("{file} has the hash {offered}, but {recorded} was recorded first")]
    Differs {
        /// `path@version` and the kind.
        file: String,
        /// What is recorded.
        recorded: String,
        /// What was offered.
        offered: String,
    },
}

impl Cache {
    /// A cache over a store; `memory_bytes` bounds what is kept in memory beside it.
    pub fn new(blobs: Arc<dyn Blobs>, clock: Clock, freshness: Freshness, memory_bytes: u64) -> Self {
        let items = usize::try_from(memory_bytes / 4096).unwrap_or(4096);
        let store = Watched::new(blobs, Box::new(condition::tell));
        Self {
            blobs: Arc::new(store.clone()),
            store,
            clock,
            freshness: ArcSwap::from_pointee(freshness),
            memory: quick_cache::sync::Cache::with_weighter(items, memory_bytes, Weigh),
            open: quick_cache::sync::Cache::new(OPEN_FILES),
            manifests: quick_cache::sync::Cache::with_weighter(4096, MANIFEST_RECORDS, Weigh),
            writers: (0..STRIPES).map(|_| tokio::sync::Mutex::new(())).collect(),
            evidence: evidence::Bounds::default(),
            ledger: facts::Ledger::default(),
        }
    }

    /// The same, keeping so much evidence of what was found wrong.
    #[must_use]
    pub fn with_evidence(mut self, bounds: evidence::Bounds) -> Self {
        self.evidence = bounds;
        self
    }

    /// From now on, what is held is fresh for so long, and so much of it is kept in memory.
    /// Absences are forgotten.
    pub fn apply(&self, freshness: Freshness, memory_bytes: u64) {
        self.freshness.store(Arc::new(freshness));
        self.memory.set_capacity(memory_bytes);
        // Others may be asked now. What databases say is asked for under the new settings, which may know fewer of them.
        self.memory.retain(|want, remembered| {
            !matches!(remembered, Remembered::Absent(_)) && !matches!(want, Request::SumDb(_))
        });
    }

    /// The store below, for what is known of its condition.
    pub fn store(&self) -> &Watched {
        &self.store
    }

    /// The store below.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// What is held for a request. Hits in memory come back without waiting.
    pub async fn lookup(&self, want: &Request) -> Result<Lookup, StoreError> {
        match self.memory.get(want) {
            Some(Remembered::File(held)) => return Ok(Lookup::Fresh(held)),
            Some(Remembered::Known(held)) => return Ok(self.by_age(held)),
            Some(Remembered::Derived(held, lasts)) => {
                let is_due = self.clock.since(held.at) >= lasts;
                return Ok(Lookup::Derived { held, is_due });
            }
            Some(Remembered::Absent(absence)) if self.clock.since(absence.at) < absence.for_ => {
                return Ok(Lookup::Absent(absence));
            }
            Some(Remembered::Absent(_)) | None => {}
        }
        match want {
            Request::File(module, kind) => {
                Ok(self.lookup_file(want, module, *kind).await?.map_or(Lookup::Missing, Lookup::Fresh))
            }
            Request::List(_) | Request::Latest(_) | Request::Query(..) => {
                Ok(self.load_known(want).await?.map_or(Lookup::Missing, |held| self.by_age(held)))
            }
            Request::SumDb(_) => Ok(Lookup::Missing),
        }
    }

    /// Whether a source's answer that may change is held, however old.
    pub async fn has_known(&self, want: &Request) -> Result<bool, StoreError> {
        match self.memory.get(want) {
            Some(Remembered::Known(_)) => Ok(true),
            Some(_) => Ok(false),
            None => Ok(self.load_known(want).await?.is_some()),
        }
    }

    fn by_age(&self, held: Held) -> Lookup {
        let age = self.clock.since(held.at);
        let freshness = self.freshness.load();
        if age < freshness.fresh {
            Lookup::Fresh(held)
        } else if age < freshness.stale {
            Lookup::Stale(held)
        } else {
            Lookup::Old(held)
        }
    }

    /// Remembers that every source said no, or that nobody can use what there is. What an earlier answer said is forgotten, on the disk too.
    pub async fn remember_absent(&self, want: &Request, text: &str, lack: Lack) -> Absence {
        let absence = Absence {
            at: self.clock.now(),
            for_: self.freshness.load().negative.min(Duration::from_mins(1)),
            text: text.into(),
            lack,
        };
        self.memory.insert(want.clone(), Remembered::Absent(absence.clone()));
        // Brought in by another door while the sources were asked: then it is not absent. What is kept is recorded
        // before it is found in memory, so that one of the two sees the other.
        if let Request::File(module, kind) = want
            && let Ok(Some(_)) = self.lookup_file(want, module, *kind).await
        {
            self.memory.remove_if(want, |held| matches!(held, Remembered::Absent(_)));
        }
        if let Some(key) = known::key(want)
            && let Err(error) = self.blobs.remove(&key, None).await
        {
            tracing::warn!(
                event = "answer_unremoved",
                error = &error as &dyn std::error::Error,
                "an old answer could not be removed"
            );
        }
        absence
    }

    /// Forgets what is remembered in memory of a request, so that the disk or a source is asked.
    pub fn forget(&self, want: &Request) {
        self.memory.remove(want);
        self.open.remove(want);
    }

    /// Forgets what is remembered of a checksum database.
    pub fn forget_database(&self, name: &str) {
        self.memory.retain(|want, _| !matches!(want, Request::SumDb(request) if *request.name == *name));
    }

    /// The source that the first held file of a version came from.
    pub async fn pinned_source(&self, module: &ModuleVersion) -> Result<Option<Arc<str>>, StoreError> {
        let manifest = self.manifest(&module.path).await?;
        Ok(read(&manifest).pinned_source(&module.version))
    }

    /// The hash that binds a file, held or lost.
    pub async fn recorded_h1(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
    ) -> Result<Option<gomod::h1::H1>, StoreError> {
        Ok(self.record(module, kind).await?.and_then(|record| record.h1))
    }

    /// What is recorded of a file, held or lost.
    pub async fn record(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
    ) -> Result<Option<Arc<manifest::Record>>, StoreError> {
        let manifest = self.manifest(&module.path).await?;
        Ok(read(&manifest).record(&module.version, kind).cloned())
    }

    /// Versions of which all three files are held, in order, one a line.
    pub async fn whole_versions(&self, path: &ModulePath) -> Result<String, StoreError> {
        let manifest = self.manifest(path).await?;
        Ok(lines(read(&manifest).whole_versions()))
    }

    /// How long an absence still counts, for `Cache-Control`.
    pub fn absent_for(&self, absence: &Absence) -> Duration {
        absence.for_.saturating_sub(self.clock.since(absence.at))
    }

    /// Waits until this writer may change what is held of a module; the turn lasts as long as the guard, which is always
    /// there, since the index stays below the number of stripes.
    async fn turn(&self, path: &ModulePath) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().build_hasher();
        hasher.write(path.as_str().as_bytes());
        let stripes = u64::try_from(self.writers.len()).unwrap_or(1);
        let writer = self.writers.get(usize::try_from(hasher.finish() % stripes).unwrap_or(0))?;
        Some(writer.lock().await)
    }
}

/// A version list: in order, one a line.
fn lines(mut versions: Vec<Version>) -> String {
    versions.sort();
    let mut text = String::new();
    for version in &versions {
        text.push_str(version.as_str());
        text.push('\n');
    }
    text
}

/// Reads a manifest; a panic while it was held cannot have left it half-changed, since a change is one insertion.
fn read(manifest: &RwLock<Manifest>) -> std::sync::RwLockReadGuard<'_, Manifest> {
    manifest.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where a file of a version lies in the static tree.
pub fn file_key(module: &ModuleVersion, kind: FileKind) -> Result<Key, StoreError> {
    tree_key(&module.path, &format!("{}.{}", module.version.escape(), kind.extension()))
}

fn tree_key(path: &ModulePath, name: &str) -> Result<Key, StoreError> {
    Key::named(&format!("modules/{}/@v/{name}", path.escape()))
}

fn manifest_key(path: &ModulePath) -> Result<Key, StoreError> {
    Key::named(&format!("meta/{}/@manifest", path.escape()))
}

/// A header value; text that cannot be one (never for hashes and checked names) becomes `?`.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("?"))
}
