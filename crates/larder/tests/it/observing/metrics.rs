//! `/metrics`: each request counted once and rightly, by numbers that a scraper can read.

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::RawClient;
use testkit::upstream::Upstream;

use super::numbers::Numbers;
use crate::proxy::TestProxy;

fn hello() -> ModuleFiles {
    ModuleFiles::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n")
}

pub(super) async fn numbers(proxy: &TestProxy) -> Numbers {
    let response = proxy.get("/metrics").await;
    assert_eq!(response.status, 200, "{}", response.text());
    Numbers::parse(&response.text())
}

fn requests(numbers: &Numbers, kind: &str, outcome: &str, cache: &str) -> u64 {
    numbers
        .count(&format!("larder_requests_total{{kind=\"{kind}\",outcome=\"{outcome}\",cache=\"{cache}\"}}"))
}

#[tokio::test]
async fn each_request_is_counted_once_by_kind_outcome_and_cache() {
    let files = hello().padding(200_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let zip = files.url("zip");
    let etag = proxy.get(&zip).await.header("etag").map(str::to_owned);
    assert_eq!(etag, None, "nothing that arrives has a tag yet");
    proxy.settled().await;
    let etag = proxy.get(&zip).await.header("etag").unwrap().to_owned();
    for (path, fields) in [
        (zip.as_str(), vec![("if-none-match", etag.as_str())]),
        (&zip, vec![("range", "bytes=0-3")]),
        (&zip, vec![("range", "bytes=9999999-")]),
        (&files.url("mod"), vec![]),
        (&files.url("info"), vec![]),
        (&files.list_url(), vec![]),
        ("/example.com/hello/@v/v0.9.0.info", vec![]),
        ("/example.com/hello/@v/v0.9.0.info", vec![]),
        ("/example.com/he%2fllo/@v/list", vec![]),
        ("/healthz", vec![]),
        ("/", vec![]),
        ("/no/such/page", vec![]),
    ] {
        proxy.get_with(path, &fields).await;
    }
    let seen = numbers(&proxy).await;
    for (kind, outcome, cache, count) in [
        ("zip", "ok", "miss", 1),
        ("zip", "ok", "hit", 2),
        ("zip", "not_modified", "hit", 1),
        ("zip", "malformed", "hit", 1),
        ("mod", "ok", "miss", 1),
        ("info", "ok", "miss", 1),
        ("info", "absent", "none", 2),
        ("list", "ok", "miss", 1),
        ("other", "malformed", "none", 1),
        ("other", "absent", "none", 1),
        ("probe", "ok", "none", 1),
        ("page", "ok", "none", 1),
    ] {
        let counted = requests(&seen, kind, outcome, cache);
        assert_eq!(counted, count, "{kind} {outcome} {cache}: {seen:#?}");
    }
    assert_eq!(seen.sum("larder_requests_total", &[]), 14, "{seen:?}");
    let size = files.zip().len() as u64;
    let sent = seen.count("larder_response_body_bytes_total{kind=\"zip\",cache=\"hit\"}");
    assert!(sent >= size + 4 && sent < size + 4 + 700, "{sent} of {size}");
    assert_eq!(seen.sum("larder_flights_boarded_total", &["started"]), 5);
    assert_eq!(seen.sum("larder_verified_total", &["first_seen"]), 3);
    proxy.stop().await;
}

#[tokio::test]
async fn latencies_add_up() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for _ in 0..5 {
        proxy.get(&files.url("mod")).await;
    }
    let seen = numbers(&proxy).await;
    for family in ["larder_request_first_byte_seconds", "larder_request_duration_seconds"] {
        assert_eq!(seen.types[family], "histogram");
        let labels = "kind=\"mod\",cache=\"hit\"";
        let within = |bound: &str| seen.count(&format!("{family}_bucket{{le=\"{bound}\",{labels}}}"));
        assert_eq!(within("+Inf"), 4, "{seen:?}");
        assert_eq!(seen.count(&format!("{family}_count{{{labels}}}")), 4);
        assert!(within("0.001") <= within("60.0"));
        let sum = seen.of(&format!("{family}_sum{{{labels}}}"));
        assert!(sum > 0.0 && sum < 60.0, "{sum}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_as_gone_and_not_as_in_flight() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("mod")).hold();
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", files.url("mod")).as_bytes()).await;
    eventually("a request in flight", || async {
        // The scrape itself is one too.
        numbers(&proxy).await.count("larder_requests_in_flight") == 2
    })
    .await;
    drop(client);
    eventually("the end of that request", || async {
        let seen = numbers(&proxy).await;
        seen.count("larder_requests_in_flight") == 1 && requests(&seen, "mod", "left", "none") == 1
    })
    .await;
    upstream.release();
    proxy.settled().await;
    proxy.stop().await;
}

#[tokio::test]
async fn numbers_are_told_to_this_machine_only() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get("/metrics").await.status, 200);
    for passed_on in ["forwarded", "x-forwarded-for", "via", "x-real-ip"] {
        // A server here that passes on what somebody elsewhere asks.
        let refused = proxy.get_with("/metrics", &[(passed_on, "192.0.2.7")]).await;
        assert_eq!(refused.status, 403, "{passed_on}");
        assert!(refused.text().contains("metrics.allow") && !refused.text().contains("larder_"));
    }
    proxy.stop().await;
    let proxy = TestProxy::with(&[("admin.loopback", "false")]);
    assert_eq!(proxy.get("/metrics").await.status, 403);
    let proxy = proxy.restart_with("metrics.allow", "127.0.0.0/8").await;
    assert_eq!(proxy.get_with("/metrics", &[("host", "larder.corp.example.com")]).await.status, 200);
    proxy.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_tells_its_memory_descriptors_and_times() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let seen = numbers(&proxy).await;
    let between = |series: &str, least: f64, most: f64| {
        let value = seen.of(series);
        assert!((least..=most).contains(&value), "{series}: {value}");
    };
    between("larder_process_resident_memory_bytes", 1e6, 1e10);
    between("larder_process_cpu_seconds_total", 0.0, 1e6);
    between("larder_process_open_fds", 3.0, 1e6);
    between("larder_process_max_fds", 64.0, 1e10);
    between("larder_process_threads", 1.0, 1e4);
    let now = larder::clock::Clock::System.now().as_second();
    let now = f64::from(i32::try_from(now).unwrap());
    between("larder_process_start_time_seconds", now - 3600.0, now + 2.0);
    assert_eq!(seen.sum("larder_build_info", &[&format!("\"{}\"", env!("CARGO_PKG_VERSION"))]), 1);
    proxy.stop().await;
}
