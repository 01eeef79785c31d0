//! Versions made of tags and commits. That they are the go command's, the comparison with the real one shows; here is what that
//! cannot: which questions are asked for them, and rules that few repositories meet.

use gomod::Query;

use crate::history::{History, ROOT, id, pseudo, version};

const GO_MOD: (&str, &str) = ("go.mod", "module example.test/r\n");
const GO: (&str, &str) = ("a.go", "package a\n");

fn texts(versions: &[gomod::Version]) -> Vec<&str> {
    versions.iter().map(gomod::Version::as_str).collect()
}

async fn queried(history: History, path: &str, query: &str) -> Result<String, String> {
    let (code, _) = history.module(path);
    let info = code.query(&Query::parse(query).unwrap()).await;
    info.map(|info| info.version.as_str().to_owned()).map_err(|error| error.to_string())
}

async fn told(history: History, path: &str, asked: &str) -> Result<String, String> {
    let (code, _) = history.module(path);
    code.info(&version(asked)).await.map(|info| info.to_json()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn list_of_versions_that_fit_asks_for_tags_and_nothing_else() {
    let history =
        History::new().commit(&[GO_MOD, GO]).tag("v1.0.0").tag("v1").tag("v1.1.0+meta").tag("sub/v1.5.0");
    let (code, repo) = history.tag("v0.0.0-20260101000000-abcdefabcdef").tag("v1.2.0-rc.1").module(ROOT);
    assert_eq!(texts(&code.versions().await.unwrap()), ["v1.0.0", "v1.2.0-rc.1"]);
    assert_eq!(repo.asked(), ["tags"]);
}

#[tokio::test]
async fn later_majors_are_listed_only_while_their_newest_tag_and_the_newest_that_fits_have_no_go_mod() {
    let plain = || History::new().commit(&[GO]).tag("v1.0.0").tag("v2.0.0").tag("v2.1.0").tag("v3.0.0");
    let (code, _) = plain().commit(&[GO_MOD, GO]).tag("v3.1.0").module(ROOT);
    assert_eq!(
        texts(&code.versions().await.unwrap()),
        ["v1.0.0", "v2.0.0+incompatible", "v2.1.0+incompatible"]
    );
    let (code, repo) = plain().commit(&[GO_MOD, GO]).tag("v1.1.0").module(ROOT);
    assert_eq!(texts(&code.versions().await.unwrap()), ["v1.0.0", "v1.1.0"]);
    assert_eq!(repo.asked(), ["tags", "stat v1.1.0", "read_file go.mod"]);
}

#[tokio::test]
async fn tags_of_a_directory_are_those_of_its_module_whatever_its_major_version() {
    let files =
        [("sub/go.mod", "module example.test/r/sub\n"), ("sub/v2/go.mod", "module example.test/r/sub/v2\n")];
    let history = || History::new().commit(&files).tag("sub/v1.0.0").tag("sub/v2.0.0").tag("v1.9.0");
    let (code, _) = history().module("example.test/r/sub");
    assert_eq!(texts(&code.versions().await.unwrap()), ["v1.0.0"]);
    let (code, _) = history().module("example.test/r/sub/v2");
    assert_eq!(texts(&code.versions().await.unwrap()), ["v2.0.0"]);
    assert_eq!(code.go_mod(&version("v2.0.0")).await.unwrap(), "module example.test/r/sub/v2\n");
}

#[tokio::test]
async fn info_of_a_version_tells_where_it_is_from_and_a_query_also_what_it_depends_on() {
    let history = || History::new().commit(&[GO_MOD, GO]).tag("v1.0.0").commit(&[GO_MOD]);
    let origin =
        |rest: String| format!(r#""Origin":{{"VCS":"git","URL":"https://example.test/r.git",{rest}}}}}"#);
    let want = format!(
        r#"{{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z",{}"#,
        origin(format!(r#""Hash":"{}","Ref":"refs/tags/v1.0.0""#, id(0)))
    );
    assert_eq!(told(history(), ROOT, "v1.0.0").await.unwrap(), want);
    let made = pseudo("v1.0.1-0.", 1);
    let want = format!(
        r#"{{"Version":"{made}","Time":"2026-01-01T01:00:00Z",{}"#,
        origin(format!(r#""Hash":"{}""#, id(1)))
    );
    assert_eq!(told(history(), ROOT, &made).await.unwrap(), want);
    let (code, _) = history().module(ROOT);
    let info = code.query(&Query::parse("main").unwrap()).await.unwrap();
    assert_eq!(info.version.as_str(), made);
    let origin = info.origin.unwrap();
    assert_eq!(origin.reference.as_deref(), Some("refs/heads/main"));
    assert!(origin.tag_sum.is_some_and(|sum| sum.starts_with("t1:")));
}

#[tokio::test]
async fn history_is_asked_for_only_if_a_tag_could_be_behind() {
    let (code, repo) =
        History::new().commit(&[GO_MOD]).tag("v2.0.0").tag("other").commit(&[GO_MOD]).module(ROOT);
    let info = code.query(&Query::parse("main").unwrap()).await.unwrap();
    assert_eq!(info.version.as_str(), pseudo("v0.0.0-", 1));
    assert!(!repo.asked().iter().any(|question| question.starts_with("tags_behind")), "{:?}", repo.asked());
}

#[tokio::test]
async fn newest_version_is_never_a_retracted_one_though_that_says_so_itself() {
    let retracting = "module example.test/r\nretract [v1.1.0, v1.2.0]\n";
    let history = History::new().commit(&[GO_MOD]).tag("v1.0.0").tag("v1.3.0-rc.1").tag("v1.1.0");
    let history = history.commit(&[("go.mod", retracting)]).tag("v1.2.0");
    let (code, _) = history.module(ROOT);
    assert_eq!(code.latest().await.unwrap().version.as_str(), "v1.0.0");
    assert_eq!(texts(&code.versions().await.unwrap()), ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0-rc.1"]);
}

#[tokio::test]
async fn short_version_means_the_newest_that_begins_so() {
    let history = || {
        let tags = ["v1.0.0", "v1.2.0-rc.1", "v1.2.3", "v1.10.0", "v0.9.0"];
        tags.iter().fold(History::new().commit(&[GO_MOD]), |history, tag| history.tag(tag))
    };
    assert_eq!(queried(history(), ROOT, "v1").await.unwrap(), "v1.10.0");
    assert_eq!(queried(history(), ROOT, "v1.2").await.unwrap(), "v1.2.3");
    let none = queried(history(), ROOT, "v3").await.unwrap_err();
    assert_eq!(none, "module example.test/r: no matching versions for query \"v3\"");
}

#[tokio::test]
async fn version_that_is_a_branch_is_not_that_version() {
    let history = || History::new().commit(&[GO_MOD]).apart("v1.0.0", &[GO_MOD]);
    let made = pseudo("v0.0.0-", 1);
    let want =
        format!("example.test/r@v1.0.0: invalid version: resolves to version {made} (v1.0.0 is not a tag)");
    assert_eq!(told(history(), ROOT, "v1.0.0").await.unwrap_err(), want);
    let (code, _) = history().module(ROOT);
    assert_eq!(code.go_mod(&version("v1.0.0")).await.unwrap_err().to_string(), want);
    assert_eq!(code.zip(&version("v1.0.0")).await.unwrap_err().to_string(), want);
}

#[tokio::test]
async fn pseudo_version_must_be_one_that_would_be_made() {
    let history = || {
        History::new()
            .commit(&[GO_MOD])
            .tag("v1.0.0")
            .commit(&[GO_MOD])
            .apart("side", &[GO_MOD])
            .tag("v1.5.0")
    };
    let good = pseudo("v1.0.1-0.", 1);
    assert!(told(history(), ROOT, &good).await.is_ok());
    assert!(told(history(), ROOT, &pseudo("v0.0.0-", 1)).await.is_ok());
    for (asked, why) in [
        (
            pseudo("v1.5.1-0.", 1),
            format!("revision {} is not a descendent of preceding tag (v1.5.0)", &id(1)[..12]),
        ),
        (pseudo("v1.7.1-0.", 1), "preceding tag (v1.7.0) not found".to_owned()),
        (pseudo("v1.0.0-", 1), "major version without preceding tag must be v0, not v1".to_owned()),
        (
            pseudo("v1.0.1-0.", 0),
            format!(
                "tag (v1.0.0) found on revision {} is already canonical, so should not be replaced with a \
                 pseudo-version derived from that tag",
                &id(0)[..12]
            ),
        ),
        (
            format!("v0.0.0-20260101000000-{}", &id(1)[..12]),
            "does not match version-control timestamp (expected 20260101010000)".to_owned(),
        ),
        (
            good[..good.len() - 2].to_owned(),
            format!("revision is shorter than canonical (expected {})", &id(1)[..12]),
        ),
    ] {
        let want = format!("example.test/r@{asked}: invalid pseudo-version: {why}");
        assert_eq!(told(history(), ROOT, &asked).await.unwrap_err(), want);
    }
}

#[tokio::test]
async fn module_that_is_not_where_it_should_be_is_told_with_the_place() {
    let v2 = ("go.mod", "module example.test/r/v2\n");
    for (files, path, asked, why) in [
        (vec![v2], ROOT, "v1.0.0", "go.mod has post-v1 module path \"example.test/r/v2\" at revision v1.0.0"),
        (
            vec![GO_MOD],
            "example.test/r/v2",
            "v2.0.0",
            "go.mod has non-.../v2 module path \"example.test/r\" (and .../v2/go.mod does not exist) at revision v2.0.0",
        ),
        (
            vec![v2, ("v2/go.mod", "module example.test/r/v2\n")],
            "example.test/r/v2",
            "v2.0.0",
            "example.test/r/go.mod and .../v2/go.mod both have .../v2 module paths at revision v2.0.0",
        ),
        (
            vec![GO],
            "example.test/r/v2",
            "v2.0.0",
            "missing example.test/r/go.mod and .../v2/go.mod at revision v2.0.0",
        ),
        (
            vec![GO_MOD, ("v2/go.mod", "module example.test/r\n")],
            "example.test/r/v2",
            "v2.0.0",
            "example.test/r/v2/go.mod has non-.../v2 module path \"example.test/r\" at revision v2.0.0",
        ),
        (
            vec![GO_MOD],
            "example.test/r/sub",
            "v1.0.0",
            "missing example.test/r/sub/go.mod at revision sub/v1.0.0",
        ),
        (
            vec![("go.mod", "// nothing\n")],
            ROOT,
            "v1.0.0",
            "go.mod is missing module path at revision v1.0.0",
        ),
        (
            vec![("go.mod", "module example.test/r/v1\n")],
            ROOT,
            "v1.0.0",
            "go.mod has malformed module path \"example.test/r/v1\" at revision v1.0.0",
        ),
    ] {
        let history = History::new().commit(&files).tag("v1.0.0").tag("v2.0.0").tag("sub/v1.0.0");
        let want = format!("{path}@{asked}: invalid version: {why}");
        let (code, _) = history.module(path);
        // The stricter one: a `.mod` alone is refused in the same words.
        let refused = code.go_mod(&version(asked)).await.unwrap_err();
        assert_eq!(refused.to_string(), want);
        assert!(refused.is_absent());
        let info = code.info(&version(asked)).await.unwrap_err().to_string();
        assert!(info.ends_with(why) || info.contains("is not a tag"), "{info}");
    }
}
