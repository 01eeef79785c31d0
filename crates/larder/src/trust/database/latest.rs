//! The newest signed tree of a database.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gomod::request::SumDbOperation;
use jiff::Timestamp;
use sumdb::client::{Client, Latest, Standing};

use super::super::LookupError;
use super::super::memory::Life;
use super::{Database, Noted};

/// How long the newest tree is not asked for again.
const LASTS: Duration = Duration::from_secs(5);
/// A database that gives older trees for longer than this is worth a warning.
const BEHIND: Duration = Duration::from_mins(10);
/// The largest signed tree that is read.
const MAX_NOTE_BYTES: usize = 1 << 20;

impl Database {
    /// The newest signed tree: asked for when what is known is a few seconds old, and what is known when the database
    /// cannot be asked.
    ///
    /// # Errors
    /// Nothing is known, and the database cannot be asked or is not believed.
    pub async fn latest(self: &Arc<Self>) -> Result<Noted, LookupError> {
        if let Some(noted) = self.kept_latest().await? {
            return Ok(noted);
        }
        let life = self.memory.life().await?;
        let refreshed = self.refresh(&life).await;
        match self.newest(&life) {
            Some(noted) => Ok(noted),
            None => Err(refreshed.err().unwrap_or_else(|| self.lost())),
        }
    }

    /// The newest signed tree, if it need not be asked for now.
    ///
    /// # Errors
    /// What is known of the database could not be read.
    pub async fn kept_latest(&self) -> Result<Option<Noted>, LookupError> {
        let life = self.memory.life().await?;
        let asked = *life.asked_latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = asked.is_some_and(|at| self.memory.world.parts.clock.since(at) < LASTS);
        Ok(if is_fresh || life.closing().is_some() { self.newest(&life) } else { None })
    }

    fn newest(&self, life: &Life) -> Option<Noted> {
        let newest = life.newest();
        let bytes = Bytes::copy_from_slice(newest.note().as_bytes());
        (!bytes.is_empty()).then(|| Noted { bytes, source: self.memory.name.clone() })
    }

    /// Asks for the newest tree, once for all who want it.
    pub(super) async fn refresh(self: &Arc<Self>, life: &Arc<Life>) -> Result<(), LookupError> {
        let asking = self.clone().ask_latest(life.clone());
        let asked = life.latest.join(&self.memory.world.parts.tasks, (), asking).await;
        asked.unwrap_or_else(|| Err(self.lost()))
    }

    async fn ask_latest(self: Arc<Self>, life: Arc<Life>) -> Result<(), LookupError> {
        let now = self.memory.world.parts.clock.now();
        let asked = self.ask_for_newest(&life, now).await;
        if let Err(error) = &asked {
            life.fail(error, now);
        }
        asked
    }

    async fn ask_for_newest(&self, life: &Arc<Life>, now: Timestamp) -> Result<(), LookupError> {
        *life.asked_latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        self.may_ask(life).await?;
        let way = self.way().await;
        let note = self.receive(&way, SumDbOperation::Latest, MAX_NOTE_BYTES).await?;
        let client: Client = life.client().clone();
        let merged = match client.open(&note) {
            Ok(head) => self.driver(life, Some(&way)).run(Latest::new(head)).await,
            Err(error) => Err(error.into()),
        };
        match merged {
            Ok(standing) => self.is_behind(life, standing),
            Err(failure) => return Err(self.judged(life, Some(&way), failure).await),
        }
        Ok(())
    }

    /// An older tree on the same timeline is no fault: another machine answered. One that lasts is worth a warning, once.
    fn is_behind(&self, life: &Life, standing: Standing) {
        let now = self.memory.world.parts.clock.now();
        let mut behind = life.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let Standing::Older(records) = standing else {
            *behind = None;
            return;
        };
        let (since, was_told) = *behind.get_or_insert((now, false));
        if !was_told && self.memory.world.parts.clock.since(since) >= BEHIND {
            *behind = Some((since, true));
            tracing::warn!(
                event = "sumdb_behind",
                sumdb.name = self.name(),
                records,
                %since,
                "a checksum database gives older trees than it has given before"
            );
        }
    }
}
