//! Who may connect: how many connections are open, in all and from one address, and who must go when all places are
//! taken.
//!
//! When the house is full, connections that rest make room first: those between two requests, and those that have not
//! brought a whole request in the first second, the longest resting first. If nobody rests, a newcomer gets one of
//! a few reserved places, where it reads 503 at once, or the health of the server, and leaves. So whoever watches over
//! the server, and whoever wants to know why nothing goes, is answered in the thick of a storm.
//!
//! The lock is taken when a connection opens and when it closes, never for a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection::Patience;
use super::pulse::{Order, Pulse};
use crate::auth::{Block, Shares};
use crate::observe::{Reason, Refusals};
use crate::tasks::Tasks;

/// Places beyond the limit, for telling those who come that there is none.
const RESERVE: usize = 64;
/// How many of these one address may have.
const RESERVE_EACH: usize = 4;
/// A connection that has brought no request rests when it is older than this.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Resting connections that make room at a time: a 64th of the house, but no more than this.
const BATCH: usize = 16;
/// Nobody rested: it is not looked for them again before this has passed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How many connections may be open.
#[derive(Clone, Debug)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// From one address.
    pub per_address: usize,
    /// Whose share an address uses.
    pub shares: Shares,
    /// How long they may take.
    pub patience: Patience,
}

/// The connections that are open.
pub struct Admission {
    state: Mutex<State>,
    left: Notify,
    refusals: Arc<Refusals>,
    tasks: Tasks,
}

struct State {
    limits: Limits,
    open: HashMap<u64, Arc<Pulse>>,
    next: u64,
    reserved: usize,
    each: HashMap<Block, Each>,
    /// Places of those who were told to make room, for newcomers who do not wait until they have gone.
    promised: usize,
    /// Not before this it is looked for connections that rest.
    look: Option<Instant>,
}

/// The connections of one address.
#[derive(Default)]
struct Each {
    open: usize,
    reserved: usize,
}

/// A connection's place; given back when it is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    number: u64,
    block: Option<Block>,
    /// What the connection does.
    pub(super) pulse: Arc<Pulse>,
    /// How long it may take.
    pub(super) patience: Patience,
    /// The limit that leaves this connection no more than an explanation.
    pub(super) refused: Option<Reason>,
}

/// Whether a newcomer may stay.
pub(super) enum Entry {
    /// It may.
    Admitted(Place),
    /// It is one too many of its address.
    Closed,
    /// Nobody can be let in before somebody has left.
    Full,
}

impl Admission {
    /// A house with so many places.
    pub fn new(limits: Limits, refusals: Arc<Refusals>, tasks: Tasks) -> Arc<Self> {
        let state = State {
            limits,
            open: HashMap::new(),
            next: 0,
            reserved: 0,
            each: HashMap::new(),
            promised: 0,
            look: None,
        };
        Arc::new(Self { state: Mutex::new(state), left: Notify::new(), refusals, tasks })
    }

    /// Changes the limits. Connections that are open stay so, with the patience they began with.
    pub fn bound(&self, limits: Limits) {
        self.state().limits = limits;
        self.left.notify_waiters();
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    /// Finds a place for a connection from this address.
    pub(super) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Entry {
        let mut state = self.state();
        let block = state.limits.shares.of(peer);
        let refused = state.refusal(block, &self.refusals);
        if let Some(reason) = refused {
            self.count(reason);
            let each = block.and_then(|block| state.each.get(&block)).map_or(0, |each| each.reserved);
            if block.is_some() && each >= RESERVE_EACH {
                return Entry::Closed;
            }
            if state.reserved >= RESERVE {
                return if reason == Reason::Connections { Entry::Full } else { Entry::Closed };
            }
        }
        let pulse = Arc::new(Pulse::new());
        let number = state.register(block, refused, pulse.clone());
        let patience = state.limits.patience;
        Entry::Admitted(Place { admission: self.clone(), number, block, pulse, patience, refused })
    }

    /// Waits until a connection has closed.
    pub(super) async fn left(&self) {
        self.left.notified().await;
    }

    /// Has connections that rest make room.
    pub(super) fn make_room(&self) {
        self.state().make_room(&self.refusals);
    }

    /// Tells all connections to finish what they have begun.
    pub(super) fn finish(&self) {
        self.state().open.values().for_each(|pulse| pulse.tell(Order::Finish));
    }

    pub(super) fn count(&self, reason: Reason) {
        if self.refusals.count(reason) {
            let refusals = self.refusals.clone();
            self.tasks.spawn(async move { refusals.until_quiet().await });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The limit that stands against one more connection.
    fn refusal(&mut self, block: Option<Block>, refusals: &Refusals) -> Option<Reason> {
        let of_block = block.and_then(|block| self.each.get(&block)).map_or(0, |each| each.open);
        if block.is_some() && of_block >= self.limits.per_address {
            return Some(Reason::AddressConnections);
        }
        if self.open.len() - self.reserved < self.limits.connections {
            self.promised = 0;
            return None;
        }
        if self.promised == 0 {
            self.make_room(refusals);
        }
        let Some(promised) = self.promised.checked_sub(1) else { return Some(Reason::Connections) };
        self.promised = promised;
        None
    }

    /// Tells those who have rested longest to go.
    fn make_room(&mut self, refusals: &Refusals) {
        let now = Instant::now();
        if self.look.is_some_and(|look| now < look) {
            return;
        }
        let mut resting: Vec<(Duration, &Arc<Pulse>)> = self
            .open
            .values()
            .filter_map(|pulse| {
                let (rested, is_idle) = pulse.rest()?;
                let rests = (is_idle || rested >= FIRST_REST) && !pulse.is_told();
                rests.then_some((rested, pulse))
            })
            .collect();
        resting.sort_unstable_by_key(|(rested, _)| std::cmp::Reverse(*rested));
        let batch = (1 + self.limits.connections / 64).min(BATCH);
        for (_, pulse) in resting.iter().take(batch) {
            pulse.tell(Order::MakeRoom);
            let _ = refusals.count(Reason::Idle);
        }
        self.promised = resting.len().min(batch);
        self.look = resting.is_empty().then_some(now + LOOK_AGAIN);
    }

    fn register(&mut self, block: Option<Block>, refused: Option<Reason>, pulse: Arc<Pulse>) -> u64 {
        self.next += 1;
        self.open.insert(self.next, pulse);
        let is_reserved = refused.is_some();
        self.reserved += usize::from(is_reserved);
        if let Some(block) = block {
            let each = self.each.entry(block).or_default();
            each.open += usize::from(!is_reserved);
            each.reserved += usize::from(is_reserved);
        }
        self.next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.open.remove(&self.number);
        let is_reserved = self.refused.is_some();
        state.reserved -= usize::from(is_reserved);
        if let Some(block) = self.block
            && let Some(each) = state.each.get_mut(&block)
        {
            each.open -= usize::from(!is_reserved);
            each.reserved -= usize::from(is_reserved);
            if each.open + each.reserved == 0 {
                state.each.remove(&block);
            }
        }
        drop(state);
        self.admission.left.notify_waiters();
    }
}
