//! One checksum database, asked through a source: nothing that it says gets out of here unproven.
//!
//! Why this shape: [`sumdb::client`] says what has to be proven and which tiles that takes; here the tiles are brought,
//! side by side, each once for all who want it at the same time, and those that are proven are remembered.
//! What it promises: at most [`AT_ONCE`] requests under way, at most [`memory`]'s bound of tiles remembered, and four kinds
//! of [`Fault`] that are never folded into each other.
//! Not here: files. What is remembered lives as long as the value; [`crate::State`] is for whoever wants more.

mod fault;
mod memory;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join_all;
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{ModuleVersion, Request};
use source::Source;
use sumdb::client::{ClientError, Head, Latest, Lookup, Standing, Step, Task, TileCheck};
use sumdb::record::{Sums, check_records, first_records};
use sumdb::tile::{HEIGHT, Plan, Tiles};
use sumdb::{Client, Node, Proven, Record, Spec, Tile};
use tokio::sync::{OnceCell, Semaphore};

pub use fault::{Class, Fault};
use memory::Memory;

/// How many requests are under way at once.
pub const AT_ONCE: usize = 8;

/// One checksum database. Shared by all who ask it.
pub struct Database {
    name: Arc<str>,
    way: Arc<dyn Source>,
    client: Mutex<Client>,
    memory: Mutex<Memory>,
    /// Tiles on their way.
    flights: Mutex<HashMap<Tile, Flight>>,
    places: Semaphore,
    requests: AtomicU64,
    bytes: AtomicU64,
}

type Flight = Arc<OnceCell<Arc<[u8]>>>;

/// What a database has logged of a module version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// The record.
    pub record: Record,
    /// What it says.
    pub sums: Sums,
}

impl Database {
    /// A database of which nothing is known but its key. `way` is asked for `sumdb/NAME/…`.
    pub fn new(spec: &Spec, way: Arc<dyn Source>) -> Result<Self, Fault> {
        Self::remembering(spec, way, b"")
    }

