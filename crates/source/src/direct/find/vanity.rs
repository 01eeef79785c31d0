//! The operator's own table from module paths to repositories, for hosts whose servers do not answer `?go-get=1`.
//!
//! An entry is a path and where the repository is, in the order of a `go-import` tag:
//!
//! ```text
//! corp.example.com/lib    https://code.corp.example.com/go/lib.git
//! corp.example.com/mono   git ssh://git@code.corp.example.com/mono.git libs/go
//! ```
//!
//! It holds for the path and all below it, and the longest path wins. It goes before everything that a path or its host
//! says, so that a module can be moved, and a private name is asked for nowhere else. The same table gives the pages with
//! which a server answers for these paths.

use gomod::meta::{GoImport, TagError};
use gomod::{path, repo};
use vcs::{Place, PlaceError, System};

/// The table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vanity(Vec<VanityEntry>);

/// An entry.
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
        path::check_import_path(prefix).map_err(|_| VanityError::Prefix(prefix.to_owned()))?;
        if !prefix.split('/').next().is_some_and(|host| host.contains('.')) {
            return Err(VanityError::Prefix(prefix.to_owned()));
        }
        if self.0.iter().any(|entry| entry.prefix == prefix) {
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
        let place = Place::new(system, url)?;
        self.0.push(VanityEntry { prefix: prefix.to_owned(), place, subdir: subdir.to_owned() });
        self.0.sort_by_key(|entry| std::cmp::Reverse(entry.prefix.len()));
        Ok(self)
    }

    /// The entry for a path: that with the longest prefix.
    pub fn find(&self, path: &str) -> Option<&VanityEntry> {
        self.0.iter().find(|entry| repo::below(path, &entry.prefix).is_some())
    }

    /// All entries.
    pub fn entries(&self) -> &[VanityEntry] {
        &self.0
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
        let found = |path| table.find(path).map(|entry| entry.place.url());
        assert_eq!(found("corp.example.com/a/b/c"), Some("https://code.example.com/b"));
        assert_eq!(found("corp.example.com/a/bc"), Some("ssh://git@code.example.com/a.git"));
        assert_eq!(found("corp.example.com/x"), Some("https://code.example.com/all"));
        assert_eq!(found("corp.example.community/x"), None);
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
            assert_eq!(table.entries().first().map(|entry| entry.place.system()), Some(system), "{url}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_without_its_url() {
        let fault = |prefix, target| table().with(prefix, target).unwrap_err();
        assert!(matches!(fault("nodots/x", "https://a.b/r"), VanityError::Prefix(_)));
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
        let entry = table().find("corp.example.com/a/x").cloned().unwrap();
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
