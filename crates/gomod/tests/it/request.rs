//! URL paths, and the requests or refusals that they are.

use gomod::request::{Malformed, NotFound, RequestError, SumDbOperation};
use gomod::{FileKind, Request};

fn parse(raw: &str) -> Request {
    Request::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
}

fn refusal(raw: &str) -> RequestError {
    match Request::parse(raw) {
        Ok(request) => panic!("{raw} is {request}"),
        Err(refusal) => refusal,
    }
}

/// The text of a refusal that is answered 404.
fn not_found(raw: &str) -> String {
    match refusal(raw) {
        RequestError::NotFound(reason) => reason.to_string(),
        RequestError::Malformed(reason) => panic!("{raw} is malformed: {reason}"),
    }
}

fn malformed(raw: &str) -> Malformed {
    match refusal(raw) {
        RequestError::Malformed(reason) => reason,
        RequestError::NotFound(reason) => panic!("{raw} is not found: {reason}"),
    }
}

#[test]
fn each_endpoint_has_its_request() {
    assert!(matches!(parse("example.com/m/@v/list"), Request::List(m) if m.as_str() == "example.com/m"));
    assert!(matches!(parse("example.com/m/@latest"), Request::Latest(m) if m.as_str() == "example.com/m"));
    for kind in FileKind::ALL {
        let request = parse(&format!("example.com/m/@v/v1.2.3.{kind}"));
        let Request::File(version, found) = request else { panic!("{request}") };
        assert_eq!((version.to_string().as_str(), found), ("example.com/m@v1.2.3", kind));
    }
}

#[test]
fn percent_encoding_is_taken_back_once() {
    let encoded = parse("github.com/%21azure/x/@v/v1.0.0-%21r%21c1.info");
    let literal = parse("github.com/!azure/x/@v/v1.0.0-!r!c1.info");
    assert_eq!(encoded, literal);
    assert_eq!(literal.module().unwrap().as_str(), "github.com/Azure/x");
    assert_eq!(literal.to_string(), "github.com/!azure/x/@v/v1.0.0-!r!c1.info");
    let Request::Query(_, query) = parse("example.com/m/@v/a%2525b.info") else { panic!() };
    assert_eq!(query.as_str(), "a%25b");
    let Request::Query(_, query) = parse("example.com/m/@v/a%23b%20c+d.info") else { panic!() };
    assert_eq!(query.as_str(), "a#b c+d");
}

#[test]
fn a_plus_is_a_plus() {
    let request = parse("example.com/m/@v/v2.0.0+incompatible.zip");
    assert_eq!(request.to_string(), "example.com/m/@v/v2.0.0+incompatible.zip");
    assert_eq!(request, parse("example.com/m/@v/v2.0.0%2Bincompatible.zip"));
}

#[test]
fn info_takes_queries_and_the_other_files_do_not() {
    for query in ["master", "v1.2", "v1", "HEAD", "0123abc", "v1.2.3+meta", "release.info"] {
        let escaped = query.replace("HEAD", "!h!e!a!d");
        let request = parse(&format!("example.com/m/@v/{escaped}.info"));
        let Request::Query(_, found) = &request else { panic!("{request}") };
        assert_eq!(found.as_str(), query);
        not_found(&format!("example.com/m/@v/{escaped}.mod"));
        not_found(&format!("example.com/m/@v/{escaped}.zip"));
    }
    assert_eq!(
        not_found("example.com/m/@v/v1.2.mod"),
        "example.com/m@v1.2: invalid version: must be of the form v1.2.3"
    );
    assert_eq!(
        not_found("example.com/m/@v/master.zip"),
        "example.com/m@master: invalid version: not a semantic version"
    );
}

#[test]
fn reserved_words_are_not_queries() {
    for word in ["latest", "upgrade", "patch", "none", "%3Cv1.2.3", "%3E=v1"] {
        let text = not_found(&format!("example.com/m/@v/{word}.info"));
        assert!(text.starts_with("example.com/m@"), "{text}");
    }
}

#[test]
fn a_version_of_another_major_is_not_found() {
    for kind in FileKind::ALL {
        assert_eq!(
            not_found(&format!("example.com/m/v2/@v/v1.0.0.{kind}")),
            "example.com/m/v2@v1.0.0: invalid version: should be v2, not v1"
        );
    }
    assert_eq!(
        not_found("example.com/m/@v/v2.0.0.mod"),
        "example.com/m@v2.0.0: invalid version: should be v0 or v1, not v2"
    );
}

#[test]
fn a_tag_that_may_become_incompatible_is_a_query() {
    assert!(matches!(parse("example.com/m/@v/v2.0.0.info"), Request::Query(_, q) if q.as_str() == "v2.0.0"));
    not_found("gopkg.in/yaml.v2/@v/v3.0.0.info");
}

