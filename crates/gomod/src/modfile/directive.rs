//! What the directives of a go.mod file mean (x/mod `modfile` rule.go, `File.add`).
//!
//! The order of the checks is Go's: it decides which of several faults of a line is told.

use super::problem::{ModFileError, Problem, StringProblem, Subject, VersionProblem};
use super::syntax::{Block, Line, Statement};
use super::text::unquote;
use super::{Exclude, Godebug, ModFile, Module, Replace, Replacement, Require, Retract, is_directory};
use crate::{Version, path, semver};

const USAGE_REPLACE: &str = "replace module/path [v1.2.3] => other/module v1.4\n\t or replace module/path [v1.2.3] => ../local/directory";

/// Reads statements into a file; an error in one directive does not hide those of others.
pub(super) struct Reader {
    pub(super) file: ModFile,
    pub(super) errors: Vec<ModFileError>,
    pub(super) strict: bool,
}

impl Reader {
    pub(super) fn add_statement(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::Comments { .. } => {}
            Statement::Line(line) => {
                if let Some((verb, arguments)) = line.tokens.split_first() {
                    self.add(None, line, verb, arguments);
                }
            }
            Statement::Block(block) => match block.tokens.as_slice() {
                [
                    verb @ ("module" | "godebug" | "require" | "exclude" | "replace" | "retract" | "tool"
                    | "ignore"),
                ] => {
                    for line in &block.lines {
                        self.add(Some(block), line, verb, &line.tokens);
                    }
                }
                tokens if self.strict => {
                    let problem = Problem::UnknownBlock { name: tokens.join(" ") };
                    self.errors.push(ModFileError::at(block.start, problem));
                }
                _ => {}
            },
        }
    }

    fn add(&mut self, block: Option<&Block<'_>>, line: &Line<'_>, verb: &str, arguments: &[&str]) {
        // What else a dependency says is for itself as the main module, or for a later Go.
        if !self.strict && !matches!(verb, "go" | "module" | "retract" | "require" | "ignore") {
            return;
        }
        let added = match verb {
            "go" => self.add_go(arguments),
            "toolchain" => self.add_toolchain(arguments),
            "module" => self.add_module(&comment_text(block, line), arguments),
            "godebug" => self.add_godebug(arguments),
            "require" => self.add_require(line, arguments),
            "exclude" => self.add_exclude(arguments),
            "replace" => self.add_replace(arguments),
            "retract" => self.add_retract(comment_text(block, line), arguments),
            "tool" => one_string("tool", arguments).map(|path| self.file.tool.push(path)),
            "ignore" => one_string("ignore", arguments).map(|path| self.file.ignore.push(path)),
            verb => Err(Problem::UnknownDirective { verb: verb.to_owned() }),
        };
        if let Err(problem) = added {
            self.errors.push(ModFileError::at(line.start, problem));
        }
    }

    fn add_go(&mut self, arguments: &[&str]) -> Result<(), Problem> {
        if self.file.go.is_some() {
            return Err(Problem::Repeated { verb: "go" });
        }
        let [version] = arguments else { return Err(Problem::OneArgument { verb: "go" }) };
        let accepted = if is_go_version(version) {
            Some(*version)
        } else if self.strict {
            None
        } else {
            lax_go_version(version)
        };
        let accepted = accepted.ok_or_else(|| Problem::GoVersion { version: (*version).to_owned() })?;
        self.file.go = Some(accepted.to_owned());
        Ok(())
    }

    fn add_toolchain(&mut self, arguments: &[&str]) -> Result<(), Problem> {
        if self.file.toolchain.is_some() {
            return Err(Problem::Repeated { verb: "toolchain" });
        }
        let [name] = arguments else { return Err(Problem::OneArgument { verb: "toolchain" }) };
        // Looser than what a toolchain's name is, for toolchains to come (x/mod `ToolchainRE`).
        if !matches!(*name, "default" | "go1") && !name.starts_with("go1.") {
            return Err(Problem::Toolchain { name: (*name).to_owned() });
        }
        self.file.toolchain = Some((*name).to_owned());
        Ok(())
    }

    fn add_module(&mut self, comments: &str, arguments: &[&str]) -> Result<(), Problem> {
        if self.file.module.is_some() {
            return Err(Problem::Repeated { verb: "module" });
        }
        // A malformed one counts as one, so that a second one is told.
        let module =
            self.file.module.insert(Module { path: String::new(), deprecated: deprecation(comments) });
        let [path] = arguments else { return Err(Problem::Usage { usage: "module module/path" }) };
        module.path = string(path).map_err(Problem::String)?;
        Ok(())
    }

    fn add_godebug(&mut self, arguments: &[&str]) -> Result<(), Problem> {
        let pair = match arguments {
            [pair] if !pair.contains(['"', '`', '\'', ',']) => pair.split_once('='),
            _ => None,
        };
        let (key, value) = pair.ok_or(Problem::Usage { usage: "godebug key=value" })?;
        self.file.godebug.push(Godebug { key: key.to_owned(), value: value.to_owned() });
        Ok(())
    }

    fn add_require(&mut self, line: &Line<'_>, arguments: &[&str]) -> Result<(), Problem> {
        let (path, version) = module_version("require", "require module/path v1.2.3", arguments)?;
        self.file.require.push(Require { path, version, indirect: is_indirect(line) });
        Ok(())
    }

    fn add_exclude(&mut self, arguments: &[&str]) -> Result<(), Problem> {
        let (path, version) = module_version("exclude", "exclude module/path v1.2.3", arguments)?;
        self.file.exclude.push(Exclude { path, version });
        Ok(())
    }

    fn add_replace(&mut self, arguments: &[&str]) -> Result<(), Problem> {
        let (path, version, new) = match arguments {
            [path, "=>", new @ ..] => (path, None, new),
            [path, version, "=>", new @ ..] => (path, Some(version), new),
            _ => return Err(Problem::Usage { usage: USAGE_REPLACE }),
        };
        if !matches!(new.len(), 1 | 2) {
            return Err(Problem::Usage { usage: USAGE_REPLACE });
        }
        let path = string(path).map_err(Problem::String)?;
        let subject = || Subject { verb: "replace", path: path.clone() };
        let Some((_, major)) = path::split_path_version(&path) else {
            return Err(Problem::ModulePath { subject: Some(subject()) });
        };
        let checked = |text| {
            let version = version_of(subject, text)?;
            check_major(subject, &version, major)?;
            Ok(version)
        };
        let version = version.map(|text| checked(text)).transpose()?;
        let new = replacement(new)?;
        self.file.replace.push(Replace { path, version, new });
        Ok(())
    }

    fn add_retract(&mut self, rationale: String, arguments: &[&str]) -> Result<(), Problem> {
        let (low, high, rest) = match interval(arguments) {
            Ok(interval) => interval,
            // A later Go may know other intervals.
            Err(_) if !self.strict => return Ok(()),
            Err(problem) => return Err(problem),
        };
        if let (Some(token), true) = (rest.first(), self.strict) {
            return Err(Problem::AfterVersion { token: (*token).to_owned() });
        }
        self.file.retract.push(Retract { low, high, rationale });
        Ok(())
    }
}

