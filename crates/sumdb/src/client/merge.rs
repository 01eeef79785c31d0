//! How a tree head that was seen stands to the newest one: the same, older, newer, or on another timeline.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Client, ClientError, Evidence, Head, Known, Step};
use crate::hash::Hash;
use crate::tile::{Plan, Proven, Tile, Tiles};
use crate::tree::{TreeProof, hash_of, nodes_of};

/// How a tree head stands to the newest one that was known, all on one timeline (x/mod `msgPast`, `msgNow`,
/// `msgFuture`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is older, by this many records. That is no fault, but one that lasts is worth a warning.
    Older(u64),
    /// It is the newest.
    Current,
    /// It was newer, and is the newest now.
    Newer,
}

/// A plan on its way: what was brought for it, and whether that had to be brought anew.
#[derive(Clone, Debug)]
pub(super) struct Proving {
    plan: Plan,
    bytes: HashMap<Tile, Arc<[u8]>>,
    is_anew: bool,
}

/// Where a plan is.
pub(super) enum Progress {
    /// Tiles are missing.
    Bring(Vec<Tile>),
    /// Tiles are missing, and those that are kept are of no use.
    BringAnew(Vec<Tile>),
    /// All is proven.
    Proven(Tiles),
}

impl Proving {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, bytes: HashMap::new(), is_anew: false }
    }

    pub(super) fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        self.bytes.insert(tile, bytes);
    }

    /// Proves what was brought. If that fails, a file may be damaged, or a memory be of another timeline than the one
    /// that is looked at; so all is brought once more, from the database itself, before it is told to be wrong.
    pub(super) fn step(&mut self) -> Result<Progress, ClientError> {
        let mut missing = self.plan.needs();
        missing.retain(|tile| !self.bytes.contains_key(tile));
        if !missing.is_empty() {
            return Ok(if self.is_anew { Progress::BringAnew(missing) } else { Progress::Bring(missing) });
        }
        match self.plan.clone().finish(|tile| self.bytes.get(&tile).cloned()) {
            Ok(tiles) => Ok(Progress::Proven(tiles)),
            Err(_) if !self.is_anew => {
                *self = Self { plan: self.plan.clone().afresh(), bytes: HashMap::new(), is_anew: true };
                Ok(Progress::BringAnew(self.plan.needs()))
            }
            Err(cause) => Err(ClientError::Tiles { size: self.plan.tree().size, cause }),
        }
    }
}

/// The check of one tree head against the newest one.
#[derive(Clone, Debug)]
pub(super) struct Merge {
    seen: Head,
    state: State,
    fresh: Vec<Proven>,
}

#[derive(Clone, Debug)]
enum State {
    Start,
    /// Tiles are being brought that show how the head stands to this one.
    Comparing(Box<(Head, Proving)>),
    Merged(Standing),
}

impl Merge {
    pub(super) fn new(seen: Head) -> Self {
        Self { seen, state: State::Start, fresh: Vec::new() }
    }

    /// The tree head that is compared.
    pub(super) fn seen(&self) -> &Head {
        &self.seen
    }