#[test]
fn literal_upper_case_is_not_guessed_at() {
    assert_eq!(
        not_found("github.com/Azure/x/@v/list"),
        "invalid escaped module path \"github.com/Azure/x\": upper-case letter 'A' must be written as \"!a\""
    );
    assert_eq!(
        not_found("example.com/m/@v/v1.0.0-RC1.mod"),
        "example.com/m: invalid escaped version \"v1.0.0-RC1\": upper-case letter 'R' must be written as \"!r\""
    );
}

#[test]
fn paths_are_not_cleaned() {
    for raw in [
        "/example.com/m/@v/list",
        "example.com//m/@v/list",
        "example.com/./m/@v/list",
        "example.com/x/../m/@v/list",
        "example.com/m/@v/list/",
        "example.com/m/@v//list",
        "example.com/m//@v/list",
        "example.com/m/@latest/",
        "example.com/m/@v/../@v/list",
        "example.com/m/@V/list",
        "example.com/m/@LATEST",
    ] {
        not_found(raw);
    }
}

#[test]
fn other_shapes_are_not_found() {
    for raw in [
        "",
        "favicon.ico",
        "example.com/m",
        "example.com/m/@v",
        "example.com/m/@v/",
        "example.com/m/@v/v1.0.0",
        "example.com/m/@v/v1.0.0.ziphash",
        "example.com/m/@v/v1.0.0.info.lock",
        "example.com/m/@v/x/v1.0.0.info",
        "/@latest",
        "@latest",
    ] {
        not_found(raw);
    }
    assert!(not_found("example.com/m@v1.0.0").contains("is not a path of the module proxy protocol"));
}

#[test]
fn the_first_at_after_a_slash_ends_the_module() {
    not_found("example.com/m/@v/@v/list");
    not_found("example.com/a@b/@v/list");
    not_found("example.com/m/@v/v1.0.0@x.mod");
}

#[test]
fn what_breaks_the_rules_of_urls_is_malformed() {
    for (raw, reason) in [
        ("example.com/m%/@v/list", Malformed::PercentEncoding),
        ("example.com/m%4/@v/list", Malformed::PercentEncoding),
        ("example.com/m%zz/@v/list", Malformed::PercentEncoding),
        ("example.com/m/@v/list%", Malformed::PercentEncoding),
        ("example.com/m%00/@v/list", Malformed::Nul),
        ("example.com/m\0/@v/list", Malformed::Nul),
        ("example.com%2fm/@v/list", Malformed::EncodedSlash),
        ("example.com/m/@v/..%2F..%2Fx.info", Malformed::EncodedSlash),
        ("example.com%5cm/@v/list", Malformed::Backslash),
        ("example.com\\m/@v/list", Malformed::Backslash),
        ("example.com/m%ff/@v/list", Malformed::Utf8),
    ] {
        assert_eq!(malformed(raw), reason, "{raw}");
    }
}

#[test]
fn checksum_databases_may_have_slashes_in_their_names() {
    for name in ["sum.golang.org", "example.com/sumdb", "localhost:8080/a/b"] {
        for operation in
            ["supported", "latest", "lookup/github.com/!azure/x@v1.0.0-!r!c1", "tile/8/0/000.p/5"]
        {
            let raw = format!("sumdb/{name}/{operation}");
            let request = parse(&raw);
            assert_eq!(request.to_string(), raw);
            let Request::SumDb(request) = request else { panic!("{request}") };
            assert_eq!(&*request.name, name);
        }
    }
    let request = parse("sumdb/sum.golang.org/lookup/github.com/%21azure/x@v1.0.0");
    assert_eq!(request.module().unwrap().as_str(), "github.com/Azure/x");
    assert_eq!(parse("sumdb/x/latest").module(), None);
}

#[test]
fn the_first_operation_ends_the_name_of_a_checksum_database() {
    assert_eq!(malformed("sumdb/s.org/lookup/x/tile/8/0/000"), Malformed::Lookup);
    assert_eq!(malformed("sumdb/s.org/tile/x/lookup/a.org/m@v1.0.0"), Malformed::Tile);
}

#[test]
fn names_of_checksum_databases_stay_in_their_place() {
    for name in ["..", "a/..", "../a", "a//b", "", "a/", "a b", "a:x", "a:", "a/b:1", "%2e%2e", "a+b", "."] {
        assert!(matches!(
            refusal(&format!("sumdb/{name}/latest")),
            RequestError::NotFound(NotFound::SumDbName { .. })
        ));
    }
    not_found("sumdb/sum.golang.org");
    not_found("sumdb/sum.golang.org/");
    not_found("sumdb/sum.golang.org/other");
    not_found("sumdb/");
}

