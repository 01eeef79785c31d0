//! What a module path says by itself of the repository that the module is in.
//!
//! A few hosts are known, and a path may name its system in a suffix: `example.com/r.git/sub`. Every other path is asked
//! for at its own host, whose page names the repository in tags ([`meta`](crate::meta)).
//!
//! The rules and texts are cmd/go's (`vcs.vcsPaths`, `repoRootFromVCSPaths`, `urlForImportPath`), of Go 1.27: Bazaar, with
//! launchpad.net, is gone. Two things are not as there. What cmd/go refuses for the sake of its own tests (`example.net`,
//! `rsc.io`) are paths like others. And a suffix counts only where the repository's path begins where the module's does:
//! cmd/go finds `other.org/r.git` in `example.com/a~b/other.org/r.git`, which no module could be in, and would ask it.

use crate::quote::quoted;

/// The systems that a suffix can name, by their commands.
const SYSTEMS: [&str; 4] = ["fossil", "git", "hg", "svn"];

/// A repository that a path names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathRepo {
    /// The import path of the repository's top: the module's path, or that of a directory above it.
    pub root: String,
    /// The system, by its command: `git`.
    pub vcs: &'static str,
    /// Where it is.
    pub address: Address,
}

/// How far a path tells where a repository is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// At this URL.
    Url(String),
    /// At this host and path, `example.com/r`, over whichever of the system's schemes answers there.
    Schemeless(String),
}

/// Why no module can be at a path. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RepoError {
    /// The host is known, and has no repositories of such a name.
    #[error("invalid {host} import path {}", quoted(path))]
    Path {
        /// The host, with the part of the path that goes with it.
        host: &'static str,
        /// The path.
        path: String,
    },
    /// The host's names of repositories have no suffix.
    #[error("invalid version control suffix in {host}/ path")]
    Suffix {
        /// The host, with the part of the path that goes with it.
        host: &'static str,
    },
    /// The path, given here, begins with no name of a host.
    #[error("unrecognized import path {}: import path does not begin with hostname", quoted(.0))]
    NoHost(String),
    /// The path, given here, and the root have three dots, which stand for many paths elsewhere.
    #[error("cannot expand ... in {}", quoted(.0))]
    Wildcard(String),
}

/// A host that is known: its name, the system, and the shape of its repositories' paths.
struct Host {
    prefix: &'static str,
    vcs: &'static str,
    /// What each element of a root after the prefix looks like.
    elements: &'static [fn(&str) -> bool],
    /// Whether there is nothing below a repository.
    exact: bool,
    /// Whether names with a suffix are refused.
    plain: bool,
}

const HOSTS: [Host; 6] = [
    Host { prefix: "github.com", vcs: "git", elements: &[is_word, is_word], exact: false, plain: true },
    Host { prefix: "bitbucket.org", vcs: "git", elements: &[is_word, is_word], exact: false, plain: true },
    Host {
        prefix: "hub.jazz.net/git",
        vcs: "git",
        elements: &[is_small, is_word],
        exact: false,
        plain: true,
    },
    Host { prefix: "git.apache.org", vcs: "git", elements: &[is_apache], exact: false, plain: false },
    // A `.git` at the end of the name is taken for part of it, as cmd/go's greedy pattern does.
    Host {
        prefix: "git.openstack.org",
        vcs: "git",
        elements: &[is_word, is_word],
        exact: false,
        plain: false,
    },
    Host {
        prefix: "chiselapp.com",
        vcs: "fossil",
        elements: &[|text| text == "user", is_alphanumeric, |text| text == "repository", is_word],
        exact: true,
        plain: false,
    },
];

/// What a path says of its repository; `None` if its host has to be asked.
///
/// # Errors
/// No module can be there.
pub fn named(path: &str) -> Result<Option<PathRepo>, RepoError> {
    let host = HOSTS.iter().find(|host| below(path, host.prefix).is_some());
    let found = match host {
        Some(host) => Some(host.read(path)?),
        None => suffixed(path),
    };
    if path.contains("...") && found.as_ref().is_some_and(|found| found.root.contains("...")) {
        return Err(RepoError::Wildcard(path.to_owned()));
    }
    Ok(found)
}

