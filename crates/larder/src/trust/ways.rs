//! The ways to a checksum database: the address that its setting names, else the first upstream proxy that says it
//! supports the database, else its own name (cmd/go `modfetch/sumdb.go`, initBase).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};
use jiff::Timestamp;
use source::{Chain, Source, Walk};

use super::ask::receive_whole;
use crate::clock::Clock;
use crate::tasks::Tasks;

/// How long the choice of a way is remembered.
const CHOICE_LASTS: Duration = Duration::from_mins(5);

/// The ways to one database, and which was chosen when. Cheap to clone; a clone is the same.
#[derive(Clone)]
pub struct Ways(Arc<Inner>);

struct Inner {
    own: Arc<dyn Source>,
    /// The upstream proxies that may lead to it; none if its setting names an address.
    proxies: Chain,
    choice: Mutex<Option<Choice>>,
    /// The turn of whoever asks the proxies.
    probing: tokio::sync::Mutex<()>,
    clock: Clock,
}

#[derive(Clone)]
struct Choice {
    way: Arc<dyn Source>,
    since: Timestamp,
}

impl Ways {
    /// The database's own address, and the proxies that are tried before it.
    pub fn new(own: Arc<dyn Source>, proxies: Chain, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            own,
            proxies,
            choice: Mutex::default(),
            probing: tokio::sync::Mutex::default(),
            clock,
        }))
    }

    /// The way to go now. Asks the proxies where that is not known, and whoever comes meanwhile waits for the answer; when
    /// it has been known for long they are asked behind.
    pub(super) async fn choose(&self, database: &Arc<str>, tasks: &Tasks) -> Arc<dyn Source> {
        if self.0.proxies.links().is_empty() {
            return self.0.own.clone();
        }
        if let Some(choice) = self.chosen() {
            if self.0.clock.since(choice.since) >= CHOICE_LASTS {
                let (ways, database) = (self.clone(), database.clone());
                tasks.spawn(async move { drop(ways.probe(&database).await) });
            }
            return choice.way;
        }
        self.probe(database).await
    }

    /// Lets the proxies be asked again: the way that was chosen is in trouble.
    pub(super) fn doubt(&self, way: &Arc<dyn Source>) {
        let mut choice = self.choice();
        if choice.as_ref().is_some_and(|choice| Arc::ptr_eq(&choice.way, way)) {
            *choice = None;
        }
    }

    /// The way that was chosen last, for people.
    pub(super) fn last(&self) -> Option<String> {
        let own = || self.0.proxies.links().is_empty().then(|| self.0.own.name().to_owned());
        self.chosen().map(|choice| choice.way.name().to_owned()).or_else(own)
    }

    async fn probe(&self, database: &Arc<str>) -> Arc<dyn Source> {
        let _turn = self.0.probing.lock().await;
        // Somebody else may have asked meanwhile.
        let is_fresh = |choice: &Choice| self.0.clock.since(choice.since) < CHOICE_LASTS;
        if let Some(choice) = self.chosen().filter(is_fresh) {
            return choice.way;
        }
        let way = self.0.ask(database).await;
        *self.choice() = Some(Choice { way: way.clone(), since: self.0.clock.now() });
        way
    }

    fn chosen(&self) -> Option<Choice> {
        self.choice().clone()
    }

    fn choice(&self) -> MutexGuard<'_, Option<Choice>> {
        self.0.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn ask(&self, database: &Arc<str>) -> Arc<dyn Source> {
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
