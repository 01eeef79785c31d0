//! Patterns of module paths, as GOPRIVATE and its relatives write them, and rules that begin with one.
//!
//! Go lets a pattern that can never match stand silently. Here such a pattern is a mistake: whoever wrote it meant
//! to keep something private, and a silent typing error would let it out.
//! The rules come from x/mod `module.MatchPrefixPatterns` and cmd/go `parseGOVCS`, as `gomod` reads them.

use std::fmt;
use std::str::FromStr;

use gomod::govcs::{GoVcs, GoVcsError};
use gomod::pattern::Patterns;

use super::text::as_text;

/// Why a text is not a pattern, or not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The pattern is empty.
    #[error("an empty pattern matches nothing; leave it out")]
    Empty,
    /// The pattern cannot match any module path.
    #[error("pattern `{pattern}` can never match: {because}")]
    NeverMatches {
        /// The pattern as it was written.
        pattern: String,
        /// What stands in the way, and what to write.
        because: &'static str,
    },
    /// A rule is not one of GOVCS (Go's text).
    #[error("{0}; write github.com:git|hg")]
    Govcs(#[from] GoVcsError),
    /// A rule has no colon between its pattern and its list.
    #[error("malformed entry (missing colon): `{rule}`; write corp.example.com:http|git")]
    MissingColon {
        /// The rule as it was written.
        rule: String,
    },
    /// A rule names nothing behind its colon.
    #[error("nothing stands behind the colon of `{rule}`; write corp.example.com:http|git")]
    EmptyList {
        /// The rule as it was written.
        rule: String,
    },
    /// A scheme that is not switched by configuration.
    #[error(
        "`{scheme}` is not a scheme that can be opened; use http, git, svn or file (https and ssh are always open)"
    )]
    UnknownScheme {
        /// The scheme as it was written.
        scheme: String,
    },
}

/// A pattern of module paths: `corp.example.com`, `*.corp.example.com/team-*`. It is matched against as many
/// leading elements of a module path as it has itself; `*` and `?` do not cross a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pattern {
    /// The patterns in the form that paths are matched against.
    pub fn all(patterns: &[Self]) -> Patterns {
        patterns.iter().map(Self::as_str).collect()
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        match obstacle(text) {
            Some(because) => Err(Error::NeverMatches { pattern: text.to_owned(), because }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(Pattern, ["corp.example.com", "*.corp.example.com/team-*"]);

/// What keeps a pattern from ever matching a module path.
fn obstacle(text: &str) -> Option<&'static str> {
    let path = text.strip_suffix('/').unwrap_or(text);
    if text.chars().any(char::is_whitespace) {
        Some("it has a blank in it, and Go does not trim patterns")
    } else if text.contains("://") {
        Some("module paths have no scheme; leave out `https://`")
    } else if text.contains('@') {
        Some("it matches module paths, which have no `@version`")
    } else if text.contains(',') {
        Some("it has a comma in it; write two patterns")
    } else if path.split('/').any(str::is_empty) {
        Some("it has an empty element; no leading slash, no `//`")
    } else if matches!(path.split('/').next(), Some("." | "..")) {
        Some("it is relative; write the whole path")
    } else if !is_glob(path) {
        Some("its `[...]` or `\\` is not closed")
    } else {
        None
    }
}

/// Whether every element is a well-formed pattern of Go's `path.Match`.
fn is_glob(path: &str) -> bool {
    path.split('/').all(|element| {
        let mut chars = element.chars();
        while let Some(c) = chars.next() {
            let is_whole = match c {
                '\\' => chars.next().is_some(),
                '[' => is_class(&mut chars),
                _ => true,
            };
            if !is_whole {
                return false;
            }
        }
        true
    })
}

/// Reads the rest of a `[...]` class: at least one character or range, each end of it perhaps behind a `\`.
fn is_class(chars: &mut std::str::Chars<'_>) -> bool {
    let mut ahead = chars.clone();
    if ahead.next() == Some('^') {
        *chars = ahead;
    }
    let mut ranges = 0_usize;
    loop {
        match chars.next() {
            Some(']') if ranges > 0 => return true,
            Some('\\') if chars.next().is_none() => return false,
            None | Some('-' | ']') => return false,
            Some(_) => {}
        }
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') {
            match ahead.next() {
                None | Some(']' | '-') => return false,
                Some('\\') if ahead.next().is_none() => return false,
                Some(_) => *chars = ahead,
            }
        }
        ranges += 1;
    }
}

/// One rule of GOVCS: which version control systems may be used for the modules a pattern matches, such as
/// `github.com:git` or `public:git|hg`. `public` and `private` stand for all such modules, `all` for every system,
/// `off` for none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GovcsRule(String);

impl GovcsRule {
    /// The rule as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GovcsRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        GoVcs::parse(text)?;
        let (pattern, _) = text.split_once(':').unwrap_or((text, ""));
        pattern.trim().parse::<Pattern>()?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Display for GovcsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(GovcsRule, ["public:git|hg", "corp.example.com:all"]);

/// Opens further schemes to repositories of the modules a pattern matches: `corp.example.com:http|git`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemeRule {
    pattern: Pattern,
    schemes: Vec<String>,
}

const SCHEMES: [&str; 4] = ["http", "git", "svn", "file"];

impl SchemeRule {
    /// The pattern of module paths.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The schemes, at least one of `http`, `git`, `svn`, `file`.
    pub fn schemes(&self) -> &[String] {
        &self.schemes
    }
}

impl FromStr for SchemeRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let missing_colon = || Error::MissingColon { rule: text.to_owned() };
        let (pattern, schemes) = text.split_once(':').ok_or_else(missing_colon)?;
        let pattern = pattern.trim().parse()?;
        let schemes: Vec<String> = schemes.split('|').map(|scheme| scheme.trim().to_owned()).collect();
        if schemes.iter().any(String::is_empty) {
            return Err(Error::EmptyList { rule: text.to_owned() });
        }
        match schemes.iter().find(|scheme| !SCHEMES.contains(&scheme.as_str())) {
            Some(scheme) => Err(Error::UnknownScheme { scheme: scheme.clone() }),
            None => Ok(Self { pattern, schemes }),
        }
    }
}

impl fmt::Display for SchemeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pattern, self.schemes.join("|"))
    }
}

as_text!(SchemeRule, ["corp.example.com:http|git"]);
