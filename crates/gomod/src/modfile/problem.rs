//! What can be wrong with a go.mod file, in the words that Go has for it (x/mod `modfile.Error`, `ErrorList`).

use std::fmt;

use super::scan::Position;
use crate::quote::{quoted, quoted_rune};
use crate::version::VersionFault;

/// All that is wrong with a file, in the order of its lines. A syntax error is always the only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModFileErrors(pub(super) Vec<ModFileError>);

impl ModFileErrors {
    /// The errors; there is at least one.
    pub fn iter(&self) -> impl Iterator<Item = &ModFileError> {
        self.0.iter()
    }
}

impl fmt::Display for ModFileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ModFileErrors {}

/// One error and where it is: `go.mod:3:2: unknown directive: requier`. The column is left out if it is 1, as in Go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModFileError {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// What it is.
    pub problem: Problem,
}

impl ModFileError {
    pub(super) fn at(position: Position, problem: Problem) -> Self {
        Self { line: position.line, column: position.column, problem }
    }
}

impl fmt::Display for ModFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go.mod:{}:", self.line)?;
        if self.column > 1 {
            write!(f, "{}:", self.column)?;
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for ModFileError {}

/// What is wrong at a place of a go.mod file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is larger than [`super::MAX_BYTES`].
    #[error("file has {bytes} bytes, more than {}", super::MAX_BYTES)]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// The file has more than [`super::MAX_TOKENS`] tokens.
    #[error("file has more than {} tokens", super::MAX_TOKENS)]
    TooLong,
    /// A comment of the form that go.mod files do not have.
    #[error("mod files must use // comments (not /* */ comments)")]
    StarComment,
    /// A character that no token can have.
    #[error("unexpected input character {}", quoted_rune(*c))]
    Character {
        /// The character.
        c: char,
    },
    /// A string without its closing quote.
    #[error("unexpected EOF in string")]
    StringEnd,
    /// A string that goes over the end of its line.
    #[error("unexpected newline in string")]
    StringNewline,
    /// A block without its closing parenthesis.
    #[error("syntax error (unterminated block started at go.mod:{line}:{column})")]
    UnterminatedBlock {
        /// Where it began, from 1.
        line: u32,
        /// Where it began, in characters, from 1.
        column: u32,
    },
    /// Something behind the closing parenthesis of a block.
    #[error("syntax error (expected newline after closing paren)")]
    AfterParenthesis,
    /// A block of a kind that does not exist.
    #[error("unknown block type: {name}")]
    UnknownBlock {
        /// Its tokens before the parenthesis.
        name: String,
    },
    /// A directive that does not exist.
    #[error("unknown directive: {verb}")]
    UnknownDirective {
        /// Its first token.
        verb: String,
    },
    /// A second directive of a kind that may be there once.
    #[error("repeated {verb} statement")]
    Repeated {
        /// `go`, `toolchain` or `module`.
        verb: &'static str,
    },
    /// A directive without exactly one argument.
    #[error("{verb} directive expects exactly one argument")]
    OneArgument {
        /// `go`, `toolchain`, `tool` or `ignore`.
        verb: &'static str,
    },
    /// A directive whose arguments have not the form they should have.
    #[error("usage: {usage}")]
    Usage {
        /// The form.
        usage: &'static str,
    },
    /// A Go version of the wrong form.
    #[error("invalid go version '{version}': must match format 1.23.0")]
    GoVersion {
        /// As written.
        version: String,
    },
    /// A toolchain's name of the wrong form.
    #[error("invalid toolchain version '{name}': must match format go1.23.0 or default")]
    Toolchain {
        /// As written.
        name: String,
    },
    /// A string that cannot be read.
    #[error("invalid quoted string: {0}")]
    String(StringProblem),
    /// A module path with a malformed major version.
    #[error("{}invalid module path", directive(subject.as_ref()))]
    ModulePath {
        /// The directive, where Go names it.
        subject: Option<Subject>,
    },
    /// A version that cannot be used here.
    #[error("{}version {} invalid: {problem}", directive(Some(subject)), quoted(version))]
    Version {
        /// The directive.
        subject: Subject,
        /// As written.
        version: String,
        /// Why not.
        problem: VersionProblem,
    },
    /// A path with a version in it.
    #[error("replacement module must match format 'path version', not 'path@version'")]
    ReplacementAt,
    /// A module as replacement without a version.
    #[error("replacement module without version must be directory path (rooted or starting with . or ..)")]
    ReplacementVersion,
    /// A directory with a backslash.
    #[error("replacement directory appears to be Windows path (on a non-windows system)")]
    ReplacementWindows,
    /// A directory with a version.
    #[error("replacement module directory path {} cannot have version", quoted(path))]
    ReplacementDirectoryVersion {
        /// The directory.
        path: String,
    },
    /// An interval of versions that misses something.
    #[error("expected {wanted}")]
    Interval {
        /// What is missing, and where.
        wanted: &'static str,
    },
    /// Something behind the version or interval of a retraction.
    #[error("unexpected token after version: {}", quoted(token))]
    AfterVersion {
        /// The token.
        token: String,
    },
}

/// The directive that an error is about: `require example.com/m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its first word.
    pub verb: &'static str,
    /// The module path; empty if it has none.
    pub path: String,
}

fn directive(subject: Option<&Subject>) -> String {
    match subject {
        None => String::new(),
        Some(Subject { verb, path }) if path.is_empty() => format!("{verb}: "),
        Some(Subject { verb, path }) => format!("{verb} {path}: "),
    }
}

/// Why a string cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StringProblem {
    /// It is in double quotes, and malformed.
    #[error("invalid syntax")]
    Syntax,
    /// It is not in double quotes, and has a quote of any kind.
    #[error("unquoted string cannot contain quote")]
    Quote,
}

/// Why a version cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionProblem {
    /// The string cannot be read.
    #[error(transparent)]
    String(StringProblem),
    /// It is no semantic version.
    #[error("must be of the form v1.2.3")]
    Form,
    /// Its major version does not fit the module path.
    #[error("{0}")]
    Major(VersionFault),
}
