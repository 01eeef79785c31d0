//! What was learned of the databases. It belongs to their keys, not to settings, and so survives a reload of these.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use gomod::{ModulePath, ModuleVersion};
use jiff::Timestamp;
use source::SourceError;
use store::{Blobs, StoreError};
use sumdb::client::{Client, Evidence, Head};
use sumdb::{Proven, Tile, Verifier};

use super::flights::Flights;
use super::shelf::{Closing, Shelf};
use super::{Failed, LookupError, Recorded, Rule};
use crate::clock::Clock;
use crate::observe::Counters;
use crate::tasks::Tasks;

/// Proven tiles kept in memory for each database, of 8 KiB at most: those above the records of a day or so.
const TILES: usize = 1024;
/// Tiles that came and are not proven yet, of 8 KiB at most: those of some dozen checks.
const ARRIVED: usize = 128;
/// Records kept in memory for each database, of less than 1 KiB each; their answers are also in the cache's memory.
const RECORDS: usize = 8192;
/// A failure answers all who ask within this time, so that a crowd of askers makes one more try.
const FAILURE_MEMORY: Duration = Duration::from_secs(1);
/// Failures that are remembered.
const FAILURES: usize = 1024;

/// What the databases are known with.
pub struct Parts {
    /// Where is kept what was proven.
    pub blobs: Arc<dyn Blobs>,
    /// Where tasks are started.
    pub tasks: Tasks,
    /// The time.
    pub clock: Clock,
    /// Where is counted what happens.
    pub counters: Arc<Counters>,
}

/// What is known of each database, by its key. Cheap to clone; a clone is the same.
#[derive(Clone)]
pub struct Memories(Arc<Registry>);

struct Registry {
    known: Mutex<BTreeMap<String, Arc<Memory>>>,
    world: Arc<World>,
}

/// A tile as it came, or why it did not.
pub(super) type Downloaded = Result<Arc<[u8]>, SourceError>;

/// What all databases share.
pub(super) struct World {
    pub(super) parts: Parts,
    rule: ArcSwap<Rule>,
}

/// What is known of one database.
pub(super) struct Memory {
    pub(super) name: Arc<str>,
    pub(super) verifier: Verifier,
    pub(super) world: Arc<World>,
    pub(super) shelf: Shelf,
    life: ArcSwapOption<Life>,
    /// The turn of whoever begins a life, or ends one.
    opening: tokio::sync::Mutex<()>,
    lives: AtomicU64,
}

/// What was learned of one timeline of a database. When an operator accepts another timeline, a new life begins.
pub(super) struct Life {
    client: Mutex<Client>,
    tiles: quick_cache::sync::Cache<Tile, Proven>,
    /// Tiles that came for a check which has not ended.
    pub(super) arrived: quick_cache::sync::Cache<Tile, Arc<[u8]>>,
    records: quick_cache::sync::Cache<ModuleVersion, Recorded>,
    failures: quick_cache::sync::Cache<ModuleVersion, (Timestamp, LookupError)>,
    /// When the newest tree was last asked for.
    pub(super) asked_latest: Mutex<Option<Timestamp>>,
    /// Since when the database gives older trees, and whether that was told.
    pub(super) behind: Mutex<Option<(Timestamp, bool)>>,
    failed: Mutex<Option<Failed>>,
    closed: ArcSwapOption<Closing>,
    /// The turn of whoever makes the newest tree durable, and what still has to be written.
    unwritten: tokio::sync::Mutex<Unwritten>,
    /// Something still has to be written.
    is_behind: AtomicBool,
    pub(super) lookups: Arc<Flights<ModuleVersion, Result<Recorded, LookupError>>>,
    pub(super) rereadings: Arc<Flights<ModuleVersion, Option<Recorded>>>,
    pub(super) downloads: Arc<Flights<Tile, Downloaded>>,
    pub(super) latest: Arc<Flights<(), Result<(), LookupError>>>,
}

/// What is to be kept.
pub(super) enum Keeping {
    /// Proven tiles.
    Tiles(Vec<(Tile, Bytes)>),
    /// The answer to a lookup.
    Lookup(ModuleVersion, Bytes),
}

