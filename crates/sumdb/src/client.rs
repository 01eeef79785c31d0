//! The verifying client: what has to be proven before a word of a checksum database is believed.
//!
//! What this is for: a [`Client`] knows the key of one database and the newest tree that it has signed. Three tasks are
//! done with it: a [`Lookup`] (the answer to a lookup becomes an authentic record), a [`Latest`] (the database's
//! newest tree head is taken over) and a [`TileCheck`] (a tile is proven, to be passed on or kept).
//! Why this shape: a task is a list of steps, and whoever drives it does what a step asks for: bring tiles, make the
//! newest tree head durable. So tasks run side by side, each tile is fetched once for all of them, and the client is
//! locked for the moment of a step only, never while anything is waited for:
//!
//! ```text
//! let mut task = Lookup::new(&client.lock().clone(), module, &answer)?;
//! loop {
//!     let step = task.step(&mut client.lock(), &|tile| memory.tile(tile))?;
//!     match step {
//!         Step::Bring(tiles) => for each tile, side by side: task.bring(tile, file or network),
//!         Step::BringAnew(tiles) => the same, from the network alone,
//!         Step::Keep(head) => write it unless a larger one is written, then client.lock().kept(&head),
//!         Step::Done(record) => break; task.fresh() are the tiles worth keeping
//!     }
//! }
//! ```
//!
//! What it promises: the tree of a client only moves forward, by trees that are proven to continue it. A tree that does
//! not is a fork: [`ClientError::Fork`] has evidence of it that anyone can check with the database's key alone. An
//! older tree that is on the same timeline is no fork and changes nothing. The first tree is taken over when the tiles at
//! its edge make up its hash; x/mod takes it over as it is, and one of which there are no tiles stays in the way for ever. No task is done before the tree it
//! rests on is durable. Where x/mod keeps tiles of a tree before it knows that the tree is no fork, this client does not.
//! Not here: whether a database is closed after a fork. The owner keeps the evidence and stops asking; to accept the
//! other timeline, make a new client, and forget all tiles that were kept in memory.
//!
//! The rules come from x/mod `sumdb.Client` of v0.40.

use std::fmt;
use std::sync::Arc;

use crate::note::{Note, NoteError, Verifier};
use crate::record::MalformedRecord;
use crate::tile::{HEIGHT, Proven, Tile, TileError};
use crate::tree::{MalformedTree, Tree};

mod evidence;
mod latest;
mod lookup;
mod merge;
mod tiles;

pub use evidence::{Evidence, EvidenceError};
pub use latest::Latest;
pub use lookup::{Authentic, Lookup};
pub use merge::Standing;
pub use tiles::TileCheck;

/// A tree head with the signed note that it was read from: `Client::open` and an empty client make it.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    tree: Tree,
    note: Arc<str>,
}

/// What is known of one checksum database. Cheap to clone; a clone knows what was known then.
#[derive(Clone, Debug)]
pub struct Client {
    verifier: Verifier,
    height: u8,
    newest: Head,
    /// The size of the newest tree that the caller has made durable.
    kept: u64,
}

/// What the driver of a task does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step<Answer> {
    /// These tiles are needed: give each to [`Task::bring`], from a file or the network, in any order. Where a tile that
    /// is not full is not to be had any more, the full one will do.
    Bring(Vec<Tile>),
    /// As [`Step::Bring`], but from the database itself, passing over files and memory: what is kept contradicts the
    /// tree that is looked at, because a file is damaged or the tree is of another timeline.
    BringAnew(Vec<Tile>),
    /// Make this tree head durable, unless a larger one is, and say so to [`Client::kept`].
    Keep(Head),
    /// The task is done.
    Done(Answer),
}

/// A check in steps. One driver does all kinds of them.
pub trait Task {
    /// What is known at the end.
    type Answer;

