//! What was learned of the databases. It belongs to their keys, not to settings, and so survives a reload of these.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use gomod::{ModulePath, ModuleVersion};
use jiff::Timestamp;
use source::SourceError;
use store::Blobs;
use sumdb::client::{Client, Head};
use sumdb::{Proven, Tile, Verifier};

use super::flights::Flights;
use super::{LookupError, Recorded, Rule};
use crate::clock::Clock;
use crate::observe::Counters;
use crate::tasks::Tasks;

/// Proven tiles kept in memory for each database, of 8 KiB at most: those above the records of a day or so.
const TILES: usize = 1024;
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
    verifier: Verifier,
    pub(super) world: Arc<World>,
    life: tokio::sync::RwLock<Option<Arc<Life>>>,
}

/// What was learned of one timeline of a database. When an operator accepts another timeline, a new life begins.
pub(super) struct Life {
    client: Mutex<Client>,
    tiles: quick_cache::sync::Cache<Tile, Proven>,
    records: quick_cache::sync::Cache<ModuleVersion, Recorded>,
    failures: quick_cache::sync::Cache<ModuleVersion, (Timestamp, LookupError)>,
    /// When the newest tree was last asked for.
    pub(super) asked_latest: Mutex<Option<Timestamp>>,
    pub(super) lookups: Arc<Flights<ModuleVersion, Result<Recorded, LookupError>>>,
    pub(super) downloads: Arc<Flights<Tile, Downloaded>>,
    pub(super) latest: Arc<Flights<(), Result<(), LookupError>>>,
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

    /// From now on this says what must not be asked for; lookups of that come to an end.
    pub(super) fn enforce(&self, rule: &Arc<Rule>) {
        self.0.world.rule.store(rule.clone());
        // Whoever begins a lookup is in the table before it looks at the rule, so one of the two sees the other.
        for memory in self.known().values() {
            if let Ok(Some(life)) = memory.life.try_read().as_deref() {
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
        let name = Arc::from(verifier.name().as_str());
        Self { name, verifier, world, life: tokio::sync::RwLock::default() }
    }

    /// The timeline that is believed.
    pub(super) async fn life(&self) -> Result<Arc<Life>, LookupError> {
        if let Some(life) = &*self.life.read().await {
            return Ok(life.clone());
        }
        let mut place = self.life.write().await;
        if let Some(life) = &*place {
            return Ok(life.clone());
        }
        let client = Client::new(self.verifier.clone(), b"")
            .map_err(|_| LookupError::Lost { database: self.name.clone() })?;
        let life = Arc::new(Life::new(client));
        *place = Some(life.clone());
        Ok(life)
    }
}

impl Life {
    fn new(client: Client) -> Self {
        Self {
            client: Mutex::new(client),
            tiles: quick_cache::sync::Cache::new(TILES),
            records: quick_cache::sync::Cache::new(RECORDS),
            failures: quick_cache::sync::Cache::new(FAILURES),
            asked_latest: Mutex::default(),
            lookups: Arc::default(),
            downloads: Arc::default(),
            latest: Arc::default(),
        }
    }

    /// The client, for the moment of a step.
    pub(super) fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest tree that is known to be on the timeline.
    pub(super) fn newest(&self) -> Head {
        self.client().newest().clone()
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
            // Asked again each time: a version may be published at any moment.
            Err(LookupError::Absent { .. } | LookupError::Private { .. }) => {}
            Err(error) => self.failures.insert(module.clone(), (now, error.clone())),
        }
    }

    /// Why a lookup failed a moment ago.
    pub(super) fn recent_failure(&self, module: &ModuleVersion, clock: &Clock) -> Option<LookupError> {
        let (at, error) = self.failures.get(module)?;
        (clock.since(at) < FAILURE_MEMORY).then_some(error)
    }
}
