//! Proving a tile, before it is passed on or kept.

use std::sync::Arc;

use super::merge::{Progress, Proving};
use super::{Client, ClientError, Known, Step, Task};
use crate::tile::{Plan, Proven, Tile};

/// The check of a tile against the newest tree. A tile of records is proven by the tile of level 0 with their hashes
/// ([`TileCheck::of_records`]) and [`crate::record::check_records`].
#[derive(Clone, Debug)]
pub struct TileCheck {
    tile: Tile,
    proving: Option<Proving>,
    fresh: Vec<Proven>,
}

impl TileCheck {
    /// Begins with the tile that is wanted; of a tile of records, nothing is proven.
    pub fn new(tile: Tile) -> Self {
        Self { tile, proving: None, fresh: Vec::new() }
    }

    /// Begins with the tile that has the hashes of a tile of records.
    pub fn of_records(tile: Tile) -> Option<Self> {
        let hashes = Tile::new(tile.height(), Some(0), tile.number(), tile.width())?;
        tile.level().is_none().then(|| Self::new(hashes))
    }

    fn start(&self, client: &Client, known: Known<'_>) -> Result<Proving, ClientError> {
        let tree = client.newest.tree;
        let last = self.tile.node(self.tile.width() - 1).filter(|node| node.end() <= tree.size);
        let last = last.ok_or_else(|| client.beyond(&self.tile))?;
        let plan = Plan::within(tree, self.tile.height(), &[last], known);
        plan.map(Proving::new).map_err(|cause| ClientError::Tiles { size: tree.size, cause })
    }
}

impl Task for TileCheck {
    /// The tile, as wide as it was wanted.
    type Answer = Proven;

    fn step(&mut self, client: &mut Client, known: Known<'_>) -> Result<Step<Proven>, ClientError> {
        let mut proving = match self.proving.take() {
            Some(proving) => proving,
            None => self.start(client, known)?,
        };
        let progress = proving.step()?;
        self.proving = Some(proving);
        let tiles = match progress {
            Progress::Bring(tiles) => return Ok(Step::Bring(tiles)),
            Progress::BringAnew(tiles) => return Ok(Step::BringAnew(tiles)),
            Progress::Proven(tiles) => tiles,
        };
        let proven = tiles.tile(self.tile).and_then(|proven| proven.narrowed(self.tile.width()));
        let proven = proven.ok_or_else(|| client.beyond(&self.tile))?;
        self.fresh.extend_from_slice(tiles.fresh());
        Ok(Step::Done(proven))
    }

    fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        if let Some(proving) = &mut self.proving {
            proving.bring(tile, bytes);
        }
    }

    fn fresh(&self) -> &[Proven] {
        &self.fresh
    }
}
