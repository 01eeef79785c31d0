//! What is kept of one database on the disk: files as the go command's own cache has them, and the newest signed tree.
//!
//! ```text
//! modules/sumdb/sum.golang.org/lookup/github.com/!azure/x@v1.0.0    number, record and signed tree, as they are served
//! modules/sumdb/sum.golang.org/tile/8/0/x001/234                    a full tile, and no narrower one beside it
//! modules/sumdb/sum.golang.org/tile/8/0/x001/235.p/17               else the widest that was proven
//! modules/sumdb/sum.golang.org/tile/8/data/x001/234                 records, as tiles are
//! modules/sumdb/sum.golang.org/supported                            empty: a static tree leads to the database (cmd/go)
//! meta/sumdb/sum.golang.org/033de0ae/head                           the newest tree that was proven, as it was signed
//! meta/sumdb/sum.golang.org/033de0ae/closed                         after a fork: since when, and where the evidence is
//! evidence/sumdb/sum.golang.org/20261121T040000Z.txt                the two histories, for anyone to check
//! ```
//!
//! What is read back is bytes, and proven again before it is believed: so nothing is lost by a file that is damaged, and a
//! key that has changed leaves files that are replaced. The head is durable before anything is told that rests on it; the
//! rest is synced with the next batch.

use std::sync::Arc;

use bytes::Bytes;
use gomod::ModuleVersion;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Blobs, Durability, Key, Pages, Publish, StoreError};
use sumdb::client::Lookup;
use sumdb::record::{MAX_ANSWER_BYTES, first_records};
use sumdb::{Tile, Verifier};

/// The largest signed tree that is read back.
const HEAD_BYTES: u64 = 1 << 20;
/// The largest tile of records that is read back.
const RECORDS_BYTES: u64 = 16 << 20;
/// Names that are removed or counted in one go.
const PAGE: usize = 1000;

/// Why a database is asked nothing more, durable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closing {
    /// Since when.
    pub since: Timestamp,
    /// What was found.
    pub why: Arc<str>,
    /// Where the evidence lies, below the data directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
}

/// The files of one database.
pub(super) struct Shelf {
    blobs: Arc<dyn Blobs>,
    name: Arc<str>,
    hash: String,
    /// Writers of tiles take turns, since a wide tile takes the place of narrow ones.
    turn: tokio::sync::Mutex<()>,
}

