//! Taking over the tree head that a database gives as its latest.

use std::sync::Arc;

use super::merge::Merge;
use super::{Client, ClientError, Head, Known, Standing, Step, Task};
use crate::tile::{Proven, Tile};

/// The check of a tree head (x/mod `sumdb.Client.mergeLatest`).
#[derive(Clone, Debug)]
pub struct Latest {
    merge: Merge,
}

impl Latest {
    /// Begins with a head that [`Client::open`] has read.
    pub fn new(seen: Head) -> Self {
        Self { merge: Merge::new(seen) }
    }
}

impl Task for Latest {
    type Answer = Standing;

    fn step(&mut self, client: &mut Client, known: Known<'_>) -> Result<Step<Standing>, ClientError> {
        self.merge.step(client, known)
    }

    fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        self.merge.bring(tile, bytes);
    }

    fn fresh(&self) -> &[Proven] {
        self.merge.fresh()
    }
}
