//! Asking again, and forgetting.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use super::{call, read};
use crate::proxy::TestProxy;

const MODULE: &str = "/api/v1/modules/example.com/!m";
const MAIN: &str = "/example.com/!m/@v/main.info";

fn version(version: &str) -> ModuleFiles {
    ModuleFiles::new("example.com/M", version).file("m.go", "package m\n")
}

/// A proxy over an upstream that has this version; its list, latest version and branch `main` have been asked for.
async fn knowing(files: &ModuleFiles) -> (Upstream, TestProxy) {
    let upstream = Upstream::of(std::slice::from_ref(files)).await;
    upstream.put(MAIN, files.info());
    let proxy = TestProxy::over(&upstream);
    for url in [&files.list_url(), &files.latest_url(), MAIN] {
        assert_eq!(proxy.get(url).await.status, 200);
    }
    (upstream, proxy)
}

async fn post(proxy: &TestProxy, what: &str, body: &Value) -> Value {
    let (status, text) = call(proxy, "POST", &format!("/api/v1/{what}"), &body.to_string()).await;
    assert_eq!(status, 200, "{what} {body}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn refresh(proxy: &TestProxy) -> Value {
    post(proxy, "refresh", &json!({"module": "example.com/M"})).await["asked"].take()
}

fn of<'a>(asked: &'a Value, what: &str) -> &'a Value {
    asked.as_array().unwrap().iter().find(|it| it["what"] == what).unwrap()
}

#[tokio::test]
async fn a_refresh_sees_what_was_published_a_moment_ago() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let (upstream, proxy) = knowing(&one).await;
    assert_eq!(proxy.get(&two.url("info")).await.status, 404);
    upstream.serve(&two);
    upstream.put(MAIN, two.info());
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\n", "fresh is not asked again");
    assert_eq!(proxy.get(&two.url("info")).await.status, 404, "the absence counts still");
    let asked = refresh(&proxy).await;
    let list = of(&asked, "list");
    assert_eq!((&list["outcome"], &list["new"]), (&"changed".into(), &json!(["v1.1.0"])), "{asked}");
    let latest = of(&asked, "latest");
    assert_eq!((&latest["was"], &latest["now"]), (&"v1.0.0".into(), &"v1.1.0".into()), "{asked}");
    let query = of(&asked, "query");
    assert_eq!((&query["name"], &query["now"]), (&"main".into(), &"v1.1.0".into()), "{asked}");
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
    assert_eq!(proxy.get(&two.url("info")).await.status, 200, "the absence is forgotten");
    let again = refresh(&proxy).await;
    assert!(again.as_array().unwrap().iter().all(|it| it["outcome"] == "unchanged"), "{again}");
    upstream.put(&one.list_url(), "v1.1.0\n");
    let list = of(&refresh(&proxy).await, "list").clone();
    assert_eq!((&list["gone"], list.get("new")), (&json!(["v1.0.0"]), None), "{list}");
    proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_of_something_unknown_loads_it() {
    let one = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    let asked = refresh(&proxy).await;
    assert_eq!(
        (&of(&asked, "list")["outcome"], &of(&asked, "list")["new"]),
        (&"loaded".into(), &json!(["v1.0.0"]))
    );
    let asked = post(&proxy, "refresh", &json!({"module": "example.com/absent"})).await;
    assert_eq!(asked["asked"][0]["outcome"], "absent", "{asked}");
    proxy.stop().await;
}

#[tokio::test]
async fn when_a_source_is_down_the_refresh_says_why_and_the_old_copy_stays() {
    let one = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&one.list_url()).await;
    upstream.stop().await;
    let asked = refresh(&proxy).await;
    let list = of(&asked, "list");
    assert_eq!((&list["outcome"], &list["old_copy_stays"]), (&"failed".into(), &true.into()), "{asked}");
    assert!(list["why"][0].as_str().unwrap().starts_with("127.0.0.1:"), "{asked}");
    let response = proxy.get(&one.list_url()).await;
    assert_eq!((response.status, response.text().as_str()), (200, "v1.0.0\n"));
    assert_eq!(read(&proxy, MODULE).await["list"]["state"], "fresh", "it is as fresh as it was");
    proxy.stop().await;
}

