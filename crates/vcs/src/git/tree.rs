//! The files of a commit below a directory, as git lists them.
//!
//! Names come from `git ls-tree`, contents from `git archive`, because only git knows what line ends, `ident` and
//! encodings make of a file (cmd/go `gitRepo.ReadZip`; its zip would have to be read from its end, a tar can be read as it
//! comes). The archive is made of the commit and the directory, not of the directory's tree, so that `.gitattributes`
//! of the directories above count. What the stream holds must be what was listed, in the same order.

use crate::{Entry, EntryKind};

/// Reads `git ls-tree -r -z --long`: `MODE KIND ID SIZE\tNAME\0`. Nothing where it is not that.
pub(super) fn parse(listing: &[u8]) -> Option<Vec<Entry>> {
    let records = listing.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    records.map(entry).collect()
}

fn entry(record: &[u8]) -> Option<Entry> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let (facts, path) = record.split_at_checked(tab)?;
    let mut facts = std::str::from_utf8(facts).ok()?.split_ascii_whitespace();
    let kind = match facts.next()? {
        "120000" => EntryKind::Symlink,
        mode if mode.starts_with("100") => EntryKind::File,
        _ => EntryKind::Other,
    };
    // A submodule's size is `-`.
    let size_bytes = facts.nth(2)?.parse().unwrap_or_default();
    Some(Entry { path: path.get(1..)?.to_owned(), kind, size_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_tells_files_links_and_submodules_apart() {
        let text = b"100644 blob aa      12\ta\xff b\x00100755 blob bb 7\td/x\ty\x00120000 blob cc 3\tl\x00160000 commit dd -\tm\0";
        let entries = parse(text).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.path.as_slice(), e.kind, e.size_bytes)).collect();
        assert_eq!(
            seen,
            [
                (&b"a\xff b"[..], EntryKind::File, 12),
                (b"d/x\ty", EntryKind::File, 7),
                (b"l", EntryKind::Symlink, 3),
                (b"m", EntryKind::Other, 0),
            ]
        );
        assert_eq!(parse(b""), Some(Vec::new()));
        assert_eq!(parse(b"no listing"), None);
    }
}