    /// A database whose newest tree was this one, as [`Head::note`] said it.
    ///
    /// # Errors
    /// A head that the database's key has not signed.
    pub fn remembering(spec: &Spec, way: Arc<dyn Source>, head: &[u8]) -> Result<Self, Fault> {
        let client = Client::new(spec.verifier().clone(), head);
        Ok(Self {
            name: Arc::from(spec.name()),
            way,
            client: Mutex::new(client.map_err(|cause| Fault::lies("the remembered tree", cause))?),
            memory: Mutex::default(),
            flights: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who is asked: a configured name, never a URL.
    pub fn source(&self) -> &str {
        self.way.name()
    }

    /// The newest tree that is known to be on its timeline.
    pub fn head(&self) -> Head {
        self.client().newest().clone()
    }

    /// How many answers it has given, and of how many bytes.
    pub fn answers(&self) -> (u64, u64) {
        (self.requests.load(Relaxed), self.bytes.load(Relaxed))
    }

    /// Takes over the tree that it shows as its newest, if it continues what is known.
    pub async fn latest(&self) -> Result<Standing, Fault> {
        let note = self.ask(SumDbOperation::Latest).await?;
        let what = "latest";
        let head = self.client().open(&note).map_err(|cause| Fault::lies(what, cause))?;
        self.drive(what, Latest::new(head)).await
    }

    /// The record of a module version, proven.
    ///
    /// # Errors
    /// [`Class::Absent`] is the database's own word that it has none.
    pub async fn lookup(&self, module: &ModuleVersion) -> Result<Recorded, Fault> {
        let answer = self.ask(SumDbOperation::Lookup(module.clone())).await?;
        let what = format!("lookup of {module}");
        let client = self.client().clone();
        let task =
            Lookup::new(&client, module.clone(), &answer).map_err(|cause| Fault::lies(&what, cause))?;
        let authentic = self.drive(&what, task).await?;
        let sums = authentic.sums().map_err(|cause| Fault::Sums { cause })?;
        Ok(Recorded { record: authentic.record().clone(), sums })
    }

    /// A tile of hashes, proven.
    pub async fn hashes(&self, tile: Tile) -> Result<Proven, Fault> {
        self.drive(&tile.to_string(), TileCheck::new(tile)).await
    }

    /// The records of a tile of records, compared with the tree.
    pub async fn records(&self, tile: Tile) -> Result<Vec<Record>, Fault> {
        let wrong = |cause| Fault::Records { tile, cause };
        let task = TileCheck::of_records(tile).ok_or_else(|| wrong(sumdb::record::MalformedRecord))?;
        let what = tile.to_string();
        let (hashes, bytes) = tokio::try_join!(self.drive(&what, task), self.tile(tile))?;
        check_records(tile, first_records(tile, &bytes), &hashes).map_err(wrong)
    }

    /// The hashes of nodes of a tree that is on the timeline, proven.
    pub(crate) async fn nodes(&self, head: &Head, nodes: &[Node]) -> Result<Tiles, Fault> {
        let tree = *head.tree();
        let wrong = |cause| Fault::lies("proof", ClientError::Tiles { size: tree.size, cause });
        let plan = Plan::within(tree, HEIGHT, nodes, |tile| self.memory().find(tile)).map_err(wrong)?;
        let brought: HashMap<_, _> = self.bring(plan.needs()).await?.into_iter().collect();
        plan.finish(|tile| brought.get(&tile).cloned()).map_err(wrong)
    }

    /// Does what the steps of a task ask for.
    async fn drive<T: Task>(&self, what: &str, mut task: T) -> Result<T::Answer, Fault> {
        loop {
            let step = task.step(&mut self.client(), &|tile| self.memory().find(tile));
            match step.map_err(|cause| Fault::lies(what, cause))? {
                Step::Bring(tiles) | Step::BringAnew(tiles) => {
                    for (tile, bytes) in self.bring(tiles).await? {
                        task.bring(tile, bytes);
                    }
                }
                // What has to last beyond this value is written when all is known to be well.
                Step::Keep(head) => self.client().kept(&head),
                Step::Done(answer) => {
                    self.memory().keep(task.fresh());
                    return Ok(answer);
                }
            }
        }
    }

    /// Brings tiles of hashes, each in one flight for all who want it now.
    async fn bring(&self, tiles: Vec<Tile>) -> Result<Vec<(Tile, Arc<[u8]>)>, Fault> {
        try_join_all(tiles.into_iter().map(async |tile| Ok((tile, self.flown(tile).await?)))).await
    }

    async fn flown(&self, tile: Tile) -> Result<Arc<[u8]>, Fault> {
        let flight = self.flights().entry(tile).or_default().clone();
        let landed = flight.get_or_try_init(async || self.tile(tile).await.map(|bytes| Arc::from(&*bytes)));
        let landed = landed.await.cloned();
        self.flights().remove(&tile);
        landed
    }

    /// The bytes of a tile; where one that is not full is not to be had, those of the full one.
    async fn tile(&self, tile: Tile) -> Result<Bytes, Fault> {
        match self.ask(tile.into()).await {
            Err(absent @ Fault::Absent { .. }) if !tile.is_whole() => {
                let whole = self.ask(tile.whole().into()).await;
                whole.map_err(|fault| if fault.class() == Class::Absent { absent } else { fault })
            }
            answer => answer,
        }
    }

    async fn ask(&self, operation: SumDbOperation) -> Result<Bytes, Fault> {
        let what = operation.to_string();
        let request = Request::SumDb(SumDbRequest { name: self.name.clone(), operation });
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        let answer = async { self.way.fetch(&request).await?.whole().await };
        let bytes = answer.await.map_err(|cause| Fault::of_source(&what, cause))?;
        self.requests.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Tile, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({} by {})", self.name, self.way.name())
    }
}
