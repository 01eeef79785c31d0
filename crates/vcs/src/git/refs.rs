//! What a git repository offers to everybody: branches, tags, and its default, each with a commit.
//!
//! Pure: made from the text of `git ls-remote`, asked by names. The rules are those of cmd/go `gitRepo.loadRefs` and
//! `gitRepo.stat`: `refs/pull/*` and the like are as good as not there, so that commits nobody accepted never look like
//! versions. A server writes this text, so names that git itself would not allow are left out, and with them whatever
//! would be an option, a pattern or a second name on a command line.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use crate::Tag;
use crate::ids::{SHORTEST, is_digits};

const TAGS: &str = "refs/tags/";
const HEADS: &str = "refs/heads/";

/// What object ids look like in a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// 40 digits.
    Sha1,
    /// 64 digits.
    Sha256,
}

impl Format {
    /// What ids look like where this is one.
    pub(crate) fn of(id: &str) -> Self {
        if id.len() == Self::Sha256.digits() { Self::Sha256 } else { Self::Sha1 }
    }

    /// As git's configuration says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// How many hexadecimal digits a full id has.
    pub(crate) fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }
}

/// Names and their commits, at one moment. Annotated tags have the commit that they are on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Refs {
    by_name: BTreeMap<String, String>,
}

/// What a name means among the refs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// A commit that has a name.
    Named(Target),
    /// Digits that no advertised commit begins with; history may have it.
    Digits,
    /// Digits that several advertised commits begin with.
    Ambiguous,
    /// Nothing.
    Unknown,
}

/// A commit that has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// The full name of the ref, `HEAD` included.
    pub(super) reference: String,
    /// The commit.
    pub(super) id: String,
    /// Whether it was asked for by the name of a tag, which then is the name of the revision.
    pub(super) is_tag: bool,
}

impl Refs {
    /// Reads the output of `git ls-remote`: lines of an id, a tab and a name.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut by_name = BTreeMap::new();
        let mut peeled = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((id, name)) = line.split_once('\t') else { continue };
            if !is_id(id) {
                continue;
            }
            match name.strip_suffix("^{}") {
                Some(name) if is_offered(name) => peeled.push((name.to_owned(), id.to_owned())),
                None if is_offered(name) => drop(by_name.insert(name.to_owned(), id.to_owned())),
                _ => {}
            }
        }
        by_name.extend(peeled);
        Self { by_name }
    }

    /// What the ids look like; nothing in an empty repository.
    pub(super) fn format(&self) -> Option<Format> {
        let id = self.by_name.values().next()?;
        Some(Format::of(id))
    }

    /// The tags that begin with `prefix`, by name.
    pub(super) fn tags<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let from = format!("{TAGS}{prefix}");
        let last = from.clone();
        let named = self.by_name.range(from..).take_while(move |(name, _)| name.starts_with(&last));
        named.map(|(name, id)| (name.strip_prefix(TAGS).unwrap_or(name), id.as_str()))
    }

    /// The same, as they are given out.
    pub(super) fn list(&self, prefix: &str) -> Vec<Tag> {
        self.tags(prefix).map(|(name, id)| Tag { name: name.to_owned(), id: id.to_owned() }).collect()
    }

    /// The commit of a tag.
    pub(super) fn tag(&self, name: &str) -> Option<&str> {
        self.by_name.get(&format!("{TAGS}{name}")).map(String::as_str)
    }

    /// The names of the tags on a commit, by name.
    pub(super) fn tags_on(&self, id: &str) -> Vec<String> {
        self.tags("").filter(|(_, on)| *on == id).map(|(name, _)| name.to_owned()).collect()
    }

    /// The tip of the default branch.
    pub(super) fn head(&self) -> Option<Target> {
        self.target("HEAD", false)
    }

    /// A ref that is on a commit.
    pub(super) fn naming(&self, id: &str) -> Option<&str> {
        self.by_name.iter().find(|(_, on)| *on == id).map(|(name, _)| name.as_str())
    }

    /// The tags that are likely to be asked for after one, each on another commit, of those whose ids are lacking: the newest of its
    /// folder and those that stand next to it, numbers in names counted as numbers; and of tags in folders the newest of each
    /// other folder, the next folders first, then the second of each.
    pub(super) fn likely(
        &self,
        reference: &str,
        count: usize,
        is_lacking: &dyn Fn(&str) -> bool,
    ) -> Vec<Target> {
        let Some(tag) = reference.strip_prefix(TAGS) else { return Vec::new() };
        let folder = folder_of(tag);
        let mut folders: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (name, id) in self.tags(if folder.is_empty() { "v" } else { "" }) {
            let of = folder_of(name);
            let own = numbers(name.get(of.len()..).unwrap_or(name));
            folders.entry(of).or_default().push((Reverse(own), name, id));
        }
        for tags in folders.values_mut() {
            tags.sort();
        }
        let own = folders.remove(folder).unwrap_or_default();
        let at = own.iter().position(|(_, name, _)| *name == tag).unwrap_or_default();
        let (newer, older) = own.split_at(at);
        let beside = newer.iter().rev().zip(older.iter().skip(1)).flat_map(|(next, last)| [next, last]);
        let own = newer.iter().take(count * 3 / 8).chain(beside).chain(newer.iter().rev()).chain(older);
        let after = folders.range(folder..).filter(|_| !folder.is_empty());
        let folders: Vec<_> = after.chain(folders.range(..folder)).map(|(_, tags)| tags).collect();
        let most = folders.iter().map(|tags| tags.len()).max().unwrap_or_default();
        let others = (0..most).flat_map(|rank| folders.iter().filter_map(move |tags| tags.get(rank)));
        let mut seen = HashSet::from([self.by_name.get(reference).cloned().unwrap_or_default()]);
        let mut fresh = |(_, name, id): &(_, &str, &str)| {
            (is_lacking(id) && seen.insert((*id).to_owned()))
                .then(|| self.target(&format!("{TAGS}{name}"), true))
                .flatten()
        };
        let room = if folder.is_empty() { count } else { count / 2 };
        let mut found: Vec<Target> = own.filter_map(&mut fresh).take(room).collect();
        let left = count - found.len();
        found.extend(others.filter_map(fresh).take(left));
        found
    }

    /// What a name means, in the order of cmd/go `gitRepo.stat`: a tag, a branch, `HEAD`, the beginning of an advertised
    /// commit, digits that may be a commit of the history.
    pub(super) fn meaning(&self, name: &str) -> Meaning {
        let named = (self.target(&format!("{TAGS}{name}"), true))
            .or_else(|| self.target(&format!("{HEADS}{name}"), false))
            .or_else(|| self.head().filter(|_| name == "HEAD"));
        let longest = self.format().unwrap_or(Format::Sha1).digits();
        match named {
            Some(target) => Meaning::Named(target),
            None if is_digits(name) && (SHORTEST..=longest).contains(&name.len()) => self.beginning(name),
            None => Meaning::Unknown,
        }
    }

    /// The commit that begins with these digits. Of several names of it the first counts, so that the answer is always
    /// the same.
    fn beginning(&self, digits: &str) -> Meaning {
        let mut found: Option<(&String, &String)> = None;
        for (name, id) in self.by_name.iter().filter(|(_, id)| id.starts_with(digits)) {
            match found {
                Some((_, other)) if other != id => return Meaning::Ambiguous,
                Some(_) => {}
                None => found = Some((name, id)),
            }
        }
        found.and_then(|(name, _)| self.target(name, false)).map_or(Meaning::Digits, Meaning::Named)
    }

    fn target(&self, reference: &str, is_tag: bool) -> Option<Target> {
        let id = self.by_name.get(reference)?;
        Some(Target { reference: reference.to_owned(), id: id.clone(), is_tag })
    }
}