#[tokio::test]
async fn after_a_refresh_in_vain_nothing_counts_as_absent() {
    let one = version("v1.0.0");
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for url in [&*one.list_url(), MAIN] {
        assert_eq!(proxy.get(url).await.status, 404);
    }
    upstream.on("*").status(503);
    let meant = json!({"module": "example.com/M", "version": "main"});
    assert_eq!(post(&proxy, "refresh", &meant).await["asked"][0]["outcome"], "failed");
    assert_eq!(proxy.get(MAIN).await.status, 503, "no source says any more that there is none");
    assert_eq!(proxy.get(&one.list_url()).await.status, 404, "it was not asked for again");
    assert_eq!(of(&refresh(&proxy).await, "list")["outcome"], "failed");
    assert_eq!(proxy.get(&one.list_url()).await.status, 503);
    proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_joins_the_flight_that_is_in_the_air() {
    let one = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&one.list_url()).await;
    proxy.clock().advance(Duration::from_secs(61));
    upstream.on(&one.list_url()).hold();
    proxy.get(&one.list_url()).await;
    let meant = json!({"module": "example.com/M"});
    let (first, second, ()) = tokio::join!(refresh(&proxy), post(&proxy, "refresh", &meant), async {
        eventually("both refreshes wait for the list", || async {
            let flights = read(&proxy, "/api/v1/flights").await;
            flights["flights"].as_array().unwrap().iter().any(|it| it["followers"] == 2)
        })
        .await;
        upstream.release();
    });
    assert_eq!(of(&first, "list")["outcome"], "unchanged");
    assert_eq!(of(&second["asked"], "list")["outcome"], "unchanged");
    assert_eq!(upstream.count(&one.list_url()), 2, "each asked for itself");
    proxy.stop().await;
}

#[tokio::test]
async fn one_version_or_query_can_be_refreshed_alone() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&one.url("info")).await;
    for kind in ["info", "mod", "zip"] {
        assert_eq!(proxy.get(&two.url(kind)).await.status, 404);
    }
    upstream.serve(&two);
    let asked = post(&proxy, "refresh", &json!({"module": "example.com/M", "version": "v1.1.0"})).await;
    assert_eq!(
        (&asked["asked"][0]["outcome"], &asked["asked"][0]["now"]),
        (&"loaded".into(), &"v1.1.0".into())
    );
    assert_eq!(proxy.get(&two.url("zip")).await.status, 200, "its other files were asked for again");
    let before = upstream.requests().len();
    let asked = post(&proxy, "refresh", &json!({"module": "example.com/M", "version": "v1.0.0"})).await;
    assert_eq!(asked["asked"][0]["outcome"], "held");
    assert_eq!(upstream.requests().len(), before, "a held version is not asked for");
    let asked = post(&proxy, "refresh", &json!({"module": "example.com/M", "version": "latest"})).await;
    assert_eq!((asked["asked"].as_array().unwrap().len(), &asked["asked"][0]["what"]), (1, &"latest".into()));
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_invalidated_is_asked_for_by_the_next_who_wants_it() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let (upstream, proxy) = knowing(&one).await;
    assert_eq!(proxy.get(&two.url("zip")).await.status, 404);
    upstream.serve(&two);
    let before = upstream.requests().len();
    let done = post(&proxy, "invalidate", &json!({"module": "example.com/M"})).await;
    assert_eq!((&done["answers"], &done["troubles"]), (&json!(["list", "latest", "main"]), &1.into()));
    assert_eq!(upstream.requests().len(), before, "forgetting asks nobody");
    let module = read(&proxy, MODULE).await;
    assert_eq!((&module["list"]["state"], module["queries"].get("main")), (&"not-loaded".into(), None));
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
    assert_eq!(proxy.get(&two.url("zip")).await.status, 200);
    // Forgotten on the disk too.
    post(&proxy, "invalidate", &json!({"module": "example.com/M", "version": "main"})).await;
    let proxy = proxy.restart().await;
    assert_eq!(read(&proxy, &format!("{MODULE}/@v/main")).await["known"]["state"], "not-loaded");
    assert_eq!(read(&proxy, MODULE).await["list"]["state"], "fresh", "only the query was forgotten");
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_held_of_a_version_outlives_every_invalidation() {
    let one = version("v1.0.0");
    let (upstream, proxy) = TestProxy::holding(&one).await;
    let done = post(&proxy, "invalidate", &json!({"module": "example.com/M", "version": "v1.0.0"})).await;
    assert_eq!((&done["held"], &done["answers"]), (&json!(["info", "mod", "zip"]), &json!([])));
    post(&proxy, "invalidate", &json!({"module": "example.com/M"})).await;
    upstream.stop().await;
    for kind in ["info", "mod", "zip"] {
        assert_eq!(proxy.get(&one.url(kind)).await.header("x-larder-cache"), Some("hit"), "{kind}");
    }
    // With its source gone and its list forgotten, the list is made of what is held.
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\n");
    proxy.stop().await;
}

