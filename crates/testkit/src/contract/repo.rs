//! The contract of [`vcs::Repo`], clause by clause.
//!
//! [`repo_contract!`](crate::repo_contract) makes a test of each function. It takes the path of an async function without
//! arguments that gives a [`Known`]: a repository, freshly opened, whose history is written down; or nothing, where what it
//! is made with is not installed. Clauses ask; none of them changes the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use vcs::{EntryKind, Repo, VcsError};

/// Makes a test of every clause of the contract of `Repo`, see [`contract::repo`](crate::contract::repo).
#[macro_export]
macro_rules! repo_contract {
    ($subject:path) => {
        $crate::repo_contract! { @each $subject;
            tags_with_a_prefix_are_told_by_name
            names_mean_what_is_written_down
            an_id_means_its_revision_in_all_its_forms
            what_nobody_offers_is_an_unknown_revision
            a_file_is_read_as_it_is_stored
            what_is_no_file_is_not_read
            a_file_longer_than_the_bound_is_refused
            names_come_before_contents_and_agree_with_them
            a_directory_is_archived_relative_to_itself
            a_directory_that_is_not_there_has_no_files
            an_archive_need_not_be_read_to_its_end
            tags_behind_are_those_on_ancestors
            a_revision_descends_from_its_ancestors_and_itself_alone
            many_askers_are_told_the_same
            an_asker_that_leaves_harms_nobody
        }
    };
    (@each $subject:path; $($clause:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                if let Some(known) = $subject().await {
                    $crate::contract::repo::$clause(known).await;
                }
            }
        )*
    };
}

/// A repository whose history is written down.
pub struct Known {
    /// Itself.
    pub repo: Arc<dyn Repo>,
    /// Dropped after the test.
    pub keep: Box<dyn std::any::Any>,
    /// All tags by name, each with the id that the system tells without content.
    pub tags: Vec<(&'static str, &'static str)>,
    /// What names mean, the default first.
    pub names: Vec<Named>,
    /// What ids are.
    pub ids: Ids,
    /// A revision that no name is on, if there is one.
    pub unnamed: Option<&'static str>,
    /// A revision by name, with all its files.
    pub files: (&'static str, Vec<(&'static str, &'static str)>),
    /// A directory in it with more than one element, which has files and no directories.
    pub directory: &'static str,
    /// A name, and the tags behind what it means; nothing where the system cannot tell.
    pub behind: Option<(&'static str, Vec<&'static str>)>,
}

/// What ids of revisions are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ids {
    /// Hexadecimal digits, of which so many of the first, or more, may stand for all.
    Hashes(usize),
    /// Numbers.
    Numbers,
}

impl Ids {
    /// The short form of an id.
    fn short(self, id: &str) -> String {
        match self {
            Self::Hashes(_) => id[..12].to_owned(),
            Self::Numbers => format!("{id:0>12}"),
        }
    }
}

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The name; `None` for the default.
    pub asked: Option<&'static str>,
    /// The full id.
    pub id: &'static str,
    /// What the version is called then.
    pub name: &'static str,
    /// The name that may mean another one tomorrow.
    pub reference: Option<&'static str>,
    /// When it was committed: seconds since 1970.
    pub time: i64,
    /// The tags on it.
    pub tags: &'static [&'static str],
}

/// The files of the known revision.
async fn revision(known: &Known) -> String {
    known.repo.stat(Some(known.files.0)).await.unwrap().id
}

/// All contents of an archive.
async fn unpack(archive: vcs::Archive) -> BTreeMap<String, String> {
    let read = move || {
        let mut files = BTreeMap::new();
        let each = |path: &[u8], content: &mut dyn std::io::Read| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            files.insert(String::from_utf8(path.to_vec()).unwrap(), text);
            Ok(())
        };
        archive.read(each).map(|()| files)
    };
    tokio::task::spawn_blocking(read).await.unwrap().unwrap()
}

/// Tags are by name, and those without the prefix are left out.
pub async fn tags_with_a_prefix_are_told_by_name(known: Known) {
    for prefix in ["", "v", "v1", "v2.0", "xxx", "2"] {
        let tags = known.repo.tags(prefix).await.unwrap();
        let have: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.id.as_str())).collect();
        let want: Vec<_> = known.tags.iter().copied().filter(|(name, _)| name.starts_with(prefix)).collect();
        assert_eq!(have, want, "{prefix:?}");
    }
}

