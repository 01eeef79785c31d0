//! What a database says at which path: the truth, bent by the lies it was told to tell.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sumdb::{Note, Signer, Tile};

use super::lie::{Lie, World};
use super::{History, NodeHash};
use crate::upstream::Reply;

const TEXT: &str = "text/plain; charset=UTF-8";

/// A checksum database without a socket: what it knows, with which key it signs, and how it lies.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The key its honest notes are signed with.
    pub signer: Signer,
    /// What is logged.
    pub truth: Arc<History>,
    /// Another history, for the lies that need one.
    pub forged: Arc<History>,
    /// What is said otherwise than it is; each lie changes what the ones before it left.
    pub lies: Vec<Lie>,
}

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Latest,
    Lookup { module: String, version: String },
    Tile(Tile),
}

/// A change of a note; the signer is the honest one.
pub(super) type Tamper = fn(&str, &Signer) -> String;

/// A tree head before it is written.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The second line of the note, a number if it is honest.
    pub(super) size: String,
    pub(super) root: NodeHash,
    /// Lines after the third.
    pub(super) more: String,
    pub(super) signer: Signer,
    /// What is done to the note after it was signed.
    pub(super) tampering: Vec<Tamper>,
}

/// A record before it is written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The first line of the answer, a number if it is honest.
    pub(super) id: String,
    pub(super) text: String,
}

impl Speaker {
    /// An honest one.
    pub fn new(signer: Signer, history: History) -> Self {
        let truth = Arc::new(history);
        Self { signer, forged: Arc::clone(&truth), truth, lies: Vec::new() }
    }

    /// The signed head of the tree over the first records.
    pub fn head(&self, size: u64) -> String {
        self.honest_head(size).write(&self.signer)
    }

    /// What is said at a path that begins with `/`; nothing where there is no such endpoint.
    pub fn answer(&self, path: &str) -> Option<Reply> {
        let asked = match Asked::parse(path)? {
            Ok(asked) => asked,
            Err(malformed) => return Some(malformed),
        };
        let mut reply = match &asked {
            Asked::Latest => Reply::ok(TEXT, self.bent_head(&asked).write(&self.signer)),
            Asked::Lookup { module, version } => self.lookup(&asked, module, version),
            Asked::Tile(tile) => self.tile(*tile),
        };
        for lie in &self.lies {
            lie.bend_reply(&asked, &self.world(), &mut reply);
        }
        Some(reply)
    }

    /// The same without lies.
    pub fn honest(&self, path: &str) -> Option<Reply> {
        Self { lies: Vec::new(), ..self.clone() }.answer(path)
    }

    fn world(&self) -> World<'_> {
        World { truth: &self.truth, forged: &self.forged, signer: &self.signer }
    }

    fn honest_head(&self, size: u64) -> Head {
        Head {
            size: size.to_string(),
            root: self.truth.root(size),
            more: String::new(),
            signer: self.signer.clone(),
            tampering: Vec::new(),
        }
    }

    fn bent_head(&self, asked: &Asked) -> Head {
        let mut head = self.honest_head(self.truth.size());
        for lie in &self.lies {
            lie.bend_head(asked, &self.world(), &mut head);
        }
        head
    }

    /// The record of a module version, with a head.
    fn lookup(&self, asked: &Asked, module: &str, version: &str) -> Reply {
        let found = self.truth.id(module, version);
        let mut entry = found.map(|id| Entry { id: id.to_string(), text: self.truth.text(id).to_owned() });
        for lie in &self.lies {
            lie.bend_record(asked, &self.world(), &mut entry);
        }
        match entry {
            Some(Entry { id, text }) => {
                Reply::ok(TEXT, format!("{id}\n{text}\n{}", self.bent_head(asked).write(&self.signer)))
            }
            None => Reply::text(
                404,
                &format!("not found: {module}@{version}: invalid version: unknown revision {version}\n"),
            ),
        }
    }

    fn tile(&self, tile: Tile) -> Reply {
        let history = self
            .lies
            .iter()
            .fold(&self.truth, |history, lie| if lie.forges_tile(tile) { &self.forged } else { history });
        let (size, number, width) = (history.size(), tile.number(), tile.width());
        let found = match tile.level() {
            _ if tile.height() != sumdb::tile::HEIGHT => None,
            None => history.records(size, number, width).map(|texts| Reply::ok(TEXT, texts)),
            Some(level) => history
                .hashes(size, level, number, width)
                .map(|hashes| Reply::ok("application/octet-stream", hashes)),
        };
        found.unwrap_or_else(|| Reply::text(404, "not found\n"))
    }
}

impl Asked {
    /// Reads a path; nothing where there is no endpoint, an error answer where its syntax is wrong.
    fn parse(path: &str) -> Option<Result<Self, Reply>> {
        if path == "/latest" {
            return Some(Ok(Self::Latest));
        }
        if let Some(asked) = path.strip_prefix("/lookup/") {
            let found = asked.rsplit_once('@').filter(|(_, version)| version.starts_with('v'));
            return Some(match found {
                Some((module, version)) => {
                    Ok(Self::Lookup { module: unescape(module), version: unescape(version) })
                }
                None => Err(Reply::text(400, "invalid module@version syntax\n")),
            });
        }
        let tile = path.strip_prefix('/').filter(|tile| tile.starts_with("tile/"))?;
        Some(Tile::parse(tile).map(Self::Tile).map_err(|_| Reply::text(400, "invalid tile syntax\n")))
    }
}

impl Head {
    fn write(self, honest: &Signer) -> String {
        let Self { size, root, more, signer, tampering } = self;
        let text = format!("go.sum database tree\n{size}\n{}\n{more}", STANDARD.encode(root));
        let note = Note::new(text).unwrap().signed(&signer).to_string();
        tampering.into_iter().fold(note, |note, tamper| tamper(&note, honest))
    }
}

/// Each `!` and its lower-case letter as the upper-case letter.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '!' => plain.extend(letters.next().map(|letter| letter.to_ascii_uppercase())),
            letter => plain.push(letter),
        }
    }
    plain
}
