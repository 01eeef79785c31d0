//! The requests of the GOPROXY protocol, as one closed type parsed from a URL path.

use std::sync::Arc;

use crate::{ModulePath, ModuleVersion};

/// Which file of a module version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum FileKind {
    /// `.info`: JSON with the version and its time.
    Info,
    /// `.mod`: the go.mod file.
    Mod,
    /// `.zip`: the module's content.
    Zip,
}

/// A version query that is not a canonical version: a branch, tag or commit (`master`, `v1.2`, `0123abc`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Query(Arc<str>);

/// One request of the protocol.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// `<module>/@v/list`: the known versions.
    List(ModulePath),
    /// `<module>/@latest`: the newest version.
    Latest(ModulePath),
    /// `<module>/@v/<query>.info`: the version that a query names.
    Query(ModulePath, Query),
    /// `<module>/@v/<version>.<kind>`: a file of a version.
    File(ModuleVersion, FileKind),
    /// `sumdb/<name>/…`: a checksum database.
    SumDb(SumDbRequest),
}

/// A request to a checksum database.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SumDbRequest {
    /// The database's name, `sum.example.org` or `example.org/sumdb`.
    pub name: Arc<str>,
    /// What is asked of it.
    pub operation: SumDbOperation,
}

/// What is asked of a checksum database.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SumDbOperation {
    /// `supported`: whether lookups may be sent here.
    Supported,
    /// `latest`: the newest signed tree.
    Latest,
    /// `lookup/<module>@<version>`: the record of a module version.
    Lookup(ModuleVersion),
    /// `tile/<H>/<L>/<K>[.p/<W>]`: a tile of the tree, its checked canonical path after `tile/`.
    Tile(Arc<str>),
}
