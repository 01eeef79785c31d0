//! A module path with a version of it (x/mod `module.Version`).

use std::fmt;

use crate::version::VersionError;
use crate::{ModulePath, Version};

/// A module path and a canonical version that fits it: `example.com/m@v1.2.3`.
///
/// Ordered by path, then by version (x/mod `module.Sort`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ModuleVersion {
    /// The module path.
    pub path: ModulePath,
    /// The version.
    pub version: Version,
}

impl ModuleVersion {
    /// Puts a path and a version together, if the version has the path's major version (x/mod `module.Check`).
    pub fn new(path: ModulePath, version: Version) -> Result<Self, VersionError> {
        match path.check_major(version.as_str()) {
            Ok(()) => Ok(Self { path, version }),
            Err(fault) => Err(VersionError::new(version.as_str(), fault).of(&path)),
        }
    }

    /// Where the files of the version are, without their extension: `github.com/!azure/x/@v/v1.0.0`.
    pub fn escaped_base(&self) -> String {
        format!("{}/@v/{}", self.path.escaped_str(), self.version.escaped_str())
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.version)
    }
}

impl fmt::Debug for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
