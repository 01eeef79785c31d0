//! The lies a database can be told to tell, as data: a test goes through [`ALL`] of them.
//!
//! The generator of Go's verdicts in `crates/sumdb/testdata/generate` tells the same ones, byte for byte, by the same
//! names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sumdb::note::Name;
use sumdb::{Signer, Tile};

use super::speaker::{Asked, Entry, Head};
use super::{History, NodeHash, record_hash};
use crate::upstream::Reply;

/// Something that is said otherwise than it is. Where another history is needed it is [`super::Speaker::forged`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// A bit of the signature is another.
    BadSignature,
    /// Notes are signed by another key of the same name.
    OtherKey,
    /// Notes are signed by another key, whose hash is said to be that of the true one.
    ClaimedKey,
    /// Notes are signed by a key of another name.
    OtherName,
    /// Notes have no signature.
    Unsigned,
    /// The hash of the tree is changed after it was signed.
    ChangedRoot,
    /// The size of the tree is changed after it was signed.
    ChangedSize,
    /// The hash of a tree that is not there is signed.
    MadeUpRoot,
    /// The size of the tree is signed with a zero in front.
    ZeroSize,
    /// A negative size is signed.
    NegativeSize,
    /// A tree of 2^60 records is signed. (With 2^62 or more, x/mod computes for ever.)
    HugeSize,
    /// A tree of 2^63 records is signed.
    TooHugeSize,
    /// An empty tree is signed.
    NoRecords,
    /// A tree without records is signed that has another hash than the one there is.
    FalseEmptyTree,
    /// The note has one more line, and is signed with it. No harm.
    LongNote,
    /// The note is signed by one more key. No harm.
    Cosigned,
    /// The wanted lines are in the note, with forged hashes; the record is that of another module.
    LinesInNote,
    /// Heads are those of the tree without its last records. No harm where what is wanted is below.
    Older(u64),
    /// Records of the forged history, in answers and tiles, and so many levels of tiles from below; heads are honest.
    Rewritten {
        /// How many levels of tiles.
        levels: u8,
    },
    /// Everything is of the forged history, and signed.
    Fork,
    /// The forged history's head is the latest, and its tiles are there; lookups are honest.
    ForkInLatest,
    /// Lookups and tiles are those of the forged history; the latest head is honest.
    ForkInLookups,
    /// The record is the one of the number after it, or before the last.
    SwappedRecord,
    /// The number is the one after it, or before the last.
    SwappedId,
    /// Number and record are those of another module.
    OtherModule,
    /// The record lacks the line of the zip.
    NoZipLine,
    /// The record lacks the line of the go.mod file.
    NoModLine,
    /// The record has a line more, with a forged hash, in front.
    LineBefore,
    /// The record has a line more, with a forged hash, at the end.
    LineAfter,
    /// The number is that of the first record that is not there.
    IdBeyond,
    /// The number is negative.
    IdNegative,
    /// The number has more than 64 bits.
    IdHuge,
    /// The number has a zero in front.
    IdZero,
    /// There is no number.
    NoId,
    /// There is no record.
    NoRecord,
    /// Tiles of this level lack their last hash.
    TileShort(u8),
    /// Tiles of this level have a hash more.
    TileLong(u8),
    /// Tiles of this level are empty.
    TileEmpty(u8),
    /// Tiles of this level are a page of a captive portal.
    TilePage(u8),
    /// Tiles of this level have the hashes of the tile before.
    TileOther(u8),
    /// A bit of the first hash of tiles of this level is another.
    TileFirst(u8),
    /// A bit of the middle hash of tiles of this level is another.
    TileMiddle(u8),
    /// A bit of the last hash of tiles of this level is another.
    TileLast(u8),
    /// Tiles of this level are absent.
    TileGone(u8),
}

/// Every lie, with those that have a parameter for each value that matters.
pub const ALL: &[Lie] = &[
    Lie::BadSignature,
    Lie::OtherKey,
    Lie::ClaimedKey,
    Lie::OtherName,
    Lie::Unsigned,
    Lie::ChangedRoot,
    Lie::ChangedSize,
    Lie::MadeUpRoot,
    Lie::ZeroSize,
    Lie::NegativeSize,
    Lie::HugeSize,
    Lie::TooHugeSize,
    Lie::NoRecords,
    Lie::FalseEmptyTree,
    Lie::LongNote,
    Lie::Cosigned,
    Lie::LinesInNote,
    Lie::Older(1),
    Lie::Older(200),
    Lie::Rewritten { levels: 0 },
    Lie::Rewritten { levels: 1 },
    Lie::Rewritten { levels: 2 },
    Lie::Rewritten { levels: 3 },
    Lie::Fork,
    Lie::ForkInLatest,
    Lie::ForkInLookups,
    Lie::SwappedRecord,
    Lie::SwappedId,
    Lie::OtherModule,
    Lie::NoZipLine,
    Lie::NoModLine,
    Lie::LineBefore,
    Lie::LineAfter,
    Lie::IdBeyond,
    Lie::IdNegative,
    Lie::IdHuge,
    Lie::IdZero,
    Lie::NoId,
    Lie::NoRecord,
    Lie::TileShort(0),
    Lie::TileShort(1),
    Lie::TileLong(0),
    Lie::TileLong(1),
    Lie::TileEmpty(0),
    Lie::TilePage(0),
    Lie::TileOther(0),
    Lie::TileOther(1),
    Lie::TileFirst(0),
    Lie::TileFirst(1),
    Lie::TileFirst(2),
    Lie::TileMiddle(0),
    Lie::TileMiddle(1),
    Lie::TileMiddle(2),
    Lie::TileLast(0),
    Lie::TileLast(1),
    Lie::TileLast(2),
    Lie::TileGone(0),
    Lie::TileGone(1),
];

