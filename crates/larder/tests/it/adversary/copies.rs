//! What is known must not be replaced by less, nor be called what it is not.

use std::time::Duration;

use testkit::module::ModuleFiles;
use testkit::raw;
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, cache_of};

fn version(version: &str) -> ModuleFiles {
    ModuleFiles::new("example.com/m", version)
}

#[tokio::test]
async fn an_outage_does_not_shorten_a_known_list_to_what_is_held() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    for age in [Duration::from_mins(2), Duration::from_hours(1)] {
        let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
        let proxy = TestProxy::over(&upstream);
        proxy.fill(&one).await;
        let (list, latest) = (proxy.get(&one.list_url()).await.body, proxy.get(&one.latest_url()).await.body);
        upstream.on("*").status(500);
        proxy.clock().advance(age);
        for _ in 0..3 {
            let again = proxy.get(&one.list_url()).await;
            assert_eq!(
                (cache_of(&again), again.body),
                (format!("200 stale {}", upstream.address()), list.clone())
            );
            let again = proxy.get(&one.latest_url()).await;
            assert_eq!(again.body, latest);
            proxy.settled().await;
            proxy.clock().advance(Duration::from_secs(11));
        }
        let proxy = proxy.restart().await;
        assert_eq!(proxy.get(&one.list_url()).await.body, list);
        assert_eq!(proxy.get(&one.latest_url()).await.body, latest);
    }
}

#[tokio::test]
async fn a_client_that_forbids_fetching_does_not_shorten_the_list_of_others() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    let held = proxy.get(&format!("/cached-only{}", one.list_url())).await;
    assert_eq!(held.text(), "v1.0.0\n");
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
}

#[tokio::test]
async fn a_list_made_of_what_is_held_is_always_called_stale_and_gives_way_soon_after_the_outage() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    upstream.on(&one.list_url()).status(503);
    upstream.on(&one.latest_url()).status(503);
    for path in [one.list_url(), one.latest_url()] {
        for _ in 0..3 {
            assert_eq!(cache_of(&proxy.get(&path).await), "200 stale held", "{path}");
        }
        assert_eq!(upstream.count(&path), 2, "{path}: the question and its retry");
        upstream.heal(&path);
    }
    proxy.clock().advance(Duration::from_secs(11));
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
    assert_eq!(proxy.get(&one.latest_url()).await.body, two.info());
}

#[tokio::test]
async fn a_list_that_was_denied_for_a_while_comes_back() {
    let (one, two) = (version("v1.0.0"), version("v1.1.0"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
    proxy.clock().advance(Duration::from_hours(1));
    upstream.on(&one.list_url()).status(404);
    for _ in 0..3 {
        let denied = proxy.get(&one.list_url()).await;
        assert_eq!((cache_of(&denied).as_str(), denied.text().as_str()), ("200 stale held", "v1.0.0\n"));
    }
    assert_eq!(upstream.count(&one.list_url()), 2, "a denial is remembered for a minute");
    upstream.heal(&one.list_url());
    proxy.clock().advance(Duration::from_secs(61));
    assert_eq!(proxy.get(&one.list_url()).await.text(), "v1.0.0\nv1.1.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_askers_of_an_old_copy_or_of_nothing_cost_one_question() {
    let files = version("v1.0.0");
    // A question that failed is asked once more, for all of them together.
    for (trouble, status, questions) in
        [("sound", 200, 1), ("down", 200, 2), ("absent", 404, 1), ("failing", 503, 2)]
    {
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        let proxy = TestProxy::over(&upstream);
        let path = if status == 200 { files.list_url() } else { "/example.com/gone/@v/list".to_owned() };
        if status == 200 {
            assert_eq!(proxy.get(&path).await.status, 200);
        }
        if matches!(trouble, "down" | "failing") {
            upstream.on(&path).status(500);
        }
        upstream.forget();
        proxy.clock().advance(Duration::from_hours(1));
        let askers: Vec<_> = (0..300)
            .map(|_| {
                let (address, path) = (proxy.address(), path.clone());
                tokio::spawn(async move { raw::get(address, &path).await.status })
            })
            .collect();
        for asker in askers {
            assert_eq!(asker.await.unwrap(), status, "{trouble}");
        }
        assert_eq!(upstream.count(&path), questions, "{trouble}");
    }
}

#[tokio::test]
async fn freshness_ends_exactly_where_it_should() {
    let files = version("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let path = files.list_url();
    proxy.get(&path).await;
    for (step_ms, state, questions) in [(59_999, "hit", 1), (1, "stale", 2)] {
        proxy.clock().advance(Duration::from_millis(step_ms));
        assert_eq!(proxy.get(&path).await.header("x-larder-cache"), Some(state));
        proxy.settled().await;
        assert_eq!(upstream.count(&path), questions);
    }
    for (age_ms, state, text) in
        [(599_999, "stale", "v1.0.0\n"), (600_000, "miss", "v1.0.0\nv1.1.0\nv1.2.0\n")]
    {
        upstream.serve(&version(if state == "stale" { "v1.1.0" } else { "v1.2.0" }));
        proxy.clock().advance(Duration::from_millis(age_ms));
        let response = proxy.get(&path).await;
        assert_eq!((response.header("x-larder-cache"), response.text().as_str()), (Some(state), text));
        proxy.settled().await;
    }
}

#[tokio::test]
async fn a_version_keeps_to_its_source_where_two_sources_share_a_name() {
    let files = version("v1.0.0");
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let at = dirs[1].path().join("example.com/m/@v");
    std::fs::create_dir_all(&at).unwrap();
    for (kind, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
        std::fs::write(at.join(format!("v1.0.0.{kind}")), bytes).unwrap();
    }
    let list = format!("file://{},file://{}", dirs[0].path().display(), dirs[1].path().display());
    let proxy = TestProxy::with(&[("upstream", &list)]);
    proxy.fill(&files).await;
}

#[tokio::test]
async fn files_of_a_version_do_not_look_old_to_caches_in_front() {
    let files = version("v1.0.0");
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    proxy.clock().advance(Duration::from_hours(24 * 30));
    let response = proxy.get(&files.url("zip")).await;
    assert_eq!(response.header("cache-control"), Some("public, max-age=10800"));
    assert_eq!(response.header("age").unwrap_or("0"), "0", "an unchanging file is never out of date");
}
