//! The operator's own table from module paths to repositories, for hosts whose servers do not answer `?go-get=1`.
//!
//! An entry is a path and where the repository is, in the order of a `go-import` tag. A `*` stands for one element of the
//! path, and each has one in the URL, in the same order:
//!
//! ```text
//! corp.example.com/lib     https://code.corp.example.com/go/lib.git
//! corp.example.com/mono    git ssh://git@code.corp.example.com/mono.git libs/go
//! corp.example.com/*/*     https://code.corp.example.com/*/*.git
//! ```
//!
//! It holds for the path and all below it; of several the longest wins, and of two as long that which says more. The table
//! goes before everything that a path or its host says, so that a module can be moved, and a private name is asked for
//! nowhere else. The same table gives the pages with which a server answers for these paths.

use gomod::meta::{GoImport, TagError};
use gomod::path;
use vcs::{Place, PlaceError, System};

/// What stands for any element.
const ANY: &str = "*";

/// The table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vanity(Vec<Rule>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    prefix: String,
    system: System,
    /// With as many `*` as the prefix has.
    url: String,
    subdir: String,
}

/// What the table says of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VanityEntry {
    /// The path of the repository's top.
    pub prefix: String,
    /// The repository.
    pub place: Place,
    /// The directory in it that stands for the path; empty for its top.
    pub subdir: String,
}

/// Why an entry is none. The URL is not repeated: it may hold a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VanityError {
    /// What stands for a module path is none.
    #[error("`{0}` is not the beginning of a module path")]
    Prefix(String),
    /// Not one to three fields.
    #[error("write `URL`, `SYSTEM URL` or `SYSTEM URL DIRECTORY`, where SYSTEM is git, hg, svn or fossil")]
    Fields,
    /// The repository's URL is none.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The directory leads out of the repository.
    #[error("`{0}` is not a directory in a repository")]
    Subdir(String),
    /// The path and the URL do not have as many `*`, or the URL has one in its host.
    #[error("each `*` of the path needs one in the URL, behind its host")]
    Stars,
    /// There is another entry for this path.
    #[error("there is another entry for `{0}`")]
    Repeated(String),
}

impl Vanity {
    /// Adds an entry: `prefix`, and `[system] url [directory]`. Where no system is named, the URL's suffix or scheme names
    /// it, and else it is git.
    ///
    /// # Errors
    /// It is none, or there is one for this path.
    pub fn with(mut self, prefix: &str, target: &str) -> Result<Self, VanityError> {
        let prefix = prefix.trim().trim_end_matches('/');
        check_prefix(prefix)?;
        if self.0.iter().any(|rule| rule.prefix == prefix) {
            return Err(VanityError::Repeated(prefix.to_owned()));
        }
        let fields: Vec<&str> = target.split_whitespace().collect();
        let (system, url, subdir) = match fields.as_slice() {
            [url] => (system_of(url), *url, ""),
            [system, url] => (System::parse(system).ok_or(VanityError::Fields)?, *url, ""),
            [system, url, subdir] => (System::parse(system).ok_or(VanityError::Fields)?, *url, *subdir),
            _ => return Err(VanityError::Fields),
        };
        let subdir = subdir.trim_end_matches('/');
        if !subdir.is_empty() && path::check_file_path(subdir).is_err() {
            return Err(VanityError::Subdir(subdir.to_owned()));
        }
        // Whoever asks for a path must not choose the host.
        let in_host = url.split('/').nth(2).is_some_and(|host| host.contains(ANY));
        if in_host || stars(prefix) != url.matches(ANY).count() {
            return Err(VanityError::Stars);
        }
        Place::new(system, &url.replace(ANY, "x"))?;
        let (prefix, url, subdir) = (prefix.to_owned(), url.to_owned(), subdir.to_owned());
        self.0.push(Rule { prefix, system, url, subdir });
        // A stable order: of two as long, that with fewer stars, and then the earlier.
        self.0.sort_by_key(|rule| (std::cmp::Reverse(rule.prefix.split('/').count()), stars(&rule.prefix)));
        Ok(self)
    }