/// Names mean what they mean, and everything about it is told.
pub async fn names_mean_what_is_written_down(known: Known) {
    for want in &known.names {
        let have = known.repo.stat(want.asked).await.unwrap_or_else(|error| panic!("{want:?}: {error}"));
        assert_eq!((have.id.as_str(), have.name.as_str()), (want.id, want.name), "{want:?}");
        assert_eq!(have.reference.as_deref(), want.reference, "{want:?}");
        assert_eq!(have.time.as_second(), want.time, "{want:?}");
        assert_eq!(have.tags, want.tags, "{want:?}");
        assert_eq!(have.short, known.ids.short(want.id), "{want:?}");
    }
}

/// Full ids and their short forms mean their revision, with or without a name on it; so do beginnings of hashes that are not
/// too short.
pub async fn an_id_means_its_revision_in_all_its_forms(known: Known) {
    let ids: BTreeSet<_> = known.names.iter().map(|named| named.id).chain(known.unnamed).collect();
    for id in ids {
        let mut forms = vec![id.to_owned(), known.ids.short(id)];
        if let Ids::Hashes(fewest) = known.ids {
            forms.push(id[..fewest].to_owned());
            assert!(known.repo.stat(Some(&id[..fewest - 1])).await.unwrap_err().is_absent());
        }
        for form in forms {
            let have = known.repo.stat(Some(&form)).await.unwrap();
            assert_eq!((have.id.as_str(), have.name.as_str()), (id, id), "{form}");
        }
    }
}

/// Absence is said in Go's words, and is absence.
pub async fn what_nobody_offers_is_an_unknown_revision(known: Known) {
    for name in
        ["aaaaaaaaab", "no-such-name", "v9.9.9", "--help", "../x", "refs/heads/v2", "a b", "\u{e9}", "-"]
    {
        let error = known.repo.stat(Some(name)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("unknown revision {name}"));
        assert!(error.is_absent());
    }
}

/// Contents of files are those stored.
pub async fn a_file_is_read_as_it_is_stored(known: Known) {
    let id = revision(&known).await;
    for (path, text) in &known.files.1 {
        let have = known.repo.read_file(&id, path, 1 << 20).await.unwrap();
        assert_eq!(have.as_deref(), Some(text.as_bytes()), "{path}");
    }
}

/// Directories, absent files, and paths that are none.
pub async fn what_is_no_file_is_not_read(known: Known) {
    let id = revision(&known).await;
    let (first, _) = known.files.1[0];
    let below = format!("{first}/x");
    for path in [known.directory, "absent", "absent/go.mod", &below, "a\nb", "-x", "", "../x"] {
        assert_eq!(known.repo.read_file(&id, path, 1 << 20).await.unwrap(), None, "{path:?}");
    }
}

/// The bound is exact, and reading goes on after it.
pub async fn a_file_longer_than_the_bound_is_refused(known: Known) {
    let id = revision(&known).await;
    let (path, text) = known.files.1.iter().find(|(_, text)| !text.is_empty()).unwrap();
    let len = text.len() as u64;
    let error = known.repo.read_file(&id, path, len - 1).await.unwrap_err();
    assert!(matches!(error, VcsError::TooLarge { max, .. } if max == len - 1), "{error}");
    assert!(known.repo.read_file(&id, path, len).await.unwrap().is_some());
}

/// What is listed is what is read, in the same order.
pub async fn names_come_before_contents_and_agree_with_them(known: Known) {
    let archive = known.repo.archive(&revision(&known).await, "").await.unwrap();
    let listed: Vec<_> = archive.entries.iter().map(|e| (e.path.clone(), e.size_bytes)).collect();
    assert!(archive.entries.iter().all(|entry| entry.kind == EntryKind::File));
    let files = unpack(archive).await;
    let want: BTreeMap<String, String> =
        known.files.1.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    assert_eq!(files, want);
    let sizes: BTreeMap<_, _> = listed.into_iter().collect();
    for (path, text) in want {
        assert_eq!(sizes.get(path.as_bytes()), Some(&(text.len() as u64)), "{path}");
    }
}