impl Keeping {
    async fn onto(self, shelf: &Shelf) -> Result<(), StoreError> {
        match self {
            Self::Tiles(tiles) => {
                for (tile, bytes) in tiles {
                    shelf.keep_tile(tile, bytes).await?;
                }
                Ok(())
            }
            Self::Lookup(module, answer) => {
                shelf.be_supported().await?;
                shelf.keep_lookup(&module, answer).await
            }
        }
    }
}

/// What the disk would not take.
#[derive(Default)]
struct Unwritten {
    /// The size of the newest tree that is durable.
    durable: u64,
    closing: Option<Closing>,
    evidence: Option<String>,
}

impl Memories {
    /// Nothing is known yet but what the store has.
    pub fn new(parts: Parts) -> Self {
        let world = Arc::new(World { parts, rule: ArcSwap::default() });
        Self(Arc::new(Registry { known: Mutex::default(), world }))
    }

    /// What is known of the database with this key.
    pub(super) fn join(&self, verifier: &Verifier) -> Arc<Memory> {
        let mut known = self.known();
        known.retain(|_, memory| Arc::strong_count(memory) > 1);
        let memory = known.entry(verifier.to_string());
        memory.or_insert_with(|| Arc::new(Memory::new(verifier.clone(), self.0.world.clone()))).clone()
    }

    /// Reads what is written of each database: whether one is closed is known from the start.
    pub async fn open(&self) {
        let known: Vec<_> = self.known().values().cloned().collect();
        for memory in known {
            // What cannot be read is told to whoever asks.
            let _ = memory.life().await;
        }
    }

