//! What checksum databases say, believed when it is proven and not before.
//!
//! What this is for: each file of a public module is compared with the record that a checksum database has of it, and
//! clients reach the same databases through us. Both want the same three things of a [`Database`]: the record of a
//! module version ([`Database::lookup`]), a tile of its tree ([`Database::tile`]), its newest signed tree
//! ([`Database::latest`]).
//! Why this shape: [`Databases`] is what the settings say, and is built anew when they are reloaded. What was learned
//! of a database (its newest tree, proven tiles, records, whether it is closed) belongs to its key, lives in
//! [`Memories`], and survives reloads and restarts. The rules of what is believed are those of `sumdb::client`; here
//! its steps are driven: tiles are brought, once for all who want them, and the newest tree is made durable.
//! What it promises: nothing comes out that the database's key has not signed and its tree does not prove. One lookup
//! and one download for all who ask for the same thing at the same time, whoever of them leaves. A name that must stay
//! in the house is not asked for, also when it has become private a moment ago. A failure is remembered for a second.
//! Not here: comparing files with records (`pipeline`, `verify`), statuses (`http`), our own log (`log`).
//!
//! The rules come from cmd/go `modfetch` (sumdb.go) and `sumdb::client`.

pub mod ask;
mod database;
mod drive;
mod failure;
mod flights;
mod memory;
mod shelf;
mod standing;
mod ways;

use std::sync::Arc;

use bytes::Bytes;
use gomod::pattern::Patterns;
use gomod::{FileKind, H1, ModulePath};

pub use database::{Database, Noted};
pub use failure::LookupError;
pub use memory::{Memories, Parts};
pub use shelf::Closing;
pub use standing::{AcceptError, Accepted, Failed, Standing, TreeSeen};
pub use ways::Ways;

/// The module whose versions are toolchains. It is covered whatever else is set (cmd/go `modfetch.useSumDB`).
pub(crate) const TOOLCHAIN: &str = "golang.org/toolchain";

/// The databases in force, and what is decided by which.
pub struct Databases {
    list: Vec<Arc<Database>>,
    rule: Arc<Rule>,
    memories: Memories,
}

/// Which modules no database is asked about.
#[derive(Default)]
pub struct Rule {
    /// The private ones (`GOPRIVATE`).
    pub private: Patterns,
    /// Those that are not to be looked up (`GONOSUMDB`).
    pub unasked: Patterns,
}

/// Who says what the files of a module are.
#[derive(Clone)]
pub enum Cover {
    /// This database.
    By(Arc<Database>),
    /// No database: the module is private or not to be looked up, or there is no database.
    Nothing,
    /// A database should, but checking is switched off: toolchains with `--sumdb off`.
    Unchecked,
}

/// What a database has on record of a module version, proven. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The name of the database.
    pub database: Arc<str>,
    /// The configured name of the source that it came from; the database's own for what was kept.
    pub source: Arc<str>,
    /// The record.
    pub record: Arc<sumdb::Record>,
    /// What it says of the zip and of the go.mod file.
    pub sums: sumdb::record::Sums,
    /// The answer to the lookup as it is served: number, record, signed tree.
    pub answer: Bytes,
}

impl From<Recorded> for Noted {
    fn from(recorded: Recorded) -> Self {
        Self { bytes: recorded.answer, source: recorded.source }
    }
}

impl Recorded {
    /// What it says of a file; of an `.info` it says nothing, and this is the zip's.
    pub fn sums_of(&self, kind: FileKind) -> H1 {
        match kind {
            FileKind::Mod => self.sums.go_mod,
            FileKind::Zip | FileKind::Info => self.sums.zip,
        }
    }
}

impl Rule {
    /// Whether no database may hear of the module. A toolchain's name is no secret.
    pub fn keeps_in(&self, path: &ModulePath) -> bool {
        let path = path.as_str();
        path != TOOLCHAIN && (self.private.matches_folded(path) || self.unasked.matches_folded(path))
    }
}

impl Databases {
    /// These databases, the first of which decides for public modules.
    pub fn new(list: Vec<Database>, rule: Rule, memories: Memories) -> Self {
        Self { list: list.into_iter().map(Arc::new).collect(), rule: Arc::new(rule), memories }
    }

    /// The databases, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.list.iter()
    }

    /// The database of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<Database>> {
        self.list.iter().find(|database| database.name() == name)
    }

    /// Whether no database may hear of the module.
    pub fn keeps_in(&self, path: &ModulePath) -> bool {
        self.rule.keeps_in(path)
    }

    /// Who says what the files of a module are.
    pub fn cover(&self, module: &ModulePath) -> Cover {
        let first = self.list.first();
        if module.as_str() == TOOLCHAIN {
            return first.map_or(Cover::Unchecked, |database| Cover::By(database.clone()));
        }
        if self.keeps_in(module) {
            return Cover::Nothing;
        }
        let listed = self.list.iter().find(|database| database.is_for(module));
        listed.or(first).map_or(Cover::Nothing, |database| Cover::By(database.clone()))
    }

    /// What is known of the databases, for the next settings.
    pub fn memories(&self) -> &Memories {
        &self.memories
    }

    /// From now on these are in force: lookups of what has become private come to an end before they ask anybody else.
    pub fn enforce(&self) {
        self.memories.enforce(&self.rule);
    }
}
