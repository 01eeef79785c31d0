//! Contents from a tar stream, which must hold what was listed, in the same order.

use std::io::{self, Read};

use super::{ArchiveError, Each, Entry, EntryKind};

/// Gives the contents of the files that a tar stream holds, whose names there begin with `prefix`, to `each`; they must be
/// the listed ones. Reads the stream to its end, since the tool must not meet a closed pipe.
pub(crate) fn contents(
    stream: &mut dyn Read,
    prefix: &[u8],
    entries: &[Entry],
    each: &mut Each<'_>,
) -> Result<(), ArchiveError> {
    let mut listed = entries.iter().filter(|entry| entry.kind != EntryKind::Other);
    members(stream, prefix, &mut |found, content| {
        let is_it = |entry: &&Entry| entry.kind == found.kind && entry.path == found.path;
        match listed.next().filter(is_it) {
            Some(_) if found.kind == EntryKind::File => each(&found.path, content),
            Some(_) => Ok(()),
            None => Err(malformed("a file that was not listed here")),
        }
    })?;
    if listed.next().is_some() {
        return Err(malformed("a listed file is missing"));
    }
    Ok(())
}

/// The files and links that a tar stream holds, in its order, whose names there begin with `prefix`, as all must. Reads the
/// stream to its end.
pub(crate) fn list(stream: &mut dyn Read, prefix: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let mut entries = Vec::new();
    members(stream, prefix, &mut |entry, _| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// Gives files and links of a tar stream with their contents, and reads it to its end.
fn members(
    stream: &mut dyn Read,
    prefix: &[u8],
    each: &mut dyn FnMut(Entry, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
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
        let path = member.path_bytes().strip_prefix(prefix).map(<[u8]>::to_vec);
        let path = path.ok_or_else(|| malformed("a file that was not listed here"))?;
        let size_bytes = member.size();
        each(Entry { path, kind, size_bytes }, &mut member)?;
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
