//! A module path with a version of it (x/mod `module.Version`).

use std::fmt;

use crate::{ModulePath, Version};

/// A module path and a canonical version that fits it: `example.com/m@v1.2.3`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ModuleVersion {
    /// The module path.
    pub path: ModulePath,
    /// The version.
    pub version: Version,
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.version)
    }
}
