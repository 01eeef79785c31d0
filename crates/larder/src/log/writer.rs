//! The one task that appends: a batch at a time, each write in its place.
//!
//! What is asked for while a batch is being written makes the next one. A write that hangs is waited for, however long:
//! it may still take effect, and writing past it could put an old tile in the place of a new one. Those who ask are not
//! kept for that long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use gomod::ModuleVersion;
use store::StoreError;
use sumdb::log::{NewRecord, Staged};
use sumdb::record::Sums;
use sumdb::{Record, Signer};
use tokio::sync::{mpsc, oneshot};

use super::remember::Remember;
use super::restore::{Halt, failed, replace};
use super::shelf::Shelf;
use super::{Condition, Log, Refusal};

/// Records of one batch, at most.
const BATCH: usize = 1024;
/// What cannot be read is read again after this, though nobody asks for a record.
const RETRY: Duration = Duration::from_secs(5);

/// Somebody who wants a record.
pub(super) struct Ask {
    pub(super) module: ModuleVersion,
    pub(super) sums: Sums,
    pub(super) reply: oneshot::Sender<Result<Bytes, Refusal>>,
}

/// How a batch did not end well.
enum Trouble {
    /// Nothing was signed: the log is as it was.
    Before(Box<sumdb::Log>, Halt),
    /// What is durable is not known.
    After(Halt),
}

/// Appends to a log.
pub(super) struct Writer {
    log: Arc<Log>,
    signer: Signer,
    remember: Arc<dyn Remember>,
}

impl Writer {
    pub(super) fn new(log: Arc<Log>, signer: Signer, remember: Arc<dyn Remember>) -> Self {
        Self { log, signer, remember }
    }

    /// Appends what is asked for, until the log may not be signed any more. What keeps it from being read or written now is
    /// tried again with the next who asks.
    pub(super) async fn run(self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        let mut asks = Vec::new();
        loop {
            let halt = match self.log.restore(&self.signer, &self.remember).await {
                Ok(log) => {
                    self.log.set(&Condition::Signing);
                    self.sign(log, &mut asks, &mut asked).await
                }
                Err(halt) => Some(halt),
            };
            let Some(halt) = halt else { return };
            self.log.halted(&halt);
            answer_all(&mut asks, &refusal(&halt));
            if matches!(halt, Halt::Stopped(_)) {
                asked.close();
                while asked.recv_many(&mut asks, BATCH).await > 0 {
                    answer_all(&mut asks, &refusal(&halt));
                }
                return;
            }
            // Whoever asks has it tried again at once.
            let next = tokio::time::timeout(RETRY, asked.recv_many(&mut asks, BATCH)).await;
            if next == Ok(0) {
                return;
            }
        }
    }

    /// Appends one batch after the other; why that came to an end, unless nobody can ask any more.
    async fn sign(
        &self,
        mut log: sumdb::Log,
        asks: &mut Vec<Ask>,
        asked: &mut mpsc::UnboundedReceiver<Ask>,
    ) -> Option<Halt> {
        loop {
            if asks.is_empty() && asked.recv_many(asks, BATCH).await == 0 {
                return None;
            }
            match self.append(log, asks).await {
                Ok(next) => {
                    log = next;
                    self.log.set(&Condition::Signing);
                }
                Err(Trouble::Before(back, halt)) => {
                    log = *back;
                    self.log.halted(&halt);
                    answer_all(asks, &refusal(&halt));
                }
                Err(Trouble::After(halt)) => return Some(halt),
            }
        }
    }