    /// From now on this says what must not be asked for; lookups of that come to an end.
    pub(super) fn enforce(&self, rule: &Arc<Rule>) {
        self.0.world.rule.store(rule.clone());
        // Whoever begins a lookup is in the table before it looks at the rule, so one of the two sees the other.
        for memory in self.known().values() {
            if let Some(life) = &*memory.life.load() {
                life.lookups.withdraw(|module| rule.keeps_in(&module.path));
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Memory>>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Whether no database may hear of the module.
    pub(super) fn keeps_in(&self, path: &ModulePath) -> bool {
        self.rule.load().keeps_in(path)
    }
}

impl Memory {
    fn new(verifier: Verifier, world: Arc<World>) -> Self {
        Self {
            name: Arc::from(verifier.name().as_str()),
            shelf: Shelf::new(world.parts.blobs.clone(), &verifier),
            verifier,
            world,
            life: ArcSwapOption::default(),
            opening: tokio::sync::Mutex::default(),
            lives: AtomicU64::default(),
        }
    }

    /// The timeline that is believed, read from the disk when it is first asked for.
    ///
    /// # Errors
    /// What was written could not be read: nothing is believed then, since nothing can be compared with it.
    pub(super) async fn life(&self) -> Result<Arc<Life>, LookupError> {
        if let Some(life) = self.life.load_full() {
            return Ok(life);
        }
        let _turn = self.opening.lock().await;
        if let Some(life) = self.life.load_full() {
            return Ok(life);
        }
        let read = self.begin().await;
        let life = read
            .map_err(|cause| LookupError::Unread { database: self.name.clone(), cause: Arc::new(cause) })?;
        self.life.store(Some(life.clone()));
        Ok(life)
    }

    async fn begin(&self) -> Result<Arc<Life>, StoreError> {
        let head = self.shelf.head().await?.unwrap_or_default();
        let mut closing = self.shelf.closing().await?;
        let (client, is_damaged) = match Client::new(self.verifier.clone(), &head) {
            Ok(client) => (client, false),
            Err(_) => (Client::first(self.verifier.clone()), true),
        };
        if is_damaged {
            // To begin anew would let a fork pass that happened meanwhile.
            let why = "the newest tree that was kept is not one that its key has signed: the file is damaged";
            tracing::error!(event = "sumdb_head_damaged", sumdb.name = &*self.name, "{why}");
            let since = self.world.parts.clock.now();
            closing = closing.or(Some(Closing { since, why: why.into(), evidence: None }));
        }
        Ok(Arc::new(Life::new(client, closing)))
    }

    /// The timeline that is believed, if it was read before.
    pub(super) fn current(&self) -> Option<Arc<Life>> {
        self.life.load_full()
    }

    /// Grows when another timeline is accepted.
    pub(super) fn life_number(&self) -> u64 {
        self.lives.load(Ordering::Acquire)
    }

    /// Forgets the timeline that was believed, on the disk too; how many lookups and tiles that were.
    ///
    /// # Errors
    /// Not all of it could be removed: the timeline is still believed, and the database is closed as it was.
    pub(super) async fn begin_anew(&self) -> Result<(u64, u64), StoreError> {
        let _turn = self.opening.lock().await;
        // Nobody keeps anything for the old life from here on, and whoever comes waits.
        let old = self.life.swap(None);
        let cleared = self.shelf.clear().await;
        if cleared.is_err() {
            self.life.store(old);
            return cleared;
        }
        self.lives.fetch_add(1, Ordering::AcqRel);
        self.life.store(Some(Arc::new(Life::new(Client::first(self.verifier.clone()), None))));
        if let Some(old) = old {
            old.lookups.withdraw(|_| true);
        }
        cleared
    }

    /// Whether this is the timeline that is believed.
    fn is_current(&self, life: &Arc<Life>) -> bool {
        self.life.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, life))
    }

    /// Makes a tree head durable before anything is told that rests on it. If the disk does not take it, memory has it,
    /// and whatever comes next tries again: a database that cannot be asked because our disk is full would be worse, and
    /// what a crash can lose meanwhile is the knowledge of a newer tree, not that of the older one.
    pub(super) async fn keep_head(&self, life: &Arc<Life>, head: &Head) {
        let mut unwritten = life.unwritten.lock().await;
        if unwritten.durable < head.tree().size && self.is_current(life) {
            match self.shelf.keep_head(head.note()).await {
                Ok(()) => unwritten.durable = head.tree().size,
                Err(error) => {
                    life.is_behind.store(true, Ordering::Release);
                    tracing::warn!(
                        event = "sumdb_head_unkept",
                        sumdb.name = &*self.name,
                        error = &error as &dyn std::error::Error,
                        "the newest tree of a checksum database could not be written; it is tried again"
                    );
                }
            }
        }
        life.client().kept(head);
    }

    /// Writes what the disk would not take before.
    pub(super) async fn catch_up(&self, life: &Arc<Life>) {
        if !life.is_behind.swap(false, Ordering::AcqRel) {
            return;
        }
        self.write_closing(life, &mut *life.unwritten.lock().await).await;
        self.keep_head(life, &life.newest()).await;
    }

    /// Keeps what was proven, behind the answer. A failure is no event: the store tells how it does, and what is not kept
    /// is asked for again.
    pub(super) fn keep(self: &Arc<Self>, life: &Arc<Life>, what: Keeping) {
        let (memory, life) = (self.clone(), life.clone());
        self.world.parts.tasks.spawn(async move {
            if memory.is_current(&life)
                && let Err(error) = what.onto(&memory.shelf).await
            {
                tracing::debug!(sumdb.name = &*memory.name, "something proven was not kept: {error}");
            }
        });
    }

    /// Closes the database: a fork was found. The first one counts.
    pub(super) async fn close(&self, life: &Arc<Life>, evidence: &Evidence) {
        let mut unwritten = life.unwritten.lock().await;
        if life.closed.load().is_some() || !self.is_current(life) {
            return;
        }
        let why = "it has signed two histories, of which neither continues the other";
        let closing = Closing { since: self.world.parts.clock.now(), why: why.into(), evidence: None };
        // Before anything is waited for: nobody asks from here on.
        life.closed.store(Some(Arc::new(closing.clone())));
        tracing::error!(
            event = "sumdb_fork",
            sumdb.name = &*self.name,
            "a checksum database has signed two different histories: it is asked nothing more until somebody decides \
             (larder sumdb status, larder sumdb accept)"
        );
        unwritten.closing = Some(closing);
        unwritten.evidence = Some(evidence.to_string());
        self.write_closing(life, &mut unwritten).await;
    }

    /// Writes that the database is closed, and the evidence first, so that its place can be told.
    async fn write_closing(&self, life: &Life, unwritten: &mut Unwritten) {
        let Some(mut closing) = unwritten.closing.take() else { return };
        let mut failed = None;
        if let Some(evidence) = unwritten.evidence.take() {
            match self.shelf.keep_evidence(&evidence, closing.since).await {
                Ok(place) => closing.evidence = Some(place),
                Err(error) => {
                    failed = Some(error);
                    unwritten.evidence = Some(evidence);
                }
            }
        }
        failed = self.shelf.close(&closing).await.err().or(failed);
        life.closed.store(Some(Arc::new(closing.clone())));
        if let Some(error) = failed {
            unwritten.closing = Some(closing);
            life.is_behind.store(true, Ordering::Release);
            tracing::error!(
                event = "sumdb_closing_unkept",
                sumdb.name = &*self.name,
                error = &error as &dyn std::error::Error,
                "that a checksum database is closed, or the evidence, could not be written; it is tried again"
            );
        }
    }
}

impl Life {
    fn new(client: Client, closing: Option<Closing>) -> Self {
        let unwritten = Unwritten { durable: client.newest().tree().size, ..Unwritten::default() };
        Self {
            client: Mutex::new(client),
            tiles: quick_cache::sync::Cache::new(TILES),
            arrived: quick_cache::sync::Cache::new(ARRIVED),
            records: quick_cache::sync::Cache::new(RECORDS),
            failures: quick_cache::sync::Cache::new(FAILURES),
            asked_latest: Mutex::default(),
            behind: Mutex::default(),
            failed: Mutex::default(),
            closed: ArcSwapOption::new(closing.map(Arc::new)),
            unwritten: tokio::sync::Mutex::new(unwritten),
            is_behind: AtomicBool::default(),
            lookups: Arc::default(),
            rereadings: Arc::default(),
            downloads: Arc::default(),
            latest: Arc::default(),
        }
    }

