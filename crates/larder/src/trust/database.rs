//! One checksum database: what it is asked for.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gomod::pattern::Patterns;
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{ModulePath, ModuleVersion, Request};
use source::{Source, SourceError};
use sumdb::client::{Client, ClientError, Latest, Lookup, TileCheck};
use sumdb::record::{LookupAnswer, MAX_ANSWER_BYTES, check_records};
use sumdb::tile::HEIGHT;
use sumdb::{Proven, Record, Tile, Verifier};

use super::ask::receive_at_most;
use super::drive::{self, Driver};
use super::failure::{Failure, Lie};
use super::memory::{Life, Memories, Memory};
use super::{LookupError, Recorded, Ways};

/// How long the newest tree is not asked for again.
const LATEST_LASTS: Duration = Duration::from_secs(5);
/// The largest signed tree that is read.
const MAX_NOTE_BYTES: usize = 1 << 20;
/// The largest tile of records that is read: 256 records of 64 KiB.
const MAX_RECORDS_BYTES: usize = 16 << 20;

/// A checksum database as the settings have it: its key, the ways to it, and what it decides for.
pub struct Database {
    verifier: Verifier,
    covers: Patterns,
    ways: Ways,
    memory: Arc<Memory>,
}

/// Something of a database that was proven, to be served.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The bytes.
    pub bytes: Bytes,
    /// The configured name of the source; the database's own for what was known already.
    pub source: Arc<str>,
}

impl Database {
    /// The database with this key, which decides for what `covers` lists. It goes on with what is known of it.
    pub fn new(verifier: Verifier, covers: Patterns, ways: Ways, memories: &Memories) -> Self {
        Self { memory: memories.join(&verifier), verifier, covers, ways }
    }

    /// Its name, `host[/path]`.
    pub fn name(&self) -> &str {
        self.verifier.name().as_str()
    }

    /// Its key.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Whether its setting lists the module.
    pub(super) fn is_for(&self, module: &ModulePath) -> bool {
        self.covers.matches_folded(module.as_str())
    }

    /// What the database has on record of a module version: from memory, else asked for, once for all who want it.
    ///
    /// # Errors
    /// The database has no record, cannot be asked, or is not believed.
    pub async fn lookup(self: &Arc<Self>, module: &ModuleVersion) -> Result<Recorded, LookupError> {
        let life = self.memory.life().await?;
        if let Some(recorded) = life.record(module) {
            return Ok(recorded);
        }
        let parts = &self.memory.world.parts;
        if let Some(error) = life.recent_failure(module, &parts.clock) {
            return Err(error);
        }
        let asking = self.clone().look_up(life.clone(), module.clone());
        life.lookups.join(&parts.tasks, module.clone(), asking).await.unwrap_or_else(|| {
            Err(if self.memory.world.keeps_in(&module.path) { self.is_private() } else { self.lost() })
        })
    }

    async fn look_up(
        self: Arc<Self>,
        life: Arc<Life>,
        module: ModuleVersion,
    ) -> Result<Recorded, LookupError> {
        // Whoever began it may have looked just before an earlier one ended.
        if let Some(recorded) = life.record(&module) {
            return Ok(recorded);
        }
        let outcome = self.ask(&life, &module).await;
        life.remember(&module, &outcome, self.memory.world.parts.clock.now());
        outcome
    }

    async fn ask(&self, life: &Life, module: &ModuleVersion) -> Result<Recorded, LookupError> {
        if self.memory.world.keeps_in(&module.path) {
            return Err(self.is_private());
        }
        let way = self.ways.choose(&self.memory.name).await;
        let answer = self.receive(&way, SumDbOperation::Lookup(module.clone()), MAX_ANSWER_BYTES).await?;
        let checked = self.check(life, &way, module, &answer).await;
        checked.map_err(|failure| self.judged(&way, failure))
    }