/// The URL, without its scheme, of the page that says where a module path's repository is: `example.com/m?go-get=1`.
///
/// # Errors
/// The path does not begin with a host.
pub fn page_address(path: &str) -> Result<String, RepoError> {
    let (host, rest) = path.split_once('/').unwrap_or((path, ""));
    if !host.contains('.') {
        return Err(RepoError::NoHost(path.to_owned()));
    }
    Ok(format!("{host}/{rest}?go-get=1"))
}

/// What is left of a path below a prefix; `Some("")` if they are the same, `None` if it is elsewhere (cmd/go
/// `str.HasPathPrefix`).
pub fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None => (rest.is_empty() || prefix.is_empty() || prefix.ends_with('/')).then_some(rest),
    }
}

impl Host {
    fn read(&self, path: &str) -> Result<PathRepo, RepoError> {
        let fault = || RepoError::Path { host: self.prefix, path: path.to_owned() };
        // A path that ends with a slash has an empty element at its end, which is no word.
        let rest = path.get(self.prefix.len() + 1..).ok_or_else(fault)?;
        let elements: Vec<&str> = rest.split('/').collect();
        let (root, inner) = elements.split_at_checked(self.elements.len()).ok_or_else(fault)?;
        let fits = root.iter().zip(self.elements).all(|(element, fits)| fits(element));
        if !fits || !inner.iter().all(|element| is_word(element)) || (self.exact && !inner.is_empty()) {
            return Err(fault());
        }
        let root = format!("{}/{}", self.prefix, root.join("/"));
        if self.plain && split_suffix(&root).is_some() {
            return Err(RepoError::Suffix { host: self.prefix });
        }
        let address = Address::Url(format!("https://{root}"));
        Ok(PathRepo { root, vcs: self.vcs, address })
    }
}

/// The repository of the last element that has a suffix: `example.com/r.git/sub` is in `example.com/r`. That it is the last
/// follows from the order in which cmd/go's pattern is tried.
fn suffixed(path: &str) -> Option<PathRepo> {
    let (host, rest) = path.split_once('/')?;
    // The pattern has to fit the whole path, also what is below the repository.
    if !is_host(host) || !rest.split('/').all(is_loose) {
        return None;
    }
    let mut end = path.len();
    rest.rsplit('/').find_map(|element| {
        let root = path.get(..end)?;
        end = end.saturating_sub(element.len() + 1);
        let (name, vcs) = split_suffix(element).filter(|(name, _)| is_loose(name))?;
        let address = path.get(..end + 1 + name.len())?;
        Some(PathRepo { root: root.to_owned(), vcs, address: Address::Schemeless(address.to_owned()) })
    })
}

/// A name and the system of its suffix.
fn split_suffix(name: &str) -> Option<(&str, &'static str)> {
    let (name, suffix) = name.rsplit_once('.')?;
    SYSTEMS.into_iter().find(|vcs| *vcs == suffix).map(|vcs| (name, vcs))
}

/// `([a-z0-9.\-]+\.)+[a-z0-9.\-]+`, with an optional port.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let inner = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    inner.contains('.')
        && name.bytes().all(fits)
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
}

/// `[\w.\-]+`.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !text.is_empty() && text.bytes().all(fits)
}

/// `~?[\w.\-]+`.
fn is_loose(text: &str) -> bool {
    is_word(text.strip_prefix('~').unwrap_or(text))
}

/// `[a-z0-9]+`.
fn is_small(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// `[A-Za-z0-9]+`.
fn is_alphanumeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `[a-z0-9_.\-]+\.git`.
fn is_apache(text: &str) -> bool {
    let name = text.strip_suffix(".git").unwrap_or_default();
    is_word(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}
