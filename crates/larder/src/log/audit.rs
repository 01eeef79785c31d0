//! Comparing every file of the log with its signed head, and writing anew what follows from the records.
//!
//! At a start the records alone are read, since all that is served is made of them. The other files are what mirrors and
//! other web servers give away: nobody here would see that one of them is lost or rotten. So this reads them all, a tile
//! of records at a time with what follows from it: its hashes, the lookups of its records; then the tiles above, and the
//! head. Tiles of hashes and lookups are written anew if that is wanted. Tiles of records never are: they are the truth, and
//! only a copy can bring one back; nor is the head, which is the writer's.
//! What it promises: nothing that is written or removed meanwhile is taken for damage. What is not full is looked at
//! again when the log has grown in between; lookups count only once they were copied ([`super::mirror`]).
//! Not here: the pace, and what is told of it: that is the scrub's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use sumdb::record::{LookupAnswer, parse_records, print_records};
use sumdb::tile::HEIGHT;
use sumdb::tree::{hash_of, nodes_of};
use sumdb::{Client, Hash, Node, Record, Tile};

use super::mirror::lookup_file;
use super::shelf::{FULL, Shelf, root_of};
use super::tiles::joined;
use super::{Log, Refusal};

/// While the log grows faster than its edge can be read, the edge is left to the next audit.
const TRIES: u32 = 4;

/// What a file of the log is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A tile of records: the truth.
    Records,
    /// A tile of hashes.
    Hashes,
    /// The answer to the lookup of a record.
    Lookup,
    /// `latest`, the newest signed head.
    Head,
    /// `supported`, which clients of a directory ask for first.
    Supported,
}

/// How a file is not what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It is not there.
    Missing,
    /// It is not what the signed tree has.
    Differs,
    /// It could not be read; why.
    Unreadable(String),
}

/// A file that is not what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// The file, by its name in the data directory.
    pub file: String,
    /// What it is there for.
    pub part: Part,
    /// What is wrong with it.
    pub damage: Damage,
    /// Whether it was written anew, or why that failed; none if it was not tried.
    pub mended: Option<Result<(), String>>,
}

/// What one step of an audit has read.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Step {
    /// Files.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Which of them are wrong.
    pub flaws: Vec<Flaw>,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Next {
    Tile(u64),
    Above,
    End,
}

/// An audit under way.
pub struct Audit {
    log: Arc<Log>,
    mends: bool,
    next: Next,
    step: Step,
    /// Hashes of the tree over full tiles, which stay what they are.
    nodes: HashMap<Node, Hash>,
    /// The head that was last proven; many lookups have the same.
    proven: Option<(Vec<u8>, u64)>,
}

impl Log {
    /// Begins an audit, which writes anew what it can if it `mends`.
    ///
    /// # Errors
    /// What is held is not proven, or not yet: then there is nothing to compare with.
    pub async fn audit(self: &Arc<Self>, mends: bool) -> Result<Audit, Refusal> {
        self.shelf().await?;
        Ok(Audit {
            log: self.clone(),
            mends,
            next: Next::Tile(0),
            step: Step::default(),
            nodes: HashMap::new(),
            proven: None,
        })
    }

    /// Where it lies in the data directory.
    pub fn place(&self) -> &str {
        self.tiles.place()
    }
}

impl Audit {
    /// The next step; none after the last. A step reads one tile of records and what follows from it.
    pub async fn step(&mut self) -> Option<Step> {
        let shelf = self.log.shelf.load_full()?;
        match self.next {
            Next::Tile(number) if number < shelf.full_tiles() => {
                self.full_tile(&shelf, number).await;
                self.next = Next::Tile(number + 1);
            }
            Next::Tile(_) => {
                self.edge().await;
                self.next = Next::Above;
            }
            Next::Above => {
                self.above(&shelf).await;
                self.next = Next::End;
            }
            Next::End => return None,
        }
        Some(std::mem::take(&mut self.step))
    }

