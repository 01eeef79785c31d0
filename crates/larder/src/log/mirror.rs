//! Files for other web servers: the answer to each lookup, written a moment after its record.
//!
//! Nothing here is read by this server, and none of it is needed to prove anything. Lookups are written in the order of
//! their records, so after a restart the newest one that is there says where to go on. Tiles that were not full are
//! removed once they are: whoever still asks for them takes the full one (x/mod `sumdb.Client.readTile`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use store::{Durability, Key, Publish, StoreError};
use sumdb::{Record, Tile};

use super::Log;
use super::shelf::Shelf;

/// Names looked at in one go: there are no more of one tile.
const PAGE: usize = 256;

/// Writes what is missing, after each batch; ends with the last of the other tasks.
pub(super) async fn run(log: Arc<Log>) {
    let mut watch = log.condition.subscribe();
    let mut done: Option<(u64, u64)> = None;
    loop {
        if let Some(shelf) = log.shelf.load_full() {
            match log.copy(&shelf, done).await {
                Ok(to) => {
                    log.copied.store(to.0, Ordering::Release);
                    done = Some(to);
                }
                Err(why) => tracing::warn!(
                    event = "log_mirror_failed",
                    sumdb.name = &*log.name,
                    "the files of our own log for other servers are not complete: {why}"
                ),
            }
        }
        // Each batch ends with a condition, the same or another.
        if watch.changed().await.is_err() {
            return;
        }
    }
}

impl Log {
    /// Writes what is missing of the files that this shelf has: lookups, and tiles that are full now. How many of both
    /// are done.
    async fn copy(&self, shelf: &Shelf, done: Option<(u64, u64)>) -> Result<(u64, u64), String> {
        let (from, cleared) = if let Some(done) = done {
            done
        } else {
            // A client asks for it first, also of a directory.
            self.put("supported", Bytes::new()).await?;
            (self.copied(shelf).await?, shelf.full_tiles().saturating_sub(1))
        };
        for id in from..shelf.size() {
            let record = self.tiles.record(shelf, id).await.map_err(|error| error.to_string())?;
            let Some(file) = lookup_file(&record) else { continue };
            self.put(&file, Bytes::from(format!("{record}{}", shelf.head().note()))).await?;
        }
        for number in cleared..shelf.full_tiles() {
            self.clear(number).await.map_err(|error| error.to_string())?;
        }
        Ok((shelf.size(), shelf.full_tiles()))
    }

    /// Writes a file that only other servers read.
    pub(super) async fn put(&self, file: &str, bytes: Bytes) -> Result<(), String> {
        let key = self.tiles.key(file).map_err(|error| error.to_string())?;
        let put = store::put(&**self.tiles.blobs(), &key, bytes, Publish::Replace, Durability::Batched);
        put.await.map(drop).map_err(|error| error.to_string())
    }

    /// How many lookups are there: all before the newest one that is.
    async fn copied(&self, shelf: &Shelf) -> Result<u64, String> {
        for id in (0..shelf.size()).rev() {
            let record = self.tiles.record(shelf, id).await.map_err(|error| error.to_string())?;
            let Some(file) = lookup_file(&record) else { continue };
            let key = self.tiles.key(&file).map_err(|error| error.to_string())?;
            match self.tiles.blobs().open(&key).await {
                Ok(_) => return Ok(id + 1),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(0)
    }

    /// Removes what is left of a tile of records that is full now, and of the tiles of hashes that are full with it.
    async fn clear(&self, number: u64) -> Result<(), StoreError> {
        self.clear_tile(None, number).await?;
        let (mut level, mut number) = (0, number);
        loop {
            self.clear_tile(Some(level), number).await?;
            // The last of its parent's?
            if (number + 1) % (1 << sumdb::tile::HEIGHT) != 0 {
                return Ok(());
            }
            (level, number) = (level + 1, number >> sumdb::tile::HEIGHT);
        }
    }

    async fn clear_tile(&self, level: Option<u8>, number: u64) -> Result<(), StoreError> {
        let Some(tile) = Tile::new(sumdb::tile::HEIGHT, level, number, 1) else { return Ok(()) };
        let under: Key = self.tiles.key(tile.to_string().trim_end_matches("/1"))?;
        for listed in self.tiles.blobs().list(Some(&under), None, PAGE).await? {
            self.tiles.blobs().remove(&listed.key, None).await?;
        }
        Ok(())
    }
}

/// Where the answer to the lookup of a record is asked for.
pub(super) fn lookup_file(record: &Record) -> Option<String> {
    let line = record.text().split('\n').next()?;
    let mut words = line.split(' ');
    let module = gomod::ModulePath::parse(words.next()?).ok()?;
    let version = gomod::Version::parse(words.next()?).ok()?;
    Some(format!("lookup/{}@{}", module.escape(), version.escape()))
}