/// What lies are made of.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub(super) truth: &'a History,
    pub(super) forged: &'a History,
    pub(super) signer: &'a Signer,
}

/// A key that is not the database's, of the same name or of another.
fn stranger(name: &str) -> Signer {
    Signer::from_seed(Name::parse(name).unwrap(), &record_hash(&format!("stranger {name}")))
}

impl Lie {
    /// Whether what is said is all of one history that the key has signed: whoever meets the database with it cannot
    /// tell, and whoever has met it before has evidence.
    pub fn is_fork(self) -> bool {
        matches!(
            self,
            Self::Fork | Self::ForkInLatest | Self::ForkInLookups | Self::MadeUpRoot | Self::FalseEmptyTree
        )
    }

    /// Whether it is no lie at all in the eyes of the go command.
    pub fn is_harmless(self) -> bool {
        matches!(self, Self::LongNote | Self::Cosigned | Self::Older(_) | Self::IdZero)
    }

    /// Changes a head.
    pub(super) fn bend_head(self, asked: &Asked, world: &World<'_>, head: &mut Head) {
        let forged_head = match self {
            Self::Fork => true,
            Self::ForkInLatest => *asked == Asked::Latest,
            Self::ForkInLookups => *asked != Asked::Latest,
            _ => false,
        };
        if forged_head {
            head.size = world.forged.size().to_string();
            head.root = world.forged.root(world.forged.size());
        }
        let name = world.signer.verifier().name().as_str();
        match self {
            Self::OtherKey => head.signer = stranger(name),
            Self::OtherName => head.signer = stranger("sum.example.net"),
            Self::ClaimedKey => {
                head.signer = stranger(name);
                head.tampering.push(claim_key);
            }
            Self::BadSignature => head.tampering.push(spoil_signature),
            Self::Unsigned => head.tampering.push(drop_signature),
            Self::ChangedRoot => head.tampering.push(change_root),
            Self::ChangedSize => head.tampering.push(change_size),
            Self::MadeUpRoot => head.root = record_hash("made up"),
            Self::ZeroSize => head.size.insert(0, '0'),
            Self::NegativeSize => head.size.insert(0, '-'),
            Self::HugeSize => head.size = (1_u64 << 60).to_string(),
            Self::TooHugeSize => head.size = (1_u64 << 63).to_string(),
            Self::NoRecords => (head.size, head.root) = ("0".to_owned(), world.truth.root(0)),
            Self::FalseEmptyTree => (head.size, head.root) = ("0".to_owned(), record_hash("made up")),
            Self::LongNote => head.more.push_str("one more line\n"),
            Self::Cosigned => head.tampering.push(cosign),
            Self::LinesInNote => {
                if let Asked::Lookup { module, version } = asked {
                    head.more.push_str(&forged_lines(module, version));
                }
            }
            Self::Older(by) => {
                let size = world.truth.size().saturating_sub(by);
                (head.size, head.root) = (size.to_string(), world.truth.root(size));
            }
            _ => {}
        }
    }

    /// Changes a record.
    pub(super) fn bend_record(self, asked: &Asked, world: &World<'_>, entry: &mut Option<Entry>) {
        let Asked::Lookup { module, version } = asked else { return };
        if matches!(self, Self::Rewritten { .. } | Self::Fork | Self::ForkInLookups) {
            let found = world.forged.id(module, version);
            *entry = found.map(|id| Entry { id: id.to_string(), text: world.forged.text(id).to_owned() });
        }
        if let Some(entry) = entry {
            self.bend_entry(&forged_lines(module, version), world, entry);
        }
    }

