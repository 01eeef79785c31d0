//! An upstream in trouble: left alone, tried again, and never asked much more for it.

use std::time::Duration;

use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, cache_of};

fn version(module: &str) -> ModuleFiles {
    ModuleFiles::new(module, "v1.0.0")
}

/// Misses of five modules nobody has: enough failures in a row, of which one may be a retry.
async fn fail(proxy: &TestProxy) {
    for index in 0..5 {
        let response = proxy.get(&format!("/example.com/gone{index}/@v/v1.0.0.mod")).await;
        assert_eq!(response.status, 503, "{}", response.text());
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_left_alone_and_what_is_held_of_it_is_served_at_once() {
    let held = version("example.com/held");
    let upstream = Upstream::of(std::slice::from_ref(&held)).await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("breaker.pause", "1h"),
        ("breaker.pause_max", "1h"),
    ]);
    assert_eq!(proxy.get(&held.list_url()).await.status, 200);
    upstream.stop().await;
    fail(&proxy).await;
    // Whoever asked it now would wait for ever.
    upstream.restart().await;
    upstream.on("*").hold();
    upstream.forget();
    proxy.clock().advance(Duration::from_hours(5));
    let stale = proxy.get(&held.list_url()).await;
    assert_eq!(cache_of(&stale), format!("200 stale {}", upstream.address()));
    let miss = proxy.get(&held.url("zip")).await;
    assert_eq!(miss.status, 503, "{}", miss.text());
    let wait_s: u64 = miss.header("retry-after").unwrap().parse().unwrap();
    assert!((2000..=4500).contains(&wait_s), "{wait_s}");
    assert!(miss.text().contains("asked again in"), "{}", miss.text());
    assert!(upstream.paths().is_empty(), "{:?}", upstream.paths());
    let health = proxy.pipeline().origins().health().remove(0);
    assert_eq!((health.name, health.state.as_str()), (upstream.address().to_string(), "open"));
}

#[tokio::test]
async fn an_upstream_that_is_back_is_found_by_one_question() {
    let files = version("example.com/m");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("breaker.pause", "1ms"),
        ("breaker.pause_max", "1ms"),
    ]);
    upstream.stop().await;
    fail(&proxy).await;
    upstream.restart().await;
    testkit::eventually("the end of the pause", || async {
        proxy.clock().advance(Duration::from_secs(2));
        proxy.get(&files.url("mod")).await.status == 200
    })
    .await;
    assert_eq!(upstream.count(&files.url("mod")), 1);
    assert_eq!(proxy.pipeline().origins().health()[0].state.as_str(), "closed");
}

#[tokio::test]
async fn a_walk_goes_past_an_upstream_that_is_left_alone_where_the_list_says_so() {
    let files = version("example.com/m");
    for (separator, expected) in [("|", 200), (",", 503)] {
        let first = Upstream::start().await;
        first.on("*").status(500);
        let second = Upstream::of(std::slice::from_ref(&files)).await;
        second.on("*").status(500);
        let list = format!("{}{separator}{}", first.url(), second.url());
        let settings = [("breaker.pause", "1h"), ("breaker.pause_max", "1h"), ("breaker.failures", "3")];
        let proxy = TestProxy::with(&[&[("upstream", list.as_str())], &settings[..]].concat());
        for index in 0..5 {
            second.heal("*");
            let path = format!("/example.com/gone{index}/@v/v1.0.0.mod");
            assert_eq!(proxy.get(&path).await.status, 503, "{separator}");
        }
        let asked = first.paths().len();
        assert_eq!(proxy.get(&files.url("mod")).await.status, expected, "{separator}");
        assert_eq!(first.paths().len(), asked, "{separator}: the first is left alone");
    }
}

#[tokio::test]
async fn many_misses_of_a_failing_upstream_cost_it_a_fifth_more_at_most() {
    let upstream = Upstream::start().await;
    upstream.on("*").status(503);
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("breaker.failures", "0"),
        ("breaker.share", "0"),
        ("retry.backoff", "0ms"),
        ("retry.times", "5"),
    ]);
    for index in 0..100 {
        let path = format!("/example.com/m{index}/@v/v1.0.0.info");
        assert_eq!(proxy.get(&path).await.status, 503);
    }
    let calls = upstream.paths().len();
    assert!((110..=125).contains(&calls), "100 misses, 20 retries and 5 saved at the beginning: {calls}");
}
