//! One checksum database: its records.

mod latest;
mod tiles;

use std::sync::Arc;

use bytes::Bytes;
use gomod::pattern::Patterns;
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{ModulePath, ModuleVersion, Request};
use source::Source;
use sumdb::client::{Authentic, Client, ClientError, Lookup};
use sumdb::record::{LookupAnswer, MAX_ANSWER_BYTES};
use sumdb::{Record, Verifier};

use super::ask::receive_at_most;
use super::drive::Driver;
use super::failure::{Failure, Lie};
use super::memory::{Keeping, Life, Memories, Memory};
use super::{LookupError, Recorded, Ways};
use crate::observe::Tally;

/// A checksum database as the settings have it: its key, the ways to it, and what it decides for.
pub struct Database {
    verifier: Verifier,
    covers: Patterns,
    pub(super) ways: Ways,
    pub(super) memory: Arc<Memory>,
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

    /// What the database has on record of a module version: from memory or the disk, else asked for, once for all who want
    /// it.
    ///
    /// # Errors
    /// The database has no record, cannot be asked, or is not believed.
    pub async fn lookup(self: &Arc<Self>, module: &ModuleVersion) -> Result<Recorded, LookupError> {
        if let Some(recorded) = self.kept_lookup(module).await? {
            return Ok(recorded);
        }
        let (life, parts) = (self.memory.life().await?, &self.memory.world.parts);
        if let Some(error) = life.recent_failure(module, &parts.clock) {
            return Err(error);
        }
        let asking = self.clone().look_up(life.clone(), module.clone());
        life.lookups.join(&parts.tasks, module.clone(), asking).await.unwrap_or_else(|| {
            Err(if self.memory.world.keeps_in(&module.path) { self.is_private() } else { self.lost() })
        })
    }

    /// What the database has on record of a module version, if that is known: nobody is asked.
    ///
    /// # Errors
    /// What is known of the database could not be read.
    pub async fn kept_lookup(
        self: &Arc<Self>,
        module: &ModuleVersion,
    ) -> Result<Option<Recorded>, LookupError> {
        let life = self.memory.life().await?;
        if let Some(recorded) = life.record(module) {
            return Ok(Some(recorded));
        }
        let reading = self.clone().reread(life.clone(), module.clone());
        let read = life.rereadings.join(&self.memory.world.parts.tasks, module.clone(), reading).await;
        Ok(read.flatten())
    }

    /// Reads a kept answer and proves it again, with what is kept beside it.
    async fn reread(self: Arc<Self>, life: Arc<Life>, module: ModuleVersion) -> Option<Recorded> {
        let answer = self.read(&module).await?;
        let recorded = self.prove_again(&life, None, &module, &answer).await.ok()?;
        life.remember(&module, &Ok(recorded.clone()), self.memory.world.parts.clock.now());
        Some(recorded)
    }

