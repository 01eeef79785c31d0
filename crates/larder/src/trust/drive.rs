//! Does what the steps of a check ask for: brings tiles, makes tree heads durable.

use std::sync::Arc;

use futures_util::future::try_join_all;
use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};
use source::Source;
use sumdb::Tile;
use sumdb::client::{Step, Task};

use super::ask::receive_at_most;
use super::failure::Failure;
use super::memory::{Downloaded, Life, Memory};

/// Drives the checks of one timeline of a database.
pub(super) struct Driver<'d> {
    pub(super) memory: &'d Memory,
    pub(super) life: &'d Life,
    /// Where tiles come from that are not at hand.
    pub(super) way: &'d Arc<dyn Source>,
}

impl Driver<'_> {
    /// Drives a check to its end. What it has proven on the way is remembered when it ends well, and only then.
    pub(super) async fn run<T: Task>(&self, mut task: T) -> Result<T::Answer, Failure> {
        loop {
            let step = {
                let mut client = self.life.client();
                task.step(&mut client, &|tile| self.life.tile(tile))
            };
            match step? {
                Step::Bring(tiles) | Step::BringAnew(tiles) => {
                    let brought = try_join_all(tiles.iter().map(|tile| self.bring(*tile))).await?;
                    tiles.into_iter().zip(brought).for_each(|(tile, bytes)| task.bring(tile, bytes));
                }
                Step::Keep(head) => self.life.client().kept(&head),
                Step::Done(answer) => {
                    self.life.learn(task.fresh());
                    return Ok(answer);
                }
            }
        }
    }

    async fn bring(&self, tile: Tile) -> Result<Arc<[u8]>, Failure> {
        let download = download(self.way.clone(), self.memory.name.clone(), tile);
        let tasks = &self.memory.world.parts.tasks;
        let brought = self.life.downloads.join(tasks, tile, download).await;
        brought.ok_or(Failure::Lost)?.map_err(Failure::Source)
    }
}

/// Downloads a tile of hashes: where one that is not full is no longer to be had, the full one.
async fn download(way: Arc<dyn Source>, database: Arc<str>, tile: Tile) -> Downloaded {
    let max = tile.whole().size_bytes();
    match receive_at_most(&*way, &request(&database, tile), max).await {
        Err(error) if error.is_absent() && !tile.is_whole() => {
            receive_at_most(&*way, &request(&database, tile.whole()), max).await
        }
        outcome => outcome,
    }
    .map(|bytes| Arc::from(&*bytes))
}

/// What is asked for to get a tile.
pub(super) fn request(database: &Arc<str>, tile: Tile) -> Request {
    let path = tile.to_string();
    let path = path.strip_prefix("tile/").unwrap_or(&path);
    Request::SumDb(SumDbRequest { name: database.clone(), operation: SumDbOperation::Tile(path.into()) })
}
