//! Making the answer to a lookup an authentic record.
//!
//! Two things are proven, one after the other: that the answer's tree head is on the timeline, and that the record is in the
//! newest tree. The tiles for both are asked for at once, since each asking is a round trip that a download waits for.

use std::collections::HashMap;
use std::sync::Arc;

use gomod::ModuleVersion;

use super::merge::{Merge, Progress, Proving};
use super::{Client, ClientError, Known, Standing, Step, Task};
use crate::record::{LookupAnswer, Record, Sums, SumsError};
use crate::tile::{Plan, Proven, Tile, Tiles};
use crate::tree::Node;

/// The check of an answer to a lookup (x/mod `sumdb.Client.Lookup`): its tree head is on the timeline, and its record is
/// in the newest tree.
#[derive(Clone, Debug)]
pub struct Lookup {
    module: ModuleVersion,
    record: Record,
    state: State,
    /// What was brought while the tree heads were compared: likely all that the record needs.
    brought: HashMap<Tile, Arc<[u8]>>,
    fresh: Vec<Proven>,
}

#[derive(Clone, Debug)]
enum State {
    Merging(Merge),
    Including(Standing, Proving),
}

/// A record that the database has logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authentic {
    module: ModuleVersion,
    record: Record,
    standing: Standing,
}

impl Lookup {
    /// Where the record of a module version is asked for: `lookup/example.com/m@v1.0.0`.
    pub fn path(module: &ModuleVersion) -> String {
        format!("lookup/{}@{}", module.path.escaped_str(), module.version.escaped_str())
    }

    /// Begins with the answer as it came, and checks the signature in it, which is the dearest part: a clone of the client
    /// will do, so that it is not locked meanwhile.
    ///
    /// # Errors
    /// A malformed answer, or one whose tree head the database has not signed.
    pub fn new(client: &Client, module: ModuleVersion, answer: &[u8]) -> Result<Self, ClientError> {
        let LookupAnswer { record, note } = LookupAnswer::parse(answer).map_err(ClientError::Answer)?;
        let state = State::Merging(Merge::new(client.open(&note)?));
        Ok(Self { module, record, state, brought: HashMap::new(), fresh: Vec::new() })
    }

    /// Plans what proves the record in the newest tree.
    fn include(&self, client: &Client, known: Known<'_>) -> Result<Proving, ClientError> {
        let (id, tree) = (self.record.id(), client.newest.tree);
        let node = Node::of_record(id).filter(|_| id < tree.size);
        let node = node.ok_or_else(|| client.beyond(&format_args!("record {id}")))?;
        let plan = Plan::within(tree, client.height, &[node], known);
        let plan = plan.map_err(|cause| ClientError::Tiles { size: tree.size, cause })?;
        let needs = plan.needs();
        let mut proving = Proving::new(plan);
        for tile in needs {
            if let Some(bytes) = self.brought.get(&tile) {
                proving.bring(tile, bytes.clone());
            }
        }
        Ok(proving)
    }

    /// What will prove the record if the answer's tree head is believed, beside what is asked for now. A guess: where it
    /// is wrong, the rest is asked for later.
    fn and_ahead(&self, merge: &Merge, client: &Client, known: Known<'_>, mut tiles: Vec<Tile>) -> Vec<Tile> {
        let (seen, newest) = (*merge.seen().tree(), client.newest.tree);
        let tree = if seen.size > newest.size { seen } else { newest };
        let node = Node::of_record(self.record.id());
        let plan = node.and_then(|node| Plan::within(tree, client.height, &[node], known).ok());
        let ahead = plan.map(|plan| plan.needs()).unwrap_or_default();
        tiles.extend(ahead.into_iter().filter(|tile| !self.brought.contains_key(tile)));
        tiles.sort_unstable();
        tiles.dedup();
        tiles
    }

    /// Compares the record with the one that the tree has (x/mod `sumdb.Client.checkRecord`).
    fn finish(&mut self, standing: Standing, tiles: &Tiles) -> Result<Authentic, ClientError> {
        let id = self.record.id();
        let hash = Node::of_record(id).and_then(|node| tiles.hash(node));
        if hash != Some(self.record.hash()) {
            return Err(ClientError::Forged { id });
        }
        let ModuleVersion { path, version, .. } = &self.module;
        let mut lines = self.record.lines(path.as_str(), version.as_str());
        if lines.next().is_none() {
            return Err(ClientError::OtherModule { id, module: self.module.to_string() });
        }
        self.fresh.extend_from_slice(tiles.fresh());
        Ok(Authentic { module: self.module.clone(), record: self.record.clone(), standing })
    }
}

impl Task for Lookup {
    type Answer = Authentic;

    fn step(&mut self, client: &mut Client, known: Known<'_>) -> Result<Step<Authentic>, ClientError> {
        loop {
            self.state = match &mut self.state {
                State::Merging(merge) => match merge.step(client, known)? {
                    Step::Bring(tiles) => {
                        let State::Merging(merge) = &self.state else { continue };
                        return Ok(Step::Bring(self.and_ahead(merge, client, known, tiles)));
                    }
                    Step::BringAnew(tiles) => return Ok(Step::BringAnew(tiles)),
                    Step::Keep(head) => return Ok(Step::Keep(head)),
                    Step::Done(standing) => {
                        self.fresh.extend_from_slice(merge.fresh());
                        State::Including(standing, self.include(client, known)?)
                    }
                },
                State::Including(standing, proving) => match proving.step()? {
                    Progress::Bring(tiles) => return Ok(Step::Bring(tiles)),
                    Progress::BringAnew(tiles) => return Ok(Step::BringAnew(tiles)),
                    Progress::Proven(tiles) => {
                        let standing = *standing;
                        return self.finish(standing, &tiles).map(Step::Done);
                    }
                },
            };
        }
    }

    fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        match &mut self.state {
            State::Merging(merge) => {
                merge.bring(tile, bytes.clone());
                self.brought.insert(tile, bytes);
            }
            State::Including(_, proving) => proving.bring(tile, bytes),
        }
    }

    fn fresh(&self) -> &[Proven] {
        &self.fresh
    }
}

impl Authentic {
    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What the record says of the module version that was asked for.
    ///
    /// # Errors
    /// A record that lacks one of the two hashes.
    pub fn sums(&self) -> Result<Sums, SumsError> {
        self.record.sums(&self.module)
    }

    /// How the tree head of the answer stood to the newest one.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}