    /// The answer to a lookup as it was kept. What cannot be read is asked for.
    async fn read(&self, module: &ModuleVersion) -> Option<Bytes> {
        match self.memory.shelf.lookup(module).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(sumdb.name = self.name(), "a kept lookup could not be read: {error}");
                None
            }
        }
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
        if let Ok(recorded) = &outcome {
            self.memory.keep(&life, Keeping::Lookup(module.clone(), recorded.answer.clone()));
        }
        life.remember(&module, &outcome, self.memory.world.parts.clock.now());
        self.memory.world.parts.counters.tally(tally(&outcome), 1);
        outcome
    }

    async fn ask(
        self: &Arc<Self>,
        life: &Arc<Life>,
        module: &ModuleVersion,
    ) -> Result<Recorded, LookupError> {
        self.may_ask(life).await?;
        if self.memory.world.keeps_in(&module.path) {
            return Err(self.is_private());
        }
        let way = self.way().await;
        // It was kept, but could not be proven: the disk has lost or changed something.
        if let Some(answer) = self.read(module).await {
            match self.prove_again(life, Some(&way), module, &answer).await {
                Ok(recorded) => {
                    tracing::info!(
                        event = "sumdb_mended",
                        sumdb.name = self.name(),
                        module.path = %module.path, module.version = %module.version,
                        "kept files of a checksum database were lost or damaged; they were fetched again"
                    );
                    return Ok(recorded);
                }
                Err(failure) => tracing::debug!(sumdb.name = self.name(), "a kept lookup: {failure:?}"),
            }
        }
        let answer = self.receive(&way, SumDbOperation::Lookup(module.clone()), MAX_ANSWER_BYTES).await?;
        match self.check(life, &way, module, &answer).await {
            Ok(recorded) => Ok(recorded),
            Err(failure) => Err(self.judged(life, Some(&way), failure).await),
        }
    }

    /// Makes an answer to a lookup an authentic record.
    async fn check(
        &self,
        life: &Arc<Life>,
        way: &Arc<dyn Source>,
        module: &ModuleVersion,
        answer: &[u8],
    ) -> Result<Recorded, Failure> {
        let client: Client = life.client().clone();
        let task = Lookup::new(&client, module.clone(), answer)?;
        let authentic = self.driver(life, Some(way)).run(task).await?;
        recorded(&authentic, self.memory.name.clone(), way.name(), answer)
    }

    /// Makes an answer that was kept an authentic record again: it is proven in the tree of its own signed note, from the
    /// tiles that were kept with it, and from `way` where they are not what they were.
    async fn prove_again(
        &self,
        life: &Arc<Life>,
        way: Option<&Arc<dyn Source>>,
        module: &ModuleVersion,
        answer: &[u8],
    ) -> Result<Recorded, Failure> {
        let note = LookupAnswer::parse(answer).map_err(ClientError::Answer)?.note;
        let client = Client::new(self.verifier.clone(), &note)?;
        let task = Lookup::new(&client, module.clone(), answer)?;
        let authentic = self.driver(life, way).run_apart(client, task).await?;
        recorded(&authentic, self.memory.name.clone(), self.name(), answer)
    }

    async fn way(&self) -> Arc<dyn Source> {
        self.ways.choose(&self.memory.name, &self.memory.world.parts.tasks).await
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
                    self.ways.doubt(way);
                }
                Err(LookupError::of_source(&self.memory.name, way, error))
            }
        }
    }

    /// Whether the database may be asked. What the disk would not take before is tried again.
    async fn may_ask(&self, life: &Arc<Life>) -> Result<(), LookupError> {
        self.memory.catch_up(life).await;
        life.closing().map_or(Ok(()), |closing| {
            let (database, since) = (self.memory.name.clone(), closing.since);
            Err(LookupError::Closed { database, since, why: closing.why.clone() })
        })
    }

    fn driver<'d>(&'d self, life: &'d Arc<Life>, way: Option<&'d Arc<dyn Source>>) -> Driver<'d> {
        Driver { memory: &self.memory, life, way }
    }

    /// What a failed check means; a fork closes the database.
    async fn judged(&self, life: &Arc<Life>, way: Option<&Arc<dyn Source>>, failure: Failure) -> LookupError {
        let (lie, way) = match (failure, way) {
            (Failure::Source(error), Some(way)) => {
                return LookupError::of_tile(&self.memory.name, way, error);
            }
            (Failure::Lie(lie), Some(way)) => (lie, way),
            _ => return self.lost(),
        };
        if let Lie::Unproven(ClientError::Fork(evidence)) = &lie {
            self.memory.close(life, evidence).await;
            if let Err(closed) = self.may_ask(life).await {
                return closed;
            }
        }
        tracing::error!(
            event = "sumdb_wrong",
            sumdb.name = self.name(),
            upstream.name = way.name(),
            error = &lie as &dyn std::error::Error,
            "what a source said in the name of a checksum database is not proven"
        );
        let source_name = way.name().into();
        LookupError::Lies { database: self.memory.name.clone(), source_name, lie: Arc::new(lie) }
    }

    fn is_private(&self) -> LookupError {
        LookupError::Private { database: self.memory.name.clone() }
    }

    fn lost(&self) -> LookupError {
        LookupError::Lost { database: self.memory.name.clone() }
    }
}

/// How a lookup ended, for those who count.
fn tally(outcome: &Result<Recorded, LookupError>) -> Tally {
    match outcome {
        Ok(_) => Tally::LookupProven,
        Err(LookupError::Absent { .. }) => Tally::LookupAbsent,
        Err(LookupError::Lies { .. }) => Tally::LookupWrong,
        Err(LookupError::Closed { .. }) => Tally::LookupClosed,
        Err(_) => Tally::LookupFailed,
    }
}

fn recorded(
    authentic: &Authentic,
    database: Arc<str>,
    source: &str,
    answer: &[u8],
) -> Result<Recorded, Failure> {
    let sums = authentic.sums().map_err(|error| Failure::Lie(Lie::Sums(error)))?;
    let record = Arc::new(authentic.record().clone());
    Ok(Recorded { database, source: source.into(), answer: printed(&record, answer)?, record, sums })
}

/// The answer as it is served: the record as it was proven, and the signed tree that came with it.
fn printed(record: &Record, answer: &[u8]) -> Result<Bytes, ClientError> {
    let LookupAnswer { note, .. } = LookupAnswer::parse(answer).map_err(ClientError::Answer)?;
    let mut printed = record.to_string().into_bytes();
    printed.extend_from_slice(&note);
    Ok(printed.into())
}