    /// A full tile of records, its hashes, and its lookups.
    async fn full_tile(&mut self, shelf: &Shelf, number: u64) {
        let tile = |level| Tile::new(HEIGHT, level, number, 1).map(Tile::whole);
        let (Some(of_records), Some(of_hashes)) = (tile(None), tile(Some(0))) else { return };
        let file = of_records.to_string();
        let bytes = match self.look(&file).await {
            Ok(bytes) => bytes,
            Err(damage) => return self.wrong(&file, Part::Records, damage),
        };
        let records = parse_records(number << HEIGHT, &bytes).unwrap_or_default();
        let hashes: Vec<Hash> = records.iter().map(Record::hash).collect();
        if hashes.len() != FULL || root_of(&hashes) != shelf.root(number) {
            return self.wrong(&file, Part::Records, Damage::Differs);
        }
        self.compare(&of_hashes.to_string(), Part::Hashes, joined(hashes)).await;
        self.lookups(shelf, &records).await;
    }

    /// What is not full: the last tile of records, the last one of hashes of each level, the lookups of the last records,
    /// and the head. None of that is what it should be for long while records are added.
    async fn edge(&mut self) {
        for _ in 0..TRIES {
            let Some(shelf) = self.log.shelf.load_full() else { return };
            let before = std::mem::take(&mut self.step);
            // Nothing is written yet: what is missing may have been removed since it became full.
            let mends = std::mem::take(&mut self.mends);
            self.edge_of(&shelf).await;
            self.mends = mends;
            let is_current = || self.log.shelf.load().as_ref().is_some_and(|now| now.size() == shelf.size());
            if is_current() {
                if self.mends && !self.step.flaws.is_empty() {
                    self.step = before;
                    self.edge_of(&shelf).await;
                }
                return;
            }
            self.step = before;
        }
    }

    async fn edge_of(&mut self, shelf: &Shelf) {
        let size = shelf.size();
        let of_records = Tile::new(HEIGHT, None, shelf.full_tiles(), 1).and_then(|tile| tile.in_tree(size));
        if let Some(tile) = of_records {
            let expected = Bytes::from(print_records(shelf.tail()));
            self.compare(&tile.to_string(), Part::Records, expected).await;
        }
        for tile in Tile::edge(HEIGHT, size) {
            self.hashes(shelf, tile).await;
        }
        self.lookups(shelf, shelf.tail()).await;
        self.head(shelf).await;
        self.compare("supported", Part::Supported, Bytes::new()).await;
    }

    /// The full tiles of hashes above those of records.
    async fn above(&mut self, shelf: &Shelf) {
        let is_above = |tile: &Tile| tile.is_whole() && tile.level() > Some(0);
        for tile in Tile::added(HEIGHT, 0, shelf.size()).filter(is_above) {
            self.hashes(shelf, tile).await;
        }
    }

    async fn hashes(&mut self, shelf: &Shelf, tile: Tile) {
        let hashes = match tile.level() {
            Some(0) => Some(shelf.tail().iter().map(Record::hash).collect()),
            Some(level) => shelf.hashes(level, tile.number() << HEIGHT, tile.width()),
            None => None,
        };
        let Some(hashes) = hashes else { return };
        self.compare(&tile.to_string(), Part::Hashes, joined(hashes)).await;
    }

    /// The newest head; one that is newer than what is known here has just been published.
    async fn head(&mut self, shelf: &Shelf) {
        if shelf.size() == 0 {
            return;
        }
        let note = match self.look("latest").await {
            Ok(note) => note,
            Err(damage) => return self.wrong("latest", Part::Head, damage),
        };
        let head = Client::new(self.log.verifier.clone(), &note).ok();
        let is_newer = head.is_some_and(|client| client.newest().tree().size > shelf.size());
        if !is_newer && note != shelf.head().note().as_bytes() {
            self.wrong("latest", Part::Head, Damage::Differs);
        }
    }

