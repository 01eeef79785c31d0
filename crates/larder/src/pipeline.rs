//! How a request is answered. The picture of ARCHITECTURE.md is [`Pipeline::answer`], line by line.
//!
//! Requests go right and never back: what is held is served; what is not is fetched by one flight for all who ask,
//! verified, kept, and then held. An outage is never told as an absence: absent is only what every source that may be
//! asked has denied.

mod admit;
mod ahead;
pub mod compare;
mod departures;
mod derive;
mod failure;
mod fetch;
pub mod flight;
mod heal;
mod proof;
mod receive;
mod recorded;
pub mod renew;
mod settings;
mod sumdb;
mod told;
mod unproven;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use http::HeaderValue;
use jiff::Timestamp;
use source::Origins;

use crate::auth::{Block, Identity};
use crate::cache::keep::Provenance;
use crate::cache::{Absence, Cache, Held, Lookup};
use crate::clock::Clock;
use crate::log::Log;
use crate::observe::trace::{self, Step};
use crate::observe::{Cached, Counters, Reason, Refusals, Tally};
use crate::tasks::Tasks;
use crate::trust::Memories;
use crate::verify::Verified;

pub use departures::Bounds;
use departures::{Departures, Place, Refused, Waiting};
pub use failure::{Class, Error, Fault};
use flight::{Boarded, Flights, Landed, Stage};
pub use flight::{Follower, Passed};
use settings::InForce;
pub use settings::Settings;

/// How long a client waits for the refresh of an old copy before it gets the copy.
const REFRESH_WAIT: Duration = Duration::from_secs(2);
/// After a refresh that failed, the copy is served at once for this long.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);
/// A failed fetch answers all who ask within this time, so that a crowd of askers makes one retry.
const FAILURE_MEMORY: Duration = Duration::from_secs(1);

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer {
    /// The content.
    pub content: AnswerContent,
    /// How it relates to what was held.
    pub state: CacheState,
    /// The configured name of the source.
    pub source: HeaderValue,
    /// Age of the content since a source last confirmed it; zero for what just arrived or cannot change.
    pub age: Duration,
    /// The module is private: nobody but the client may store the answer.
    pub private: bool,
}

/// What an answer consists of.
#[derive(Debug)]
pub enum AnswerContent {
    /// Held bytes.
    Held(Held),
    /// Bytes that are still arriving; the length if the source announced one.
    Arriving(Follower, Option<u64>),
    /// Bytes passed on as they came and not kept.
    Passed(Passed),
}

/// What `X-Larder-Cache` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// From what was held.
    Hit,
    /// Fetched for this request.
    Miss,
    /// From what was held, though its freshness has passed.
    Stale,
    /// From a fetch that another request had started.
    Joined,
}

impl CacheState {
    /// The word for headers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        Cached::from(self).as_str()
    }
}

impl From<CacheState> for Cached {
    fn from(state: CacheState) -> Self {
        match state {
            CacheState::Hit => Self::Hit,
            CacheState::Miss => Self::Miss,
            CacheState::Stale => Self::Stale,
            CacheState::Joined => Self::Joined,
        }
    }
}

/// Whether sources may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What is not held is fetched.
    Anywhere,
    /// Only what is held (`Disable-Module-Fetch`, `/cached-only/`).
    HeldOnly,
}

/// What a pipeline is made of.
pub struct Parts {
    /// What is held.
    pub cache: Arc<Cache>,
    /// Where to fetch from, to begin with.
    pub settings: Settings,
    /// Where tasks are started.
    pub tasks: Tasks,
    /// The time.
    pub clock: Clock,
    /// Where is counted what happens.
    pub counters: Arc<Counters>,
    /// The checksum database that is kept here, if one is.
    pub log: Option<Arc<Log>>,
}

/// By what right a flight departs.
enum Passage {
    /// Somebody waits for it, on this share.
    Asked(Option<Block>),
    /// A fetch in the air needs it, and uses its place.
    Ours,
    /// Nobody waits for it.
    Behind(Place),
    /// The operator wants the sources asked, whatever is known.
    Renewal,
}