/// A string as written: in double quotes, or without any quote (x/mod `parseString`).
fn string(token: &str) -> Result<String, StringProblem> {
    if token.starts_with('"') {
        return unquote(token).ok_or(StringProblem::Syntax);
    }
    // Other quotes are kept free, so that 'x' is an error and not a name with quotes in it.
    if token.contains(['"', '\'', '`']) {
        return Err(StringProblem::Quote);
    }
    Ok(token.to_owned())
}

fn one_string(verb: &'static str, arguments: &[&str]) -> Result<String, Problem> {
    let [argument] = arguments else { return Err(Problem::OneArgument { verb }) };
    string(argument).map_err(Problem::String)
}

fn module_version(
    verb: &'static str,
    usage: &'static str,
    arguments: &[&str],
) -> Result<(String, Version), Problem> {
    let [path, version] = arguments else { return Err(Problem::Usage { usage }) };
    let path = string(path).map_err(Problem::String)?;
    let subject = || Subject { verb, path: path.clone() };
    let version = version_of(subject, version)?;
    let Some((_, major)) = path::split_path_version(&path) else {
        return Err(Problem::ModulePath { subject: None });
    };
    check_major(subject, &version, major)?;
    Ok((path, version))
}

/// A version as written, made canonical: `v1` means `v1.0.0` (x/mod `parseVersion` without a fixer).
fn version_of(subject: impl Fn() -> Subject, token: &str) -> Result<Version, Problem> {
    let wrong = |version: &str, problem| Problem::Version {
        subject: subject(),
        version: version.to_owned(),
        problem,
    };
    let text = string(token).map_err(|problem| wrong(token, VersionProblem::String(problem)))?;
    let canonical = semver::canonical(&text).map(|canonical| match semver::build(&text) {
        "+incompatible" => canonical.into_owned() + "+incompatible",
        _ => canonical.into_owned(),
    });
    let version = canonical.and_then(|canonical| Version::parse(&canonical).ok());
    version.ok_or_else(|| wrong(&text, VersionProblem::Form))
}

fn check_major(subject: impl Fn() -> Subject, version: &Version, path_major: &str) -> Result<(), Problem> {
    path::check_path_major(version.as_str(), path_major).map_err(|fault| Problem::Version {
        subject: subject(),
        version: version.as_str().to_owned(),
        problem: VersionProblem::Major(fault),
    })
}

