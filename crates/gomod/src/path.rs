//! Module paths, their escaped form, and the rules for import paths and names of files in a module.
//!
//! A path is checked once, where it comes in, and is a [`ModulePath`] from then on. It holds what a person
//! writes, `github.com/Azure/x`; what goes into URLs and names of files is its [`EscapedPath`]. Both are shared
//! texts and cheap to clone. No length is bounded here: whoever reads paths from outside bounds them.
//!
//! The rules are those of x/mod `module` (`CheckPath`, `CheckImportPath`, `CheckFilePath`, `EscapePath`,
//! `UnescapePath`, `SplitPathVersion`, `CheckPathMajor`), and messages are Go's. Rust text is UTF-8, so Go's
//! refusal of other bytes is up to whoever makes text from bytes.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::escape::{EscapeFault, escape, unescape};
use crate::quote::{quoted, quoted_rune};
use crate::version::VersionFault;

mod check;
mod major;

pub(crate) use check::check_file_element;
pub use check::{check_file_path, check_import_path};
pub use major::{check_path_major, split_path_version};

/// A valid module path, un-escaped: `github.com/Azure/azure-sdk-for-go`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModulePath(Arc<str>);

/// The escaped form of a module path, each upper-case letter as `!` and its lower-case letter:
/// `github.com/!azure/azure-sdk-for-go`. The only form used in URLs and in names of files.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EscapedPath(Arc<str>);

/// What a path was checked as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PathKind {
    /// The path of a module.
    Module,
    /// The path of a package.
    Import,
    /// The name of a file in a module.
    File,
}

/// What is wrong with a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PathFault {
    /// There is nothing.
    Empty,
    /// A module or import path begins with `-`.
    LeadingDash,
    /// Two slashes follow each other.
    DoubleSlash,
    /// The path ends with a slash.
    TrailingSlash,
    /// There is nothing before the first slash.
    EmptyElement,
    /// An element, given here, is made of dots alone.
    Dots(String),
    /// An element of a module path begins with a dot.
    LeadingDot,
    /// An element ends with a dot.
    TrailingDot,
    /// A character that the kind of path does not allow.
    InvalidChar(char),
    /// The part of an element before its first dot, given here, is a device on Windows: `con`, `com1`.
    WindowsDevice(String),
    /// An element looks like a short name of Windows: `progra~1`.
    WindowsShortName,
    /// The first element of a module path has no dot, so it is no domain.
    MissingDot,
    /// The first element of a module path holds a character that a domain cannot have.
    InvalidHostChar(char),
    /// The major version suffix is not one: `/v1`, `/v02`, `/v2.0`, or a gopkg.in path without `.vN`.
    InvalidMajor,
}

/// Why a text is not a path.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// The path breaks a rule. The text is Go's.
    #[error("malformed {kind} path {}: {fault}", quoted(path))]
    Malformed {
        /// What it was checked as.
        kind: PathKind,
        /// The path, un-escaped.
        path: String,
        /// The rule that it breaks.
        fault: PathFault,
    },
    /// The text is not the escaped form of anything. The text is Go's, with the reason added.
    #[error("invalid escaped module path {}: {fault}", quoted(escaped))]
    Escape {
        /// The text.
        escaped: String,
        /// What is wrong with it.
        fault: EscapeFault,
    },
}

impl ModulePath {
    /// Makes a module path of a text that is one (x/mod `module.CheckPath`).
    pub fn parse(path: &str) -> Result<Self, PathError> {
        check::check_module_path(path)?;
        Ok(Self(Arc::from(path)))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The escaped form (x/mod `module.EscapePath`).
    pub fn escape(&self) -> EscapedPath {
        match escape(&self.0) {
            Cow::Borrowed(_) => EscapedPath(Arc::clone(&self.0)),
            Cow::Owned(escaped) => EscapedPath(Arc::from(escaped)),
        }
    }

    /// The escaped form as text, without a copy where the path is its own escaped form.
    pub fn escaped_str(&self) -> Cow<'_, str> {
        escape(&self.0)
    }

    /// Splits off the major version suffix (x/mod `module.SplitPathVersion`): `("example.com/m", "/v2")`,
    /// `("gopkg.in/yaml", ".v3-unstable")`, or the whole path and nothing.
    pub fn split_path_version(&self) -> (&str, &str) {
        split_path_version(&self.0).unwrap_or((&self.0, ""))
    }

    /// The major version suffix with its separator: `/v2`, `.v3`, `.v3-unstable`, or nothing.
    pub fn path_major(&self) -> &str {
        self.split_path_version().1
    }

    /// Whether the path follows the rules of the gopkg.in service, where the suffix is `.vN`.
    pub fn is_gopkg_in(&self) -> bool {
        self.0.starts_with("gopkg.in/")
    }

    /// Checks that the major version fits the path's suffix (x/mod `module.CheckPathMajor`).
    pub fn check_major(&self, version: &str) -> Result<(), VersionFault> {
        check_path_major(version, self.path_major())
    }

    /// Whether the major version fits the path's suffix (x/mod `module.MatchPathMajor`).
    pub fn matches_path_major(&self, version: &str) -> bool {
        self.check_major(version).is_ok()
    }
}

impl EscapedPath {
    /// The escaped path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The module path that an escaped text stands for (x/mod `module.UnescapePath`).
    pub fn unescape(escaped: &str) -> Result<ModulePath, PathError> {
        match unescape(escaped) {
            Ok(path) => ModulePath::parse(&path),
            Err(fault) => Err(PathError::Escape { escaped: escaped.to_owned(), fault }),
        }
    }
}

impl AsRef<str> for ModulePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EscapedPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ModulePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for EscapedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EscapedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Import => "import",
            Self::File => "file",
        })
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty string"),
            Self::LeadingDash => f.write_str("leading dash"),
            Self::DoubleSlash => f.write_str("double slash"),
            Self::TrailingSlash => f.write_str("trailing slash"),
            Self::EmptyElement => f.write_str("empty path element"),
            Self::Dots(element) => write!(f, "invalid path element {}", quoted(element)),
            Self::LeadingDot => f.write_str("leading dot in path element"),
            Self::TrailingDot => f.write_str("trailing dot in path element"),
            Self::InvalidChar(rune) => write!(f, "invalid char {}", quoted_rune(*rune)),
            Self::WindowsDevice(name) => {
                write!(f, "{} disallowed as path element component on Windows", quoted(name))
            }
            Self::WindowsShortName => f.write_str("trailing tilde and digits in path element"),
            Self::MissingDot => f.write_str("missing dot in first path element"),
            Self::InvalidHostChar(rune) => {
                write!(f, "invalid char {} in first path element", quoted_rune(*rune))
            }
            Self::InvalidMajor => f.write_str("invalid version"),
        }
    }
}