    /// What the table says of a path.
    pub fn find(&self, path: &str) -> Option<VanityEntry> {
        self.0.iter().find_map(|rule| rule.read(path))
    }

    /// The paths of the entries that lead to such places. An entry with a `*` leads to one only for a path.
    pub(super) fn at(&self, is_meant: impl Fn(&Place) -> bool) -> impl Iterator<Item = &str> {
        let plain = self.0.iter().filter(|rule| stars(&rule.prefix) == 0);
        let there =
            move |rule: &&Rule| Place::new(rule.system, &rule.url).is_ok_and(|place| is_meant(&place));
        plain.filter(there).map(|rule| rule.prefix.as_str())
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rule {
    fn read(&self, path: &str) -> Option<VanityEntry> {
        let mut elements = path.split('/');
        let (mut prefix, mut url) = (String::new(), self.url.as_str());
        let mut filled = String::new();
        for wanted in self.prefix.split('/') {
            let element = elements.next().filter(|element| wanted == ANY || *element == wanted)?;
            if wanted == ANY {
                let (before, after) = url.split_once(ANY)?;
                (url, filled) = (after, filled + before + element);
            }
            let slash = if prefix.is_empty() { "" } else { "/" };
            prefix = prefix + slash + element;
        }
        let place = Place::new(self.system, &(filled + url)).ok()?;
        Some(VanityEntry { prefix, place, subdir: self.subdir.clone() })
    }
}

impl VanityEntry {
    /// The page that answers `?go-get=1` for a path at or below the entry's, as `text/html; charset=utf-8`.
    ///
    /// # Errors
    /// The path is elsewhere, or what the entry holds cannot stand in a tag.
    pub fn page(&self, path: &str) -> Result<String, TagError> {
        let tag = GoImport {
            prefix: self.prefix.clone(),
            vcs: self.place.system().command().to_owned(),
            repo_root: self.place.url().to_owned(),
            subdir: self.subdir.clone(),
        };
        tag.page(path)
    }
}

/// How many elements of a path stand for any.
fn stars(prefix: &str) -> usize {
    prefix.split('/').filter(|element| *element == ANY).count()
}

/// Checks the beginning of a module path, in which whole elements but the host may stand for any.
fn check_prefix(prefix: &str) -> Result<(), VanityError> {
    let elements: Vec<&str> =
        prefix.split('/').map(|element| if element == ANY { "x" } else { element }).collect();
    let has_host = prefix.split('/').next().is_some_and(|host| host.contains('.'));
    if has_host && path::check_import_path(&elements.join("/")).is_ok() {
        return Ok(());
    }
    Err(VanityError::Prefix(prefix.to_owned()))
}

/// The system that a URL tells by itself.
fn system_of(url: &str) -> System {
    let suffix = url.trim_end_matches('/').rsplit_once('.').and_then(|(_, suffix)| System::parse(suffix));
    suffix.unwrap_or(if url.starts_with("svn") { System::Svn } else { System::Git })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vanity {
        [
            ("corp.example.com/", "https://code.example.com/all"),
            ("corp.example.com/a/b", "hg https://code.example.com/b"),
            ("corp.example.com/a", "git ssh://git@code.example.com/a.git libs/go"),
        ]
        .iter()
        .try_fold(Vanity::default(), |table, (prefix, target)| table.with(prefix, target))
        .unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_slash() {
        let table = table();
        let found = |path| table.find(path).map(|entry| entry.place.url().to_owned());
        let url = |url: &str| Some(url.to_owned());
        assert_eq!(found("corp.example.com/a/b/c"), url("https://code.example.com/b"));
        assert_eq!(found("corp.example.com/a/bc"), url("ssh://git@code.example.com/a.git"));
        assert_eq!(found("corp.example.com/x"), url("https://code.example.com/all"));
        assert_eq!(found("corp.example.community/x"), None);
    }

    #[test]
    fn a_star_stands_for_one_element_and_gives_way_to_what_says_more() {
        let table = [
            ("lab.example.com/*", "https://code.example.com/lab/*.git"),
            ("lab.example.com/*/*", "https://code.example.com/*/in/*"),
            ("lab.example.com/team/*", "svn https://svn.example.com/*/trunk"),
            ("lab.example.com/own", "https://code.example.com/own"),
        ];
        let table =
            table.iter().try_fold(Vanity::default(), |table, (prefix, target)| table.with(prefix, target));
        let table = table.unwrap();
        for (path, root, url) in [
            ("lab.example.com/a", "lab.example.com/a", "https://code.example.com/lab/a.git"),
            ("lab.example.com/a/b/c/v2", "lab.example.com/a/b", "https://code.example.com/a/in/b"),
            ("lab.example.com/team/x/y", "lab.example.com/team/x", "https://svn.example.com/x/trunk"),
            ("lab.example.com/own", "lab.example.com/own", "https://code.example.com/own"),
        ] {
            let found = table.find(path).unwrap();
            assert_eq!((found.prefix.as_str(), found.place.url()), (root, url), "{path}");
        }
        assert_eq!(table.find("lab.example.com"), None);
    }

    #[test]
    fn a_url_tells_its_system_where_none_is_named() {
        for (url, system) in [
            ("https://a.b/r", System::Git),
            ("https://a.b/r.hg/", System::Hg),
            ("svn+ssh://a.b/r", System::Svn),
            ("https://a.b/r.fossil", System::Fossil),
        ] {
            let table = Vanity::default().with("x.y/m", url).unwrap();
            assert_eq!(table.find("x.y/m").map(|entry| entry.place.system()), Some(system), "{url}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_without_its_url() {
        let fault = |prefix, target| table().with(prefix, target).unwrap_err();
        assert!(matches!(fault("nodots/x", "https://a.b/r"), VanityError::Prefix(_)));
        assert!(matches!(fault("*.b.c/x", "https://a.b/r"), VanityError::Prefix(_)));
        assert!(matches!(fault("b.c/x*", "https://a.b/*"), VanityError::Prefix(_)));
        assert!(matches!(fault("b.c/*", "https://a.b/r"), VanityError::Stars));
        assert!(matches!(fault("b.c/*", "https://a.b/*/*"), VanityError::Stars));
        assert!(matches!(fault("b.c/*", "https://*.b/r"), VanityError::Stars));
        assert!(matches!(fault("a b.c", "https://a.b/r"), VanityError::Prefix(_)));
        assert!(matches!(fault("corp.example.com/a/", "https://a.b/r"), VanityError::Repeated(_)));
        assert!(matches!(fault("x.y", ""), VanityError::Fields));
        assert!(matches!(fault("x.y", "bzr https://a.b/r"), VanityError::Fields));
        assert!(matches!(fault("x.y", "git https://a.b/r ../x"), VanityError::Subdir(_)));
        assert!(matches!(fault("x.y", "a.b:r"), VanityError::Place(PlaceError::NoScheme)));
        let said = fault("x.y", "https://user:hunter2@a.b/r");
        assert!(
            matches!(said, VanityError::Place(PlaceError::Userinfo)) && !said.to_string().contains("hunter2")
        );
    }

    #[test]
    fn the_pages_say_what_the_table_says() {
        let entry = table().find("corp.example.com/a/x").unwrap();
        let page = entry.page("corp.example.com/a/x").unwrap();
        let read = gomod::meta::parse(page.as_bytes()).imports;
        let tag = gomod::meta::matching(&read, "corp.example.com/a/x").unwrap();
        assert_eq!(
            (tag.prefix.as_str(), tag.vcs.as_str(), tag.subdir.as_str()),
            ("corp.example.com/a", "git", "libs/go")
        );
        assert_eq!(tag.repo_root, "ssh://git@code.example.com/a.git");
        assert!(entry.page("corp.example.com/b").is_err());
    }
}
