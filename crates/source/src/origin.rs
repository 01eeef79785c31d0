//! What is known of an upstream, and what may be asked of it.
//!
//! An origin is a scheme, a host and a port: one machine, or what stands for it. Everything that is asked of it goes
//! through one [`Origin`], whichever chain, route or checksum database asks, because its trouble is the same for all.
//! There its calls are counted, the [`breaker`] decides whether it is asked, [`places`] bound how much is asked at once,
//! and [`credit`] bounds how much of it is asked again. [`Origins`] keeps them while settings are reloaded.
//!
//! What it promises: a call that is refused costs nothing and waits for nothing; a call that nobody waits for any more
//! gives its place back; what is well is asked without a lock. Not here: which failures are worth another try
//! (`upstream::again`), and the numbers ([`Conduct`]).

mod breaker;
pub(crate) mod chance;
mod credit;
mod places;
mod tally;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::conduct::Conduct;
use crate::health::{Health, InFlight, Outcome};
use crate::{SourceError, text};

use breaker::{Asked, Breaker, Effect, Pass};
use credit::Credit;
use places::{Lane, Place};
use tally::Tally;

/// How soon to ask again what found no place.
const CROWDED_FOR: Duration = Duration::from_secs(5);

/// One upstream, as something that is asked, counted and left alone. Shared by all who ask it.
#[derive(Debug)]
pub struct Origin {
    name: String,
    breaker: Breaker,
    small: Arc<Lane>,
    large: Arc<Lane>,
    credit: Credit,
    tally: Tally,
}

/// The upstreams of a server. Cheap to clone; a clone is the same. Hand the same one to every
/// [`Builder`](crate::Builder), so that what is known survives a reload of the settings.
#[derive(Clone, Default)]
pub struct Origins(Arc<Mutex<BTreeMap<String, Arc<Origin>>>>);

impl Origins {
    /// How each upstream does that is in use, by name.
    pub fn health(&self) -> Vec<Health> {
        self.known().values().filter(|origin| is_used(origin)).map(|origin| origin.health()).collect()
    }

    /// The origin of this name, with the bounds of `conduct` from now on.
    pub(crate) fn join(&self, name: String, conduct: &Conduct) -> Arc<Origin> {
        let mut known = self.known();
        known.retain(|other, origin| *other == name || is_used(origin));
        let origin = known.entry(name).or_insert_with_key(|name| Arc::new(Origin::new(name, conduct)));
        origin.small.resize(conduct.budget.small);
        origin.large.resize(conduct.budget.large);
        Arc::clone(origin)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Origin>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().keys()).finish()
    }
}

/// Whether anything but the registry holds it.
fn is_used(origin: &Arc<Origin>) -> bool {
    Arc::strong_count(origin) > 1
}

impl Origin {
    fn new(name: &str, conduct: &Conduct) -> Self {
        Self {
            name: name.to_owned(),
            breaker: Breaker::new(),
            small: Lane::of(conduct.budget.small),
            large: Lane::of(conduct.budget.large),
            credit: Credit::full(&conduct.retry),
            tally: Tally::default(),
        }
    }

    /// How it does.
    pub fn health(&self) -> Health {
        Health {
            name: self.name.clone(),
            state: self.breaker.state(),
            opened: self.breaker.opened(),
            in_flight: InFlight {
                small: self.small.taken(),
                large: self.large.taken(),
                waiting: self.small.waiting() + self.large.waiting(),
            },
            calls: self.tally.calls(),
            retries: self.tally.retries.load(Relaxed),
            resumed: self.tally.resumed.load(Relaxed),
            latency: self.tally.latency(),
            bytes: self.tally.bytes.load(Relaxed),
            last_failure: self.tally.last_failure(),
            last_success: self.breaker.last_good(),
        }
    }

    /// For each first call: what it earns.
    pub(crate) fn asked(&self, conduct: &Conduct) {
        self.credit.earn(&conduct.retry);
    }

    /// Whether a failed call may be made again. If so it is counted.
    pub(crate) fn may_retry(&self) -> bool {
        let may = self.credit.spend();
        self.tally.retries.fetch_add(u64::from(may), Relaxed);
        may
    }

    /// Whether a body that broke off may be continued. If so it is counted.
    pub(crate) fn may_resume(&self) -> bool {
        let may = self.credit.spend();
        self.tally.resumed.fetch_add(u64::from(may), Relaxed);
        may
    }

