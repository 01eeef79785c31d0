//! The requests of the GOPROXY protocol, as one closed type made from a URL path.
//!
//! [`Request::parse`] is the only reader of URL paths of modules: it takes percent-encoding back once, then the
//! `!` escapes, and checks every name, so that what it gives out cannot name anything outside of its place.
//! Nothing is normalised: a path with `//`, `/./` or a slash at its end is not the path of anything. `Display`
//! is its inverse and gives the one spelling of a request, which is also the name of a file in a static tree.
//!
//! Not here: what is configured, which names are private, and status codes. The rules are the Go modules
//! reference, section "GOPROXY protocol", x/mod `module` and `sumdb/server.go`.

use std::fmt;
use std::sync::Arc;

use crate::version::VersionError;
use crate::{ModulePath, ModuleVersion};

mod parse;
mod query;
mod refusal;
mod sumdb;

pub use query::Query;
pub use refusal::{Malformed, NotFound, RequestError};

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

/// One request of the protocol.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SumDbRequest {
    /// The database's name, `sum.example.org` or `example.org/sumdb`.
    pub name: Arc<str>,
    /// What is asked of it.
    pub operation: SumDbOperation,
}

/// What is asked of a checksum database.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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

impl FileKind {
    /// All kinds, in the order in which the `go` command asks for them.
    pub const ALL: [Self; 3] = [Self::Info, Self::Mod, Self::Zip];

    /// The extension in names of files, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Mod => "mod",
            Self::Zip => "zip",
        }
    }

    /// The kind that an extension (without a dot) means, or the word for one in a record.
    pub fn parse(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.extension() == extension)
    }
}

impl Request {
    /// Makes a request of the path of a URL, without its leading slash and still percent-encoded.
    pub fn parse(raw: &str) -> Result<Self, RequestError> {
        parse::parse(raw)
    }

    /// Reads the name of a file in a static tree, relative to its root (`github.com/!azure/x/@v/v1.0.0.zip`): the
    /// same as a request, but nothing is percent-encoded. The inverse of `Display`.
    pub fn parse_name(name: &str) -> Result<Self, RequestError> {
        parse::parse_name(name)
    }

    /// Reads the name of a file in the `@v` directory of a module: `list`, `v1.0.0.zip`, `master.info`.
    pub fn parse_file(module: &ModulePath, name: &str) -> Result<Self, RequestError> {
        parse::parse_file(module, name)
    }

    /// What is asked of a proxy for `path@text`, the text not escaped: `latest`, or the `.info` of a version or query.
    pub fn named(module: &ModulePath, text: &str) -> Result<Self, VersionError> {
        if text == "latest" {
            return Ok(Self::Latest(module.clone()));
        }
        parse::named(module, text, FileKind::Info).map_err(|error| error.of(module))
    }

    /// The module that is asked about; `None` for a checksum database's own files.
    pub fn module(&self) -> Option<&ModulePath> {
        match self {
            Self::List(module) | Self::Latest(module) | Self::Query(module, _) => Some(module),
            Self::File(version, _) => Some(&version.path),
            Self::SumDb(SumDbRequest { operation: SumDbOperation::Lookup(version), .. }) => {
                Some(&version.path)
            }
            Self::SumDb(_) => None,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(module) => write!(f, "{}/@v/list", module.escaped_str()),
            Self::Latest(module) => write!(f, "{}/@latest", module.escaped_str()),
            Self::Query(module, query) => {
                write!(f, "{}/@v/{}.info", module.escaped_str(), query.escaped_str())
            }
            Self::File(ModuleVersion { path, version }, kind) => {
                write!(f, "{}/@v/{}.{kind}", path.escaped_str(), version.escaped_str())
            }
            Self::SumDb(request) => fmt::Display::fmt(request, f),
        }
    }
}

impl fmt::Display for SumDbRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sumdb/{}/{}", self.name, self.operation)
    }
}

impl fmt::Display for SumDbOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supported => f.write_str("supported"),
            Self::Latest => f.write_str("latest"),
            Self::Lookup(ModuleVersion { path, version }) => {
                write!(f, "lookup/{}@{}", path.escaped_str(), version.escaped_str())
            }
            Self::Tile(path) => write!(f, "tile/{path}"),
        }
    }
}
