//! The states of one module, and what is under way.

use std::time::Duration;

use gomod::ModulePath;
use serde_json::Value;
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use super::{call, read};
use crate::proxy::TestProxy;

const MODULE: &str = "/api/v1/modules/example.com/!m";

fn files() -> ModuleFiles {
    ModuleFiles::new("example.com/M", "v1.0.0").file("m.go", "package m\n")
}

/// The state of the list as one word, with how it is refreshed.
fn word(known: &Value) -> String {
    let refreshing = if known["refreshing"] == true { ", refreshing" } else { "" };
    format!("{}{refreshing}", known["state"].as_str().unwrap())
}

async fn list(proxy: &TestProxy) -> Value {
    read(proxy, MODULE).await["list"].take()
}

#[tokio::test]
async fn a_list_goes_from_not_loaded_over_fresh_and_stale_to_old() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let before = list(&proxy).await;
    assert_eq!((word(&before).as_str(), before.get("at")), ("not-loaded", None));
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    let fresh = list(&proxy).await;
    assert_eq!((word(&fresh).as_str(), &fresh["age_s"], &fresh["versions"]), ("fresh", &0.into(), &1.into()));
    assert_eq!(fresh["size_bytes"], "v1.0.0\n".len());
    assert_eq!(fresh["source"], upstream.url().trim_start_matches("http://"));
    let at: jiff::Timestamp = fresh["at"].as_str().unwrap().parse().unwrap();
    let again: jiff::Timestamp = fresh["asked_again_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(again.duration_since(at).as_secs(), 60);
    proxy.clock().advance(Duration::from_mins(1));
    let stale = list(&proxy).await;
    assert_eq!((word(&stale).as_str(), stale.get("asked_again_at")), ("stale", None));
    proxy.clock().advance(Duration::from_mins(9));
    let old = list(&proxy).await;
    assert_eq!((word(&old).as_str(), &old["age_s"]), ("old", &600.into()));
    // Whoever looks asks nobody.
    assert_eq!(upstream.count(&files.list_url()), 1);
    proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_under_way_shows_with_what_is_known_and_as_a_flight() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.list_url()).await;
    proxy.clock().advance(Duration::from_secs(61));
    upstream.on(&files.list_url()).hold();
    assert_eq!(proxy.get(&files.list_url()).await.header("x-larder-cache"), Some("stale"));
    assert_eq!(word(&list(&proxy).await), "stale, refreshing");
    let flights = read(&proxy, "/api/v1/flights").await;
    assert_eq!((&flights["in_all"], &flights["flights"][0]["module"]), (&1.into(), &"example.com/M".into()));
    assert_eq!(flights["flights"][0]["path"], "example.com/!m/@v/list");
    proxy.clock().advance(Duration::from_secs(3));
    assert_eq!(read(&proxy, "/api/v1/flights").await["flights"][0]["age_s"], 3);
    upstream.release();
    proxy.settled().await;
    assert_eq!(word(&list(&proxy).await), "fresh");
    assert_eq!(read(&proxy, "/api/v1/flights").await["in_all"], 0);
    proxy.stop().await;
}

#[tokio::test]
async fn a_download_shows_how_far_it_is_and_how_many_follow_it() {
    let files = ModuleFiles::new("example.com/M", "v1.0.0").padding(900_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).stall_after(400_000);
    let proxy = TestProxy::over(&upstream);
    let (address, url) = (proxy.address(), files.url("zip"));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { testkit::raw::get(address, &url).await })
        })
        .collect();
    eventually("three followers of a flight that has begun to arrive", || async {
        let flights = read(&proxy, "/api/v1/flights").await;
        let Some(flight) = flights["flights"].get(0) else { return false };
        flight["followers"] == 3 && flight["arrived_bytes"].as_u64() > Some(300_000)
    })
    .await;
    let flight = read(&proxy, "/api/v1/flights").await["flights"][0].take();
    assert_eq!(flight["size_bytes"], files.zip().len());
    assert_eq!(flight["source"], upstream.url().trim_start_matches("http://"));
    let version = read(&proxy, &format!("{MODULE}/@v/v1.0.0")).await;
    assert_eq!(
        (&version["files"]["zip"]["state"], &version["files"]["zip"]["refreshing"]),
        (&"not-loaded".into(), &true.into())
    );
    // A module tells of its fetches before anything of them is held.
    let module = read(&proxy, MODULE).await;
    assert_eq!(module["versions"][0]["files"]["zip"]["refreshing"], true, "{module}");
    upstream.release();
    for reader in readers {
        assert!(reader.await.unwrap().complete);
    }
    proxy.stop().await;
}

