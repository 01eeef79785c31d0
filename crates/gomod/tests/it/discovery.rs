//! From module paths and pages to repositories, compared with Go.

use gomod::meta::{self, GoImport, Page};
use gomod::repo::{self, Address, PathRepo};
use testkit::cases;
use testkit::cases::Case;

#[test]
fn what_a_path_says_of_its_repository_is_what_go_says() {
    for case in cases!("repo_named") {
        let said = repo::named(case.text(0)).map_err(|error| error.to_string());
        if case.is(1, "none") {
            assert_eq!(said, Ok(None), "{case}");
        } else if case.is(1, "error") {
            assert_eq!(said, Err(case.text(2).to_owned()), "{case}");
        } else {
            let PathRepo { root, vcs, address } = said.unwrap().unwrap_or_else(|| panic!("{case}: none"));
            assert_eq!((root.as_str(), vcs), (case.text(1), case.text(2)), "{case}");
            let wanted = case.text(4).to_owned();
            let wanted = if case.is(3, "url") { Address::Url(wanted) } else { Address::Schemeless(wanted) };
            assert_eq!(address, wanted, "{case}");
        }
    }
}

#[test]
fn a_suffix_counts_only_where_the_module_could_be_in_the_repository() {
    assert_eq!(repo::named("corp.example.com/a~b/other.org/r.git"), Ok(None));
    assert_eq!(
        repo::named("example.net/r"),
        Ok(None),
        "what cmd/go refuses for its own tests is a path like others"
    );
    assert_eq!(repo::named("example.com/r.bzr"), Ok(None));
}

/// The tags from a field on, `count` of them or all that there are.
fn tags(case: &Case, from: usize, count: usize) -> Vec<GoImport> {
    let fields = (from..case.fields.len()).step_by(4).take(count);
    fields
        .map(|at| {
            let [prefix, vcs, repo_root, subdir] = [0, 1, 2, 3].map(|field| case.text(at + field).to_owned());
            GoImport { prefix, vcs, repo_root, subdir }
        })
        .collect()
}

#[test]
fn pages_are_read_as_go_reads_them() {
    for case in cases!("meta_parse") {
        let Page { imports, fault, .. } = meta::parse(case.bytes(0));
        if case.is(1, "error") {
            // Bytes that are no text are shown by us as what stands for them.
            let lossy = case.bytes(2).utf8_chunks().any(|chunk| !chunk.invalid().is_empty());
            let wanted = String::from_utf8_lossy(case.bytes(2));
            let said = fault.unwrap_or_else(|| panic!("{case}: {imports:?}")).to_string();
            assert!(said == wanted || lossy, "{case}: {said}");
        } else {
            assert_eq!((imports, fault), (tags(&case, 1, usize::MAX), None), "{case}");
        }
    }
}

#[test]
fn what_is_decided_of_a_page_is_not_changed_by_more_of_it() {
    for case in cases!("meta_parse") {
        let page = meta::parse(case.bytes(0));
        for more in [
            "",
            "<meta name=\"go-import\" content=\"a.b/c git https://d.e\">",
            "\u{0}",
            "</head>",
            "\"'-->]]>?>",
        ] {
            let longer = meta::parse(&[case.bytes(0), more.as_bytes()].concat());
            assert!(!page.is_decided || page == longer, "{case}: {more:?}");
        }
        for end in 0..case.bytes(0).len() {
            let shorter = meta::parse(&case.bytes(0)[..end]);
            assert!(!shorter.is_decided || shorter == page, "{case}: {end}");
        }
    }
}

#[test]
fn the_tag_of_a_path_is_the_one_that_go_takes() {
    for case in cases!("meta_match") {
        let count = usize::try_from(case.number(1)).unwrap();
        let imports = tags(&case, 2, count);
        let said = meta::matching(&imports, case.text(0)).map_err(|error| error.to_string());
        let at = 2 + 4 * count;
        let wanted = if case.is(at, "ok") {
            Ok(&imports[usize::try_from(case.number(at + 1)).unwrap()])
        } else {
            Err(case.text(at + 1).to_owned())
        };
        assert_eq!(said, wanted, "{case}");
    }
}