    /// Goes on as far as possible. `known` looks a tile up, by the name of the full one, in the caller's memory of what was
    /// proven for this client: at hand at once, without waiting.
    ///
    /// # Errors
    /// What is not to be believed, and why. The task is over then, and nothing it was brought may be kept.
    fn step(&mut self, client: &mut Client, known: Known<'_>) -> Result<Step<Self::Answer>, ClientError>;

    /// Takes the bytes of a tile that was asked for, as they came.
    fn bring(&mut self, tile: Tile, bytes: Arc<[u8]>);

    /// The tiles that were brought and are proven, to be kept when the task is done.
    fn fresh(&self) -> &[Proven];
}

/// The caller's memory of proven tiles, looked up by the name of the full tile.
pub type Known<'k> = &'k dyn Fn(Tile) -> Option<Proven>;

/// Why something a database said is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A tree head is not a note that the database's key has signed.
    #[error("reading tree note")]
    Note(#[source] NoteError),
    /// A signed note is no tree head.
    #[error("reading tree")]
    Tree(#[source] MalformedTree),
    /// An answer to a lookup is malformed.
    #[error("reading the answer to a lookup")]
    Answer(#[source] MalformedRecord),
    /// Tiles do not prove what they should.
    #[error("checking the tree of {size} records")]
    Tiles {
        /// The size of the tree.
        size: u64,
        /// What is wrong with them.
        #[source]
        cause: TileError,
    },
    /// The database has signed two trees of which neither continues the other.
    #[error("the checksum database has signed two different histories")]
    Fork(Box<Evidence>),
    /// A record or a tile is beyond the newest tree: that has to be brought up to date first, or it does not exist.
    #[error("{what} is beyond the newest tree, of {size} records")]
    Beyond {
        /// The record's number or the tile's path.
        what: String,
        /// The size of the newest tree.
        size: u64,
    },
    /// The record of an answer is not the one that the tree has.
    #[error("record {id} is not the one in the tree")]
    Forged {
        /// The record's number.
        id: u64,
    },
    /// The record is authentic, but has no line for the module version that was asked for.
    #[error("record {id} is not of {module}")]
    OtherModule {
        /// The record's number.
        id: u64,
        /// The module version.
        module: String,
    },
}

impl Client {
    /// A client of the database with this key. `remembered` is the newest tree head that was made durable, as it was
    /// given to be kept; nothing in the beginning, when the first tree head that the database signs is believed if
    /// its tiles are there.
    ///
    /// # Errors
    /// A remembered tree head that this key has not signed.
    pub fn new(verifier: Verifier, remembered: &[u8]) -> Result<Self, ClientError> {
        if remembered.is_empty() {
            return Ok(Self::first(verifier));
        }
        let newest = Head::open(&verifier, remembered)?;
        Ok(Self { verifier, height: HEIGHT, kept: newest.tree.size, newest })
    }

    /// A client that knows no tree yet: the first tree head that the database signs is believed if its tiles are there.
    pub fn first(verifier: Verifier) -> Self {
        Self { verifier, height: HEIGHT, kept: 0, newest: Head::empty() }
    }

    /// The same client for tiles of another height than 8, from 1 to 30.
    #[must_use]
    pub fn with_height(self, height: u8) -> Self {
        Self { height, ..self }
    }

    /// The key of the database.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The newest tree head that is known to be on the timeline.
    pub fn newest(&self) -> &Head {
        &self.newest
    }

    /// Says that this tree head, or a larger one, is durable.
    pub fn kept(&mut self, head: &Head) {
        self.kept = self.kept.max(head.tree.size);
    }

    /// Reads a tree head and checks its signature; whether it is on the timeline is found out by a [`Latest`].
    pub fn open(&self, note: &[u8]) -> Result<Head, ClientError> {
        // The newest head is what most answers carry, and its signature has been checked.
        if !note.is_empty() && note == self.newest.note.as_bytes() {
            return Ok(self.newest.clone());
        }
        Head::open(&self.verifier, note)
    }

    /// Takes a tree head over that is proven to continue `from`, unless another one was taken over since.
    fn advance(&mut self, from: &Head, to: &Head) -> bool {
        let is_current = self.newest.tree == from.tree;
        if is_current {
            self.newest = to.clone();
        }
        is_current
    }

    fn beyond(&self, what: &dyn fmt::Display) -> ClientError {
        ClientError::Beyond { what: what.to_string(), size: self.newest.tree.size }
    }
}

impl Head {
    /// The head of a log of which nothing is known: no note.
    pub fn empty() -> Self {
        Self { tree: Tree::EMPTY, note: Arc::from("") }
    }

    /// Reads a note and checks its signature.
    pub(crate) fn open(verifier: &Verifier, message: &[u8]) -> Result<Self, ClientError> {
        let note = Note::open(message, std::slice::from_ref(verifier)).map_err(ClientError::Note)?;
        let tree = Tree::parse(note.text()).map_err(ClientError::Tree)?;
        // What could be opened is UTF-8, so nothing is lost.
        Ok(Self { tree, note: Arc::from(String::from_utf8_lossy(message)) })
    }

    /// A head that was just signed.
    pub(crate) fn signed(tree: Tree, note: &Note) -> Self {
        Self { tree, note: Arc::from(note.to_string()) }
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The whole signed note, byte for byte as it came; empty if nothing is known.
    pub fn note(&self) -> &str {
        &self.note
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} {})", self.tree.size, self.tree.hash)
    }
}