#[tokio::test]
async fn an_absence_says_until_when_it_counts() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let files = files();
    for url in [
        files.list_url(),
        files.latest_url(),
        files.url("info"),
        ModuleFiles::new("example.com/M", "v1.10.0").url("mod"),
        "/example.com/!m/@v/main.info".into(),
    ] {
        assert_eq!(proxy.get(&url).await.status, 404, "{url}");
    }
    proxy.clock().advance(Duration::from_secs(20));
    let module = read(&proxy, MODULE).await;
    for known in [&module["list"], &module["latest"], &module["queries"]["main"]] {
        assert_eq!((word(known).as_str(), &known["age_s"]), ("absent", &20.into()), "{module}");
        let again: jiff::Timestamp = known["asked_again_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(again.duration_since(proxy.clock().now()).as_secs(), 40);
        assert!(known["said"][0].as_str().unwrap().contains("not found"), "{known}");
    }
    let (newest, oldest) = (&module["versions"][0], &module["versions"][1]);
    assert_eq!((&newest["version"], &oldest["version"]), (&"v1.10.0".into(), &"v1.0.0".into()), "{module}");
    assert_eq!(oldest["files"]["info"]["state"], "absent", "{module}");
    proxy.clock().advance(Duration::from_secs(41));
    let module = read(&proxy, MODULE).await;
    assert_eq!(word(&module["list"]), "not-loaded");
    assert!(module["versions"].as_array().unwrap().is_empty() && module["queries"].get("main").is_none());
    proxy.stop().await;
}

#[tokio::test]
async fn what_was_withdrawn_is_told_apart_from_what_never_was() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let files = files();
    upstream.on(&files.list_url()).status(410);
    assert_eq!(proxy.get(&files.list_url()).await.status, 410);
    assert_eq!(proxy.get(&files.latest_url()).await.status, 404);
    let module = read(&proxy, MODULE).await;
    assert_eq!((word(&module["list"]).as_str(), &module["list"]["withdrawn"]), ("absent", &true.into()));
    assert_eq!((word(&module["latest"]).as_str(), module["latest"].get("withdrawn")), ("absent", None));
    proxy.stop().await;
}

#[tokio::test]
async fn an_answer_made_from_what_is_held_says_so() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["info", "mod", "zip"] {
        assert_eq!(proxy.get(&files.url(kind)).await.status, 200);
    }
    upstream.withdraw(&files.list_url());
    assert_eq!(proxy.get(&files.list_url()).await.text(), "v1.0.0\n");
    let derived = list(&proxy).await;
    assert_eq!((word(&derived).as_str(), &derived["source"]), ("derived", &"held".into()));
    assert!(derived["asked_again_at"].is_string() && derived.get("failure").is_none(), "{derived}");
    // In an outage it says why it is not a source's.
    upstream.stop().await;
    let latest = proxy.get(&files.latest_url()).await;
    assert_eq!(latest.header("x-larder-source"), Some("held"));
    let latest = read(&proxy, MODULE).await["latest"].take();
    assert_eq!((word(&latest).as_str(), &latest["failure"]["class"]), ("derived", &"unavailable".into()));
    proxy.stop().await;
}

#[tokio::test]
async fn the_last_failure_says_what_when_and_when_again() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.list_url()).await;
    upstream.stop().await;
    proxy.clock().advance(Duration::from_secs(700));
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    assert_eq!(proxy.get(&files.url("mod")).await.status, 503);
    let module = read(&proxy, MODULE).await;
    let failure = &module["list"]["failure"];
    assert_eq!((word(&module["list"]).as_str(), &failure["class"]), ("old", &"unavailable".into()));
    let at: jiff::Timestamp = failure["at"].as_str().unwrap().parse().unwrap();
    let after: jiff::Timestamp = failure["retried_after"].as_str().unwrap().parse().unwrap();
    assert_eq!(after.duration_since(at).as_secs(), 10);
    assert!(failure["text"][0].as_str().unwrap().starts_with("127.0.0.1:"), "{failure}");
    let lone = &module["versions"][0]["files"]["mod"];
    assert_eq!((&lone["state"], &lone["failure"]["class"]), (&"not-loaded".into(), &"unavailable".into()));
    upstream.restart().await;
    proxy.clock().advance(Duration::from_secs(11));
    proxy.get(&files.list_url()).await;
    assert!(list(&proxy).await.get("failure").is_none());
    proxy.stop().await;
}