    /// Makes an answer to a lookup an authentic record.
    async fn check(
        &self,
        life: &Life,
        way: &Arc<dyn Source>,
        module: &ModuleVersion,
        answer: &[u8],
    ) -> Result<Recorded, Failure> {
        let client: Client = life.client().clone();
        let task = Lookup::new(&client, module.clone(), answer)?;
        let authentic = self.driver(life, way).run(task).await?;
        let sums = authentic.sums().map_err(|error| Failure::Lie(Lie::Sums(error)))?;
        Ok(Recorded {
            database: self.memory.name.clone(),
            source: way.name().into(),
            answer: printed(authentic.record(), answer)?,
            record: Arc::new(authentic.record().clone()),
            sums,
        })
    }

    /// A tile of the newest tree, as wide as it is named.
    ///
    /// # Errors
    /// The tree has no such tile, the database cannot be asked, or is not believed.
    pub async fn tile(self: &Arc<Self>, tile: Tile) -> Result<Noted, LookupError> {
        if tile.height() != HEIGHT {
            return Err(self.no_tile(tile));
        }
        let life = self.memory.life().await?;
        let hashes = if tile.level().is_some() { Some(tile) } else { of_hashes(tile) };
        let hashes = hashes.ok_or_else(|| self.no_tile(tile))?;
        let at_hand = life.tile(hashes.whole()).and_then(|proven| proven.narrowed(hashes.width()));
        let known = at_hand.is_some();
        let way = self.ways.choose(&self.memory.name).await;
        let proven = match at_hand {
            Some(proven) => proven,
            None => self.proven(&life, &way, hashes).await?,
        };
        if tile.level().is_none() {
            return self.records(&way, tile, &proven).await;
        }
        let source = if known { self.memory.name.clone() } else { way.name().into() };
        Ok(Noted { bytes: Bytes::from_owner(proven.bytes().clone()), source })
    }

    async fn proven(
        self: &Arc<Self>,
        life: &Arc<Life>,
        way: &Arc<dyn Source>,
        tile: Tile,
    ) -> Result<Proven, LookupError> {
        if !is_within(tile, life) {
            self.latest().await?;
        }
        if !is_within(tile, life) {
            return Err(self.no_tile(tile));
        }
        let checked = self.driver(life, way).run(TileCheck::new(tile)).await;
        checked.map_err(|failure| self.judged(way, failure))
    }

    /// A tile of records, proven by the hashes that the tree has for them.
    async fn records(
        &self,
        way: &Arc<dyn Source>,
        tile: Tile,
        hashes: &Proven,
    ) -> Result<Noted, LookupError> {
        let name = &self.memory.name;
        let mut received = receive_at_most(&**way, &drive::request(name, tile), MAX_RECORDS_BYTES).await;
        if received.as_ref().is_err_and(SourceError::is_absent) && !tile.is_whole() {
            received = receive_at_most(&**way, &drive::request(name, tile.whole()), MAX_RECORDS_BYTES).await;
        }
        let bytes = received.map_err(|error| LookupError::of_tile(name, way, error))?;
        let bytes = first_records(&bytes, tile.width());
        check_records(tile, &bytes, hashes)
            .map_err(|_| self.judged(way, Failure::Lie(Lie::Records { tile })))?;
        Ok(Noted { bytes, source: way.name().into() })
    }

    /// The newest signed tree: asked for when what is known is a few seconds old, and what is known when the database
    /// cannot be asked.
    ///
    /// # Errors
    /// Nothing is known, and the database cannot be asked or is not believed.
    pub async fn latest(self: &Arc<Self>) -> Result<Noted, LookupError> {
        let life = self.memory.life().await?;
        let parts = &self.memory.world.parts;
        let asked = *life.asked_latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = asked.is_some_and(|at| parts.clock.since(at) < LATEST_LASTS);
        let outcome = if is_fresh && life.newest().tree().size > 0 {
            Ok(())
        } else {
            let asking = self.clone().ask_latest(life.clone());
            let asked = life.latest.join(&parts.tasks, (), asking).await;
            asked.unwrap_or_else(|| Err(self.lost()))
        };
        let newest = life.newest();
        match outcome {
            Err(error) if newest.note().is_empty() => Err(error),
            _ => Ok(Noted {
                bytes: Bytes::copy_from_slice(newest.note().as_bytes()),
                source: self.memory.name.clone(),
            }),
        }
    }

