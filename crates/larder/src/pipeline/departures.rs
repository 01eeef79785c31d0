//! How many fetches may be in the air, and who departs next when there is no room.
//!
//! Fetches in the air are bounded, in all and for each client address; those that must wait are lined up by address,
//! and the addresses take turns, so that one that asks for very much is served beside the others and not before
//! them. What is lined up is bounded too, since each of it has somebody who waits for it and those are counted:
//! beyond that is refused at once. Nobody who finds what it asks for held comes here.
//!
//! Refreshes behind an answer depart only while half of the places are free and nobody is lined up. What a fetch itself
//! asks for (the `.mod` file behind a latest version) uses its place: lined up, it could wait for itself.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::auth::Block;
use crate::observe::Reason;

/// How much may be under way.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Fetches in the air.
    pub fetches: usize,
    /// Fetches in the air that one address asked for.
    pub fetches_per_address: usize,
    /// Requests that wait for fetches, also for those that have not departed.
    pub waiting: usize,
    /// Requests of one address that wait for fetches.
    pub waiting_per_address: usize,
}

/// Why a request may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Which bound.
    pub(super) reason: Reason,
    /// Its value.
    pub(super) most: usize,
}

/// The fetches in the air, those lined up, and those who wait for them.
pub(super) struct Departures {
    state: Mutex<State>,
}

struct State {
    bounds: Bounds,
    flying: usize,
    waiting: usize,
    /// One for each address that has something under way; `None` is everyone without a share.
    lines: HashMap<Option<Block>, Line>,
    /// The addresses that have something lined up, in the order of their turns.
    turns: VecDeque<Option<Block>>,
    tickets: u64,
}

/// What one address has under way.
#[derive(Default)]
struct Line {
    flying: usize,
    waiting: usize,
    queue: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place in the air; given back when it is dropped.
pub(super) struct Place {
    departures: Arc<Departures>,
    block: Option<Block>,
}

/// Somebody who waits for a fetch.
pub(super) struct Waiting<'a> {
    departures: &'a Departures,
    block: Option<Block>,
}

impl Departures {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        let state = State {
            bounds,
            flying: 0,
            waiting: 0,
            lines: HashMap::new(),
            turns: VecDeque::new(),
            tickets: 0,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Changes the bounds. What is under way beyond them stays.
    pub(super) fn bound(&self, bounds: Bounds) {
        let mut state = self.state();
        state.bounds = bounds;
        state.depart();
    }

    /// A place for a fetch that somebody of this address waits for; waits its turn when there is none.
    pub(super) async fn place(self: &Arc<Self>, block: Option<Block>) -> Place {
        let (granted, mut ticket) = {
            let mut state = self.state();
            let (sender, granted) = oneshot::channel();
            let number = state.line_up(block, sender);
            (granted, Ticket { departures: self, block, number, is_used: false })
        };
        // The sender is dropped only by sending.
        drop(granted.await);
        ticket.is_used = true;
        Place { departures: self.clone(), block }
    }

    /// A place for a fetch that nobody waits for, if there is plenty of room.
    pub(super) fn place_behind(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if !state.turns.is_empty() || state.flying >= state.bounds.fetches.div_ceil(2) {
            return None;
        }
        state.flying += 1;
        state.line(None).flying += 1;
        Some(Place { departures: self.clone(), block: None })
    }

    /// Lets somebody wait for a fetch, if not too many do.
    pub(super) fn wait(&self, block: Option<Block>) -> Result<Waiting<'_>, Refused> {
        let mut state = self.state();
        let (all, each) = (state.bounds.waiting, state.bounds.waiting_per_address);
        if state.waiting >= all {
            return Err(Refused { reason: Reason::Waiting, most: all });
        }
        let here = state.lines.get(&block).map_or(0, |line| line.waiting);
        if block.is_some() && here >= each {
            return Err(Refused { reason: Reason::AddressWaiting, most: each });
        }
        state.line(block).waiting += 1;
        state.waiting += 1;
        Ok(Waiting { departures: self, block })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&mut self, block: Option<Block>) -> &mut Line {
        self.lines.entry(block).or_default()
    }

    /// Lines up behind what this address has there, and departs at once if there is room.
    fn line_up(&mut self, block: Option<Block>, sender: oneshot::Sender<()>) -> u64 {
        self.tickets += 1;
        let number = self.tickets;
        let line = self.line(block);
        let is_first = line.queue.is_empty();
        line.queue.insert(number, sender);
        if is_first {
            self.turns.push_back(block);
        }
        self.depart();
        number
    }

    /// Gives the places that are free to those whose turn it is.
    fn depart(&mut self) {
        while self.flying < self.bounds.fetches {
            let Some(at) = self.turns.iter().position(|block| self.has_room(*block)) else { break };
            let Some(block) = self.turns.remove(at) else { break };
            let line = self.lines.entry(block).or_default();
            let Some((_, sender)) = line.queue.pop_first() else { continue };
            line.flying += 1;
            self.flying += 1;
            if !line.queue.is_empty() {
                self.turns.push_back(block);
            }
            // Whoever has left gives the place back when its ticket is dropped.
            let _ = sender.send(());
        }
    }

