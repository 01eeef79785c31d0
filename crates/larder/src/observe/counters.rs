//! What is counted since the start. Each thread counts in a place that is mostly its own: one shared by all would go
//! from core to core with each request. No lock, no look-up by name, nothing allocated for a request.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::words::{Cached, Kind, Outcome, Tally};
use super::{SHARDS, shard_of_thread};

/// Upper bounds of the latencies that are told apart, in microseconds; slower ones are counted beyond the last.
pub(super) const BOUNDS_US: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000,
    30_000_000, 60_000_000,
];

const KINDS: usize = Kind::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();
const STATES: usize = Cached::ALL.len();

/// Counts of what happened since the start.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    /// Made when a thread first counts: most have fewer threads than places.
    shards: [OnceLock<Box<Shard>>; SHARDS],
}

/// On cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    requests: [AtomicU64; KINDS * OUTCOMES * STATES],
    bytes: [AtomicU64; KINDS * STATES],
    first: [Latency; KINDS * STATES],
    whole: [Latency; KINDS * STATES],
    tallies: [AtomicU64; Tally::ALL.len()],
    /// Begun less ended, of this place: a request may end in another one.
    in_flight: AtomicI64,
    /// Opened less closed, likewise.
    connections: AtomicI64,
    /// Milliseconds after the start of the last module request.
    last_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Latency {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A connection that is open.
#[derive(Debug)]
pub struct Connected(Arc<Counters>);

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(shard) = self.0.shard() {
            shard.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One request that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// What was asked for.
    pub kind: Kind,
    /// What became of it.
    pub outcome: Outcome,
    /// How the answer relates to what was held.
    pub cached: Cached,
    /// Bytes of body.
    pub bytes: u64,
    /// When it began.
    pub started: Instant,
    /// From then until the head of the answer was there.
    pub first: Duration,
    /// From then until now, its end.
    pub whole: Duration,
}

/// Latencies of one series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    /// How many lie within each bound and above the one before; the last beyond all bounds.
    pub counts: [u64; BOUNDS_US.len() + 1],
    /// Their sum in microseconds.
    pub sum_us: u64,
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Module requests answered, rightly or with a failure.
    pub modules: u64,
    /// Answered from what was held.
    pub hits: u64,
    /// Fetched for the request, or joined to such a fetch.
    pub misses: u64,
    /// Answered with a failure of a source or of this server; absences are not failures.
    pub failures: u64,
    /// Bytes of bodies sent.
    pub bytes: u64,
    /// Seconds since the last module request.
    pub last_s: u64,
}

impl Summary {
    /// Hits among hits and misses, from 0 to 1; none before the first of them.
    #[expect(clippy::cast_precision_loss, reason = "a rate to be shown")]
    pub fn hit_rate(&self) -> Option<f64> {
        let all = self.hits + self.misses;
        (all > 0).then(|| self.hits as f64 / all as f64)
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self { started: Self::now(), shards: Default::default() }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            requests: zeros(),
            bytes: zeros(),
            first: std::array::from_fn(|_| Latency::default()),
            whole: std::array::from_fn(|_| Latency::default()),
            tallies: zeros(),
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            last_ms: AtomicU64::new(0),
        }
    }
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

impl Latency {
    fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }
}