/// Paths in the archive of a directory begin below it.
pub async fn a_directory_is_archived_relative_to_itself(known: Known) {
    let id = revision(&known).await;
    let below = format!("{}/", known.directory);
    let files = unpack(known.repo.archive(&id, known.directory).await.unwrap()).await;
    let want = known.files.1.iter().filter_map(|(path, text)| Some((path.strip_prefix(&*below)?, *text)));
    let want: BTreeMap<_, _> = want.map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    assert!(!want.is_empty());
    assert_eq!(files, want);
}

/// Neither is a file a directory.
pub async fn a_directory_that_is_not_there_has_no_files(known: Known) {
    let id = revision(&known).await;
    for directory in ["absent", "absent/dir", known.files.1[0].0, ":(glob)**", "*"] {
        let archive = known.repo.archive(&id, directory).await.unwrap();
        assert_eq!(archive.entries, [], "{directory}");
        assert_eq!(unpack(archive).await, BTreeMap::new());
    }
}

/// Leaving before the end, or in the middle of a file, does nothing to the next.
pub async fn an_archive_need_not_be_read_to_its_end(known: Known) {
    let id = revision(&known).await;
    drop(known.repo.archive(&id, "").await.unwrap());
    let archive = known.repo.archive(&id, "").await.unwrap();
    let left = tokio::task::spawn_blocking(|| {
        archive.read(|_, _| Err(vcs::ArchiveError::Malformed("enough".to_owned())))
    });
    assert!(left.await.unwrap().is_err());
    let skipped = known.repo.archive(&id, "").await.unwrap();
    tokio::task::spawn_blocking(|| skipped.read(|_, _| Ok(()))).await.unwrap().unwrap();
    assert_eq!(unpack(known.repo.archive(&id, "").await.unwrap()).await.len(), known.files.1.len());
}

/// Tags on ancestors and on the revision itself, and no others.
pub async fn tags_behind_are_those_on_ancestors(known: Known) {
    let Some((name, want)) = &known.behind else { return };
    let id = known.repo.stat(Some(name)).await.unwrap().id;
    assert_eq!(known.repo.tags_behind(&id, "").await.unwrap(), *want);
    let longest = want.iter().max_by_key(|tag| tag.len()).unwrap();
    assert_eq!(known.repo.tags_behind(&id, longest).await.unwrap(), [*longest]);
    assert_eq!(known.repo.tags_behind(&id, "xxx").await.unwrap(), [""; 0]);
}

/// The same, asked of single tags.
pub async fn a_revision_descends_from_its_ancestors_and_itself_alone(known: Known) {
    let Some((name, behind)) = &known.behind else { return };
    let id = known.repo.stat(Some(name)).await.unwrap().id;
    for (tag, _) in &known.tags {
        let have = known.repo.descends_from(&id, tag).await.unwrap();
        assert_eq!(have, behind.contains(tag), "{tag}");
    }
    assert!(!known.repo.descends_from(&id, "no-such-tag").await.unwrap());
}

/// Whatever is asked at once.
pub async fn many_askers_are_told_the_same(known: Known) {
    let asked = known.files.0;
    let one = |_| async {
        let id = known.repo.stat(Some(asked)).await.unwrap().id;
        let (path, _) = known.files.1[0];
        (known.repo.read_file(&id, path, 1 << 20).await.unwrap().unwrap(), id)
    };
    let all = join_all((0..50).map(one)).await;
    assert!(all.iter().all(|answer| *answer == all[0]));
    assert_eq!(all[0].0, known.files.1[0].1.as_bytes());
}

/// Also not those who wait for the same.
pub async fn an_asker_that_leaves_harms_nobody(known: Known) {
    let asked = known.files.0;
    let mut first = known.repo.stat(Some(asked));
    let second = known.repo.stat(Some(asked));
    assert!((&mut first).now_or_never().is_none());
    drop(first);
    assert!(second.await.is_ok());
    assert!(known.repo.stat(Some(asked)).await.is_ok());
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_clause_is_in_the_list() {
        let text = include_str!("repo.rs");
        let named = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        for name in named.map(|rest| rest.split('(').next().unwrap()) {
            assert!(text.lines().any(|line| line.trim() == name), "{name} is not listed");
        }
    }
}