    /// Appends one batch, and answers those who asked for it.
    async fn append(&self, log: sumdb::Log, asks: &mut Vec<Ask>) -> Result<sumdb::Log, Trouble> {
        let Some(shelf) = self.log.shelf.load_full() else { return Ok(log) };
        let size = log.size();
        let recorded = |module: &ModuleVersion| self.log.index.find(module).filter(|id| *id < size);
        let (mut seen, mut new) = (HashSet::new(), Vec::new());
        for Ask { module, sums, .. } in asks.iter() {
            if recorded(module).is_none() && seen.insert(module) {
                new.push(NewRecord { module: module.clone(), sums: *sums });
            }
        }
        if new.is_empty() || size.saturating_add(new.len() as u64) > u64::from(u32::MAX) {
            // All have a record, or none will get one.
            self.answer(&shelf, asks).await;
            return Ok(log);
        }
        let staged = match log.stage(&new, recorded) {
            Ok(staged) => staged,
            Err(refused) => {
                let (log, refused) = *refused;
                return Err(Trouble::Before(Box::new(log), failed(&refused)));
            }
        };
        let (log, records) = self.write(staged).await?;
        let shelf = Arc::new(shelf.as_ref().clone().with(records.iter().cloned(), log.head().clone()));
        // First what can be read, then where it is.
        self.log.shelf.store(Some(shelf.clone()));
        for record in &records {
            self.log.index.insert(record);
        }
        self.log.tallies.appended(records.len() as u64);
        self.answer(&shelf, asks).await;
        Ok(log)
    }

    /// The writes of one batch, in the order of `sumdb::log`.
    async fn write(&self, staged: Staged) -> Result<(sumdb::Log, Vec<Record>), Trouble> {
        let tiles = &self.log.tiles;
        let writes = staged.files().iter().map(|file| {
            let bytes = Bytes::from(file.bytes.clone());
            async move { tiles.write(&file.to_string(), bytes).await }
        });
        // All of them, also when one has failed: what is still being written must not meet what is written next.
        let written: Result<Vec<()>, StoreError> = join_all(writes).await.into_iter().collect();
        if let Err(error) = written {
            return Err(Trouble::Before(Box::new(staged.abandon()), failed(&error)));
        }
        let signed = staged.written().sign().map_err(|error| Trouble::After(failed(&error)))?;
        let before = signed.replaces().note().as_bytes().to_vec();
        replace(&self.remember, before, signed.head().note()).await.map_err(Trouble::After)?;
        let remembered = signed.remembered();
        let note = Bytes::from(remembered.head().note().to_owned());
        tiles.write("latest", note).await.map_err(|error| Trouble::After(failed(&error)))?;
        Ok(remembered.published())
    }

    async fn answer(&self, shelf: &Shelf, asks: &mut Vec<Ask>) {
        for Ask { module, sums, reply } in asks.drain(..) {
            let answer = match self.log.index.find(&module).filter(|id| *id < shelf.size()) {
                None => Err(Refusal::Full),
                Some(id) => self.log.record_of(shelf, id).await.map(|record| {
                    tell_of_difference(&module, &sums, &record);
                    self.log.answer(shelf, &module, &record)
                }),
            };
            // Whoever has left finds it recorded.
            let _ = reply.send(answer);
        }
    }
}

/// One record for ever: what comes later and differs is told.
fn tell_of_difference(module: &ModuleVersion, sums: &Sums, record: &Record) {
    let recorded = record.sums(module).ok();
    if let Some(recorded) = recorded.filter(|recorded| recorded != sums) {
        tracing::warn!(
            event = "log_differs",
            module.path = %module.path,
            module.version = %module.version,
            recorded.zip = %recorded.zip,
            offered.zip = %sums.zip,
            recorded.mod = %recorded.go_mod,
            offered.mod = %sums.go_mod,
            "our own log has another hash for this version, and keeps it"
        );
    }
}

fn refusal(halt: &Halt) -> Refusal {
    match halt {
        Halt::Stopped(stopped) => Refusal::Stopped(stopped.clone()),
        Halt::Failed(_) => Refusal::Unwritten,
    }
}

fn answer_all(asks: &mut Vec<Ask>, refusal: &Refusal) {
    for ask in asks.drain(..) {
        let _ = ask.reply.send(Err(refusal.clone()));
    }
}