/// The folder of a tag, with its slash; nothing for a tag in none.
fn folder_of(tag: &str) -> &str {
    tag.rfind('/').map_or("", |end| tag.get(..=end).unwrap_or_default())
}

/// The numbers in a name.
fn numbers(name: &str) -> Vec<u64> {
    let digits = name.split(|letter: char| !letter.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// Whether this is a full id.
pub(super) fn is_id(text: &str) -> bool {
    is_digits(text) && [Format::Sha1.digits(), Format::Sha256.digits()].contains(&text.len())
}

/// Whether a ref is one that is asked for, by a name that git allows (`git check-ref-format`).
fn is_offered(name: &str) -> bool {
    let is_ours = name == "HEAD" || name.starts_with(TAGS) || name.starts_with(HEADS);
    let odd = |byte: u8| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte);
    is_ours && !name.bytes().any(odd) && !name.contains("..") && !name.contains("@{") && !name.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaa111111111111111111111111111111111";
    const B: &str = "aaaaaaa222222222222222222222222222222222";
    const C: &str = "ccccccc333333333333333333333333333333333";

    fn refs(lines: &[(&str, &str)]) -> Refs {
        let lines: Vec<_> = lines.iter().map(|(name, id)| format!("{id}\t{name}")).collect();
        Refs::parse(lines.join("\n").as_bytes())
    }

    #[test]
    fn only_branches_tags_and_the_default_are_there() {
        let refs =
            refs(&[("HEAD", A), ("refs/heads/main", A), ("refs/pull/1/head", B), ("refs/changes/1", C)]);
        assert_eq!(refs.by_name.keys().collect::<Vec<_>>(), ["HEAD", "refs/heads/main"]);
        assert_eq!(refs.meaning(&B[..9]), Meaning::Digits);
    }

    #[test]
    fn an_annotated_tag_stands_for_its_commit_in_either_order() {
        for lines in
            [[("refs/tags/v1", C), ("refs/tags/v1^{}", A)], [("refs/tags/v1^{}", A), ("refs/tags/v1", C)]]
        {
            assert_eq!(refs(&lines).list(""), [Tag { name: "v1".into(), id: A.into() }]);
        }
    }

    #[test]
    fn a_tag_is_meant_before_a_branch_and_digits_come_last() {
        let refs = refs(&[("HEAD", B), ("refs/heads/v1", A), ("refs/tags/v1", C), ("refs/tags/ccccccc", A)]);
        let target = |name: &str| match refs.meaning(name) {
            Meaning::Named(target) => (target.reference, target.id),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(target("v1"), ("refs/tags/v1".into(), C.into()));
        assert_eq!(target("ccccccc"), ("refs/tags/ccccccc".into(), A.into()));
        assert_eq!(target("ccccccc3"), ("refs/tags/v1".into(), C.into()));
        assert_eq!(target("HEAD"), ("HEAD".into(), B.into()));
        assert_eq!(refs.meaning("aaaaaaa"), Meaning::Ambiguous);
        assert_eq!(refs.meaning("cccccc"), Meaning::Unknown);
        assert_eq!(refs.meaning("CCCCCCC"), Meaning::Unknown);
        assert_eq!(refs.meaning("dddddddd"), Meaning::Digits);
        assert_eq!(refs.meaning(&"d".repeat(41)), Meaning::Unknown);
    }

    #[test]
    fn tags_of_a_prefix_are_in_order() {
        let refs = refs(&[
            ("refs/tags/b/v1", A),
            ("refs/tags/b/v10", A),
            ("refs/tags/a/v1", A),
            ("refs/tags/bv", A),
        ]);
        let names = |prefix| refs.tags(prefix).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("b/"), ["b/v1", "b/v10"]);
        assert_eq!(names(""), ["a/v1", "b/v1", "b/v10", "bv"]);
        assert_eq!(names("c"), [""; 0]);
    }

    #[test]
    fn likely_are_the_newest_and_the_next_of_the_same_folder_and_the_newest_of_others() {
        let id = |number: usize| format!("{number:040}");
        let mut lines: Vec<(String, String)> =
            (0..20).map(|minor| (format!("refs/tags/v1.{minor}.0"), id(minor))).collect();
        lines.extend((0..3).map(|minor| (format!("refs/tags/b/v1.{minor}.0"), id(30 + minor))));
        lines.extend((8..11).map(|minor| (format!("refs/tags/c/v1.{minor}.0"), id(40 + minor))));
        lines.push(("refs/tags/d/v1.0.0".to_owned(), id(32)));
        lines.push(("refs/heads/v7".to_owned(), id(50)));
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
        let refs = refs(&lines);
        let likely = |name: &str, count| {
            let likely = refs.likely(&format!("refs/tags/{name}"), count, &|_| true);
            likely.into_iter().map(|target| target.reference.replace("refs/tags/", "")).collect::<Vec<_>>()
        };
        assert_eq!(
            likely("v1.9.0", 8),
            ["v1.19.0", "v1.18.0", "v1.17.0", "v1.10.0", "v1.8.0", "v1.11.0", "v1.7.0", "v1.12.0"]
        );
        assert_eq!(likely("v1.19.0", 2), ["v1.18.0", "v1.17.0"]);
        assert_eq!(
            likely("b/v1.0.0", 8),
            ["b/v1.2.0", "b/v1.1.0", "c/v1.10.0", "v1.19.0", "c/v1.9.0", "v1.18.0", "c/v1.8.0", "v1.17.0"]
        );
        assert_eq!(likely("nowhere/v1.0.0", 2), ["v1.19.0", "b/v1.2.0"]);
        let lacking = refs.likely("refs/tags/v1.9.0", 2, &|other| other < id(9).as_str());
        assert_eq!(lacking.iter().map(|target| target.id.clone()).collect::<Vec<_>>(), [id(8), id(7)]);
        assert_eq!(refs.likely("refs/heads/v7", 2, &|_| true), []);
    }

    #[test]
    fn names_that_git_does_not_allow_are_left_out() {
        let odd =
            ["refs/heads/a:refs/heads/b", "refs/tags/*", "refs/heads/a b", "refs/tags/^x", "refs/tags/a..b"];
        let lines: Vec<_> = odd.iter().map(|name| (*name, A)).collect();
        assert_eq!(refs(&lines), Refs::default());
        assert_eq!(Refs::parse(b"\xff\xfe\tHEAD\nnothex\tHEAD\n\n\tHEAD\nabc HEAD"), Refs::default());
    }

    #[test]
    fn a_tag_named_like_an_option_is_a_tag() {
        let refs = refs(&[("refs/tags/--upload-pack=x", A)]);
        assert!(matches!(refs.meaning("--upload-pack=x"), Meaning::Named(target) if target.id == A));
    }
}
