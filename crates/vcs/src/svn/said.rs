//! What svn writes as XML: a revision of the log, and a listing.
//!
//! Not a reader of XML but of what svn makes: elements in their order, attributes in double quotes, the five names of
//! characters and their numbers, and nothing else. The rules are cmd/go `svnParseStat` and `svnReadZip`.

use jiff::Timestamp;

use crate::{Entry, EntryKind};

/// The revision that `svn log --xml` tells of: its number and its time. Nothing where it is not that.
pub(super) fn revision(log: &[u8]) -> Option<(u64, Timestamp)> {
    let log = std::str::from_utf8(log).ok()?;
    let (_, entry) = log.split_once("<logentry")?;
    let number = attribute(entry, "revision")?.parse().ok()?;
    let time = element(entry, "date")?.parse().ok()?;
    Some((number, time))
}

/// The files that `svn list --xml --recursive` tells of, by name. Nothing where it is not that.
pub(super) fn files(listing: &[u8]) -> Option<Vec<Entry>> {
    let listing = std::str::from_utf8(listing).ok()?;
    if !listing.contains("</lists>") {
        return None;
    }
    let mut files = Vec::new();
    for entry in listing.split("<entry").skip(1) {
        if attribute(entry, "kind")? == "file" {
            let path = text(element(entry, "name")?)?.into_bytes();
            let size_bytes = element(entry, "size")?.parse().ok()?;
            files.push(Entry { path, kind: EntryKind::File, size_bytes });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Some(files)
}

/// An attribute of the element that `inside` is behind the name of.
fn attribute<'a>(inside: &'a str, name: &str) -> Option<&'a str> {
    let (tag, _) = inside.split_once('>')?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// The text of the first element with this name, as it is written.
fn element<'a>(inside: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = inside.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// A text with what stands for characters replaced.
fn text(written: &str) -> Option<String> {
    let (first, rest) = written.split_once('&').map_or((written, None), |(first, rest)| (first, Some(rest)));
    let mut out = first.to_owned();
    for part in rest.into_iter().flat_map(|rest| rest.split('&')) {
        let (name, after) = part.split_once(';')?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => char::from_u32(number.strip_prefix('#')?.parse().ok()?)?,
        });
        out.push_str(after);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_number_and_time() {
        let log = "<?xml version=\"1.0\"?>\n<log>\n<logentry\n   revision=\"5\">\n<author>a</author>\n\
                   <date>2017-10-04T15:08:26.291877Z</date>\n</logentry>\n</log>\n";
        let (number, time) = revision(log.as_bytes()).unwrap();
        assert_eq!((number, time.to_string().as_str()), (5, "2017-10-04T15:08:26.291877Z"));
        for broken in
            ["", "<log>\n</log>", "<logentry revision=\"5\"></logentry>", "<logentry revision=\"x\""]
        {
            assert_eq!(revision(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(revision(log.replace("2017-", "20").as_bytes()), None);
    }

    #[test]
    fn a_listing_tells_files_by_name() {
        let entry = |kind: &str, name: &str| {
            format!(
                "<entry\n   kind=\"{kind}\">\n<name>{name}</name>\n<size>7</size>\n<commit></commit>\n</entry>\n"
            )
        };
        let listing =
            ["<lists>", &entry("file", "b&amp;&#13;c"), &entry("dir", "d"), &entry("file", "a"), "</lists>"];
        let found = files(listing.concat().as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|entry| (entry.path.as_slice(), entry.size_bytes)).collect();
        assert_eq!(found, [(&b"a"[..], 7), (b"b&\rc", 7)]);
        assert_eq!(files(b"<lists></lists>"), Some(Vec::new()));
        for broken in [&listing[..3], &["<lists>", "<entry kind=\"file\"><name>&x;</name>", "</lists>"]] {
            assert_eq!(files(broken.concat().as_bytes()), None, "{broken:?}");
        }
    }
}