#[test]
fn lookups_are_checked() {
    for text in
        ["x", "", "@v1.0.0", "example.com/m@v1.0", "example.com/m@master", "example.com/m@v1.0.0@v1.0.0"]
    {
        assert_eq!(malformed(&format!("sumdb/s.org/lookup/{text}")), Malformed::Lookup, "{text}");
    }
    for text in
        ["example.com/M@v1.0.0", "example.com/m@v01.0.0", "m@v1.0.0", "example.com/m@v2.0.0", "a.b/m@v1.0.0-"]
    {
        not_found(&format!("sumdb/s.org/lookup/{text}"));
    }
    assert_eq!(Malformed::Lookup.to_string(), "invalid module@version syntax");
}

#[test]
fn tiles_have_one_spelling() {
    for tile in [
        "8/0/000",
        "8/0/001.p/1",
        "8/0/x001/000",
        "8/1/x123/x456/789.p/255",
        "1/63/000.p/1",
        "30/data/999",
        "8/data/000.p/46",
        "8/0/x009/x223/x372/x036/x854/x775/807",
    ] {
        let request = parse(&format!("sumdb/s.org/tile/{tile}"));
        let Request::SumDb(request) = request else { panic!("{request}") };
        assert_eq!(request.operation, SumDbOperation::Tile(tile.into()));
    }
    for tile in [
        "",
        "8",
        "8/0",
        "8/0/",
        "0/0/000",
        "31/0/000",
        "08/0/000",
        "+8/0/000",
        "8/64/000",
        "8/-1/000",
        "8/00/000",
        "8/0/0",
        "8/0/0000",
        "8/0/x000",
        "8/0/x000/001",
        "8/0/001/002",
        "8/0/x001/x002",
        "8/0/000.p/0",
        "8/0/000.p/256",
        "8/0/000.p/01",
        "8/0/000.p/",
        "8/0/000.p",
        "8/0/000.p/1/2",
        "8/0/000.p/1.p/1",
        "8/0/00a",
        "8/Data/000",
        "8/0/000/",
        "8/0/x009/x223/x372/x036/x854/x775/808",
        "8/0/X001/000",
        "8/0/x1/000",
        "8/0/x001/..",
    ] {
        assert_eq!(malformed(&format!("sumdb/s.org/tile/{tile}")), Malformed::Tile, "{tile}");
    }
}

#[test]
fn a_name_in_a_tree_is_the_request_for_it_without_percent_encoding() {
    for name in [
        "example.com/!m/@v/list",
        "example.com/m/@latest",
        "example.com/m/@v/v1.0.0-!rc.zip",
        "a.b/@v/master.info",
    ] {
        assert_eq!(Request::parse_name(name).unwrap().to_string(), name);
    }
    assert!(Request::parse("example.com/m%2D1/@v/list").is_ok());
    for bad in
        ["example.com/m%2D1/@v/list", "list", "example.com/m/@v/v1.0.0.ziphash", "example.com/M/@v/list"]
    {
        assert!(Request::parse_name(bad).is_err(), "{bad}");
    }
    let Request::List(module) = parse("example.com/!m/@v/list") else { panic!() };
    for name in ["list", "v1.0.0.mod", "v1.0.0-!rc.zip", "master.info"] {
        let request = Request::parse_file(&module, name).unwrap();
        assert_eq!(request.to_string(), format!("example.com/!m/@v/{name}"));
    }
    for bad in ["v2.0.0.zip", "v1.0.0.lock", "V1.0.0.mod", ""] {
        assert!(Request::parse_file(&module, bad).is_err(), "{bad}");
    }
}

#[test]
fn what_stands_behind_the_at_of_a_module_is_what_its_info_is_asked_by() {
    let module = gomod::ModulePath::parse("github.com/Azure/x").unwrap();
    for (text, asked) in [
        ("latest", "github.com/!azure/x/@latest"),
        ("v1.2.3", "github.com/!azure/x/@v/v1.2.3.info"),
        ("v1.2.3-RC1", "github.com/!azure/x/@v/v1.2.3-!r!c1.info"),
        ("Main", "github.com/!azure/x/@v/!main.info"),
        ("v2.0.0", "github.com/!azure/x/@v/v2.0.0.info"),
    ] {
        let named = Request::named(&module, text).unwrap();
        assert_eq!((named.to_string().as_str(), &named), (asked, &parse(asked)));
    }
    for text in ["", "a/b", "upgrade", "<v1.0.0", "!a", "..", "a\nb"] {
        assert!(Request::named(&module, text).is_err(), "{text:?}");
    }
}