impl Shelf {
    pub(super) fn new(blobs: Arc<dyn Blobs>, verifier: &Verifier) -> Self {
        Self {
            blobs,
            name: verifier.name().as_str().into(),
            hash: verifier.key_hash().to_string(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn public(&self, below: &str) -> Result<Key, StoreError> {
        Key::named(&format!("modules/sumdb/{}/{below}", self.name))
    }

    fn private(&self, below: &str) -> Result<Key, StoreError> {
        Key::named(&format!("meta/sumdb/{}/{}/{below}", self.name, self.hash))
    }

    /// The newest signed tree, if there was one.
    pub(super) async fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.read(&self.private("head")?, HEAD_BYTES).await
    }

    /// Makes the newest signed tree durable.
    pub(super) async fn keep_head(&self, note: &str) -> Result<(), StoreError> {
        self.write(&self.private("head")?, Bytes::copy_from_slice(note.as_bytes()), Durability::Strict).await
    }

    /// Why the database is closed, if it is. What cannot be read closes it too.
    pub(super) async fn closing(&self) -> Result<Option<Closing>, StoreError> {
        let Some(bytes) = self.read(&self.private("closed")?, HEAD_BYTES).await? else { return Ok(None) };
        let closing = serde_json::from_slice(&bytes).unwrap_or_else(|_| Closing {
            since: Timestamp::UNIX_EPOCH,
            why: "it was closed, and what was written about that cannot be read".into(),
            evidence: None,
        });
        Ok(Some(closing))
    }

    /// Makes it durable that the database is closed.
    pub(super) async fn close(&self, closing: &Closing) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec_pretty(closing).unwrap_or_default();
        self.write(&self.private("closed")?, bytes.into(), Durability::Strict).await
    }

    /// Keeps evidence; where it lies then.
    pub(super) async fn keep_evidence(&self, text: &str, at: Timestamp) -> Result<String, StoreError> {
        let place = format!("evidence/sumdb/{}/{}.txt", self.name, at.strftime("%Y%m%dT%H%M%SZ"));
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.write(&Key::named(&place)?, bytes, Durability::Strict).await?;
        Ok(place)
    }

    /// Evidence that was kept.
    pub(super) async fn evidence(&self, place: &str) -> Option<String> {
        let bytes = self.read(&Key::named(place).ok()?, HEAD_BYTES * 4).await.ok().flatten()?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    /// When the newest signed tree was written.
    pub(super) async fn head_since(&self) -> Option<Timestamp> {
        let blob = self.blobs.open(&self.private("head").ok()?).await.ok()?;
        Timestamp::try_from(blob.stamp().changed()).ok()
    }

    /// The numbers of kept lookups and tiles.
    pub(super) async fn count(&self) -> Result<(u64, u64), StoreError> {
        Ok((self.each("lookup", false).await?, self.each("tile", false).await?))
    }

    /// Removes everything, and what closes the database last, so that a crash leaves it closed. How many lookups and tiles
    /// there were.
    pub(super) async fn clear(&self) -> Result<(u64, u64), StoreError> {
        let forgotten = (self.each("lookup", true).await?, self.each("tile", true).await?);
        self.blobs.remove(&self.private("head")?, None).await?;
        self.blobs.sync().await?;
        self.blobs.remove(&self.private("closed")?, None).await?;
        self.blobs.sync().await?;
        Ok(forgotten)
    }

    /// Counts the files of a kind, and removes each if told so.
    async fn each(&self, kind: &str, remove: bool) -> Result<u64, StoreError> {
        let (mut kept, mut count) = (Pages::of(&*self.blobs, self.public(kind)?, None, PAGE), 0);
        while let Some(page) = kept.page().await? {
            count += page.len() as u64;
            if remove {
                for listed in &page {
                    self.blobs.remove(&listed.key, None).await?;
                }
            }
        }
        Ok(count)
    }

    /// The answer to a lookup as it was kept.
    pub(super) async fn lookup(&self, module: &ModuleVersion) -> Result<Option<Bytes>, StoreError> {
        self.read(&self.public(&Lookup::path(module))?, MAX_ANSWER_BYTES as u64).await
    }

    /// Keeps the answer to a lookup.
    pub(super) async fn keep_lookup(&self, module: &ModuleVersion, answer: Bytes) -> Result<(), StoreError> {
        self.write(&self.public(&Lookup::path(module))?, answer, Durability::Batched).await
    }

    /// Lets a static server of the tree, and the go command on the tree itself, lead to the database.
    pub(super) async fn be_supported(&self) -> Result<(), StoreError> {
        let key = self.public("supported")?;
        match self.blobs.open(&key).await {
            Err(error) if error.is_absent() => self.write(&key, Bytes::new(), Durability::Batched).await,
            other => other.map(drop),
        }
    }

    /// A tile as it was kept, cut to its width if a wider one was.
    pub(super) async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        for as_wide in [tile, tile.whole()] {
            if let Some(bytes) = self.read(&self.public(&as_wide.to_string())?, RECORDS_BYTES).await? {
                return Ok(Some(narrowed(tile, &bytes)));
            }
            if tile.is_whole() {
                return Ok(None);
            }
        }
        let wider = self.partial(tile).await?.into_iter().find(|kept| kept.width() > tile.width());
        let Some(wider) = wider else { return Ok(None) };
        let bytes = self.read(&self.public(&wider.to_string())?, RECORDS_BYTES).await?;
        Ok(bytes.map(|bytes| narrowed(tile, &bytes)))
    }

    /// Keeps a proven tile, and nothing beside it that is narrower or says something else.
    pub(super) async fn keep_tile(&self, tile: Tile, bytes: Bytes) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let kept = self.tile(tile).await?;
        if kept.as_ref() == Some(&bytes) {
            return Ok(());
        }
        self.write(&self.public(&tile.to_string())?, bytes, Durability::Batched).await?;
        let partial = self.partial(tile).await?;
        // A full one that says something else is damaged: it would be read first.
        let whole = Some(tile.whole()).filter(|_| kept.is_some());
        for other in partial.into_iter().chain(whole).filter(|other| *other != tile) {
            self.blobs.remove(&self.public(&other.to_string())?, None).await?;
        }
        Ok(())
    }

    /// The kept widths of a tile that is not full, narrowest first.
    async fn partial(&self, tile: Tile) -> Result<Vec<Tile>, StoreError> {
        let below = self.public(&format!("{}.p", tile.whole()))?;
        let listed = self.blobs.list(Some(&below), None, PAGE).await?;
        let width = |key: &Key| key.elements().next_back()?.parse().ok();
        let mut kept: Vec<Tile> =
            listed.iter().filter_map(|listed| tile.with_width(width(&listed.key)?)).collect();
        kept.sort_unstable_by_key(|tile| tile.width());
        Ok(kept)
    }

    async fn read(&self, key: &Key, max: u64) -> Result<Option<Bytes>, StoreError> {
        store::read(&*self.blobs, key, max).await
    }

    async fn write(&self, key: &Key, bytes: Bytes, durability: Durability) -> Result<(), StoreError> {
        store::put(&*self.blobs, key, bytes, Publish::Replace, durability).await.map(drop)
    }
}

/// The first part of a tile that is as wide or wider.
fn narrowed(tile: Tile, bytes: &Bytes) -> Bytes {
    match tile.level() {
        None => bytes.slice_ref(first_records(tile, bytes)),
        Some(_) => bytes.slice(..bytes.len().min(tile.size_bytes())),
    }
}