impl Passage {
    /// Whose share of the fetches it uses; nobody's for what has no address.
    fn share(&self) -> Option<Block> {
        match self {
            Self::Asked(block) => *block,
            Self::Ours | Self::Behind(_) | Self::Renewal => None,
        }
    }
}

/// Answers requests.
pub struct Pipeline {
    cache: Arc<Cache>,
    settings: InForce,
    tasks: Tasks,
    clock: Clock,
    counters: Arc<Counters>,
    log: Option<Arc<Log>>,
    flights: Flights,
    departures: Arc<Departures>,
    ahead: ahead::Ahead,
    refusals: Arc<Refusals>,
    failures: quick_cache::sync::Cache<Request, (Timestamp, Error)>,
    /// Zips that were wrong after a part of them had been sent. Nothing of them is sent again before all is checked: then
    /// a client is told what is wrong instead of being cut each time, and the next source has its turn.
    doubted: quick_cache::sync::Cache<Request, ()>,
    /// What was sent in place of what is on record: kept as evidence once.
    accused: quick_cache::sync::Cache<(Request, gomod::H1), ()>,
    unproven: unproven::Unproven,
    /// Checking a zip keeps a core busy: at most as many at once as there are cores.
    checking: tokio::sync::Semaphore,
}

impl Pipeline {
    /// Connects the parts.
    pub fn new(parts: Parts) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        parts.settings.databases.enforce();
        Arc::new(Self {
            departures: Departures::new(parts.settings.bounds),
            ahead: ahead::Ahead::default(),
            refusals: Arc::default(),
            cache: parts.cache,
            settings: InForce::new(parts.settings),
            tasks: parts.tasks,
            clock: parts.clock,
            counters: parts.counters,
            log: parts.log,
            flights: Flights::default(),
            failures: quick_cache::sync::Cache::new(4096),
            doubted: quick_cache::sync::Cache::new(1024),
            unproven: unproven::Unproven::default(),
            accused: quick_cache::sync::Cache::new(1024),
            checking: tokio::sync::Semaphore::new(cores),
        })
    }

    /// Answers one request. Each line is one box of ARCHITECTURE.md.
    pub async fn answer(
        self: &Arc<Self>,
        who: &Identity,
        want: &Request,
        reach: Reach,
    ) -> Result<Answer, Error> {
        tracing::trace!(?who.peer, %want, "asked");
        self.admit(who, want)?;
        if let Request::SumDb(request) = want
            && let Some(log) = self.own_log(request)
        {
            return self.answer_recorded(who, want, (log, request), reach).await;
        }
        match self.cache.lookup(want).await? {
            Lookup::Fresh(held) => Ok(self.held(want, held, CacheState::Hit)),
            Lookup::Stale(held) if reach == Reach::Anywhere => Ok(self.refresh_behind(want, held)),
            Lookup::Old(held) if reach == Reach::Anywhere => self.refresh_first(who, want, held).await,
            Lookup::Derived { .. } | Lookup::Missing if reach == Reach::HeldOnly => {
                self.held_only(want).await
            }
            Lookup::Derived { held, is_due: true } => self.refresh_first(who, want, held).await,
            Lookup::Stale(held) | Lookup::Old(held) | Lookup::Derived { held, .. } => {
                Ok(self.held(want, held, CacheState::Stale))
            }
            Lookup::Absent(absence) => Err(self.absent(want, &absence)),
            Lookup::Missing => self.fill(who, want).await,
        }
    }

    /// Whether new work should go elsewhere: the server will stop.
    pub fn is_retiring(&self) -> bool {
        self.tasks.is_retiring()
    }

    /// Whether the server has begun to stop: long work comes to an end.
    pub fn is_stopping(&self) -> bool {
        self.tasks.is_stopping()
    }

    /// Resolves when the server has begun to stop.
    pub async fn stopping(&self) {
        self.tasks.stopping().await;
    }

    /// Counts of what was refused.
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Flights in the air now, and those lined up.
    pub fn flights(&self) -> usize {
        self.flights.count()
    }

    /// The configured names of the sources that any module may come from, in order.
    pub fn source_names(&self) -> Vec<String> {
        let settings = self.settings.now();
        let chain = settings.routes.default_chain();
        let names = chain.links().iter().map(|link| link.source().name().to_owned());
        names.chain(chain.ends_off().then(|| "off".to_owned())).collect()
    }

    /// What is known of the upstreams: how each one does, and what other settings go on with.
    pub fn origins(&self) -> Origins {
        self.settings.now().origins.clone()
    }

    /// What is known of the checksum databases; other settings go on with it.
    pub fn memories(&self) -> Memories {
        self.settings.now().databases.memories().clone()
    }

    /// The checksum database that is kept here, if one is.
    pub fn log(&self) -> Option<&Arc<Log>> {
        self.log.as_ref()
    }

    /// Whether there is a checksum database.
    pub fn has_databases(&self) -> bool {
        self.settings.now().databases.iter().next().is_some()
    }

    /// What is held.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Whether the module is private.
    pub fn is_private(&self, path: &ModulePath) -> bool {
        self.settings.now().routes.is_private(path)
    }

    /// Puts other settings in force. Flights of modules that have become private go no further.
    pub fn apply(&self, settings: Settings) {
        self.departures.bound(settings.bounds);
        settings.databases.enforce();
        self.settings.put(settings);
        // What failed may have failed for what was set.
        self.failures.clear();
        // Other databases may cover what is held.
        self.unproven.look_through();
    }

    /// Keeps a file that was brought in from elsewhere and verified.
    pub async fn adopt(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        verified: Verified,
        from: Provenance,
    ) -> Result<Held, crate::cache::KeepError> {
        let held = self.cache.keep(module, kind, verified, from.clone()).await?;
        if kind != FileKind::Info && self.awaits_proof(module, &from.verified_by) {
            self.unproven.note(module);
        }
        Ok(held)
    }

    fn held(&self, want: &Request, held: Held, state: CacheState) -> Answer {
        Answer {
            source: held.label.source.clone(),
            age: match want {
                // A file of a version never changes: it is as good as on the day it came.
                Request::File(..) => Duration::ZERO,
                _ => self.clock.since(held.at),
            },
            private: want.module().is_some_and(|path| self.is_private(path)),
            content: AnswerContent::Held(held),
            state,
        }
    }

    fn passed(&self, want: &Request, passed: Passed, state: CacheState) -> Answer {
        Answer {
            source: passed.source.clone(),
            content: AnswerContent::Passed(passed),
            state,
            age: Duration::ZERO,
            private: want.module().is_some_and(|path| self.is_private(path)),
        }
    }

    fn absent(&self, want: &Request, absence: &Absence) -> Error {
        Error::Absent {
            want: want.to_string().into(),
            text: absence.text.clone(),
            lack: absence.lack,
            remembered_for: self.cache.absent_for(absence),
        }
    }

    fn refresh_behind(self: &Arc<Self>, want: &Request, held: Held) -> Answer {
        if self.recent_failure(want, REFRESH_PAUSE).is_none()
            && let Some(place) = self.departures.place_behind()
        {
            drop(self.depart(want, Passage::Behind(place)));
        }
        self.held(want, held, CacheState::Stale)
    }

    async fn refresh_first(
        self: &Arc<Self>,
        who: &Identity,
        want: &Request,
        held: Held,
    ) -> Result<Answer, Error> {
        let stale = |held| Ok(self.held(want, held, CacheState::Stale));
        if self.recent_failure(want, REFRESH_PAUSE).is_some() {
            return stale(held);
        }
        // When too many wait already, the copy is as good as it gets.
        let Ok((boarded, _waiting)) = self.board(who, want) else { return stale(held) };
        match tokio::time::timeout(REFRESH_WAIT, self.landing(boarded)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_denial() => Err(error),
            Ok(Err(_)) => stale(held),
            Err(_) => {
                self.failures.insert(want.clone(), (self.clock.now(), Error::Waited(REFRESH_WAIT)));
                stale(held)
            }
        }
    }

    async fn fill(self: &Arc<Self>, who: &Identity, want: &Request) -> Result<Answer, Error> {
        if let Some(passed) = self.supported(want) {
            return Ok(self.passed(want, passed, CacheState::Hit));
        }
        if let Some(kept) = self.kept(want).await? {
            return Ok(kept);
        }
        if let Some(error) = self.recent_failure(want, FAILURE_MEMORY) {
            return Err(error);
        }
        let (boarded, _waiting) = self.board(who, want)?;
        let wait = match want {
            // A lookup of a brand-new version may take the database a minute; its own deadline bounds it.
            Request::SumDb(_) => Duration::MAX,
            _ => self.settings.now().client_wait,
        };
        tokio::time::timeout(wait, self.landing(boarded)).await.unwrap_or(Err(Error::Waited(wait)))
    }

    fn recent_failure(&self, want: &Request, within: Duration) -> Option<Error> {
        let (at, error) = self.failures.get(want)?;
        (self.clock.since(at) < within).then_some(error)
    }

    /// The flight that an asker waits for, unless too many wait already.
    fn board(
        self: &Arc<Self>,
        who: &Identity,
        want: &Request,
    ) -> Result<(Boarded, Option<Waiting<'_>>), Error> {
        if who.is_ourselves() {
            let boarded = self.depart(want, Passage::Ours);
            boarded.flight.hurry();
            return Ok((boarded, None));
        }
        let block = self.settings.now().shares.of(who.peer);
        let waiting = self.departures.wait(block).map_err(|refused| self.refused(refused))?;
        Ok((self.depart(want, Passage::Asked(block)), Some(waiting)))
    }

    /// Why a request is refused that goes beyond a bound; counted.
    pub(crate) fn overloaded(&self, reason: Reason, most: usize) -> Error {
        if self.refusals.count(reason) {
            let refusals = self.refusals.clone();
            self.tasks.spawn(async move { refusals.until_quiet().await });
        }
        Error::Overloaded { limit: reason.as_str(), most }
    }

    fn refused(&self, refused: Refused) -> Error {
        self.overloaded(refused.reason, refused.most)
    }

    /// The flight for a request, started if there was none.
    fn depart(self: &Arc<Self>, want: &Request, passage: Passage) -> Boarded {
        let boarded = self.flights.board(want, self.clock.now());
        self.counters.tally(if boarded.is_first { Tally::FlightStarted } else { Tally::FlightJoined }, 1);
        if boarded.is_first {
            let flying = fetch::fly(self.clone(), boarded.flight.clone(), passage);
            self.tasks.spawn(trace::step(Step::Flight, flying));
        }
        boarded
    }

    /// Waits until a flight can be answered from: its body may be followed, or it has landed.
    async fn landing(&self, boarded: Boarded) -> Result<Answer, Error> {
        let Boarded { flight, stage: mut watch, is_first } = boarded;
        let state = if is_first { CacheState::Miss } else { CacheState::Joined };
        let stage = watch.wait_for(|stage| !matches!(stage, Stage::Asking)).await;
        let stage = stage.map_err(|_| Error::Lost)?.clone();
        let private = flight.want().module().is_some_and(|path| self.is_private(path));
        match stage {
            Stage::Asking => Err(Error::Lost),
            Stage::Arriving { size, source, .. } => Ok(Answer {
                content: AnswerContent::Arriving(Follower::new(flight.clone()), size),
                state,
                source,
                age: Duration::ZERO,
                private,
            }),
            Stage::Landed(Ok(Landed::Held(held))) => Ok(self.held(flight.want(), held, state)),
            Stage::Landed(Ok(Landed::Derived(held))) => Ok(self.held(flight.want(), held, CacheState::Stale)),
            Stage::Landed(Ok(Landed::Passed(passed))) => Ok(self.passed(flight.want(), passed, state)),
            Stage::Landed(Err(error)) => Err(error),
        }
    }
}
