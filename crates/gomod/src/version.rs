//! Versions: Go's semantic versions, canonical form and order (x/mod `semver`, `module.CanonicalVersion`).

use std::fmt;
use std::sync::Arc;

/// A canonical version: `v1.2.3`, `v1.2.4-0.20260101000000-0123456789ab`, `v2.0.0+incompatible`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
