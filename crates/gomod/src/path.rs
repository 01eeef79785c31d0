//! Module paths and their escaped form (x/mod `module.CheckPath`, `EscapePath`, `UnescapePath`).

use std::fmt;
use std::sync::Arc;

/// A valid module path, un-escaped: `github.com/Azure/azure-sdk-for-go`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModulePath(Arc<str>);

impl ModulePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The escaped form of a module path, each upper-case letter as `!` and its lower-case letter:
/// `github.com/!azure/azure-sdk-for-go`. The only form used in URLs and in names of files.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EscapedPath(Arc<str>);

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EscapedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
