//! The files of a commit below a directory: first their names, then their contents as one stream.
//!
//! Names come from `git ls-tree`, contents from `git archive`, because only git knows what line ends, `ident` and
//! encodings make of a file (cmd/go `gitRepo.ReadZip`; its zip would have to be read from its end, a tar can be read as it
//! comes). The archive is made of the commit and the directory, not of the directory's tree, so that `.gitattributes`
//! of the directories above count. What the stream holds must be what was listed, in the same order.

use std::io::{self, Read};

use crate::archive::Each;
use crate::{ArchiveError, Entry, EntryKind};

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

/// Gives the contents of the files that a tar stream holds, whose names there begin with `prefix`, to `each`; they must be
/// the listed ones. Reads the stream to its end, since the tool must not meet a closed pipe.
pub(crate) fn contents(
    stream: &mut dyn Read,
    prefix: &[u8],
    entries: &[Entry],
    each: &mut Each<'_>,
) -> Result<(), ArchiveError> {
    let mut listed = entries.iter().filter(|entry| entry.kind != EntryKind::Other);
    let mut archive = tar::Archive::new(&mut *stream);
    for member in archive.entries()? {
        let mut member = member?;
        let kind = match member.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => EntryKind::File,
            tar::EntryType::Symlink => EntryKind::Symlink,
            // Directories have no listing, and headers for all members no content.
            tar::EntryType::Directory | tar::EntryType::XGlobalHeader => continue,
            other => return Err(malformed(&format!("something that is no file: {other:?}"))),
        };
        let path = member.path_bytes().into_owned();
        let is_it =
            |entry: &&Entry| entry.kind == kind && path.strip_prefix(prefix) == Some(entry.path.as_slice());
        let Some(entry) = listed.next().filter(is_it) else {
            return Err(malformed("a file that was not listed here"));
        };
        if kind == EntryKind::File {
            each(&entry.path, &mut member)?;
        }
    }
    if listed.next().is_some() {
        return Err(malformed("a listed file is missing"));
    }
    io::copy(stream, &mut io::sink())?;
    Ok(())
}

fn malformed(what: &str) -> ArchiveError {
    ArchiveError::Malformed(what.to_owned())
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

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read(stream: &[u8], listed: &[&str]) -> Result<Vec<(String, String)>, ArchiveError> {
        let entry =
            |path: &&str| Entry { path: path.as_bytes().to_vec(), kind: EntryKind::File, size_bytes: 1 };
        let entries: Vec<Entry> = listed.iter().map(entry).collect();
        let mut seen = Vec::new();
        let mut each = |path: &[u8], content: &mut dyn Read| {
            seen.push((String::from_utf8_lossy(path).into_owned(), io::read_to_string(content)?));
            Ok(())
        };
        contents(&mut &stream[..], b"d/", &entries, &mut each).map(|()| seen)
    }

    #[test]
    fn a_stream_holds_what_was_listed_in_the_same_order_and_nothing_else() {
        let stream = tar(&[("d/a", "1"), ("d/b", "2")]);
        let seen = read(&stream, &["a", "b"]).unwrap();
        assert_eq!(seen, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        for listed in [&["a"][..], &["a", "b", "c"], &["b", "a"], &["a", "c"], &[]] {
            assert!(matches!(read(&stream, listed), Err(ArchiveError::Malformed(_))), "{listed:?}");
        }
        assert!(read(&tar(&[("e/a", "1")]), &["a"]).is_err());
        assert!(read(&stream[..700], &["a", "b"]).is_err());
        assert!(read(b"not a tar", &["a"]).is_err());
        assert!(read(b"", &["a"]).is_err());
    }
}
