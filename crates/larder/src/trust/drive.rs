//! Does what the steps of a check ask for: brings tiles, makes tree heads durable.
//!
//! A tile comes from memory, from a file, or from the database, which is asked once for all who want it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join_all;
use gomod::Request;
use gomod::request::SumDbRequest;
use source::Source;
use sumdb::client::{Client, Step, Task};
use sumdb::{Proven, Tile};

use super::ask::receive_at_most;
use super::failure::Failure;
use super::memory::{Downloaded, Keeping, Life, Memory};

/// Drives the checks of one timeline of a database.
pub(super) struct Driver<'d> {
    pub(super) memory: &'d Arc<Memory>,
    pub(super) life: &'d Arc<Life>,
    /// Where tiles come from that are not at hand; none if nobody may be asked.
    pub(super) way: Option<&'d Arc<dyn Source>>,
}

/// The tiles of one check that came from the database and not from a file. Until it ends other checks find them too,
/// unproven as they are to everybody.
struct Downloads<'d> {
    life: &'d Life,
    tiles: Mutex<Vec<Tile>>,
}

impl<'d> Downloads<'d> {
    fn of(life: &'d Life) -> Self {
        Self { life, tiles: Mutex::default() }
    }

    fn tiles(&self) -> MutexGuard<'_, Vec<Tile>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Downloads<'_> {
    fn drop(&mut self) {
        self.tiles().iter().for_each(|tile| drop(self.life.arrived.remove(tile)));
    }
}

impl Driver<'_> {
    /// Drives a check of the timeline to its end.
    pub(super) async fn run<T: Task>(&self, task: T) -> Result<T::Answer, Failure> {
        self.drive(task, None).await
    }

    /// Drives a check with a client of its own, whose newest tree is the one that was kept with what is checked. Files of
    /// the database's past are all it needs; what they lack is brought from the database where one may be asked.
    pub(super) async fn run_apart<T: Task>(&self, client: Client, task: T) -> Result<T::Answer, Failure> {
        self.drive(task, Some(client)).await
    }

    /// What is proven on the way is kept when the check ends well, and only then; what is proven of the timeline is
    /// remembered too.
    async fn drive<T: Task>(&self, mut task: T, mut apart: Option<Client>) -> Result<T::Answer, Failure> {
        let downloads = Downloads::of(self.life);
        loop {
            let step = match &mut apart {
                None => task.step(&mut self.life.client(), &|tile| self.life.tile(tile)),
                // Nothing is trusted but the tree, and whoever reads the answer is given that.
                Some(client) => task.step(client, &|_| None),
            };
            let (tiles, is_anew) = match step? {
                Step::Bring(tiles) => (tiles, false),
                Step::BringAnew(tiles) => (tiles, true),
                Step::Keep(head) => {
                    match &mut apart {
                        None => self.memory.keep_head(self.life, &head).await,
                        Some(client) => client.kept(&head),
                    }
                    continue;
                }
                Step::Done(answer) => {
                    if apart.is_none() {
                        self.life.learn(task.fresh());
                    }
                    self.keep(task.fresh(), &downloads);
                    return Ok(answer);
                }
            };
            let bytes = try_join_all(tiles.iter().map(|tile| self.find(*tile, is_anew, &downloads))).await?;
            tiles.into_iter().zip(bytes).for_each(|(tile, bytes)| task.bring(tile, bytes));
        }
    }

    /// The bytes of a tile, from wherever they are nearest, or anew from the database itself.
    async fn find(&self, tile: Tile, is_anew: bool, downloads: &Downloads<'_>) -> Result<Arc<[u8]>, Failure> {
        if is_anew {
            return self.download(tile, true, downloads).await;
        }
        if let Some(bytes) = at_hand(self.life, tile) {
            return Ok(bytes);
        }
        match self.memory.shelf.tile(tile).await {
            Ok(Some(bytes)) if bytes.len() == tile.size_bytes() => Ok(Arc::from(&*bytes)),
            Ok(_) => self.download(tile, false, downloads).await,
            Err(error) => {
                tracing::debug!(sumdb.name = &*self.memory.name, "a kept tile could not be read: {error}");
                self.download(tile, false, downloads).await
            }
        }
    }

    async fn download(
        &self,
        tile: Tile,
        is_anew: bool,
        downloads: &Downloads<'_>,
    ) -> Result<Arc<[u8]>, Failure> {
        let way = self.way.ok_or(Failure::NotKept)?.clone();
        downloads.tiles().push(tile);
        let (life, database) = (self.life.clone(), self.memory.name.clone());
        let download = async move {
            // It may have come since it was looked for: before a flight is over, what it brought is at hand.
            if let Some(bytes) = at_hand(&life, tile).filter(|_| !is_anew) {
                return Ok(bytes);
            }
            let bytes = download(way, database, tile).await?;
            life.arrived.insert(tile, bytes.clone());
            Ok(bytes)
        };
        let downloaded = self.life.downloads.join(&self.memory.world.parts.tasks, tile, download).await;
        downloaded.ok_or(Failure::Lost)?.map_err(Failure::Source)
    }

    /// Keeps what was proven and is not on the disk yet, behind the answer.
    fn keep(&self, fresh: &[Proven], downloads: &Downloads<'_>) {
        let downloaded = downloads.tiles();
        let tiles = fresh.iter().filter(|proven| downloaded.contains(&proven.tile()));
        let tiles = tiles.map(|proven| (proven.tile(), Bytes::from_owner(proven.bytes().clone())));
        let tiles: Vec<_> = tiles.collect();
        if !tiles.is_empty() {
            self.memory.keep(self.life, Keeping::Tiles(tiles));
        }
    }
}

/// The bytes of a tile that are in memory: of a check that has not ended, or proven. In this order, since what a check has
/// proven is remembered before what came for it is forgotten.
fn at_hand(life: &Life, tile: Tile) -> Option<Arc<[u8]>> {
    let proven = || Some(life.tile(tile.whole())?.narrowed(tile.width())?.bytes().clone());
    life.arrived.get(&tile).or_else(proven)
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
    Request::SumDb(SumDbRequest { name: database.clone(), operation: tile.into() })
}
