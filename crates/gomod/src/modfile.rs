//! go.mod files: what a module says about itself and needs.
//!
//! Why this shape: two readers with one grammar, as in Go. [`ModFile::parse_strict`] reads the file of the module one
//! works on, and every word must be known. [`ModFile::parse_lax`] reads a dependency's: what only matters to its own
//! authors, or what a later Go may have added, is passed over. Both give all errors with their places, in Go's words.
//! [`module_path()`] finds the path in a file that may be broken otherwise.
//! What it promises: accepts and refuses what x/mod `modfile.Parse` and `ParseLax` do without a version fixer, except
//! that a file over [`MAX_BYTES`] or [`MAX_TOKENS`] is refused. Versions are canonical where Go makes them so. Bytes that are no UTF-8
//! become U+FFFD in what is read. No input panics.
//! Not here: writing and editing; checks that Go leaves to others, such as whether a path is valid. A file is served
//! as it came, whatever this module thinks of it.
//! The rules: x/mod `modfile` read.go and rule.go.

use crate::{Version, semver};

mod directive;
mod problem;
mod scan;
mod syntax;
mod text;

pub use problem::{ModFileError, ModFileErrors, Problem, StringProblem, Subject, VersionProblem};

/// The largest go.mod file that is read, in bytes: 16 MiB (cmd/go `codehost.MaxGoMod`).
pub const MAX_BYTES: usize = 16 << 20;

/// The longest go.mod file that is read, in words, punctuation, comments and line ends. It bounds what a file takes in
/// memory while it is read, to some 60 MiB; published files have some thousand.
pub const MAX_TOKENS: usize = 500_000;

/// What a go.mod file says, each kind of directive in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModFile {
    /// `module`.
    pub module: Option<Module>,
    /// `go`: a Go version, `1.21` or `1.21.0`.
    pub go: Option<String>,
    /// `toolchain`: a toolchain's name, `go1.21.0` or `default`.
    pub toolchain: Option<String>,
    /// `godebug`.
    pub godebug: Vec<Godebug>,
    /// `require`.
    pub require: Vec<Require>,
    /// `exclude`.
    pub exclude: Vec<Exclude>,
    /// `replace`.
    pub replace: Vec<Replace>,
    /// `retract`.
    pub retract: Vec<Retract>,
    /// `tool`: package paths.
    pub tool: Vec<String>,
    /// `ignore`: directories.
    pub ignore: Vec<String>,
}

/// The module line: `module example.com/m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The path as written; not checked, may be empty.
    pub path: String,
    /// What follows `Deprecated:` in the comments, if it says something.
    pub deprecated: Option<String>,
}

/// A setting for the runtime: `godebug panicnil=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Godebug {
    /// What is set.
    pub key: String,
    /// To what.
    pub value: String,
}

/// A needed module: `require example.com/m v1.2.3 // indirect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Require {
    /// The path; only its major version is checked.
    pub path: String,
    /// At least this version.
    pub version: Version,
    /// Whether no package of the module itself imports it.
    pub indirect: bool,
}

/// A version to pass over: `exclude example.com/m v1.2.3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclude {
    /// The path; only its major version is checked.
    pub path: String,
    /// The version.
    pub version: Version,
}

/// Something else in a module's place: `replace example.com/m v1.2.3 => ../m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// The path; only its major version is checked.
    pub path: String,
    /// The version, or all versions.
    pub version: Option<Version>,
    /// What is used instead.
    pub new: Replacement,
}

/// What replaces a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// A directory.
    Directory {
        /// Rooted, or relative with a leading dot.
        path: String,
    },
    /// Another module, or another version.
    Module {
        /// The path; not checked.
        path: String,
        /// The version.
        version: Version,
    },
}

/// Versions that should not be used: `retract [v1.0.0, v1.9.9] // broken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retract {
    /// The lowest of them, as written: Go does not check it in a dependency.
    pub low: String,
    /// The highest of them, as written.
    pub high: String,
    /// Why, from the comments; may be empty.
    pub rationale: String,
}

impl ModFile {
    /// Reads the file of a main module (x/mod `modfile.Parse`).
    ///
    /// # Errors
    /// All errors of the file; a syntax error hides the others.
    pub fn parse_strict(bytes: &[u8]) -> Result<ModFile, ModFileErrors> {
        read(bytes, true)
    }

    /// Reads the file of a dependency (x/mod `modfile.ParseLax`): only `module`, `go`, `require`, `retract` and
    /// `ignore` are read, other lines and blocks need only be well-formed.
    ///
    /// # Errors
    /// All errors of the file; a syntax error hides the others.
    pub fn parse_lax(bytes: &[u8]) -> Result<ModFile, ModFileErrors> {
        read(bytes, false)
    }

    /// Why the module is deprecated, if it is.
    pub fn deprecated(&self) -> Option<&str> {
        self.module.as_ref()?.deprecated.as_deref()
    }

    /// Whether the file retracts the version, and the first reason it gives; empty if it gives none
    /// (cmd/go `State.CheckRetractions`). The file to ask is that of the module's latest version.
    pub fn retracts(&self, version: &Version) -> Option<&str> {
        let covers = |retract: &&Retract| {
            semver::compare(&retract.low, version.as_str()).is_le()
                && semver::compare(version.as_str(), &retract.high).is_le()
        };
        let mut reasons = self.retract.iter().filter(covers).map(|retract| retract.rationale.as_str());
        let first = reasons.next()?;
        if first.is_empty() { reasons.find(|reason| !reason.is_empty()).or(Some(first)) } else { Some(first) }
    }
}

fn read(bytes: &[u8], strict: bool) -> Result<ModFile, ModFileErrors> {
    if bytes.len() > MAX_BYTES {
        let problem = Problem::TooLarge { bytes: bytes.len() };
        return Err(ModFileErrors(vec![ModFileError { line: 1, column: 1, problem }]));
    }
    let text = text::decode(bytes);
    let statements = syntax::parse(&text).map_err(|error| ModFileErrors(vec![error]))?;
    let mut reader = directive::Reader { file: ModFile::default(), errors: Vec::new(), strict };
    for statement in &statements {
        reader.add_statement(statement);
    }
    if reader.errors.is_empty() { Ok(reader.file) } else { Err(ModFileErrors(reader.errors)) }
}

/// The module path of a file, found without reading the rest of it (x/mod `modfile.ModulePath`): of the first line
/// that begins with `module` and a blank; `(` for the block form. `None` if there is none, or a malformed string.
pub fn module_path(bytes: &[u8]) -> Option<String> {
    let text = text::decode(bytes);
    let path = text.split('\n').find_map(|line| {
        let line = line.split("//").next().unwrap_or_default().trim();
        let argument = line.strip_prefix("module")?;
        let path = argument.trim_start();
        (path.len() < argument.len()).then_some(path)
    })?;
    let path = if path.starts_with(['"', '`']) { text::unquote(path)? } else { path.to_owned() };
    (!path.is_empty()).then_some(path)
}

/// Whether the path names a directory, in any system's form (x/mod `modfile.IsDirectoryPath`).
pub fn is_directory(path: &str) -> bool {
    let mut bytes = path.bytes();
    matches!(path, "." | "..")
        || ["./", ".\\", "../", "..\\", "/", "\\"].iter().any(|start| path.starts_with(start))
        || (bytes.next().is_some_and(|first| first.is_ascii_alphabetic()) && bytes.next() == Some(b':'))
}