    pub(super) fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        if let State::Comparing(comparing) = &mut self.state {
            comparing.1.bring(tile, bytes);
        }
    }

    pub(super) fn fresh(&self) -> &[Proven] {
        &self.fresh
    }

    /// Goes on as far as possible (x/mod `sumdb.Client.mergeLatest`).
    pub(super) fn step(
        &mut self,
        client: &mut Client,
        known: Known<'_>,
    ) -> Result<Step<Standing>, ClientError> {
        loop {
            self.state = match &mut self.state {
                State::Start => self.compare(client, known)?,
                State::Comparing(comparing) => {
                    let (newest, proving) = &mut **comparing;
                    let tiles = match proving.step()? {
                        Progress::Bring(tiles) => return Ok(Step::Bring(tiles)),
                        Progress::BringAnew(tiles) => return Ok(Step::BringAnew(tiles)),
                        Progress::Proven(tiles) => tiles,
                    };
                    let newest = newest.clone();
                    let (older, newer) = in_order(&self.seen, &newest);
                    continues(older, newer, &tiles)?;
                    self.fresh.extend_from_slice(tiles.fresh());
                    self.settle(client, &newest)
                }
                // Nothing is said that rests on a tree which a crash would make us forget.
                State::Merged(_) if client.kept < client.newest.tree.size => {
                    return Ok(Step::Keep(client.newest.clone()));
                }
                State::Merged(standing) => return Ok(Step::Done(*standing)),
            };
        }
    }

    /// Compares the head with the newest one, and plans what is needed to see whether one continues the other.
    fn compare(&self, client: &mut Client, known: Known<'_>) -> Result<State, ClientError> {
        let newest = client.newest.clone();
        let (older, newer) = in_order(&self.seen, &newest);
        if older.tree == newer.tree {
            // Of the empty tree there may be no note yet.
            if newest.note().is_empty() {
                client.advance(&newest, &self.seen);
            }
            return Ok(State::Merged(Standing::Current));
        }
        if older.tree.size == newer.tree.size {
            return Err(fork(older, newer, newer.tree.hash, Vec::new()));
        }
        if older.tree.size == 0 && older.tree.hash != Hash::EMPTY {
            return Err(fork(older, newer, Hash::EMPTY, Vec::new()));
        }
        if self.seen.tree.size == 0 {
            return Ok(self.settle(client, &newest));
        }
        let nodes = if older.tree.size == 0 {
            // It continues nothing, so its tiles are all that speaks for it: a head that nothing can be proven in, once
            // taken over, would be in the way of all others for ever.
            nodes_of(0..newer.tree.size)
        } else {
            // So that there is evidence at hand if there is a fork; these are in the same tiles, but for the edge.
            let proof = TreeProof::nodes(newer.tree.size, older.tree.size).unwrap_or_default();
            nodes_of(0..older.tree.size).into_iter().chain(proof).collect()
        };
        let is_trusted = newer.tree == newest.tree;
        let plan = if is_trusted { Plan::within } else { Plan::against };
        let plan = plan(newer.tree, client.height, &nodes, known);
        let plan = plan.map_err(|cause| ClientError::Tiles { size: newer.tree.size, cause })?;
        Ok(State::Comparing(Box::new((newest, Proving::new(plan)))))
    }

    /// The head is on the timeline of `newest`; if that has moved on in between, begins again.
    fn settle(&self, client: &mut Client, newest: &Head) -> State {
        let (seen, size) = (self.seen.tree.size, newest.tree.size);
        if seen <= size {
            return State::Merged(Standing::Older(size - seen));
        }
        if client.advance(newest, &self.seen) { State::Merged(Standing::Newer) } else { State::Start }
    }
}

/// Two heads, the one of the smaller tree first.
fn in_order<'h>(one: &'h Head, other: &'h Head) -> (&'h Head, &'h Head) {
    if one.tree.size <= other.tree.size { (one, other) } else { (other, one) }
}

/// Checks that a tree begins with all records of an older one (x/mod `sumdb.Client.checkTrees`); the tiles are proven to
/// be those of the newer.
fn continues(older: &Head, newer: &Head, tiles: &Tiles) -> Result<(), ClientError> {
    let size = newer.tree.size;
    let lost = |node| ClientError::Tiles { size, cause: crate::tile::TileError::NotInTree { node, size } };
    let hash = hash_of(0..older.tree.size, |node| tiles.hash(node)).map_err(lost)?;
    if hash == older.tree.hash {
        return Ok(());
    }
    let proof = TreeProof::make(size, older.tree.size, |node| tiles.hash(node));
    Err(fork(older, newer, hash, proof.map_or_else(|_| Vec::new(), |proof| proof.0)))
}

fn fork(older: &Head, newer: &Head, hash: Hash, proof: Vec<Hash>) -> ClientError {
    // A false head of the empty tree contradicts itself: where nothing else is known, it is its own evidence.
    let newer = if newer.note().is_empty() { older } else { newer };
    ClientError::Fork(Box::new(Evidence::new(older.note(), newer.note(), hash, proof)))
}