#[tokio::test]
async fn a_failure_is_forgotten_so_that_the_next_asker_need_not_wait_for_the_pause() {
    let one = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    upstream.stop().await;
    assert_eq!(proxy.get(&one.url("zip")).await.status, 503);
    upstream.restart().await;
    assert_eq!(proxy.get(&one.url("zip")).await.status, 503, "the failure is remembered for a second");
    let done = post(&proxy, "invalidate", &json!({"module": "example.com/M", "version": "v1.0.0"})).await;
    assert_eq!(done["troubles"], 1);
    assert_eq!(proxy.get(&one.url("zip")).await.status, 200);
    proxy.stop().await;
}

#[tokio::test]
async fn names_that_no_module_has_are_refused() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for body in [
        json!({"module": "nodot"}),
        json!({"module": "example.com/../m"}),
        json!({"module": "example.com/m", "version": "a/b"}),
        json!({"module": "example.com/m", "version": ""}),
        json!({"modul": "example.com/m"}),
        json!([]),
    ] {
        for what in ["refresh", "invalidate"] {
            let (status, text) = call(&proxy, "POST", &format!("/api/v1/{what}"), &body.to_string()).await;
            assert_eq!(status, 400, "{body}: {text}");
        }
    }
    assert!(upstream.requests().is_empty());
    proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_takes_its_place_among_the_fetches_and_is_refused_beyond_all_bounds() {
    let one = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let settings = [("upstream", &*upstream.url()), ("limits.fetches", "1"), ("limits.waiting", "3")];
    let proxy = TestProxy::with(&settings);
    upstream.on(&one.url("zip")).hold();
    let (address, path) = (proxy.address(), one.url("zip"));
    let asker = tokio::spawn(async move { testkit::raw::get(address, &path).await });
    upstream.held(&one.url("zip"), 1).await;
    let (first, ()) = tokio::join!(refresh(&proxy), async {
        eventually("the list and the latest version wait", || async { proxy.pipeline().flights() == 3 })
            .await;
        let second = refresh(&proxy).await;
        for told in second.as_array().unwrap() {
            assert_eq!(told["outcome"], "failed", "{second}");
            assert!(told["why"][0].as_str().unwrap().contains("limits.waiting is 3"), "{second}");
        }
        assert_eq!(upstream.count(&one.list_url()), 0, "it went before its turn");
        upstream.release();
    });
    assert_eq!(of(&first, "list")["outcome"], "loaded", "{first}");
    assert_eq!(asker.await.unwrap().status, 200);
    proxy.stop().await;
}
