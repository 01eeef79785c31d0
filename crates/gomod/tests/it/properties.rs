//! What holds for every text: nothing panics, and writing is the inverse of reading.

use std::fmt::Write as _;

use gomod::goproxy::ProxyList;
use gomod::govcs::GoVcs;
use gomod::pseudo::{PseudoVersion, pseudo_version};
use gomod::{EscapedPath, ModulePath, Patterns, Query, Request, Version, meta, path, repo, semver};
use jiff::Timestamp;
use proptest::prelude::*;

/// Texts, most of which are nearly what is read.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9.!~/@v+%_\\-]{0,40}",
        "[\\[\\]*?^\\\\,/a-c\u{e9}-]{0,20}",
        request(),
        version()
    ]
}

/// Paths that may name a system.
fn suffixed() -> impl Strategy<Value = String> {
    let host = "(github\\.com|bitbucket\\.org|git\\.apache\\.org|example\\.com)";
    (host, "(/[a-z~.]{1,4}(\\.git|\\.hg|\\.svn)?){0,4}").prop_map(|(host, path)| host + &path)
}

/// Bytes of all shapes, most of which are nearly a page.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let tag = Just(r#"<meta name="go-import" content="x.y/m git https://z.y/m">"#.to_owned());
    let piece = prop_oneof![
        tag.prop_map(String::into_bytes),
        any::<Vec<u8>>(),
        "[<>/!?=\"'&;a-c \n:-]{0,12}".prop_map(String::into_bytes),
        "<meta name=go-import content='[ a-c./&;#x0-9]{0,20}'>".prop_map(String::into_bytes),
        "(<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?|\\?>|<!DOCTYPE|</head>|<body>)".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn module() -> impl Strategy<Value = String> {
    ("[a-z]{1,5}\\.[a-z]{2}", "(/[a-zA-Z0-9._~-]{1,8}){0,3}", "(/v[2-9])?")
        .prop_map(|(host, path, major)| host + &path + &major)
}

fn version() -> impl Strategy<Value = String> {
    "v[0-3](\\.(0|1|9|10)){2}(-[a-zA-Z0-9.-]{1,8})?(\\+incompatible|\\+meta)?"
}

/// URL paths of all shapes, un-encoded and mostly right.
fn request() -> impl Strategy<Value = String> {
    let escaped = module().prop_map(|module| escape(&module)).boxed();
    let file = prop_oneof![
        version().prop_map(|version| escape(&version)),
        "[a-z0-9!.#=+-]{1,8}".prop_map(String::from)
    ]
    .boxed();
    let tile = "(8|30|31)/(0|63|data)/(x00[01]/)?[0-9]{3}(\\.p/[0-9]{1,3})?";
    prop_oneof![
        escaped.clone().prop_map(|module| module + "/@v/list"),
        escaped.clone().prop_map(|module| module + "/@latest"),
        (escaped.clone(), file.clone(), "info|mod|zip")
            .prop_map(|(module, file, kind)| format!("{module}/@v/{file}.{kind}")),
        (escaped, file).prop_map(|(module, file)| format!("sumdb/a.org/b/lookup/{module}@{file}")),
        tile.prop_map(|tile| format!("sumdb/a.org/tile/{tile}")),
        "sumdb/[a-z./]{1,8}/(supported|latest)",
    ]
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|rune| {
            if rune.is_ascii_uppercase() {
                format!("!{}", rune.to_ascii_lowercase())
            } else {
                rune.to_string()
            }
        })
        .collect()
}

/// Percent-encodes whatever the seed picks.
fn encode(path: &str, seed: &[bool]) -> String {
    let mut encoded = String::new();
    for (rune, pick) in path.chars().zip(seed.iter().copied().cycle()) {
        if rune == '/' || !pick && rune.is_ascii() && rune != '%' {
            encoded.push(rune);
            continue;
        }
        for byte in rune.to_string().bytes() {
            write!(encoded, "%{byte:02x}").unwrap_or_default();
        }
    }
    encoded
}

