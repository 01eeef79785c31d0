//! Why a URL path is not a request.

use crate::path::PathError;
use crate::quote::quoted;
use crate::version::VersionError;

/// Why a URL path is not a request, by what is to be done about it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// The client does not speak the protocol: status 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nothing can exist under that name: status 404, after which a client tries its next proxy. The text says
    /// what is wrong with what, in one line, without a leading `not found: `.
    #[error(transparent)]
    NotFound(#[from] NotFound),
}

/// How a URL path breaks the rules of URLs, or of a checksum database.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Malformed {
    /// A `%` without two hex digits after it.
    #[error("malformed URL path: '%' must be followed by two hex digits")]
    PercentEncoding,
    /// A NUL byte.
    #[error("malformed URL path: it contains a NUL byte")]
    Nul,
    /// A slash in percent-encoding.
    #[error("malformed URL path: it contains an encoded '/'")]
    EncodedSlash,
    /// A backslash, encoded or not.
    #[error("malformed URL path: it contains a '\\'")]
    Backslash,
    /// Bytes that are not UTF-8.
    #[error("malformed URL path: it is not valid UTF-8")]
    Utf8,
    /// What is looked up has not the form of a module and a version. The text is Go's.
    #[error("invalid module@version syntax")]
    Lookup,
    /// The path of a tile is not written in its canonical form. The text is Go's.
    #[error("invalid tile syntax")]
    Tile,
}

/// Why nothing can exist under a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotFound {
    /// The path, un-encoded, is none of the protocol's.
    #[error(
        "{} is not a path of the module proxy protocol \
         (want <module>/@v/list, <module>/@v/<version>.info, .mod or .zip, or <module>/@latest)",
        quoted(path)
    )]
    Shape {
        /// The path.
        path: String,
    },
    /// The module path is not one.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The version is not one, or not one of the module.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The path, un-encoded, is none of a checksum database's.
    #[error(
        "{} is not a path of a checksum database (want sumdb/<name>/supported, latest, lookup/... or tile/...)",
        quoted(path)
    )]
    SumDbShape {
        /// The path.
        path: String,
    },
    /// The name of a checksum database is not one.
    #[error("malformed checksum database name {}", quoted(name))]
    SumDbName {
        /// The name.
        name: String,
    },
}

impl From<PathError> for RequestError {
    fn from(error: PathError) -> Self {
        Self::NotFound(NotFound::Path(error))
    }
}

impl From<VersionError> for RequestError {
    fn from(error: VersionError) -> Self {
        Self::NotFound(NotFound::Version(error))
    }
}