    /// How long no call will be let through; `None` if the next one may be.
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        self.breaker.left()
    }

    async fn place(&self, conduct: &Conduct, large: bool) -> Result<Place, SourceError> {
        let lane = if large { &self.large } else { &self.small };
        if let Some(place) = lane.enter(&conduct.budget, self.breaker.opening()).await {
            return Ok(place);
        }
        if let Some(left) = self.breaker.left() {
            return Err(self.paused(left));
        }
        self.tally.count(Outcome::Crowded);
        Err(SourceError::Crowded { retry_after: CROWDED_FOR })
    }

    fn paused(&self, left: Duration) -> SourceError {
        self.tally.count(Outcome::Paused);
        SourceError::Paused { left }
    }

    fn failed(&self, error: &SourceError, pass: &mut Pass, conduct: &Conduct) {
        self.tally.failed(text::one_line(error));
        match self.breaker.failed(pass, asked(error, conduct), &conduct.breaker) {
            Effect::None => {}
            Effect::Opened(pause) => tracing::warn!(
                event = "breaker_opened",
                upstream.name = self.name,
                pause_ms = pause.as_millis(),
                "an upstream is left alone for now: {}",
                text::one_line(error)
            ),
            Effect::StaysOpen(pause) => tracing::debug!(
                upstream.name = self.name,
                pause_ms = pause.as_millis(),
                "an upstream was tried in vain: {}",
                text::one_line(error)
            ),
        }
    }
}

/// A call under way. It holds a place until it is dropped, and without an end it counts as abandoned.
#[derive(Debug)]
pub(crate) struct Call {
    origin: Arc<Origin>,
    conduct: Arc<Conduct>,
    pass: Pass,
    _place: Place,
    has_ended: bool,
}

impl Call {
    /// Begins a call: now, after a wait for a place, or not at all.
    pub(crate) async fn begin(
        origin: &Arc<Origin>,
        conduct: &Arc<Conduct>,
        large: bool,
    ) -> Result<Self, SourceError> {
        // Those who cannot be let through stand in no queue.
        if let Some(left) = origin.closed_for() {
            return Err(origin.paused(left));
        }
        let place = origin.place(conduct, large).await?;
        let pass = origin.breaker.pass().map_err(|left| origin.paused(left))?;
        let (origin, conduct) = (Arc::clone(origin), Arc::clone(conduct));
        Ok(Self { origin, conduct, pass, _place: place, has_ended: false })
    }

    /// The head of an answer is here. Good ones show at once that the upstream lives, however long their body.
    pub(crate) fn answered(&mut self, is_good: bool) {
        self.origin.tally.answered_after(self.pass.began.elapsed());
        if is_good {
            self.lives();
        }
    }

    /// Bytes of a body are here.
    pub(crate) fn received(&self, bytes: usize) {
        self.origin.tally.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// It is over: the whole answer is here, or not.
    pub(crate) fn end(mut self, error: Option<&SourceError>) {
        self.has_ended = true;
        let outcome = error.map_or(Outcome::Ok, outcome);
        self.origin.tally.count(outcome);
        match error {
            Some(error) if self.is_trouble(outcome, error) => {
                let (origin, conduct) = (Arc::clone(&self.origin), Arc::clone(&self.conduct));
                origin.failed(error, &mut self.pass, &conduct);
            }
            // Neither well nor down: it wants to be asked less.
            Some(_) if outcome == Outcome::Limited => self.origin.breaker.left_untried(&mut self.pass),
            _ => {
                self.lives();
                self.origin.breaker.succeeded(&self.conduct.breaker);
            }
        }
    }

    /// Whether the breaker hears of it: the upstream is down, or asks to be left alone.
    fn is_trouble(&self, outcome: Outcome, error: &SourceError) -> bool {
        match outcome {
            Outcome::Failed | Outcome::Unreachable | Outcome::TimedOut | Outcome::Cut => true,
            Outcome::Limited => asked(error, &self.conduct) != Asked::Nothing,
            _ => false,
        }
    }

    fn lives(&mut self) {
        if self.origin.breaker.answered(&mut self.pass) {
            tracing::info!(
                event = "breaker_closed",
                upstream.name = self.origin.name,
                "an upstream answers again"
            );
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.has_ended {
            self.origin.tally.count(Outcome::Abandoned);
            self.origin.breaker.left_untried(&mut self.pass);
        }
    }
}

fn outcome(error: &SourceError) -> Outcome {
    match error {
        SourceError::Absent { .. } | SourceError::Withdrawn { .. } => Outcome::Absent,
        SourceError::Unavailable { status: Some(401 | 403), .. } => Outcome::Denied,
        SourceError::Unavailable { status: Some(429), .. } => Outcome::Limited,
        SourceError::Unavailable { status: Some(500..), .. } => Outcome::Failed,
        SourceError::Unreachable { .. } => Outcome::Unreachable,
        SourceError::Timeout { .. } => Outcome::TimedOut,
        SourceError::Cut { .. } => Outcome::Cut,
        _ => Outcome::Unusable,
    }
}

/// What the failure asks of all calls.
fn asked(error: &SourceError, conduct: &Conduct) -> Asked {
    let SourceError::Unavailable { status, retry_after: Some(pause), .. } = error else {
        return Asked::Nothing;
    };
    let pause = (*pause).min(conduct.breaker.longest_asked);
    match status {
        _ if pause.is_zero() => Asked::Nothing,
        Some(429) => Asked::Pause(pause),
        Some(503) => Asked::PauseOrOne(pause),
        _ => Asked::Nothing,
    }
}