proptest! {
    #[test]
    fn nothing_panics(text in text(), other in text()) {
        let _ = Request::parse(&text).map_err(|error| error.to_string());
        let _ = ModulePath::parse(&text).map_err(|error| error.to_string());
        let _ = EscapedPath::unescape(&text).map_err(|error| error.to_string());
        let _ = path::check_import_path(&text);
        let _ = path::check_file_path(&text);
        let _ = path::check_path_major(&text, &other);
        let _ = Version::parse(&text).map_err(|error| error.to_string());
        let _ = Version::unescape(&text).map_err(|error| error.to_string());
        let _ = Query::parse(&text).map_err(|error| error.to_string());
        let _ = PseudoVersion::parse(&text).map(|pseudo| (pseudo.time(), pseudo.base()));
        let _ = pseudo_version(&text, &other, Timestamp::UNIX_EPOCH, &other);
        let _ = semver::compare(&text, &other);
        let _ = Patterns::parse(&text).matches_folded(&other);
        let _ = ProxyList::parse(&text).map(|list| list.to_string()).map_err(|error| error.to_string());
        let _ = GoVcs::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn a_request_is_read_as_it_is_written(path in request(), seed in prop::collection::vec(any::<bool>(), 1..20)) {
        if let Ok(request) = Request::parse(&path) {
            prop_assert_eq!(request.to_string(), path.as_str());
            prop_assert_eq!(&Request::parse(&request.to_string().replace('%', "%25")), &Ok(request.clone()));
            prop_assert_eq!(Request::parse(&encode(&path, &seed)), Ok(request));
        }
    }

    #[test]
    fn any_text_that_is_a_request_has_one_spelling(text in text()) {
        if let Ok(request) = Request::parse(&text) {
            let written = request.to_string();
            prop_assert!(!written.contains("//") && !written.split('/').any(|element| element == ".."));
            prop_assert_eq!(Request::parse(&written.replace('%', "%25")), Ok(request));
        }
    }

    #[test]
    fn escapes_are_taken_back(module in module(), version in version()) {
        if let Ok(path) = ModulePath::parse(&module) {
            prop_assert_eq!(EscapedPath::unescape(path.escape().as_str()), Ok(path));
        }
        if let Ok(version) = Version::parse(&version) {
            prop_assert_eq!(Version::unescape(&version.escape()), Ok(version));
        }
    }

    #[test]
    fn the_order_of_versions_is_total(a in version(), b in version(), c in version()) {
        let versions: Vec<Version> = [a, b, c].iter().filter_map(|text| Version::parse(text).ok()).collect();
        if let [a, b, c] = versions.as_slice() {
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
            prop_assert_eq!(a.cmp(b).is_eq(), a == b);
            prop_assert!(!(a <= b && b <= c) || a <= c);
        }
    }

    #[test]
    fn pseudo_versions_are_taken_apart_as_they_are_built(base in version(), seconds in 0..4_000_000_000_i64) {
        let time = Timestamp::from_second(seconds).unwrap();
        let built = pseudo_version("", &base, time, "0123456789ab");
        if semver::is_valid(&base) && semver::build(&base) != "+meta" {
            let parts = PseudoVersion::parse(&built).unwrap();
            prop_assert_eq!(parts.time(), Ok(time));
            prop_assert_eq!(parts.rev(), "0123456789ab");
            prop_assert_eq!(parts.base(), Ok(Some(base.clone())));
            prop_assert!(semver::compare(&built, &base).is_gt());
        }
    }

    #[test]
    fn a_list_of_proxies_is_read_as_it_is_written(list in "((https://[a-z]{1,4}\\.org/|a\\.org|direct|off|file:///x)[,|]){1,4}") {
        let list = ProxyList::parse(&list).unwrap();
        let written = list.to_string();
        let again = ProxyList::parse(&written).unwrap();
        prop_assert_eq!(again.to_string(), written);
        prop_assert_eq!(again.entries().len(), list.entries().len());
    }

    #[test]
    fn any_page_is_read_and_what_is_found_is_in_it(page in page()) {
        let found = meta::parse(&page);
        prop_assert!(found.imports.is_empty() || found.fault.is_none());
        let fields = found.imports.iter().map(|import| import.prefix.len() + import.repo_root.len());
        prop_assert!(fields.sum::<usize>() <= page.len(), "nothing is made larger than it was");
        for import in &found.imports {
            let _ = import.check();
            let _ = import.page(&import.prefix).map(|given| {
                assert_eq!(meta::parse(given.as_bytes()).imports, std::slice::from_ref(import));
            });
        }
    }

    #[test]
    fn a_repository_that_a_path_names_is_at_or_above_it(path in prop_oneof![text(), suffixed()]) {
        let _ = repo::page_address(&path);
        if let Ok(Some(found)) = repo::named(&path) {
            prop_assert!(repo::below(&path, &found.root).is_some(), "{}", found.root);
        }
    }
}