    fn bend_entry(self, forged: &str, world: &World<'_>, entry: &mut Entry) {
        let size = world.truth.size();
        // The record beside it, of another module version.
        let id: u64 = entry.id.parse().unwrap_or(0);
        let beside = if id + 1 < size { id + 1 } else { id.saturating_sub(1) };
        let (first, second) = entry.text.split_once('\n').unwrap_or((&entry.text, ""));
        let zip_line = forged.lines().next().unwrap_or_default();
        match self {
            Self::SwappedRecord => world.truth.text(beside).clone_into(&mut entry.text),
            Self::SwappedId => entry.id = beside.to_string(),
            Self::OtherModule | Self::LinesInNote => {
                *entry = Entry { id: beside.to_string(), text: world.truth.text(beside).to_owned() };
            }
            Self::NoZipLine => entry.text = second.to_owned(),
            Self::NoModLine => entry.text = format!("{first}\n"),
            Self::LineBefore => entry.text = format!("{zip_line}\n{}", entry.text),
            Self::LineAfter => entry.text = format!("{}{zip_line}\n", entry.text),
            Self::IdBeyond => entry.id = size.to_string(),
            Self::IdNegative => entry.id.insert(0, '-'),
            Self::IdHuge => "99999999999999999999".clone_into(&mut entry.id),
            Self::IdZero => entry.id.insert(0, '0'),
            Self::NoId => entry.id.clear(),
            Self::NoRecord => entry.text.clear(),
            _ => {}
        }
    }

    /// Whether a tile is that of the forged history.
    pub(super) fn forges_tile(self, tile: Tile) -> bool {
        match self {
            Self::Rewritten { levels } => tile.level().is_none_or(|level| level < levels),
            Self::Fork | Self::ForkInLatest | Self::ForkInLookups => true,
            _ => false,
        }
    }

    /// Changes what is sent in the end: tiles of hashes.
    pub(super) fn bend_reply(self, asked: &Asked, world: &World<'_>, reply: &mut Reply) {
        let Asked::Tile(tile) = *asked else { return };
        let Some(level) = tile.level().filter(|_| reply.status == 200) else { return };
        let mut bytes = reply.body.to_vec();
        let last = bytes.len() / 32 - 1;
        match self {
            Self::TileShort(of) if of == level => bytes.truncate(last * 32),
            Self::TileLong(of) if of == level => bytes.extend_from_slice(&record_hash("made up")),
            Self::TileEmpty(of) if of == level => bytes.clear(),
            Self::TilePage(of) if of == level => bytes = b"<html>Please log in.</html>\n".to_vec(),
            Self::TileOther(of) if of == level => {
                let number = tile.number().checked_sub(1).unwrap_or(tile.number() + 1);
                let other = world.truth.hashes(world.truth.size(), level, number, tile.width());
                bytes = other.unwrap_or_else(|| bytes.iter().rev().copied().collect());
            }
            Self::TileFirst(of) if of == level => bytes[7] ^= 4,
            Self::TileMiddle(of) if of == level => bytes[last / 2 * 32 + 7] ^= 4,
            Self::TileLast(of) if of == level => bytes[last * 32 + 7] ^= 4,
            Self::TileGone(of) if of == level => *reply = Reply::text(404, "not found\n"),
            _ => return,
        }
        if reply.status == 200 {
            reply.body = bytes.into();
        }
    }
}

/// The lines of a module version with hashes that nobody has.
pub fn forged_lines(module: &str, version: &str) -> String {
    let h1 = |what: &str| format!("h1:{}", STANDARD.encode(record_hash(what)));
    super::record_text(module, version, &h1("forged zip"), &h1("forged mod"))
}

/// Splits a note into text, blank line included, and signature lines.
fn split(note: &str) -> (&str, &str) {
    note.split_at(note.rfind("\n\n").unwrap() + 2)
}

/// The note with the first signature made of other bytes.
fn resigned(note: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let (text, signatures) = split(note);
    let (name, base64) = signatures.trim_end().rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(base64).unwrap();
    change(&mut bytes);
    format!("{text}{name} {}\n", STANDARD.encode(bytes))
}

fn spoil_signature(note: &str, _: &Signer) -> String {
    resigned(note, |bytes| bytes[40] ^= 4)
}

fn claim_key(note: &str, signer: &Signer) -> String {
    let hash = signer.verifier().key_hash().0.to_be_bytes();
    resigned(note, |bytes| bytes[..4].copy_from_slice(&hash))
}

fn drop_signature(note: &str, _: &Signer) -> String {
    split(note).0.to_owned()
}

fn cosign(note: &str, _: &Signer) -> String {
    let text = format!("{}\n", split(note).0.trim_end());
    let other = sumdb::Note::new(text).unwrap().signed(&stranger("witness.example.net")).to_string();
    format!("{note}{}", split(&other).1)
}

fn change_root(note: &str, _: &Signer) -> String {
    let made_up: NodeHash = record_hash("made up");
    let mut lines: Vec<&str> = note.split('\n').collect();
    let root = STANDARD.encode(made_up);
    lines[2] = &root;
    lines.join("\n")
}

fn change_size(note: &str, _: &Signer) -> String {
    let mut lines: Vec<&str> = note.split('\n').collect();
    let size = format!("{}1", lines[1]);
    lines[1] = &size;
    lines.join("\n")
}