#[test]
fn tags_that_are_equal_are_still_two() {
    let tags = [(); 2].map(|()| import(["x.y/m", "git", "https://a.b", ""]));
    let said = meta::matching(&tags, "x.y/m").map_err(|error| error.to_string());
    assert_eq!(said, Err("multiple meta tags match import path \"x.y/m\"".to_owned()));
}

#[test]
fn tags_are_checked_as_go_checks_them() {
    for case in cases!("meta_check") {
        let (root, subdir, what) = if case.is(0, "root") {
            (case.text(1), "", format!("invalid repo root {}: ", gomod::quote::quoted(case.text(1))))
        } else {
            (
                "https://a.b",
                case.text(1),
                format!("invalid subdirectory {}: ", gomod::quote::quoted(case.text(1))),
            )
        };
        let import = GoImport {
            prefix: "x.y/m".to_owned(),
            vcs: "git".to_owned(),
            repo_root: root.to_owned(),
            subdir: subdir.to_owned(),
        };
        let said = import.check().map_err(|error| error.to_string());
        let shown_in_part = root.contains('#');
        match (&said, case.is_ok(2)) {
            (Ok(()), true) => {}
            (Err(said), false) if shown_in_part => assert!(said.ends_with(case.text(3)), "{case}: {said}"),
            (Err(said), false) => assert_eq!(*said, what + case.text(3), "{case}"),
            _ => panic!("{case}: {said:?}"),
        }
    }
}

#[test]
fn a_password_in_a_repository_s_url_is_not_repeated() {
    for root in ["//user:hunter2@z.y/m", "file://user:hunter2@z.y/m", "https://user:hunter2@z.y:x/m"] {
        let import = GoImport {
            prefix: "x.y".to_owned(),
            vcs: "git".to_owned(),
            repo_root: root.to_owned(),
            subdir: String::new(),
        };
        let said = import.check().unwrap_err().to_string();
        assert!(!said.contains("hunter2") && said.contains("z.y"), "{said}");
    }
}

fn import(fields: [&str; 4]) -> GoImport {
    let [prefix, vcs, repo_root, subdir] = fields.map(str::to_owned);
    GoImport { prefix, vcs, repo_root, subdir }
}

#[test]
fn the_page_that_is_given_is_read_as_what_was_meant() {
    for fields in [
        ["corp.example.com/m", "git", "ssh://git@code.corp.example.com/m.git", ""],
        ["corp.example.com/m", "git", "https://code.corp.example.com/mono?a=1&b=<2>\"'", "libs/m"],
        ["corp.example.com", "mod", "https://proxy.corp.example.com", ""],
    ] {
        let page = import(fields).page("corp.example.com/m").unwrap();
        let read = meta::parse(page.as_bytes());
        assert_eq!(read.imports, [import(fields)]);
        assert!(read.is_decided);
        assert!(!page.contains("<2>"));
    }
    let page = import(["x.y", "git", "https://a.b", ""]).page("x.y/<script>alert(1)</script>\"&").unwrap();
    assert!(!page.contains("<script>"), "{page}");
}

#[test]
fn a_page_that_would_be_read_otherwise_is_not_given() {
    for fields in [
        ["x.y/m", "git", "https://a.b /c d", ""],
        ["x.y/m", "", "https://a.b", ""],
        ["x.y/m", "git", "", ""],
        ["x.y/m", "git", "https://a.b/\u{1}", ""],
        ["x.y/m", "git", "https://a.b", "a b"],
        ["x.y/m", "git\u{2003}", "https://a.b", ""],
    ] {
        assert!(import(fields).page("x.y/m").is_err(), "{fields:?}");
    }
    assert!(import(["x.y/m", "git", "https://a.b", ""]).page("x.y/mn").is_err());
}
