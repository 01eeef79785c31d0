//! Lists of proxies, compared with Go.

use gomod::goproxy::{Fallback, ProxyEntry, ProxyList, ProxyListError, ProxyScheme, ProxyTarget};
use testkit::cases;

fn target(entry: &ProxyEntry) -> &str {
    match &entry.target {
        ProxyTarget::Url(url) => url.as_str(),
        ProxyTarget::Direct => "direct",
        ProxyTarget::Off => "off",
    }
}

#[test]
fn lists_are_read_as_go_reads_them() {
    for case in cases!("goproxy") {
        let list = ProxyList::parse(case.text(0));
        if case.is(1, "error") {
            let error = match list {
                Ok(list) => panic!("{case}: {list}"),
                Err(error) => error,
            };
            let wanted = case.text(2);
            // Redacted in another way, or written anew by Go.
            let is_rewritten = wanted.contains("proxy URL") || wanted.contains("invalid host: ParseAddr");
            let same_kind = wanted.split(": ").next() == error.to_string().split(": ").next();
            assert!(
                error.to_string() == wanted || is_rewritten && (same_kind || wanted.contains("ParseAddr")),
                "{case}: {error}"
            );
            continue;
        }
        let list = list.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(list.entries().len() * 2 + 1, case.fields.len(), "{case}");
        for (at, entry) in list.entries().iter().enumerate() {
            assert_eq!(target(entry), case.text(at * 2 + 1), "{case}");
            let next = if entry.fallback == Fallback::OnAnyError { "any" } else { "absent" };
            assert!(case.is(at * 2 + 2, next), "{case}");
        }
    }
}

#[test]
fn names_and_passwords_are_not_shown() {
    let list = ProxyList::parse("https://user:secret@a.example.com/x,token@b.example.com|direct").unwrap();
    assert_eq!(target(&list.entries()[0]), "https://user:secret@a.example.com/x");
    assert_eq!(list.to_string(), "https://xxxxx@a.example.com/x,https://xxxxx@b.example.com|direct");
    assert!(!format!("{list:?}").contains("secret"));
    for broken in [
        "https://user:secret@a b/",
        "https://user:sec/ret@host/",
        "https://user:secret@host:port",
        "ftp://u:secret@host/",
        "https://us er:secret@host",
        "file://u:secret@host/x",
        "https://user:sec?secret@host",
        "https://u:%zsecret@h",
        "https://u:secret#ret@host/",
    ] {
        let error = ProxyList::parse(broken).map(|list| list.to_string()).map_err(|error| error.to_string());
        let text = error.expect_err(broken);
        assert!(!text.contains("sec") && !text.contains("ret"), "{broken}: {text}");
        assert!(text.contains("xxxxx"), "{broken}: {text}");
    }
}

#[test]
fn schemes_are_told_apart() {
    for (url, wanted) in [
        ("HTTP://x/", ProxyScheme::Http),
        ("x.example.com", ProxyScheme::Https),
        ("file:///a", ProxyScheme::File),
    ] {
        let list = ProxyList::parse(url).unwrap();
        assert!(
            matches!(&list.entries()[0].target, ProxyTarget::Url(url) if url.scheme() == wanted),
            "{url}"
        );
    }
    assert_eq!(ProxyList::parse("foo"), Err(ProxyListError::MissingScheme("foo".to_owned())));
    assert_eq!(ProxyList::parse(" , |"), Err(ProxyListError::NoEntries));
}
