//! The ways to a checksum database: the address that its setting names, else the first upstream proxy that says it
//! supports the database, else its own name (cmd/go `modfetch/sumdb.go`, initBase).

use std::sync::Arc;
use std::time::Duration;

use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};
use jiff::Timestamp;
use source::{Chain, Source, Walk};

use super::ask::receive_whole;
use crate::clock::Clock;

/// How long the choice of a way is remembered.
const CHOICE_LASTS: Duration = Duration::from_mins(5);

/// The ways to one database, and which was chosen when.
pub struct Ways {
    own: Arc<dyn Source>,
    /// The upstream proxies that may lead to it; none if its setting names an address.
    proxies: Chain,
    choice: tokio::sync::Mutex<Option<(Arc<dyn Source>, Timestamp)>>,
    clock: Clock,
}

impl Ways {
    /// The database's own address, and the proxies that are tried before it.
    pub fn new(own: Arc<dyn Source>, proxies: Chain, clock: Clock) -> Self {
        Self { own, proxies, choice: tokio::sync::Mutex::default(), clock }
    }

    /// The way to go now. Asks the proxies where that is not known; whoever comes meanwhile waits for the answer.
    pub(super) async fn choose(&self, database: &Arc<str>) -> Arc<dyn Source> {
        if self.proxies.links().is_empty() {
            return self.own.clone();
        }
        let mut choice = self.choice.lock().await;
        if let Some((way, since)) = &*choice
            && self.clock.since(*since) < CHOICE_LASTS
        {
            return way.clone();
        }
        let way = self.probe(database).await;
        *choice = Some((way.clone(), self.clock.now()));
        way
    }

    /// Lets the proxies be asked again: the way that was chosen is in trouble.
    pub(super) async fn doubt(&self, way: &Arc<dyn Source>) {
        let mut choice = self.choice.lock().await;
        if choice.as_ref().is_some_and(|(chosen, _)| Arc::ptr_eq(chosen, way)) {
            *choice = None;
        }
    }

    async fn probe(&self, database: &Arc<str>) -> Arc<dyn Source> {
        let operation = SumDbOperation::Supported;
        let probe = Request::SumDb(SumDbRequest { name: database.clone(), operation });
        let mut walk = Walk::over(&self.proxies);
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
        self.own.clone()
    }
}
