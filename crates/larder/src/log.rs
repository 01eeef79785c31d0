//! Our own checksum database: a log of what modules hash to, kept and signed here.
//!
//! What this is for: private modules get the protection that public ones have, and clients need one `GOSUMDB` for both.
//! Who asks for a record that is held is answered from memory, or from a tile that is proven each time it is read; what
//! is not held is appended by whoever has verified it (the pipeline), and nobody is told before it is durable.
//! Why this shape: readers look at a [`shelf::Shelf`], which never changes and is swapped whole; one task writes
//! ([`writer`]), so that an order of writes is an order; what arrives while it writes goes into the next batch. The rules
//! of the log itself, and the order in which things must be durable, are `sumdb::log`.
//! What it promises: one record for a path and a version for ever; no signature over what is not on the disk; no second
//! history: the newest signed head is remembered beside the key ([`remember`]), and a data directory that is older than
//! that, or another writer, ends the signing. What is proven is served on.
//! Why the truth is the tiles of records: all else follows from them and is compared with the signed head at each start.
//! Tiles of hashes, and a file for each lookup, are written for other web servers ([`mirror`]), and read only to compare
//! them with what they should be ([`audit`]).
//!
//! Below the data directory, as any web server may serve them at `/sumdb/NAME/`:
//!
//! ```text
//! modules/sumdb/NAME/latest                                    the newest signed head
//! modules/sumdb/NAME/tile/8/data/000, tile/8/0/000.p/5, …      tiles; those that are not full go once they are
//! modules/sumdb/NAME/lookup/corp.example.com/x@v1.0.0          one for each record, a moment after it
//! ```
//!
//! Not here: where hashes come from (`pipeline::recorded`), and who may read.

pub mod audit;
mod index;
pub mod key;
mod mirror;
mod refusal;
pub mod remember;
mod restore;
mod shelf;
mod tiles;
mod view;
mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use gomod::ModuleVersion;
use gomod::request::SumDbOperation;
use store::Blobs;
use sumdb::record::Sums;
use sumdb::{Record, Signer, Tile, Verifier};
use tokio::sync::{mpsc, oneshot, watch};

use crate::tasks::Tasks;

use index::Index;
pub use refusal::{Refusal, Stopped};
use remember::Remember;
use shelf::Shelf;
use tiles::Tiles;
pub use view::{State, View};
use writer::{Ask, Writer};

/// Bytes of answers to lookups that are kept in memory.
const ANSWERS_BYTES: u64 = 16 << 20;
/// How long a request waits while the log is being read after a start.
const RESTORE_WAIT: Duration = Duration::from_secs(30);
/// How long a request waits for its record to be durable.
const APPEND_WAIT: Duration = Duration::from_mins(1);

/// What a log is opened with.
pub struct Setup {
    /// The key, whose name the log has.
    pub signer: Signer,
    /// Where its newest signed head is remembered.
    pub remember: Arc<dyn Remember>,
    /// The store that holds its tiles, without a patience of its own: a write that hangs must be waited for, since it may
    /// still take effect.
    pub blobs: Arc<dyn Blobs>,
}

/// Our own checksum database.
pub struct Log {
    name: Arc<str>,
    verifier: Verifier,
    tiles: Tiles,
    index: Index,
    /// None until what is held is proven.
    shelf: ArcSwapOption<Shelf>,
    answers: quick_cache::sync::Cache<ModuleVersion, Bytes, Weigh>,
    condition: watch::Sender<Condition>,
    asks: mpsc::UnboundedSender<Ask>,
    tallies: view::Tallies,
    /// Records whose lookups have been copied for other servers.
    copied: AtomicU64,
}

/// What the writer does.
#[derive(Clone, Debug)]
enum Condition {
    /// It reads what is held.
    Restoring,
    /// It signs.
    Signing,
    /// The last try failed; the next one may not.
    Failing(Arc<str>),
    /// It does not sign any more.
    Stopped(Stopped),
}

#[derive(Clone)]
struct Weigh;

impl quick_cache::Weighter<ModuleVersion, Bytes> for Weigh {
    fn weight(&self, _: &ModuleVersion, answer: &Bytes) -> u64 {
        // 300: the key and the table's own part, estimated.
        300 + answer.len() as u64
    }
}

impl Log {
    /// Opens a log and begins to read what is held of it, behind everything else.
    pub fn open(setup: Setup, tasks: &Tasks) -> Arc<Self> {
        let (asks, asked) = mpsc::unbounded_channel();
        let verifier = setup.signer.verifier().clone();
        let items = usize::try_from(ANSWERS_BYTES / 1024).unwrap_or(1024);
        let log = Arc::new(Self {
            name: verifier.name().as_str().into(),
            tiles: Tiles::new(setup.blobs, verifier.name().as_str()),
            verifier,
            index: Index::default(),
            shelf: ArcSwapOption::empty(),
            answers: quick_cache::sync::Cache::with_weighter(items, ANSWERS_BYTES, Weigh),
            condition: watch::Sender::new(Condition::Restoring),
            asks,
            tallies: view::Tallies::default(),
            copied: AtomicU64::new(0),
        });
        let writer = Writer::new(log.clone(), setup.signer, setup.remember);
        tasks.attend(writer.run(asked));
        tasks.attend(mirror::run(log.clone()));
        log
    }