/// What stands right of the arrow: a directory, or a path and a version.
fn replacement(new: &[&str]) -> Result<Replacement, Problem> {
    let (path, version) = match new {
        [path] => (path, None),
        [path, version] => (path, Some(version)),
        _ => return Err(Problem::Usage { usage: USAGE_REPLACE }),
    };
    let path = string(path).map_err(Problem::String)?;
    let Some(version) = version else {
        return match path {
            path if !is_directory(&path) && path.contains('@') => Err(Problem::ReplacementAt),
            path if !is_directory(&path) => Err(Problem::ReplacementVersion),
            path if path.contains('\\') => Err(Problem::ReplacementWindows),
            path => Ok(Replacement::Directory { path }),
        };
    };
    let version = version_of(|| Subject { verb: "replace", path: path.clone() }, version)?;
    if is_directory(&path) {
        return Err(Problem::ReplacementDirectoryVersion { path });
    }
    Ok(Replacement::Module { path, version })
}

/// One version or `[low, high]`, and the tokens behind. The versions are taken as written: what they mean depends on
/// the module path, which may come later (x/mod `parseVersionInterval` with `dontFixRetract`).
fn interval<'a, 't>(tokens: &'t [&'a str]) -> Result<(String, String, &'t [&'a str]), Problem> {
    let missing = |wanted| Problem::Interval { wanted };
    let version = |token: &str| {
        string(token).map_err(|problem| Problem::Version {
            subject: Subject { verb: "retract", path: String::new() },
            version: token.to_owned(),
            problem: VersionProblem::String(problem),
        })
    };
    match tokens {
        [] | ["(", ..] => return Err(missing("'[' or version")),
        ["[", ..] => {}
        [token, rest @ ..] => {
            let version = version(token)?;
            return Ok((version.clone(), version, rest));
        }
    }
    let [_, low, rest @ ..] = tokens else { return Err(missing("version after '['")) };
    let low = version(low)?;
    let [",", rest @ ..] = rest else { return Err(missing("',' after version")) };
    let [high, rest @ ..] = rest else { return Err(missing("version after ','")) };
    let high = version(high)?;
    let ["]", rest @ ..] = rest else { return Err(missing("']' after version")) };
    Ok((low, high, rest))
}

/// Whether it is a Go version: `1.21`, `1.21.0`, `1.21rc1` (x/mod `GoVersionRE`).
fn is_go_version(text: &str) -> bool {
    let Some(rest) = go_language(text) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(patch) => match number(patch) {
            Some(rest) => rest,
            None => return false,
        },
        None => rest,
    };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let is_kind =
        digits.len() < rest.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    rest.is_empty() || is_kind
}

/// The language version at the start of what is no Go version: `1.21` of `v1.21-dev` (x/mod `laxGoVersionRE`).
fn lax_go_version(text: &str) -> Option<&str> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let rest = go_language(text)?;
    let tail = rest.chars().next()?;
    if tail.is_ascii_digit() {
        return None;
    }
    text.get(..text.len() - rest.len())
}

/// What follows `1.21` at the start of the text.
fn go_language(text: &str) -> Option<&str> {
    if text.starts_with('0') {
        return None;
    }
    number(number(text)?.strip_prefix('.')?)
}

/// What follows a number without leading zeros.
fn number(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('0') {
        return Some(rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// Whether the line says `// indirect` or `// indirect; why` (x/mod `isIndirect`).
fn is_indirect(line: &Line<'_>) -> bool {
    let Some(comment) = line.comments.suffix.first() else { return false };
    let mut words = comment.strip_prefix("//").unwrap_or(comment).split_whitespace();
    matches!((words.next(), words.next()), (Some("indirect"), None) | (Some("indirect;"), Some(_)))
}

/// The text of the comments of a line, or of its block if it has none (x/mod `parseDirectiveComment`).
fn comment_text(block: Option<&Block<'_>>, line: &Line<'_>) -> String {
    let comments = match block {
        Some(block) if line.comments.is_empty() => &block.comments,
        _ => &line.comments,
    };
    let lines =
        comments.before.iter().chain(&comments.suffix).filter_map(|comment| comment.strip_prefix("//"));
    lines.map(str::trim).collect::<Vec<_>>().join("\n")
}

/// The first paragraph that begins with `Deprecated:`, without that (x/mod `parseDeprecation`). `None` if it says
/// nothing.
fn deprecation(comments: &str) -> Option<String> {
    // Paragraphs are what Go's expression sees: a match starts at the start, or right behind an empty line.
    let mut from = 0;
    loop {
        let text = comments.get(from..)?;
        if let Some(message) = text.strip_prefix("Deprecated:") {
            let message = message.trim_start_matches(' ');
            let paragraph = message.split("\n\n").next().unwrap_or_default();
            return (!paragraph.is_empty()).then(|| paragraph.to_owned());
        }
        from += text.find("\n\nDeprecated:")? + 2;
    }
}
