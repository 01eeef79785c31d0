//! Reading what is held after a start, and after a failure that leaves unknown what is durable.
//!
//! All records are read again, once a start: their tree must be the one that was signed. What follows from them is
//! made of them, not read. So whatever a disk, a backup or another hand did to the log is found here, before anything is
//! signed on top of it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sumdb::client::Head;
use sumdb::log::{Restore, RestoreError};
use sumdb::tile::HEIGHT;
use sumdb::{Client, Signer, Tile};

use super::remember::{Remember, RememberError};
use super::shelf::Shelf;
use super::tiles::ReadError;
use super::{Log, Stopped};
use crate::observe::with_causes;

/// Why the writer cannot go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// Not before an operator has looked.
    Stopped(Stopped),
    /// Not now.
    Failed(Arc<str>),
}

/// The two heads, as they were read.
struct Heads {
    remembered: Option<Vec<u8>>,
    published: Option<Bytes>,
}

impl Log {
    /// Reads what is held, proves it and makes it what is served; then the log can be appended to.
    pub(super) async fn restore(
        &self,
        signer: &Signer,
        remember: &Arc<dyn Remember>,
    ) -> Result<sumdb::Log, Halt> {
        let heads = self.heads(remember).await?;
        let halted = self.restore_from(signer, remember, &heads).await;
        if halted.is_err() {
            self.forget_unproven();
        }
        if let Err(Halt::Stopped(stopped)) = &halted
            && stopped.leaves_readable()
            && let Some(published) = &heads.published
            && let Ok(head) = open(signer, published)
        {
            match self.build(head).await {
                Ok(shelf) if shelf.is_proven() => self.shelf.store(Some(Arc::new(shelf))),
                _ => self.forget_unproven(),
            }
        }
        halted
    }

    /// Takes out of the index what was read and is not proven.
    fn forget_unproven(&self) {
        self.index.keep_below(self.shelf.load().as_ref().map_or(0, |shelf| shelf.size()));
    }

    async fn restore_from(
        &self,
        signer: &Signer,
        remember: &Arc<dyn Remember>,
        heads: &Heads,
    ) -> Result<sumdb::Log, Halt> {
        if !remember.is_ours() {
            return Err(Halt::Stopped(Stopped::Taken));
        }
        let (remembered, published) = (heads.remembered.as_deref(), heads.published.as_deref());
        let restore = Restore::new(signer.clone(), HEIGHT, remembered, published).map_err(refused)?;
        let newer = [remembered, published].into_iter().flatten().filter_map(|note| open(signer, note).ok());
        let newer = newer.max_by_key(|head| head.tree().size).unwrap_or_else(Head::empty);
        let shelf = match self.build(newer).await {
            Ok(shelf) if shelf.is_proven() => shelf,
            Ok(shelf) => return Err(damaged(restore, &Stopped::Tree { size: shelf.size() })),
            Err(ReadError::Store(error)) => return Err(failed(&error)),
            Err(ReadError::Absent { tile } | ReadError::Wrong { tile }) => {
                return Err(damaged(restore, &Stopped::Records { tile }));
            }
            Err(ReadError::Beyond { .. }) => return Err(damaged(restore, &Stopped::Tree { size: 0 })),
        };
        let mut tiles: HashMap<Tile, Arc<[u8]>> = HashMap::new();
        for tile in restore.needs() {
            match self.tiles.tile(&shelf, tile).await {
                Ok(Some(bytes)) => drop(tiles.insert(tile, Arc::from(&bytes[..]))),
                Err(ReadError::Store(error)) => return Err(failed(&error)),
                // It is missed below.
                Ok(None) | Err(_) => {}
            }
        }
        let log = restore.finish(|tile| tiles.get(&tile).cloned()).map_err(refused)?;
        self.settle(&log, remember, heads).await?;
        self.shelf.store(Some(Arc::new(shelf)));
        Ok(log)
    }

    async fn heads(&self, remember: &Arc<dyn Remember>) -> Result<Heads, Halt> {
        let reading = remember.clone();
        let remembered = tokio::task::spawn_blocking(move || reading.read()).await;
        let remembered = remembered.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let published = self.tiles.file("latest").await.map_err(|error| failed(&error))?;
        // An empty file says nothing: it is what a copy leaves that did not come to its end.
        let remembered = remembered.filter(|head| !head.is_empty());
        Ok(Heads { remembered, published: published.filter(|head| !head.is_empty()) })
    }

    /// The records that a head covers, read from the disk but for the full tiles that are known; indexed on the way.
    async fn build(&self, head: Head) -> Result<Shelf, ReadError> {
        let known = self.shelf.load_full().map_or_else(Shelf::empty, |shelf| shelf.of_full_tiles());
        let size = head.tree().size;
        let mut shelf = if known.size() <= size { known } else { Shelf::empty() };
        while shelf.size() < size {
            let tile = Tile::new(HEIGHT, None, shelf.full_tiles(), 1).and_then(|tile| tile.in_tree(size));
            let tile = tile.ok_or(ReadError::Beyond { id: shelf.size() })?;
            let records = self.tiles.stored(tile).await?;
            for record in &records {
                self.index.insert(record);
            }
            shelf = shelf.with(records, Head::empty());
        }
        Ok(shelf.with([], head))
    }

    /// Makes the newest head the remembered and the published one, where a crash came between.
    async fn settle(
        &self,
        log: &sumdb::Log,
        remember: &Arc<dyn Remember>,
        heads: &Heads,
    ) -> Result<(), Halt> {
        let note = log.head().note();
        let remembered = heads.remembered.clone().unwrap_or_default();
        if remembered != note.as_bytes() {
            replace(remember, remembered, note).await?;
        }
        if heads.published.as_deref().unwrap_or_default() != note.as_bytes() {
            let published = self.tiles.write("latest", Bytes::from(note.to_owned())).await;
            published.map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

/// Remembers a head beside the key.
pub(super) async fn replace(remember: &Arc<dyn Remember>, before: Vec<u8>, note: &str) -> Result<(), Halt> {
    let (remember, note) = (remember.clone(), note.to_owned());
    let replaced = tokio::task::spawn_blocking(move || remember.replace(&before, note.as_bytes())).await;
    match replaced.map_err(|error| failed(&error))? {
        Ok(()) => Ok(()),
        Err(RememberError::Changed) => Err(Halt::Stopped(Stopped::SecondWriter)),
        Err(error) => Err(failed(&error)),
    }
}

fn open(signer: &Signer, note: &[u8]) -> Result<Head, sumdb::client::ClientError> {
    Client::new(signer.verifier().clone(), note).map(|client| client.newest().clone())
}

fn refused(error: RestoreError) -> Halt {
    Halt::Stopped(Stopped::Restore(Arc::new(error)))
}

/// What is missing or wrong, as older than what was signed if that may be it.
fn damaged(restore: Restore, found: &Stopped) -> Halt {
    match restore.finish(|_| None) {
        Err(error @ RestoreError::RolledBack { .. }) => refused(error),
        _ => Halt::Stopped(found.clone()),
    }
}

/// A failure with its causes, as the log and the state show it.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Halt {
    Halt::Failed(with_causes(error).into())
}