    /// The lookups of these records, as far as they were copied.
    async fn lookups(&mut self, shelf: &Shelf, records: &[Record]) {
        let copied = self.log.copied.load(Ordering::Acquire);
        for record in records.iter().filter(|record| record.id() < copied) {
            let Some(file) = lookup_file(record) else { continue };
            let damage = match self.look(&file).await {
                Ok(bytes) if self.answers(shelf, record, &bytes).await => continue,
                Ok(_) => Damage::Differs,
                Err(damage) => damage,
            };
            self.wrong(&file, Part::Lookup, damage);
            self.mend(&file, Bytes::from(format!("{record}{}", shelf.head().note()))).await;
        }
    }

    /// Whether these bytes are the answer to the lookup of a record, under whichever head of the log.
    async fn answers(&mut self, shelf: &Shelf, record: &Record, bytes: &[u8]) -> bool {
        match LookupAnswer::parse(bytes) {
            Ok(answer) => answer.record == *record && self.covers(shelf, record.id(), answer.note).await,
            Err(_) => false,
        }
    }

    /// Whether a head is one of this log's, over a tree that has the record.
    async fn covers(&mut self, shelf: &Shelf, id: u64, note: Vec<u8>) -> bool {
        if let Some((proven, size)) = &self.proven
            && *proven == note
        {
            return id < *size;
        }
        let Ok(client) = Client::new(self.log.verifier.clone(), &note) else { return false };
        let tree = *client.newest().tree();
        if tree.size > shelf.size() || self.tree_of(shelf, tree.size).await != Some(tree.hash) {
            return false;
        }
        self.proven = Some((note, tree.size));
        id < tree.size
    }

    /// The hash of the tree when it had this size.
    async fn tree_of(&mut self, shelf: &Shelf, size: u64) -> Option<Hash> {
        let records = match size % FULL as u64 {
            0 => Vec::new(),
            width => {
                let tile = Tile::new(HEIGHT, None, size >> HEIGHT, u32::try_from(width).ok()?)?;
                self.log.tiles.records_of(shelf, tile).await.ok()?
            }
        };
        let rest: Vec<Hash> = records.iter().map(Record::hash).collect();
        let nodes = nodes_of(0..size);
        for node in nodes.into_iter().filter(|node| node.level() >= HEIGHT) {
            if let Entry::Vacant(place) = self.nodes.entry(node) {
                place.insert(shelf.hash(node)?);
            }
        }
        let below = |node: Node| shelf.hash_with(size >> HEIGHT, &rest, node);
        hash_of(0..size, |node| self.nodes.get(&node).copied().or_else(|| below(node))).ok()
    }

    /// A file that must have these bytes.
    async fn compare(&mut self, file: &str, part: Part, expected: Bytes) {
        let damage = match self.look(file).await {
            Ok(bytes) if bytes == expected => return,
            Ok(_) => Damage::Differs,
            Err(damage) => damage,
        };
        self.wrong(file, part, damage);
        self.mend(file, expected).await;
    }

    /// A file as it is on the disk.
    async fn look(&mut self, file: &str) -> Result<Bytes, Damage> {
        let bytes = self.log.tiles.file(file).await;
        let bytes = bytes.map_err(|error| Damage::Unreadable(error.to_string()))?.ok_or(Damage::Missing)?;
        self.step.files += 1;
        self.step.bytes += bytes.len() as u64;
        Ok(bytes)
    }

    fn wrong(&mut self, file: &str, part: Part, damage: Damage) {
        let file = format!("{}/{file}", self.log.place());
        self.step.flaws.push(Flaw { file, part, damage, mended: None });
    }

    /// Writes the file that was found last anew, if it may be.
    async fn mend(&mut self, file: &str, bytes: Bytes) {
        let Some(flaw) = self.step.flaws.last_mut().filter(|_| self.mends) else { return };
        flaw.mended = match flaw.part {
            Part::Records | Part::Head => None,
            Part::Hashes => Some(self.log.tiles.write(file, bytes).await.map_err(|error| error.to_string())),
            Part::Lookup | Part::Supported => Some(self.log.put(file, bytes).await),
        };
    }
}