    /// Why the database is asked nothing more, if so.
    pub(super) fn closing(&self) -> Option<Arc<Closing>> {
        self.closed.load_full()
    }

    /// The client, for the moment of a step.
    pub(super) fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest tree that is known to be on the timeline.
    pub(super) fn newest(&self) -> Head {
        self.client().newest().clone()
    }

    /// Why the database was last of no use.
    pub(super) fn last_failure(&self) -> Option<Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers, for people, that the database was of no use.
    pub(super) fn fail(&self, error: &LookupError, at: Timestamp) {
        let failed = Failed { text: error.to_string(), at };
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
    }

    /// A proven tile, by the name of the full one.
    pub(super) fn tile(&self, tile: Tile) -> Option<Proven> {
        self.tiles.get(&tile)
    }

    /// Remembers tiles that were proven for the timeline.
    pub(super) fn learn(&self, tiles: &[Proven]) {
        for proven in tiles {
            let whole = proven.tile().whole();
            let is_wider = |known: Proven| known.tile().width() >= proven.tile().width();
            if !self.tiles.get(&whole).is_some_and(is_wider) {
                self.tiles.insert(whole, proven.clone());
            }
        }
    }

    /// A record that was proven.
    pub(super) fn record(&self, module: &ModuleVersion) -> Option<Recorded> {
        self.records.get(module)
    }

    /// Remembers how a lookup ended.
    pub(super) fn remember(
        &self,
        module: &ModuleVersion,
        outcome: &Result<Recorded, LookupError>,
        now: Timestamp,
    ) {
        match outcome {
            Ok(recorded) => {
                self.records.insert(module.clone(), recorded.clone());
                self.failures.remove(module);
            }
            // Asked again each time, or known without asking: a version may be published at any moment.
            Err(LookupError::Absent { .. } | LookupError::Private { .. } | LookupError::Closed { .. }) => {}
            Err(error) => {
                self.fail(error, now);
                self.failures.insert(module.clone(), (now, error.clone()));
            }
        }
    }

    /// Why a lookup failed a moment ago.
    pub(super) fn recent_failure(&self, module: &ModuleVersion, clock: &Clock) -> Option<LookupError> {
        let (at, error) = self.failures.get(module)?;
        (clock.since(at) < FAILURE_MEMORY).then_some(error)
    }
}
