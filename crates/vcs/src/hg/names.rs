//! What names mean in a Mercurial repository: tags, bookmarks, branches, and the tip.
//!
//! Pure: made from lists that hg wrote, lines of an id, a space and a name.

use std::collections::BTreeMap;

use crate::Tag;
use crate::ids::{self, SHORTEST};

/// Digits of a full id.
const DIGITS: usize = 40;
/// The newest revision, which hg lists as a tag.
const TIP: &str = "tip";

/// Names and their revisions, after one fetch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Names {
    tip: Option<String>,
    tags: BTreeMap<String, String>,
    bookmarks: BTreeMap<String, String>,
    branches: BTreeMap<String, String>,
}

/// The id that a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning<'a> {
    /// The newest revision.
    Tip(&'a str),
    /// A tag.
    Tag(&'a str),
    /// A bookmark or a branch.
    Movable(&'a str),
}

impl Names {
    /// Reads the three lists.
    pub(super) fn parse(tags: &[u8], bookmarks: &[u8], branches: &[u8]) -> Self {
        let mut tags = list(tags);
        // An empty repository has a tip of zeros, which the list leaves out.
        let tip = tags.remove(TIP);
        Self { tip, tags, bookmarks: list(bookmarks), branches: list(branches) }
    }

    /// What a name means, `None` for the default.
    pub(super) fn meaning(&self, name: Option<&str>) -> Option<Meaning<'_>> {
        let name = match name {
            None | Some(TIP) => return self.tip.as_deref().map(Meaning::Tip),
            Some(name) => name,
        };
        // A full id is never a name (mercurial `scmutil.revsymbol`).
        if is_id(name) {
            return None;
        }
        if let Some(id) = self.bookmarks.get(name) {
            return Some(Meaning::Movable(id));
        }
        match (self.tags.get(name), self.branches.get(name)) {
            // cmd/go `vcsRepo.Stat`: what is a branch too is called by its id.
            (Some(id), None) => Some(Meaning::Tag(id)),
            (Some(id), Some(_)) | (None, Some(id)) => Some(Meaning::Movable(id)),
            (None, None) => None,
        }
    }

    /// The tags that begin with `prefix`, by name.
    pub(super) fn tags(&self, prefix: &str) -> Vec<Tag> {
        let named = self.tags.iter().filter(|(name, _)| name.starts_with(prefix));
        named.map(|(name, id)| Tag { name: name.clone(), id: id.clone() }).collect()
    }

    /// The revision of a tag.
    pub(super) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }

    /// The names of the tags on a revision, by name.
    pub(super) fn tags_on(&self, id: &str) -> Vec<String> {
        self.tags.iter().filter(|(_, on)| *on == id).map(|(name, _)| name.clone()).collect()
    }
}

/// Whether these are digits that an id may begin with.
pub(super) fn is_digits(name: &str) -> bool {
    (SHORTEST..=DIGITS).contains(&name.len()) && ids::is_digits(name)
}

/// Whether this is a full id.
pub(super) fn is_id(name: &str) -> bool {
    name.len() == DIGITS && is_digits(name)
}

fn list(text: &[u8]) -> BTreeMap<String, String> {
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let named = lines.filter_map(|line| line.split_once(' '));
    let real = named.filter(|(id, _)| is_id(id) && id.bytes().any(|digit| digit != b'0'));
    real.map(|(id, name)| (name.to_owned(), id.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_bookmark_before_a_tag_before_a_branch() {
        let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(40));
        let tags = format!("{c} tip\n{a} v1\n{a} v 2\n{a} both\n{a} {b}\n");
        let names = Names::parse(
            tags.as_bytes(),
            format!("{b} v1\nno bookmarks set\n").as_bytes(),
            format!("{c} both\n{c} default\n").as_bytes(),
        );
        assert_eq!(names.meaning(None), Some(Meaning::Tip(&c)));
        assert_eq!(names.meaning(Some("v1")), Some(Meaning::Movable(&b)));
        assert_eq!(names.meaning(Some("v 2")), Some(Meaning::Tag(&a)));
        assert_eq!(names.meaning(Some("both")), Some(Meaning::Movable(&a)));
        assert_eq!(names.meaning(Some("default")), Some(Meaning::Movable(&c)));
        assert_eq!(names.meaning(Some("no")), None);
        assert_eq!(names.meaning(Some(&b)), None);
        let empty = Names::parse(format!("{} tip\n", "0".repeat(40)).as_bytes(), b"", b"");
        assert_eq!(empty.meaning(None), None);
    }
}