    /// Its name, as in `/sumdb/NAME/`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What its signatures are checked with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// What there is to an operation; `None` for a module version without a record, and a tile beyond the tree.
    ///
    /// # Errors
    /// What is held is not proven yet, cannot be read, or is damaged.
    pub async fn read(&self, operation: &SumDbOperation) -> Result<Option<Bytes>, Refusal> {
        match operation {
            SumDbOperation::Supported => Ok(Some(Bytes::new())),
            SumDbOperation::Latest => {
                let note = self.shelf().await?.head().note().to_owned();
                Ok(Some(note).filter(|note| !note.is_empty()).map(Bytes::from))
            }
            SumDbOperation::Lookup(module) => self.lookup(module).await,
            SumDbOperation::Tile(path) => {
                let Ok(tile) = Tile::of_request(path) else { return Ok(None) };
                let shelf = self.shelf().await?;
                self.tiles.tile(&shelf, tile).await.map_err(|error| self.unreadable(&error))
            }
        }
    }

    /// What is recorded of a module version, if anything is.
    ///
    /// # Errors
    /// See [`Log::read`].
    pub async fn record(&self, module: &ModuleVersion) -> Result<Option<Sums>, Refusal> {
        let shelf = self.shelf().await?;
        let Some(id) = self.index.find(module).filter(|id| *id < shelf.size()) else { return Ok(None) };
        Ok(self.record_of(&shelf, id).await?.sums(module).ok())
    }

    /// Records the hashes of a module version, which the caller has verified, unless it has a record: then that one stays.
    /// The answer to its lookup, once it is durable.
    ///
    /// # Errors
    /// It is not recorded as far as is known; it may be asked for again.
    pub async fn append(&self, module: ModuleVersion, sums: Sums) -> Result<Bytes, Refusal> {
        if let Condition::Stopped(stopped) = &*self.condition.borrow() {
            self.tallies.refused();
            return Err(Refusal::Stopped(stopped.clone()));
        }
        let (reply, replied) = oneshot::channel();
        // The writer lives as long as anybody asks.
        let sent = self.asks.send(Ask { module, sums, reply });
        let replied = async { if sent.is_ok() { replied.await.ok() } else { None } };
        let replied = tokio::time::timeout(APPEND_WAIT, replied).await;
        let outcome = replied.ok().flatten().unwrap_or(Err(Refusal::Slow));
        outcome.inspect_err(|_| self.tallies.refused())
    }

    async fn lookup(&self, module: &ModuleVersion) -> Result<Option<Bytes>, Refusal> {
        if let Some(answer) = self.answers.get(module) {
            return Ok(Some(answer));
        }
        let shelf = self.shelf().await?;
        let Some(id) = self.index.find(module).filter(|id| *id < shelf.size()) else { return Ok(None) };
        let record = self.record_of(&shelf, id).await?;
        let is_of_it = record.sums(module).is_ok();
        Ok(is_of_it.then(|| self.answer(&shelf, module, &record)))
    }

    /// The answer to a lookup: any signed head that covers the record will do, for ever.
    fn answer(&self, shelf: &Shelf, module: &ModuleVersion, record: &Record) -> Bytes {
        let answer = Bytes::from(format!("{record}{}", shelf.head().note()));
        self.answers.insert(module.clone(), answer.clone());
        answer
    }

    async fn record_of(&self, shelf: &Shelf, id: u64) -> Result<Record, Refusal> {
        self.tiles.record(shelf, id).await.map_err(|error| self.unreadable(&error))
    }

    /// What is proven, once it is.
    async fn shelf(&self) -> Result<Arc<Shelf>, Refusal> {
        if let Some(shelf) = self.shelf.load_full() {
            return Ok(shelf);
        }
        let mut watch = self.condition.subscribe();
        let settled = watch.wait_for(|condition| !matches!(condition, Condition::Restoring));
        let settled = tokio::time::timeout(RESTORE_WAIT, settled).await;
        let condition = settled.ok().and_then(Result::ok).map(|condition| condition.clone());
        match (self.shelf.load_full(), condition) {
            (Some(shelf), _) => Ok(shelf),
            (None, Some(Condition::Stopped(stopped))) => Err(Refusal::Stopped(stopped)),
            (None, _) => Err(Refusal::Unread),
        }
    }

    fn unreadable(&self, error: &tiles::ReadError) -> Refusal {
        tracing::error!(
            event = "log_unreadable",
            sumdb.name = &*self.name,
            error = error as &dyn std::error::Error,
            "our own log cannot be read"
        );
        match error {
            tiles::ReadError::Store(_) | tiles::ReadError::Beyond { .. } => Refusal::Unread,
            tiles::ReadError::Absent { tile } | tiles::ReadError::Wrong { tile } => {
                Refusal::Damaged { tile: *tile }
            }
        }
    }
}
