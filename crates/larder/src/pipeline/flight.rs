//! One fetch on its way, shared by everyone who asks for the same thing.
//!
//! A flight is its own task: askers come and go without harming it. What arrives goes into a spool and, for those who
//! keep up, through a short window of shared pieces; stragglers read the spool. Followers may send everything but the
//! tail, which is released only when the whole has been verified and kept.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use gomod::Request;
use http::HeaderValue;
use jiff::Timestamp;
use store::Spool;
use tokio::sync::{Notify, watch};

use super::Error;
use crate::cache::Held;

/// Bytes of a piece as it is passed on: large enough that waking a thousand followers for each costs little.
pub(super) const PIECE: usize = 64 * 1024;
/// Bytes of the newest pieces kept in memory, shared by all followers.
const WINDOW: usize = 8 * PIECE;
/// The tail held back until the whole is verified: a zip cannot be opened without its end.
const TAIL: u64 = 16 * 1024;
/// A zip's end record alone; nothing shorter may be held back.
const LEAST_TAIL: u64 = 22;
const SHARDS: usize = 32;

/// How far a flight has come.
#[derive(Clone, Debug)]
pub enum Stage {
    /// A source has been asked.
    Asking,
    /// Bytes arrive and may be followed.
    Arriving {
        /// The length that the source announced.
        size: Option<u64>,
        /// The configured name of the source.
        source: HeaderValue,
        /// Bytes in the spool.
        written: u64,
    },
    /// It is over.
    Landed(Result<Landed, Error>),
}

/// What a flight brought.
#[derive(Clone, Debug)]
pub enum Landed {
    /// It is held now.
    Held(Held),
    /// It is held, but no source stands behind it at the moment.
    Derived(Held),
    /// It is passed on and not kept.
    Passed(Passed),
}

/// An answer that is passed on as it came.
#[derive(Clone, Debug)]
pub struct Passed {
    /// The bytes.
    pub bytes: Bytes,
    /// The configured name of the source.
    pub source: HeaderValue,
}

/// One fetch on its way.
#[derive(Debug)]
pub struct Flight {
    want: Request,
    since: Timestamp,
    stage: watch::Sender<Stage>,
    spool: OnceLock<Spool>,
    window: Mutex<Window>,
    /// A fetch in the air needs it: it must not be lined up behind that.
    needed: Notify,
}

/// A flight, and a view of how far it has come.
#[derive(Debug)]
pub(super) struct Boarded {
    pub(super) flight: Arc<Flight>,
    /// While somebody holds one, the flight is wanted.
    pub(super) stage: watch::Receiver<Stage>,
    /// It is new, and whoever boarded it starts it.
    pub(super) is_first: bool,
}

