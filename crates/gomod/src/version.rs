//! Versions in canonical form, their order, and their escaped form.
//!
//! A [`Version`] is what names a file of a module: all three numbers, an optional pre-release, and no build
//! metadata but `+incompatible`. Text that is only a semantic version (`v1.2`, `v1.2.3+meta`) is left to
//! [`crate::semver`], and text that is not even that to [`crate::Query`]. Whether a version fits a module path
//! is asked by [`crate::ModuleVersion`].
//!
//! The rules are x/mod `module.CanonicalVersion`, `semver.Sort`, `module.EscapeVersion` and
//! `UnescapeVersion`; messages are Go's `module.InvalidVersionError` and `ModuleError`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::escape::{EscapeFault, escape, unescape};
use crate::path::{ModulePath, PathFault};
use crate::quote::{quoted, quoted_rune};
use crate::{pseudo, semver};

/// A canonical version: `v1.2.3`, `v1.2.4-0.20260101000000-0123456789ab`, `v2.0.0+incompatible`.
///
/// Ordered by precedence and, where that is equal, by bytes: `v2.0.0` is before `v2.0.0+incompatible`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

/// What is wrong with a version.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum VersionFault {
    /// It is no semantic version at all.
    NotSemver,
    /// It is a semantic version, but not in canonical form.
    NotCanonical,
    /// Its major version is not the one that the module path has.
    Major {
        /// What the path allows: `v2`, or `v0 or v1`.
        allowed: String,
        /// What the version has.
        major: String,
    },
    /// It cannot be the name of a file.
    Element(PathFault),
    /// It holds a character that has no place in an escaped version.
    Char(char),
    /// It is a word that the `go` command resolves by itself.
    Reserved,
    /// It is not the escaped form of anything.
    Escape(EscapeFault),
    /// It has not the form of a pseudo-version.
    PseudoSyntax,
    /// The time of the pseudo-version, given here, does not exist.
    PseudoTime(String),
    /// The pseudo-version has no base version, but build metadata, given here.
    PseudoBuild(String),
    /// The version that the pseudo-version comes before, given here, has no predecessor.
    PseudoPatch(String),
}

/// Why a text is not a version, or not one of the module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct VersionError {
    /// The module that the version was to belong to, if that is known.
    pub module: Option<ModulePath>,
    /// The text.
    pub version: String,
    /// What is wrong with it.
    pub fault: VersionFault,
}

impl Version {
    /// Makes a version of a text that is one in canonical form (x/mod `module.CanonicalVersion`).
    pub fn parse(version: &str) -> Result<Self, VersionError> {
        check_canonical(version).map_err(|fault| VersionError::new(version, fault))?;
        Ok(Self(Arc::from(version)))
    }

    /// The version that an escaped text stands for (x/mod `module.UnescapeVersion`).
    pub fn unescape(escaped: &str) -> Result<Self, VersionError> {
        Self::parse(&unescape_version(escaped)?)
    }

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The escaped form: `v1.0.0-!r!c1` for `v1.0.0-RC1` (x/mod `module.EscapeVersion`).
    pub fn escape(&self) -> String {
        self.escaped_str().into_owned()
    }

    /// The escaped form, without a copy where the version is its own escaped form.
    pub fn escaped_str(&self) -> Cow<'_, str> {
        escape(&self.0)
    }

    /// The major version with its `v`: `v2`.
    pub fn major(&self) -> &str {
        semver::major(&self.0)
    }

    /// Whether it is a pre-release, as pseudo-versions are.
    pub fn is_prerelease(&self) -> bool {
        !semver::prerelease(&self.0).is_empty()
    }

    /// Whether it is a pseudo-version, made from a commit.
    pub fn is_pseudo(&self) -> bool {
        pseudo::is_pseudo(&self.0)
    }

    /// Whether it is marked `+incompatible`.
    pub fn is_incompatible(&self) -> bool {
        self.0.ends_with("+incompatible")
    }
}

/// Checks that a text is a canonical version.
fn check_canonical(version: &str) -> Result<(), VersionFault> {
    match semver::canonical(version) {
        None => Err(VersionFault::NotSemver),
        Some(canonical) => match version.strip_prefix(canonical.as_ref()) {
            Some("" | "+incompatible") => Ok(()),
            _ => Err(VersionFault::NotCanonical),
        },
    }
}

/// Takes the escapes of a version or query back and checks that it can be the name of a file
/// (x/mod `module.UnescapeVersion`).
pub(crate) fn unescape_version(escaped: &str) -> Result<Cow<'_, str>, VersionError> {
    let plain = unescape(escaped).map_err(|fault| VersionError::new(escaped, VersionFault::Escape(fault)))?;
    match crate::path::check_file_element(&plain) {
        Ok(()) => Ok(plain),
        Err(fault) => Err(VersionError::new(&plain, VersionFault::Element(fault))),
    }
}

impl VersionError {
    /// The error of a version whose module is not known.
    pub fn new(version: &str, fault: VersionFault) -> Self {
        Self { module: None, version: version.to_owned(), fault }
    }

    /// The same error with the module that the version was to belong to.
    #[must_use]
    pub fn of(self, module: &ModulePath) -> Self {
        Self { module: Some(module.clone()), ..self }
    }

    /// What Go calls such a text (x/mod `InvalidVersionError.noun`).
    fn noun(&self) -> &'static str {
        match self.fault {
            VersionFault::PseudoSyntax
            | VersionFault::PseudoTime(_)
            | VersionFault::PseudoBuild(_)
            | VersionFault::PseudoPatch(_) => "pseudo-version",
            _ => "version",
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        semver::compare_total(&self.0, &other.0)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<str> for Version {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, fault) = (quoted(&self.version), &self.fault);
        match (&self.module, fault) {
            (Some(module), VersionFault::Escape(_)) => {
                write!(f, "{module}: invalid escaped version {version}: {fault}")
            }
            (None, VersionFault::Escape(_)) => write!(f, "invalid escaped version {version}: {fault}"),
            (None, _) => write!(f, "{} {version} invalid: {fault}", self.noun()),
            // Without quotes, as in Go, unless that would break the line.
            (Some(module), _) if is_plain(&self.version) => {
                write!(f, "{module}@{}: invalid {}: {fault}", self.version, self.noun())
            }
            (Some(module), _) => write!(f, "{module}@{version}: invalid {}: {fault}", self.noun()),
        }
    }
}

fn is_plain(version: &str) -> bool {
    !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Display for VersionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSemver => f.write_str("not a semantic version"),
            Self::NotCanonical => f.write_str("must be of the form v1.2.3"),
            Self::Major { allowed, major } => write!(f, "should be {allowed}, not {major}"),
            Self::Element(fault) => write!(f, "disallowed version string: {fault}"),
            Self::Char(rune) => write!(f, "disallowed version string: invalid char {}", quoted_rune(*rune)),
            Self::Reserved => f.write_str("a word that clients resolve by the list of versions"),
            Self::Escape(fault) => write!(f, "{fault}"),
            Self::PseudoSyntax => f.write_str("syntax error"),
            Self::PseudoTime(time) => write!(f, "malformed time {}", quoted(time)),
            Self::PseudoBuild(build) => {
                write!(f, "lacks base version, but has build metadata {}", quoted(build))
            }
            Self::PseudoPatch(version) => {
                write!(f, "version before {version} would have negative patch number")
            }
        }
    }
}
