//! How a database does, for people, and what an operator decides about it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::StoreError;
use sumdb::Tree;
use sumdb::client::{Evidence, Head};

use super::memory::Memory;
use super::shelf::Closing;
use super::{Database, LookupError};

/// How a database does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name, `host[/path]`.
    pub name: String,
    /// The hash of its key, 8 hexadecimal digits.
    pub key_hash: String,
    /// The configured name of the source that leads to it; left out if that is not known yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub way: Option<String>,
    /// The newest tree that was proven; left out if none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tree: Option<TreeSeen>,
    /// Since when that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tree_since: Option<Timestamp>,
    /// Lookups that are kept.
    pub lookups: u64,
    /// Tiles that are kept.
    pub tiles: u64,
    /// Why it is asked nothing more; left out if it is asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<Closing>,
    /// The newest failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_failure: Option<Failed>,
}

/// A tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeSeen {
    /// The number of its records.
    pub size: u64,
    /// Its hash, base64.
    pub hash: String,
}

/// A lookup that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Why.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// What was forgotten so that a database is asked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The database.
    pub name: String,
    /// Why it was closed.
    pub closed: Closing,
    /// The newest tree of the history that was believed; left out if none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known: Option<TreeSeen>,
    /// The two trees that contradict each other, the smaller one first; none if there is no evidence of a fork.
    #[serde(default)]
    pub forked: Vec<TreeSeen>,
    /// Lookups that were kept, and are forgotten.
    pub lookups: u64,
    /// Tiles that were kept, and are forgotten.
    pub tiles: u64,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It is asked already.
    #[error("the checksum database {database} is not closed: there is nothing to accept")]
    NotClosed {
        /// The database.
        database: String,
    },
    /// What is known of it could not be read.
    #[error(transparent)]
    Unread(#[from] LookupError),
    /// What is known of it could not be forgotten; it stays closed.
    #[error("the files of {database} could not be removed; it stays closed")]
    Store {
        /// The database.
        database: String,
        /// Why.
        #[source]
        cause: StoreError,
    },
}

impl Database {
    /// Why it is asked nothing more, as far as that is known without waiting.
    pub fn closing(&self) -> Option<Arc<Closing>> {
        self.memory.current().and_then(|life| life.closing())
    }

    /// The number of records of the newest tree, as far as that is known without waiting.
    pub fn size(&self) -> u64 {
        self.memory.current().map_or(0, |life| life.newest().tree().size)
    }

    /// How it does; counts what is kept.
    ///
    /// # Errors
    /// What is known of it could not be read.
    pub async fn standing(&self) -> Result<Standing, LookupError> {
        let life = self.memory.life().await?;
        let unread =
            |cause| LookupError::Unread { database: self.memory.name.clone(), cause: Arc::new(cause) };
        let (lookups, tiles) = self.memory.shelf.count().await.map_err(unread)?;
        Ok(Standing {
            name: self.name().to_owned(),
            key_hash: self.verifier().key_hash().to_string(),
            way: self.ways.last(),
            tree: seen(&life.newest()),
            tree_since: self.memory.shelf.head_since().await,
            lookups,
            tiles,
            closed: life.closing().map(|closing| Closing::clone(&closing)),
            last_failure: life.last_failure(),
        })
    }

    /// Counts the lives of what is known of it: grows when another history is accepted.
    pub fn life_number(&self) -> u64 {
        self.memory.life_number()
    }

    /// Forgets the history that was believed, with what was kept of it, and asks the database again: its next tree is
    /// believed. Whatever was verified before stays as it is.
    ///
    /// # Errors
    /// It is not closed, or its files could not be removed; then it stays closed.
    pub async fn accept(&self) -> Result<Accepted, AcceptError> {
        accept(&self.memory).await
    }
}

async fn accept(memory: &Memory) -> Result<Accepted, AcceptError> {
    let database = memory.name.to_string();
    let life = memory.life().await?;
    let Some(closed) = life.closing() else { return Err(AcceptError::NotClosed { database }) };
    let forked = match &closed.evidence {
        Some(place) => memory.shelf.evidence(place).await.map(|text| trees(&text)).unwrap_or_default(),
        None => Vec::new(),
    };
    let forgotten = memory.begin_anew().await;
    let (lookups, tiles) =
        forgotten.map_err(|cause| AcceptError::Store { database: database.clone(), cause })?;
    tracing::warn!(
        event = "sumdb_accepted",
        sumdb.name = database,
        lookups,
        tiles,
        "the history that was known of a checksum database was forgotten: its next tree is believed"
    );
    let known = seen(&life.newest());
    Ok(Accepted { name: database, closed: Closing::clone(&closed), known, forked, lookups, tiles })
}

fn seen(head: &Head) -> Option<TreeSeen> {
    let known = !head.note().is_empty();
    known.then(|| TreeSeen { size: head.tree().size, hash: head.tree().hash.to_string() })
}

/// The trees of evidence, as they are written there.
fn trees(evidence: &str) -> Vec<TreeSeen> {
    let Ok(evidence) = Evidence::parse(evidence) else { return Vec::new() };
    let notes = [evidence.older(), evidence.newer()];
    let trees = notes.into_iter().filter_map(|note| Tree::parse(note).ok());
    trees.map(|tree| TreeSeen { size: tree.size, hash: tree.hash.to_string() }).collect()
}