#[derive(Debug, Default)]
struct Window {
    pieces: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Flight {
    fn new(want: Request, since: Timestamp) -> Self {
        Self {
            want,
            since,
            stage: watch::Sender::new(Stage::Asking),
            spool: OnceLock::new(),
            window: Mutex::default(),
            needed: Notify::new(),
        }
    }

    /// Lets it depart at once though it is lined up.
    pub(super) fn hurry(&self) {
        self.needed.notify_one();
    }

    /// Waits until a fetch in the air needs it.
    pub(super) async fn hurried(&self) {
        self.needed.notified().await;
    }

    /// What is fetched.
    pub fn want(&self) -> &Request {
        &self.want
    }

    /// When it began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Views there are of it: those who wait, and those who follow.
    pub(super) fn followers(&self) -> usize {
        self.stage.receiver_count()
    }

    /// A view of how far it has come, that can be waited on.
    pub fn watch(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Lets followers begin with what the spool has: from here on the flight is bound to this source.
    pub(super) fn arriving(&self, size: Option<u64>, source: HeaderValue, spool: Spool) {
        let written = spool.size();
        if self.spool.set(spool).is_ok() {
            self.stage.send_replace(Stage::Arriving { size, source, written });
        }
    }

    /// Whether followers may have begun.
    pub(super) fn is_followed(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Arriving { .. })
    }

    /// Bytes that arrived, in the spool.
    fn written(&self) -> u64 {
        self.spool.get().map_or(0, Spool::size)
    }

    /// Makes a piece that was written to the spool visible.
    pub(super) fn wrote(&self, piece: Bytes) {
        let len = piece.len() as u64;
        let Stage::Arriving { written: offset, .. } = *self.stage.borrow() else { return };
        self.window().push(offset, piece);
        self.stage.send_modify(|stage| {
            if let Stage::Arriving { written, .. } = stage {
                *written += len;
            }
        });
    }

    fn land(&self, outcome: Result<Landed, Error>) {
        self.stage.send_replace(Stage::Landed(outcome));
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes at `offset`, at least one and none at or after `limit`; what is before `limit` has been written.
    async fn read(&self, offset: u64, limit: u64) -> Result<Bytes, Cut> {
        let most = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        if let Some(bytes) = self.window().piece(offset, most) {
            return Ok(bytes);
        }
        let spool = self.spool.get().ok_or(Cut::Spool)?.clone();
        let len = most.min(PIECE);
        if let Some(Ok(bytes)) = spool.read_now(offset, len)
            && !bytes.is_empty()
        {
            return Ok(bytes);
        }
        let read = tokio::task::spawn_blocking(move || spool.read_at(offset, len)).await;
        match read {
            Ok(Ok(bytes)) if !bytes.is_empty() => Ok(bytes),
            _ => Err(Cut::Spool),
        }
    }
}

impl Window {
    fn push(&mut self, offset: u64, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back((offset, piece));
        while self.bytes > WINDOW {
            let Some((_, oldest)) = self.pieces.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    fn piece(&self, offset: u64, most: usize) -> Option<Bytes> {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        let (start, piece) = self.pieces.get(after.checked_sub(1)?)?;
        let skip = usize::try_from(offset - start).ok().filter(|skip| *skip < piece.len())?;
        Some(piece.slice(skip..piece.len().min(skip.saturating_add(most))))
    }
}

/// Why a body that was being followed ends early. The connection is cut, never closed cleanly.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Cut {
    /// The fetch failed, or what arrived is wrong.
    #[error("the fetch failed on the way")]
    Fetch,
    /// The spool could not be read.
    #[error("the spool could not be read")]
    Spool,
    /// The held file could not be read, or is not what was kept.
    #[error("the held file could not be read")]
    Held,
}

/// Reads a flight from its beginning, as far as it may be sent.
#[derive(Debug)]
pub struct Follower {
    flight: Arc<Flight>,
    stage: watch::Receiver<Stage>,
    at: u64,
}

impl Follower {
    pub(super) fn new(flight: Arc<Flight>) -> Self {
        Self { stage: flight.watch(), flight, at: 0 }
    }

    /// Waits for the end: what is held then, or why nothing is.
    pub async fn held(&mut self) -> Result<Held, Error> {
        let landed = self.stage.wait_for(|stage| matches!(stage, Stage::Landed(_))).await;
        match &*landed.map_err(|_| Error::Lost)? {
            Stage::Landed(Ok(Landed::Held(held) | Landed::Derived(held))) => Ok(held.clone()),
            Stage::Landed(Err(error)) => Err(error.clone()),
            _ => Err(Error::Lost),
        }
    }

    /// The next bytes; `None` at the end of what is right.
    pub async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        loop {
            let limit = match &*self.stage.borrow_and_update() {
                Stage::Asking => 0,
                Stage::Arriving { size, written, .. } => releasable(*size, *written),
                // Not the size of what is held: if another door kept the version meanwhile, its zip may be framed
                // differently, and what was begun must be finished with the bytes it was begun with.
                Stage::Landed(Ok(_)) => match self.flight.written() {
                    all if self.at < all => all,
                    _ => return None,
                },
                Stage::Landed(Err(_)) => return Some(Err(Cut::Fetch)),
            };
            if self.at < limit {
                let read = self.flight.read(self.at, limit).await;
                if let Ok(bytes) = &read {
                    self.at += bytes.len() as u64;
                }
                return Some(read);
            }
            if self.stage.changed().await.is_err() {
                return Some(Err(Cut::Fetch));
            }
        }
    }
}

/// How many of the bytes that were written may be sent before the whole is verified.
fn releasable(size: Option<u64>, written: u64) -> u64 {
    match size {
        Some(size) => written.min(size.saturating_sub(TAIL.min(size / 2).max(LEAST_TAIL))),
        None => written.saturating_sub(TAIL),
    }
}

/// The flights that are in the air, one for each thing asked for.
#[derive(Debug)]
pub(super) struct Flights {
    shards: Vec<Mutex<HashMap<Request, Arc<Flight>>>>,
    hasher: RandomState,
}

impl Default for Flights {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Flights {
    /// The flight for `want`; `now` is when it begins if there was none.
    pub(super) fn board(&self, want: &Request, now: Timestamp) -> Boarded {
        let mut shard = self.shard(want);
        if let Some(flight) = shard.get(want) {
            return Boarded { flight: flight.clone(), stage: flight.watch(), is_first: false };
        }
        let flight = Arc::new(Flight::new(want.clone(), now));
        shard.insert(want.clone(), flight.clone());
        Boarded { stage: flight.watch(), flight, is_first: true }
    }

    /// Waits until nobody wants a flight any more that has not departed, and takes it out.
    pub(super) async fn abandoned(&self, flight: &Flight) {
        loop {
            flight.stage.closed().await;
            let mut shard = self.shard(&flight.want);
            // Whoever boards does so under the same lock.
            if flight.stage.is_closed() {
                shard.remove(&flight.want);
                return;
            }
        }
    }

    /// Ends a flight: askers from now on look into the cache first.
    pub(super) fn land(&self, flight: &Flight, outcome: Result<Landed, Error>) {
        self.shard(&flight.want).remove(&flight.want);
        flight.land(outcome);
    }

    /// The flight for `want`, if there is one.
    pub(super) fn find(&self, want: &Request) -> Option<Arc<Flight>> {
        self.shard(want).get(want).cloned()
    }

    /// The flights in the air, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Flight>> {
        let of_shard = |shard: &Mutex<HashMap<Request, Arc<Flight>>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of_shard).collect()
    }

    /// Flights in the air.
    pub(super) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the number of shards")]
    fn shard(&self, want: &Request) -> MutexGuard<'_, HashMap<Request, Arc<Flight>>> {
        let hash = self.hasher.hash_one(want);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_never_released_before_the_end() {
        assert_eq!(releasable(Some(100), 100), 50);
        assert_eq!(releasable(Some(30), 30), 8);
        assert_eq!(releasable(Some(20), 20), 0);
        assert_eq!(releasable(Some(1 << 20), 1 << 20), (1 << 20) - TAIL);
        assert_eq!(releasable(Some(1 << 20), 1000), 1000);
        assert_eq!(releasable(None, 1000), 0);
        assert_eq!(releasable(None, TAIL + 5), 5);
    }

    #[test]
    fn the_window_gives_the_newest_pieces_and_forgets_the_oldest() {
        let mut window = Window::default();
        for index in 0..20_u64 {
            window.push(index * PIECE as u64, Bytes::from(vec![u8::try_from(index).unwrap(); PIECE]));
        }
        assert!(window.piece(0, 10).is_none());
        assert_eq!(window.piece(19 * PIECE as u64 + 5, 3).unwrap(), Bytes::from(vec![19, 19, 19]));
        assert!(window.piece(20 * PIECE as u64, 3).is_none());
    }
}