    async fn ask_latest(self: Arc<Self>, life: Arc<Life>) -> Result<(), LookupError> {
        let now = self.memory.world.parts.clock.now();
        *life.asked_latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let way = self.ways.choose(&self.memory.name).await;
        let note = self.receive(&way, SumDbOperation::Latest, MAX_NOTE_BYTES).await?;
        let client: Client = life.client().clone();
        let merged = match client.open(&note) {
            Ok(head) => self.driver(&life, &way).run(Latest::new(head)).await.map(drop),
            Err(error) => Err(error.into()),
        };
        merged.map_err(|failure| self.judged(&way, failure))
    }

    async fn receive(
        &self,
        way: &Arc<dyn Source>,
        operation: SumDbOperation,
        max: usize,
    ) -> Result<Bytes, LookupError> {
        let want = Request::SumDb(SumDbRequest { name: self.memory.name.clone(), operation });
        match receive_at_most(&**way, &want, max).await {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                if !error.is_absent() {
                    self.ways.doubt(way).await;
                }
                Err(LookupError::of_source(&self.memory.name, way, error))
            }
        }
    }

    fn driver<'d>(&'d self, life: &'d Life, way: &'d Arc<dyn Source>) -> Driver<'d> {
        Driver { memory: &self.memory, life, way }
    }

    /// What a failed check means.
    fn judged(&self, way: &Arc<dyn Source>, failure: Failure) -> LookupError {
        match failure {
            Failure::Source(error) => LookupError::of_tile(&self.memory.name, way, error),
            Failure::Lost => self.lost(),
            Failure::Lie(lie) => {
                tracing::error!(
                    event = "sumdb_wrong",
                    sumdb.name = self.name(),
                    upstream.name = way.name(),
                    error = &lie as &dyn std::error::Error,
                    "what a source said in the name of a checksum database is not proven"
                );
                LookupError::Lies {
                    database: self.memory.name.clone(),
                    source_name: way.name().into(),
                    lie: Arc::new(lie),
                }
            }
        }
    }

    fn no_tile(&self, tile: Tile) -> LookupError {
        LookupError::Absent {
            database: self.memory.name.clone(),
            text: format!("{}: the newest tree has no {tile}", self.name()).into(),
            withdrawn: false,
        }
    }

    fn is_private(&self) -> LookupError {
        LookupError::Private { database: self.memory.name.clone() }
    }

    fn lost(&self) -> LookupError {
        LookupError::Lost { database: self.memory.name.clone() }
    }
}

/// The tile with the hashes of a tile of records.
fn of_hashes(tile: Tile) -> Option<Tile> {
    Tile::new(tile.height(), Some(0), tile.number(), tile.width())
}

/// Whether the newest tree has the tile, as wide as it is named.
fn is_within(tile: Tile, life: &Life) -> bool {
    let within = tile.in_tree(life.newest().tree().size);
    within.is_some_and(|within| within.width() >= tile.width())
}

/// The first so many records of a tile of records: each ends with a blank line.
fn first_records(bytes: &Bytes, count: u32) -> Bytes {
    let mut ends = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"\n\n").map(|(at, _)| at + 2);
    let last = usize::try_from(count).ok().and_then(|count| ends.nth(count.checked_sub(1)?));
    last.map_or_else(|| bytes.clone(), |end| bytes.slice(..end))
}

/// The answer as it is served: the record as it was proven, and the signed tree that came with it.
fn printed(record: &Record, answer: &[u8]) -> Result<Bytes, ClientError> {
    let LookupAnswer { note, .. } = LookupAnswer::parse(answer).map_err(ClientError::Answer)?;
    let mut printed = record.to_string().into_bytes();
    printed.extend_from_slice(&note);
    Ok(printed.into())
}