fn add<const N: usize>(counters: &[AtomicU64; N], place: usize, count: u64) {
    if let Some(counter) = counters.get(place) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

impl Counters {
    fn shard(&self) -> Option<&Shard> {
        self.shards.get(shard_of_thread()).map(|shard| &**shard.get_or_init(Box::default))
    }

    /// A request has come in; each must be followed by [`Counters::ended`].
    pub fn begun(&self) {
        if let Some(shard) = self.shard() {
            shard.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that has ended.
    pub fn ended(&self, request: &Ended) {
        let Some(shard) = self.shard() else { return };
        let (kind, outcome, state) =
            (request.kind as usize, request.outcome as usize, request.cached as usize);
        add(&shard.requests, (kind * OUTCOMES + outcome) * STATES + state, 1);
        let place = kind * STATES + state;
        add(&shard.bytes, place, request.bytes);
        if let (Some(first), Some(whole)) = (shard.first.get(place), shard.whole.get(place)) {
            first.add(request.first);
            whole.add(request.whole);
        }
        shard.in_flight.fetch_sub(1, Ordering::Relaxed);
        if request.kind.is_module() {
            let after = request.started.saturating_duration_since(self.started) + request.whole;
            shard.last_ms.store(u64::try_from(after.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Counts events that are not requests.
    pub fn tally(&self, tally: Tally, count: u64) {
        if let Some(shard) = self.shard() {
            add(&shard.tallies, tally as usize, count);
        }
    }

    /// The moment, for taking a duration.
    #[expect(clippy::disallowed_methods, reason = "a duration, never compared with a stored time")]
    pub fn now() -> Instant {
        Instant::now()
    }

    /// Seconds since the start.
    pub fn age_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// A client has connected; dropped when the connection ends.
    pub fn connected(self: &Arc<Self>) -> Connected {
        self.tally(Tally::ConnectionOpened, 1);
        if let Some(shard) = self.shard() {
            shard.connections.fetch_add(1, Ordering::Relaxed);
        }
        Connected(self.clone())
    }

    /// Connections of clients that are open.
    pub fn connections(&self) -> u64 {
        self.level(|shard| &shard.connections)
    }

    /// Requests that came in and have not ended.
    pub fn in_flight(&self) -> u64 {
        self.level(|shard| &shard.in_flight)
    }

    fn level(&self, of: fn(&Shard) -> &AtomicI64) -> u64 {
        let sum: i64 = self.made().map(|shard| of(shard).load(Ordering::Relaxed)).sum();
        u64::try_from(sum).unwrap_or(0)
    }

    /// How often this happened.
    pub fn tallied(&self, tally: Tally) -> u64 {
        self.sum(|shard| &shard.tallies, tally as usize)
    }

    /// Requests that ended so.
    pub fn requests(&self, kind: Kind, outcome: Outcome, cached: Cached) -> u64 {
        let place = (kind as usize * OUTCOMES + outcome as usize) * STATES + cached as usize;
        self.sum(|shard| &shard.requests, place)
    }

    /// Bytes of bodies that were sent so.
    pub fn bytes(&self, kind: Kind, cached: Cached) -> u64 {
        self.sum(|shard| &shard.bytes, kind as usize * STATES + cached as usize)
    }

    /// How long requests took until the head of their answer was there, and until their end.
    pub fn latencies(&self, kind: Kind, cached: Cached) -> [Latencies; 2] {
        let place = kind as usize * STATES + cached as usize;
        let both: [fn(&Shard) -> &[Latency; KINDS * STATES]; 2] =
            [|shard| &shard.first, |shard| &shard.whole];
        both.map(|of| {
            let mut all = Latencies::default();
            for latency in self.made().filter_map(|shard| of(shard).get(place)) {
                for (sum, count) in all.counts.iter_mut().zip(&latency.counts) {
                    *sum += count.load(Ordering::Relaxed);
                }
                all.sum_us += latency.sum_us.load(Ordering::Relaxed);
            }
            all
        })
    }

    /// The counters now, in short.
    pub fn summary(&self) -> Summary {
        let modules = || Kind::ALL.iter().copied().filter(|kind| kind.is_module());
        let answered = |states: [Cached; 2]| -> u64 {
            let all = modules().flat_map(|kind| Outcome::ALL.iter().map(move |outcome| (kind, *outcome)));
            all.flat_map(|(kind, outcome)| states.map(|state| self.requests(kind, outcome, state))).sum()
        };
        let failed = [Outcome::Unavailable, Outcome::Corrupt, Outcome::Internal];
        let failures = modules().flat_map(|kind| failed.map(|how| self.requests(kind, how, Cached::None)));
        let (hits, misses, failures) = (
            answered([Cached::Hit, Cached::Stale]),
            answered([Cached::Miss, Cached::Joined]),
            failures.sum::<u64>(),
        );
        let last_ms = self.made().map(|shard| shard.last_ms.load(Ordering::Relaxed)).max().unwrap_or(0);
        Summary {
            modules: hits + misses + failures,
            hits,
            misses,
            failures,
            bytes: modules()
                .flat_map(|kind| Cached::ALL.iter().map(move |state| self.bytes(kind, *state)))
                .sum(),
            last_s: self.age_s().saturating_sub(last_ms / 1000),
        }
    }

    fn made(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter_map(|shard| shard.get().map(|shard| &**shard))
    }

    fn sum<const N: usize>(&self, of: fn(&Shard) -> &[AtomicU64; N], place: usize) -> u64 {
        self.made().filter_map(|shard| of(shard).get(place)).map(|count| count.load(Ordering::Relaxed)).sum()
    }
}