    fn has_room(&self, block: Option<Block>) -> bool {
        let flying = self.lines.get(&block).map_or(0, |line| line.flying);
        block.is_none() || flying < self.bounds.fetches_per_address
    }

    fn landed(&mut self, block: Option<Block>) {
        self.flying = self.flying.saturating_sub(1);
        let line = self.line(block);
        line.flying = line.flying.saturating_sub(1);
        self.forget_if_empty(block);
        self.depart();
    }

    /// Takes a ticket out of the line; false if its place had been granted.
    fn leave(&mut self, block: Option<Block>, number: u64) -> bool {
        let line = self.line(block);
        if line.queue.remove(&number).is_none() {
            return false;
        }
        if line.queue.is_empty() {
            self.turns.retain(|other| *other != block);
        }
        self.forget_if_empty(block);
        true
    }

    fn forget_if_empty(&mut self, block: Option<Block>) {
        let is_empty = |line: &Line| line.flying == 0 && line.waiting == 0 && line.queue.is_empty();
        if self.lines.get(&block).is_some_and(is_empty) {
            self.lines.remove(&block);
        }
    }
}

/// A place in the line, given up when it is dropped before its turn.
struct Ticket<'a> {
    departures: &'a Departures,
    block: Option<Block>,
    number: u64,
    is_used: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        let mut state = self.departures.state();
        if !state.leave(self.block, self.number) {
            state.landed(self.block);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.departures.state().landed(self.block);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.departures.state();
        state.waiting = state.waiting.saturating_sub(1);
        let line = state.line(self.block);
        line.waiting = line.waiting.saturating_sub(1);
        state.forget_if_empty(self.block);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;

    fn address(last: u8) -> Block {
        Block::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    fn departures(fetches: usize, fetches_per_address: usize) -> Arc<Departures> {
        Departures::new(Bounds { fetches, fetches_per_address, waiting: 3, waiting_per_address: 2 })
    }

    #[tokio::test]
    async fn addresses_take_turns_and_none_takes_more_than_its_share() {
        let departures = departures(3, 2);
        let greedy = [departures.place(Some(address(1))).await, departures.place(Some(address(1))).await];
        let mut more: Vec<_> = (0..5).map(|_| Box::pin(departures.place(Some(address(1))))).collect();
        assert!(more.iter_mut().all(|place| place.now_or_never().is_none()), "its share is used up");
        let other = departures.place(Some(address(2))).now_or_never().unwrap();
        let mut third = Box::pin(departures.place(Some(address(3))));
        assert!((&mut third).now_or_never().is_none(), "all places are taken");
        drop(other);
        let third = third.now_or_never().expect("a place that was freed goes to who has room in its share");
        drop(greedy);
        let granted = more.iter_mut().filter_map(FutureExt::now_or_never).count();
        assert_eq!(granted, 5, "each that was granted was dropped at once, and so made room for the next");
        drop((third, more));
        let state = departures.state();
        assert!(state.lines.is_empty() && state.turns.is_empty() && state.flying == 0, "something stays");
    }

    #[tokio::test]
    async fn who_leaves_the_line_leaves_nothing_behind() {
        let departures = departures(1, 1);
        let held = departures.place(Some(address(1))).await;
        let mut lined_up = Box::pin(departures.place(Some(address(2))));
        assert!((&mut lined_up).now_or_never().is_none());
        drop(lined_up);
        assert!(departures.state().turns.is_empty());
        // Granted, and never looked at.
        let mut granted = Box::pin(departures.place(Some(address(3))));
        assert!((&mut granted).now_or_never().is_none());
        drop(held);
        assert_eq!(departures.state().flying, 1);
        drop(granted);
        assert_eq!(departures.state().flying, 0);
        assert!(departures.state().lines.is_empty());
    }

    #[tokio::test]
    async fn refreshes_give_way_to_what_somebody_waits_for() {
        let departures = departures(4, 4);
        let behind = [departures.place_behind().unwrap(), departures.place_behind().unwrap()];
        assert!(departures.place_behind().is_none(), "half of the places are for those who wait");
        drop(behind);
        let held: Vec<_> = (0..4).filter_map(|_| departures.place(None).now_or_never()).collect();
        assert_eq!(held.len(), 4);
        assert!(departures.place_behind().is_none());
    }

    #[test]
    fn those_who_wait_are_counted_in_all_and_by_address() {
        let departures = departures(1, 1);
        let first = [
            departures.wait(Some(address(1))).ok().unwrap(),
            departures.wait(Some(address(1))).ok().unwrap(),
        ];
        let refused = departures.wait(Some(address(1))).err().unwrap();
        assert_eq!((refused.reason, refused.most), (Reason::AddressWaiting, 2));
        let other = departures.wait(Some(address(2))).ok().unwrap();
        assert_eq!(departures.wait(None).err().unwrap().reason, Reason::Waiting);
        drop((first, other));
        assert!(departures.state().lines.is_empty() && departures.state().waiting == 0);
    }

    #[test]
    fn a_refused_address_is_not_remembered() {
        let departures = departures(0, 0);
        departures.bound(Bounds { fetches: 1, fetches_per_address: 1, waiting: 1, waiting_per_address: 0 });
        for last in 0..=255 {
            assert!(departures.wait(Some(address(last))).is_err());
        }
        assert!(departures.state().lines.is_empty());
    }
}
