//! The page that says where a module path's repository is: `https://example.com/m?go-get=1`, with its `go-import` tags.
//!
//! ```html
//! <meta name="go-import" content="example.com/m git https://code.example.com/m.git">
//! <meta name="go-import" content="example.com/all mod https://proxy.example.com">
//! <meta name="go-import" content="example.com/m git https://code.example.com/mono.git libs/m">
//! ```
//!
//! The go command does not read HTML but forgiving XML, and stops at the first thing that it does not understand. Which
//! tags of a page count follows from that, and what is told here of a page is what the go command would tell: a
//! stylesheet with `a<b` in front of a tag hides it. Nothing here panics, and nothing is kept but the tags.
//!
//! The rules and texts are cmd/go's (`vcs.parseMetaGoImports`, `matchGoImport`, `validateRepoRoot`,
//! `validateRepoSubDir`), in module mode. Not here: fetching pages, and whether the page of a prefix agrees.

mod render;
mod tokens;

use crate::goproxy::url;
use crate::quote::quoted;
use crate::repo::below;
use tokens::{Attributes, Token, Tokens};

pub use render::TagError;
pub use tokens::{PageError, Syntax};

/// A `go-import` tag.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GoImport {
    /// The import path of what is named.
    pub prefix: String,
    /// The version control system by its command, or `mod` if a module proxy is named.
    pub vcs: String,
    /// The URL of the repository or of the proxy.
    pub repo_root: String,
    /// The directory of the repository that stands for the prefix; empty for its top. From Go 1.25 on.
    pub subdir: String,
}

/// What is read from a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The tags in the order in which they count: those of proxies first, and none of a repository with the prefix of one
    /// of a proxy.
    pub imports: Vec<GoImport>,
    /// What ended the reading, where nothing had been found before it.
    pub fault: Option<PageError>,
    /// Whether more bytes at the end would not change anything: the head has ended, or a fault was met before the end.
    pub is_decided: bool,
}

/// Why no tag of a page is that of a path. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MatchError {
    /// None is for the path.
    #[error("{}", mismatched(prefixes, path))]
    None {
        /// The path.
        path: String,
        /// What the tags are for.
        prefixes: Vec<String>,
    },
    /// More than one is for the path, given here.
    #[error("multiple meta tags match import path {}", quoted(.0))]
    Several(String),
}

/// What is wrong with a tag. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImportError {
    /// The directory, given first, cannot be one.
    #[error("invalid subdirectory {}: {}", quoted(.0), .1)]
    Subdir(String, &'static str),
    /// The URL, given first without a password, is none that a repository could have.
    #[error("invalid repo root {}: {}", quoted(.0), .1)]
    RepoRoot(String, RootFault),
}

/// What is wrong with a repository's URL. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RootFault {
    /// It is no URL.
    #[error("parse {}: {fault}", quoted(shown))]
    Url {
        /// The text, without a password.
        shown: String,
        /// Why.
        fault: crate::goproxy::UrlFault,
    },
    /// It has no scheme.
    #[error("no scheme")]
    NoScheme,
    /// It is a file of whoever reads the page.
    #[error("file scheme disallowed")]
    File,
}

/// Reads a page, or as much of it as is there.
pub fn parse(page: &[u8]) -> Page {
    let mut tokens = Tokens::new(page);
    let mut imports = Vec::new();
    let fault = loop {
        match tokens.next() {
            Ok(Some(Token::Start(name, attributes))) => {
                if name.eq_ignore_ascii_case("body") {
                    break None;
                }
                if name.eq_ignore_ascii_case("meta") {
                    imports.extend(import(&attributes));
                }
            }
            Ok(Some(Token::End(name))) if name.eq_ignore_ascii_case("head") => break None,
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    let fault = fault.filter(|_| imports.is_empty());
    Page { imports: ordered(imports), fault, is_decided: !tokens.met_end() }
}

/// The tag that a `meta` element is, if it is one. A count of fields that is not three or four makes it none.
fn import(attributes: &Attributes) -> Option<GoImport> {
    if tokens::value(attributes, "name") != "go-import" {
        return None;
    }
    let mut fields = tokens::value(attributes, "content").split_whitespace().map(str::to_owned);
    let (prefix, vcs, repo_root) = (fields.next()?, fields.next()?, fields.next()?);
    let subdir = fields.next().unwrap_or_default();
    fields.next().is_none().then_some(GoImport { prefix, vcs, repo_root, subdir })
}

fn ordered(imports: Vec<GoImport>) -> Vec<GoImport> {
    let (mut list, others): (Vec<_>, Vec<_>) = imports.into_iter().partition(|import| import.vcs == "mod");
    let proxied: std::collections::HashSet<String> =
        list.iter().map(|import| import.prefix.clone()).collect();
    list.extend(others.into_iter().filter(|import| !proxied.contains(&import.prefix)));
    list
}

/// The tag for a path.
///
/// # Errors
/// There is none, or more than one: cmd/go does not choose, even if they are equal, but for that of a proxy.
pub fn matching<'a>(imports: &'a [GoImport], path: &str) -> Result<&'a GoImport, MatchError> {
    let mut fitting = imports.iter().filter(|import| below(path, &import.prefix).is_some());
    let Some(first) = fitting.next() else {
        let prefixes = imports.iter().map(|import| import.prefix.clone()).collect();
        return Err(MatchError::None { path: path.to_owned(), prefixes });
    };
    match fitting.next() {
        Some(second) if first.vcs != "mod" || second.vcs == "mod" => {
            Err(MatchError::Several(path.to_owned()))
        }
        _ => Ok(first),
    }
}

impl GoImport {
    /// Checks what is said of the repository, as far as a text can tell.
    ///
    /// # Errors
    /// The directory begins with `/` or `-`; the URL is none, has no scheme, or is one of files.
    pub fn check(&self) -> Result<(), ImportError> {
        let fault = match self.subdir.as_bytes().first() {
            Some(b'/') => Some("leading slash"),
            Some(b'-') => Some("leading hyphen"),
            _ => None,
        };
        if let Some(fault) = fault {
            return Err(ImportError::Subdir(self.subdir.clone(), fault));
        }
        check_root(&self.repo_root).map_err(|fault| {
            let shown = match &fault {
                RootFault::Url { fault, .. } => url::show(&self.repo_root, fault),
                _ => url::redact(&self.repo_root),
            };
            ImportError::RepoRoot(shown, fault)
        })
    }
}

fn check_root(root: &str) -> Result<(), RootFault> {
    let parts = url::parse(root).map_err(|fault| RootFault::Url { shown: url::show(root, &fault), fault })?;
    match parts.scheme.as_str() {
        "" => Err(RootFault::NoScheme),
        "file" => Err(RootFault::File),
        _ => Ok(()),
    }
}

fn mismatched(prefixes: &[String], path: &str) -> String {
    let each = prefixes.iter().map(|prefix| format!("meta tag {prefix} did not match import path {path}"));
    each.collect::<Vec<_>>().join(", ")
}
