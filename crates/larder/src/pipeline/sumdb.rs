//! Checksum databases, passed through: a client behind Larder needs no other way out.
//!
//! A database is reached at the address its setting names, else through the first upstream proxy that says it supports
//! it, else at its own name. What comes back is passed on byte for byte, with the database's own 404 or 410.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gomod::pattern::Patterns;
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{ModulePath, Request};
use http::HeaderValue;
use jiff::Timestamp;
use source::{Chain, Fallback, Link, Routes, Source, SourceError, Walk, WalkError};

use super::Error;
use super::ask::receive_whole;
use super::flight::Passed;
use crate::clock::Clock;

/// How long the choice of a way to a database is remembered.
const CHOICE_LASTS: Duration = Duration::from_mins(5);

/// One checksum database and the ways to it.
pub struct SumDb {
    /// Its name, as in `/sumdb/<name>/`.
    pub name: Arc<str>,
    /// Its own address.
    pub own: Arc<dyn Source>,
    /// The setting names an address: proxies are not asked.
    pub only_own: bool,
}

/// The way to each database, and since when it is known.
type Choices = HashMap<Arc<str>, (Arc<dyn Source>, Timestamp)>;

/// The databases that are passed through.
pub struct SumDbs {
    databases: Vec<SumDb>,
    /// Modules that no database is asked about (`GONOSUMDB`).
    unasked: Patterns,
    /// Which way leads to which database, and since when that is known.
    choices: Mutex<Choices>,
    clock: Clock,
}

impl SumDbs {
    /// Passes requests to these databases through, but for lookups of `unasked` modules.
    pub fn new(databases: Vec<SumDb>, unasked: Patterns, clock: Clock) -> Self {
        Self { databases, unasked, choices: Mutex::default(), clock }
    }

    /// The names of the databases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.databases.iter().map(|database| &*database.name)
    }

    /// Whether no database is asked about this module.
    pub(super) fn is_unasked(&self, path: &ModulePath) -> bool {
        self.unasked.matches_folded(path.as_str())
    }

    /// The answer that needs nobody else: that a database is passed through here. It is 200 whatever the state of the
    /// database, since a client that reads anything else gives up or goes around us.
    pub(super) fn supported(&self, want: &Request) -> Option<Passed> {
        let Request::SumDb(SumDbRequest { name, operation: SumDbOperation::Supported }) = want else {
            return None;
        };
        self.names()
            .any(|known| known == &**name)
            .then(|| Passed { bytes: bytes::Bytes::new(), source: HeaderValue::from_static("larder") })
    }

    pub(super) async fn fetch(
        &self,
        want: &Request,
        request: &SumDbRequest,
        routes: &Routes,
    ) -> Result<Passed, Error> {
        let database = self.databases.iter().find(|database| database.name == request.name);
        let Some(database) = database else { return Err(unknown(want, &request.name)) };
        if let SumDbOperation::Lookup(module) = &request.operation
            && (routes.is_private(&module.path) || self.is_unasked(&module.path))
        {
            return Err(Error::PrivateLookup { database: database.name.clone() });
        }
        let way = self.way(database, routes).await;
        let source = HeaderValue::from_str(way.name()).map_err(|_| Error::Lost)?;
        match receive_whole(&*way, want).await {
            Ok(bytes) => Ok(Passed { bytes, source }),
            Err(error) => Err(Error::Sources(Arc::new(alone(&way, error)))),
        }
    }

    async fn way(&self, database: &SumDb, routes: &Routes) -> Arc<dyn Source> {
        if database.only_own {
            return database.own.clone();
        }
        let known = self.choices().get(&database.name).cloned();
        if let Some((way, since)) = known
            && self.clock.since(since) < CHOICE_LASTS
        {
            return way;
        }
        let way = choose(database, routes).await;
        self.choices().insert(database.name.clone(), (way.clone(), self.clock.now()));
        way
    }

    fn choices(&self) -> std::sync::MutexGuard<'_, Choices> {
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the upstream proxies in turn whether they support the database (cmd/go `modfetch/sumdb.go` initBase).
async fn choose(database: &SumDb, routes: &Routes) -> Arc<dyn Source> {
    let probe =
        Request::SumDb(SumDbRequest { name: database.name.clone(), operation: SumDbOperation::Supported });
    let mut walk = Walk::over(routes.default_chain());
    while let Some(link) = walk.next() {
        if link.is_direct() {
            break;
        }
        match receive_whole(&**link.source(), &probe).await {
            Ok(_) => return link.source().clone(),
            // A proxy in trouble is not asked to carry lookups either; the next way is tried.
            Err(error) => walk.failed(error),
        }
    }
    database.own.clone()
}

/// The failure of one source that was not reached by a chain.
fn alone(way: &Arc<dyn Source>, error: SourceError) -> WalkError {
    let chain = Chain::new(vec![Link::new(way.clone(), Fallback::OnAbsent)], false);
    let mut walk = Walk::over(&chain);
    walk.next();
    walk.failed(error);
    walk.finish()
}

fn unknown(want: &Request, name: &str) -> Error {
    Error::Absent {
        want: want.to_string().into(),
        text: format!("the checksum database {name} is not configured here").into(),
        withdrawn: false,
        remembered_for: Duration::ZERO,
    }
}
