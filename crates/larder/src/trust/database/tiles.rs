//! Tiles of a database, as wide as they are asked for: any width follows from a wider one.

use std::sync::Arc;

use bytes::Bytes;
use source::{Source, SourceError};
use sumdb::client::TileCheck;
use sumdb::record::{check_records, first_records};
use sumdb::tile::HEIGHT;
use sumdb::{Proven, Tile};

use super::super::ask::receive_at_most;
use super::super::failure::{Failure, Lie};
use super::super::memory::{Keeping, Life};
use super::super::{LookupError, drive};
use super::{Database, Noted};

/// The largest tile of records that is received: 256 records of 64 KiB.
const MAX_RECORDS_BYTES: usize = 16 << 20;

impl Database {
    /// A tile of the newest tree, as wide as it is named: from memory or the disk, else asked for.
    ///
    /// # Errors
    /// The tree has no such tile, the database cannot be asked, or is not believed.
    pub async fn tile(self: &Arc<Self>, tile: Tile) -> Result<Noted, LookupError> {
        if let Some(noted) = self.kept_tile(tile).await? {
            return Ok(noted);
        }
        let hashes = of_hashes(tile).ok_or_else(|| self.no_tile(tile))?;
        let life = self.memory.life().await?;
        self.may_ask(&life).await?;
        if !is_within(hashes, &life) {
            // Whoever asks has seen a newer tree.
            self.refresh(&life).await?;
        }
        if !is_within(hashes, &life) {
            return Err(self.no_tile(tile));
        }
        let way = self.way().await;
        let checked = match self.prove(&life, Some(&way), hashes).await {
            Ok(proven) if tile.level().is_none() => self.records(&life, &way, tile, &proven).await,
            Ok(proven) => Ok(Bytes::from_owner(proven.bytes().clone())),
            Err(failure) => Err(failure),
        };
        match checked {
            Ok(bytes) => Ok(Noted { bytes, source: way.name().into() }),
            Err(failure) => Err(self.judged(&life, Some(&way), failure).await),
        }
    }

    /// A tile of the newest tree, if it is known: nobody is asked.
    ///
    /// # Errors
    /// What is known of the database could not be read.
    pub async fn kept_tile(self: &Arc<Self>, tile: Tile) -> Result<Option<Noted>, LookupError> {
        let life = self.memory.life().await?;
        let Some(hashes) = of_hashes(tile).filter(|hashes| is_within(*hashes, &life)) else {
            return Ok(None);
        };
        let Ok(proven) = self.prove(&life, None, hashes).await else { return Ok(None) };
        let bytes = match tile.level() {
            Some(_) => Bytes::from_owner(proven.bytes().clone()),
            None => match self.memory.shelf.tile(tile).await {
                Ok(Some(bytes)) if check_records(tile, &bytes, &proven).is_ok() => bytes,
                _ => return Ok(None),
            },
        };
        Ok(Some(Noted { bytes, source: self.memory.name.clone() }))
    }

    /// A tile of hashes, proven for the newest tree.
    async fn prove(
        &self,
        life: &Arc<Life>,
        way: Option<&Arc<dyn Source>>,
        tile: Tile,
    ) -> Result<Proven, Failure> {
        if let Some(proven) = life.tile(tile.whole()).and_then(|proven| proven.narrowed(tile.width())) {
            return Ok(proven);
        }
        self.driver(life, way).run(TileCheck::new(tile)).await
    }

    /// A tile of records, proven by the hashes that the tree has for them.
    async fn records(
        &self,
        life: &Arc<Life>,
        way: &Arc<dyn Source>,
        tile: Tile,
        hashes: &Proven,
    ) -> Result<Bytes, Failure> {
        let name = &self.memory.name;
        let mut received = receive_at_most(&**way, &drive::request(name, tile), MAX_RECORDS_BYTES).await;
        if received.as_ref().is_err_and(SourceError::is_absent) && !tile.is_whole() {
            received = receive_at_most(&**way, &drive::request(name, tile.whole()), MAX_RECORDS_BYTES).await;
        }
        let received = received.map_err(Failure::Source)?;
        let bytes = received.slice_ref(first_records(tile, &received));
        check_records(tile, &bytes, hashes).map_err(|_| Failure::Lie(Lie::Records { tile }))?;
        self.memory.keep(life, Keeping::Tiles(vec![(tile, bytes.clone())]));
        Ok(bytes)
    }

    fn no_tile(&self, tile: Tile) -> LookupError {
        LookupError::Absent {
            database: self.memory.name.clone(),
            text: format!("{}: the newest tree has no {tile}", self.name()).into(),
            withdrawn: false,
            transient: false,
        }
    }
}

/// The tile of hashes that a tile is proven by: itself, or for records the one with their hashes. Tiles of another height
/// than that of all checksum databases are not served: they could be any number of bytes long.
fn of_hashes(tile: Tile) -> Option<Tile> {
    if tile.height() != HEIGHT {
        return None;
    }
    if tile.level().is_some() { Some(tile) } else { Tile::new(HEIGHT, Some(0), tile.number(), tile.width()) }
}

/// Whether the newest tree has the tile, as wide as it is named.
fn is_within(tile: Tile, life: &Life) -> bool {
    let within = tile.in_tree(life.newest().tree().size);
    within.is_some_and(|within| within.width() >= tile.width())
}