#[tokio::test]
async fn a_held_version_says_from_where_since_when_and_why_it_is_trusted() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["mod", "zip"] {
        assert_eq!(proxy.get(&files.url(kind)).await.status, 200);
    }
    proxy.clock().advance(Duration::from_secs(90));
    let version = read(&proxy, &format!("{MODULE}/@v/v1.0.0")).await;
    let source = upstream.url().trim_start_matches("http://").to_owned();
    assert_eq!((&version["module"], &version["pinned_source"]), (&"example.com/M".into(), &source.into()));
    let zip = &version["files"]["zip"];
    assert_eq!(zip["state"], "held");
    assert_eq!(zip["h1"].as_str(), Some(files.zip_h1().as_str()));
    assert_eq!((&zip["verified_by"], &zip["age_s"]), (&"first-seen".into(), &90.into()));
    assert_eq!(zip["size_bytes"], files.zip().len());
    let recorded =
        proxy.pipeline().cache().records(&ModulePath::parse("example.com/M").unwrap()).await.unwrap();
    let recorded = recorded.iter().find(|record| record.kind == "zip").unwrap();
    assert_eq!(zip["sha256"], recorded.sha256);
    assert_eq!(version["files"]["info"]["state"], "not-loaded");
    assert_eq!(version["size_bytes"], files.zip().len() + files.mod_file().len());
    // Found gone: told as lost, with the hash that binds what may take its place.
    std::fs::remove_file(proxy.data(&format!("modules{}", files.url("zip")))).unwrap();
    let proxy = proxy.restart().await;
    let version = read(&proxy, &format!("{MODULE}/@v/v1.0.0")).await;
    assert_eq!(version["files"]["zip"]["state"], "lost");
    assert_eq!(version["size_bytes"], files.mod_file().len(), "what is lost takes no room");
    assert_eq!(version["files"]["zip"]["h1"].as_str(), Some(files.zip_h1().as_str()));
    assert_eq!(read(&proxy, MODULE).await["versions"][0]["files"]["zip"]["state"], "lost");
    proxy.stop().await;
}

#[tokio::test]
async fn queries_are_told_by_name_and_after_a_restart() {
    let files = files();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.put("/example.com/!m/@v/!main.info", files.info());
    upstream.put("/example.com/!m/@v/a%b.info", files.info());
    let proxy = TestProxy::over(&upstream);
    for query in ["!main", "a%25b"] {
        assert_eq!(proxy.get(&format!("/example.com/!m/@v/{query}.info")).await.status, 200);
    }
    let proxy = proxy.restart().await;
    let module = read(&proxy, MODULE).await;
    for query in ["Main", "a%b"] {
        let known = &module["queries"][query];
        assert_eq!((word(known).as_str(), &known["version"]), ("fresh", &"v1.0.0".into()), "{module}");
    }
    let alone = read(&proxy, &format!("{MODULE}/@v/!main")).await;
    assert_eq!((&alone["query"], &alone["known"]["state"]), (&"Main".into(), &"fresh".into()));
    assert_eq!(read(&proxy, &format!("{MODULE}/@v/latest")).await["known"]["state"], "not-loaded");
    proxy.stop().await;
}

#[tokio::test]
async fn a_private_module_without_a_source_says_so() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("private", "corp.example")]);
    let module = read(&proxy, "/api/v1/modules/corp.example/secret").await;
    assert_eq!((&module["private"], module["sources"].as_array().unwrap().len()), (&true.into(), 0));
    assert!(module["no_source"].as_str().unwrap().contains("private"));
    assert!(upstream.requests().is_empty());
    proxy.stop().await;
}

#[tokio::test]
async fn a_name_that_no_module_has_is_a_mistake_of_the_caller() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for path in
        ["nodot", "example.com/M", "example.com/m/", "example.com/m/@v/", "example.com/m/@v/a/b", "../x"]
    {
        let (status, body) = call(&proxy, "GET", &format!("/api/v1/modules/{path}"), "").await;
        assert_eq!(status, 400, "{path}: {body}");
    }
    assert_eq!(call(&proxy, "GET", "/api/v1/modules/", "").await.0, 404);
    proxy.stop().await;
}
