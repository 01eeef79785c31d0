//! Checksum databases, for clients: a client behind Larder needs no other way out.
//!
//! What is answered was proven by [`crate::trust`]. Records and tiles never change: once proven they are found in the
//! cache's memory like a small file of a version. The database's own 404 and 410 are passed on.

use std::sync::Arc;

use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};
use http::HeaderValue;
use sumdb::Tile;

use super::flight::{Landed, Passed};
use super::{Answer, CacheState, Error, Pipeline};
use crate::cache::Held;
use crate::trust::{AcceptError, Accepted, Database, LookupError, Noted};

impl Pipeline {
    /// The answer that needs nobody else: that a database is known here. It is 200 whatever the state of the database,
    /// since a client that reads anything else gives up or goes around us.
    pub(super) fn supported(&self, want: &Request) -> Option<Passed> {
        let Request::SumDb(SumDbRequest { name, operation: SumDbOperation::Supported }) = want else {
            return None;
        };
        self.settings.now().databases.find(name)?;
        Some(Passed { bytes: bytes::Bytes::new(), source: HeaderValue::from_static("larder") })
    }

    /// What is known of a database without asking anybody. It waits for no place in the air, as whatever is held.
    pub(super) async fn kept(&self, want: &Request) -> Result<Option<Answer>, Error> {
        let Request::SumDb(SumDbRequest { name, operation }) = want else { return Ok(None) };
        let settings = self.settings.kept();
        let Some(database) = settings.databases.find(name) else { return Ok(None) };
        let life = database.life_number();
        let kept = match operation {
            SumDbOperation::Lookup(module) if !settings.databases.keeps_in(&module.path) => {
                database.kept_lookup(module).await?.map(Noted::from)
            }
            SumDbOperation::Tile(path) => match Tile::of_request(path) {
                Ok(tile) => database.kept_tile(tile).await?,
                Err(_) => None,
            },
            SumDbOperation::Latest => {
                let noted = database.kept_latest().await?;
                return noted.map(|noted| Ok(self.passed(want, passed(noted)?, CacheState::Hit))).transpose();
            }
            SumDbOperation::Lookup(_) | SumDbOperation::Supported => None,
        };
        Ok(kept.map(|noted| self.held(want, self.remember(want, noted, (database, life)), CacheState::Hit)))
    }

    /// Brings what a database says, proven.
    pub(super) async fn bring_proven(&self, want: &Request, request: &SumDbRequest) -> Result<Landed, Error> {
        let settings = self.settings.kept();
        let Some(database) = settings.databases.find(&request.name) else {
            return Err(unknown(want, &request.name));
        };
        let life = database.life_number();
        let proven = match &request.operation {
            SumDbOperation::Lookup(module) if settings.databases.keeps_in(&module.path) => {
                return Err(Error::PrivateLookup { database: request.name.clone() });
            }
            SumDbOperation::Lookup(module) => database.lookup(module).await.map(Noted::from),
            SumDbOperation::Tile(path) => match Tile::of_request(path) {
                Ok(tile) => database.tile(tile).await,
                Err(_) => return Err(unknown(want, &request.name)),
            },
            SumDbOperation::Latest => {
                return passed(database.latest().await?).map(Landed::Passed);
            }
            SumDbOperation::Supported => return Err(Error::Lost),
        };
        Ok(Landed::Held(self.remember(want, proven?, (database, life))))
    }

    /// The checksum databases that are configured.
    pub fn databases(&self) -> Vec<Arc<Database>> {
        self.settings.now().databases.iter().cloned().collect()
    }

    /// Forgets the history that was believed of a database which is closed, and asks it again; none if no such database is
    /// configured.
    pub async fn accept(&self, name: &str) -> Option<Result<Accepted, AcceptError>> {
        let database = self.settings.now().databases.find(name)?.clone();
        let accepted = database.accept().await;
        self.cache.forget_database(name);
        self.failures.clear();
        Some(accepted)
    }

    /// Has it found in memory from now on, unless its history was given up while it was asked for.
    fn remember(&self, want: &Request, noted: Noted, (database, life): (&Database, u64)) -> Held {
        let held = self.cache.remember_proven(want, noted.bytes, &noted.source);
        // Whoever accepts another history does that first and forgets then: one of the two sees the other.
        if database.life_number() != life {
            self.cache.forget(want);
        }
        held
    }
}

fn passed(noted: Noted) -> Result<Passed, Error> {
    let source = HeaderValue::from_str(&noted.source).map_err(|_| Error::Lost)?;
    Ok(Passed { bytes: noted.bytes, source })
}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Private { database } => Self::PrivateLookup { database },
            LookupError::Lost { .. } => Self::Lost,
            other => Self::Database(other),
        }
    }
}

fn unknown(want: &Request, database: &str) -> Error {
    Error::absent_here(want, format!("the checksum database {database} is not configured here"))
}
