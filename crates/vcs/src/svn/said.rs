//! What svn writes as XML: a revision of the log, and a listing. The rules are cmd/go `svnParseStat` and `svnReadZip`.

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::{Entry, EntryKind};

/// The revision that `svn log --xml` tells of: its number and its time. Nothing where it is not that.
pub(super) fn revision(log: &[u8]) -> Option<(u64, Timestamp)> {
    let (mut number, mut time) = (None, None);
    walk(log, |part| {
        match part {
            Part::Start(tag) if tag.name().as_ref() == "logentry" => {
                number = Some(attribute(tag, "revision")?.parse().ok()?);
            }
            Part::End("date", text) => time = Some(text.parse().ok()?),
            _ => {}
        }
        Some(())
    })?;
    number.zip(time)
}

/// The files that `svn list --xml --recursive` tells of, by name. Nothing where it is not that.
pub(super) fn files(listing: &[u8]) -> Option<Vec<Entry>> {
    let mut files = Vec::new();
    let (mut is_file, mut name, mut size) = (false, None, None);
    walk(listing, |part| {
        match part {
            Part::Start(tag) if tag.name().as_ref() == "entry" => {
                is_file = attribute(tag, "kind")? == "file";
                (name, size) = (None, None);
            }
            Part::End("name", text) => name = Some(text.as_bytes().to_vec()),
            Part::End("size", text) => size = Some(text.parse().ok()?),
            Part::End("entry", _) if is_file => {
                files.push(Entry { path: name.take()?, kind: EntryKind::File, size_bytes: size.take()? });
            }
            _ => {}
        }
        Some(())
    })?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Some(files)
}

/// What a document is made of.
enum Part<'a> {
    Start(&'a BytesStart<'a>),
    /// The name of an element, and the text since the last tag.
    End(&'a str, &'a str),
}

/// Goes through a document. Nothing where it is none, is not whole, or is given up.
fn walk(document: &[u8], mut each: impl FnMut(Part<'_>) -> Option<()>) -> Option<()> {
    let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
    let (mut text, mut depth, mut is_begun) = (String::new(), 0_usize, false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                text.clear();
                (depth, is_begun) = (depth + 1, true);
                each(Part::Start(&tag))?;
            }
            Event::End(tag) => {
                each(Part::End(tag.name().as_ref(), &text))?;
                text.clear();
                depth = depth.checked_sub(1)?;
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => match name.resolve_char_ref().ok()? {
                Some(letter) => text.push(letter),
                None => text.push_str(resolve_predefined_entity(&name)?),
            },
            Event::Eof => return (is_begun && depth == 0).then_some(()),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
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
