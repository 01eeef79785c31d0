//! What is asked for by `.info` where it is not a version of the module.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::escape::escape;
use crate::path::check_file_element;
use crate::version::{VersionError, VersionFault};

/// A version query that is not a canonical version: a branch, tag or commit (`master`, `v1.2`, `0123abc`).
///
/// It can be the name of a file (so it has no slash), is ASCII and has no `!`: nothing else survives the
/// escaping (x/mod `module.EscapeVersion`). Words that the `go` command resolves by itself are no queries to a proxy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Query(Arc<str>);

/// What the `go` command understands without asking a proxy (cmd/go `modload/query.go`).
const RESERVED: [&str; 4] = ["latest", "upgrade", "patch", "none"];

impl Query {
    /// Makes a query of an un-escaped text that can be one.
    pub fn parse(query: &str) -> Result<Self, VersionError> {
        check(query).map_err(|fault| VersionError::new(query, fault))?;
        Ok(Self(Arc::from(query)))
    }

    /// The query as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The escaped form: `!feature-1` for `Feature-1`.
    pub fn escape(&self) -> String {
        self.escaped_str().into_owned()
    }

    /// The escaped form, without a copy where the query is its own escaped form.
    pub fn escaped_str(&self) -> Cow<'_, str> {
        escape(&self.0)
    }
}

fn check(query: &str) -> Result<(), VersionFault> {
    if RESERVED.contains(&query) || query.starts_with(['<', '>']) {
        return Err(VersionFault::Reserved);
    }
    check_file_element(query).map_err(VersionFault::Element)?;
    match query.chars().find(|&rune| rune == '!' || !rune.is_ascii()) {
        Some(rune) => Err(VersionFault::Char(rune)),
        None => Ok(()),
    }
}

impl AsRef<str> for Query {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
