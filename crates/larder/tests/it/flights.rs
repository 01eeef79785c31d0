//! Fetching: one flight for all, streamed with the tail held back, and what every kind of trouble ends as.

use testkit::module::ModuleFiles;
use testkit::raw::{End, RawClient, get};
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, cache_of};

/// Makes an upstream misbehave about the first of two versions.
type Script = fn(&Upstream, &ModuleFiles, &ModuleFiles);

fn big() -> ModuleFiles {
    ModuleFiles::new("example.com/big", "v1.0.0").padding(1_600_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_askers_share_one_fetch_and_all_get_the_right_bytes() {
    // Small enough for an unoptimised build on a busy machine; the benchmark does the same with 1.6 MB.
    let files = ModuleFiles::new("example.com/big", "v1.0.0").padding(400_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).hold();
    let proxy = TestProxy::over(&upstream);
    let (address, path) = (proxy.address(), files.url("zip"));
    let askers: Vec<_> = (0..1000)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { get(address, &path).await })
        })
        .collect();
    upstream.held(&path, 1).await;
    upstream.release();
    let (mut misses, mut joined) = (0, 0);
    for asker in askers {
        let response = asker.await.unwrap();
        assert!(response.status == 200 && response.complete && response.body == files.zip());
        match response.header("x-larder-cache") {
            Some("miss") => misses += 1,
            Some("joined") => joined += 1,
            _ => {}
        }
    }
    assert_eq!((upstream.count(&path), misses), (1, 1));
    assert!(joined > 0);
    proxy.stop().await;
}

#[tokio::test]
async fn bytes_are_passed_on_while_they_arrive_but_the_tail_is_held_back() {
    let files = big();
    let size = files.zip().len();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).stall_after(size - 1);
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    let head = client.read_head().await;
    assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
    assert_eq!(head.header("etag"), None);
    let early = client.read_body_exactly(size - 16 * 1024 - 1).await;
    assert_eq!(early, files.zip()[..size - 16 * 1024 - 1]);
    upstream.release();
    let rest = client.read_body_exactly(16 * 1024 + 1).await;
    assert_eq!(rest, files.zip()[size - 16 * 1024 - 1..]);
}

#[tokio::test]
async fn an_asker_who_leaves_harms_nobody() {
    let files = big();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).stall_after(200_000);
    let proxy = TestProxy::over(&upstream);
    let mut first = RawClient::connect(proxy.address()).await;
    first.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    first.read_head().await;
    first.read_body_exactly(100_000).await;
    drop(first);
    let (address, path) = (proxy.address(), files.url("zip"));
    let second = tokio::spawn(async move { get(address, &path).await });
    upstream.release();
    assert_eq!(second.await.unwrap().body, files.zip());
    assert_eq!(upstream.count(&files.url("zip")), 1);
}

#[tokio::test]
async fn a_broken_zip_is_cut_and_never_kept() {
    let size = big().zip().len();
    for damaged in [
        big().flip_zip_byte(800_000),
        big().flip_zip_byte(size - 30),
        big().zip_prefix("example.com/other@v1.0.0/"),
    ] {
        let upstream = Upstream::of(std::slice::from_ref(&damaged)).await;
        let proxy = TestProxy::over(&upstream);
        let streamed = proxy.get(&damaged.url("zip")).await;
        assert!(streamed.status == 502 || !streamed.complete, "a wrong body ended cleanly");
        assert!(streamed.body.len() <= damaged.zip().len() - 22, "the tail was released");
        let again = proxy.get(&damaged.url("zip")).await;
        assert_eq!(again.status, 502, "{}", again.text());
        assert!(!proxy.data("modules/example.com/big/@v/v1.0.0.zip").exists());
        let h2 = testkit::raw::h2c::get(proxy.address(), &damaged.url("zip")).await;
        assert!(h2.status == 502 || !h2.complete);
        proxy.stop().await;
    }
}

#[tokio::test]
async fn a_zip_that_differs_from_the_recorded_hash_can_be_opened_by_nobody() {
    let files = big();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get(&files.url("zip")).await.body, files.zip());
    let held = proxy.data("modules/example.com/big/@v/v1.0.0.zip");
    std::fs::remove_file(&held).unwrap();
    let proxy = proxy.restart().await;
    let other = big().file("other.go", "package other\n");
    upstream.put(&files.url("zip"), other.zip());
    let response = proxy.get(&files.url("zip")).await;
    assert!(response.status != 200 || !response.complete, "other content was served as the version");
    assert!(response.body.len() <= other.zip().len() - 22);
    assert!(!held.exists());
    assert_eq!(proxy.get(&files.url("zip")).await.status, 502);
    // The right content heals it.
    proxy.clock().advance(std::time::Duration::from_secs(2));
    upstream.put(&files.url("zip"), files.zip());
    assert_eq!(proxy.get(&files.url("zip")).await.body, files.zip());
    assert!(held.exists());
}

#[tokio::test]
async fn an_outage_is_never_told_as_an_absence() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    for path in [
        files.list_url(),
        files.latest_url(),
        files.url("info"),
        files.url("mod"),
        files.url("zip"),
        "/example.com/m/@v/main.info".to_owned(),
    ] {
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        let proxy = TestProxy::over(&upstream);
        for (status, expected) in
            [(500, 503), (503, 503), (429, 503), (403, 503), (401, 503), (400, 503), (204, 503)]
        {
            upstream.on(&path).status(status);
            proxy.clock().advance(std::time::Duration::from_secs(2));
            let response = proxy.get(&path).await;
            assert_eq!(
                response.status,
                expected,
                "{path} when the upstream says {status}: {}",
                response.text()
            );
            assert!(response.header("retry-after").is_some());
            assert_eq!(response.header("cache-control"), Some("no-store"));
        }
        upstream.on(&path).refuse();
        proxy.clock().advance(std::time::Duration::from_secs(2));
        assert_eq!(proxy.get(&path).await.status, 503);
        upstream.stop().await;
        proxy.clock().advance(std::time::Duration::from_secs(2));
        assert_eq!(proxy.get(&path).await.status, 503);
        upstream.restart().await;
        upstream.heal(&path);
        if !path.contains("main") {
            proxy.clock().advance(std::time::Duration::from_secs(2));
            assert_eq!(proxy.get(&path).await.status, 200, "{path} after the outage");
        }
    }
}

#[tokio::test]
async fn wrong_answers_of_a_proxy_are_its_fault_and_not_an_absence() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let other = ModuleFiles::new("example.com/m", "v1.0.1");
    let cases: [(&str, Script); 7] = [
        ("info", |u, f, _| drop(u.on(&f.url("info")).html(200, "<html>sign in</html>"))),
        ("mod", |u, f, _| drop(u.on(&f.url("mod")).html(200, "<html>sign in</html>"))),
        ("zip", |u, f, _| drop(u.on(&f.url("zip")).html(200, "<html>sign in</html>"))),
        ("info", |u, f, o| u.put(&f.url("info"), o.info())),
        ("mod", |u, f, _| drop(u.on(&f.url("mod")).gzip())),
        ("mod", |u, f, _| drop(u.on(&f.url("mod")).bytes(&b"module m\0"[..]))),
        ("info", |u, f, _| u.put(&f.url("info"), r#"{"Version":"v1.0.0","Time":"yesterday"}"#)),
    ];
    for (kind, script) in cases {
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        script(&upstream, &files, &other);
        let proxy = TestProxy::over(&upstream);
        let response = proxy.get(&files.url(kind)).await;
        assert!(
            response.status == 502 || (response.status == 200 && !response.complete),
            "{kind}: {} {}",
            response.status,
            response.text()
        );
        assert!(!proxy.data(&format!("modules{}", files.url(kind))).exists());
    }
}

#[tokio::test]
async fn the_chain_is_walked_by_its_separators() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let second = Upstream::of(std::slice::from_ref(&files)).await;
    for (separator, first_status, expected) in
        [(",", 404, 200), (",", 410, 200), (",", 500, 503), ("|", 500, 200), ("|", 404, 200)]
    {
        let first = Upstream::start().await;
        first.on("*").status(first_status);
        let list = format!("{}{separator}{}", first.url(), second.url());
        let proxy = TestProxy::with(&[("upstream", &list)]);
        for path in [files.url("mod"), files.list_url()] {
            assert_eq!(
                proxy.get(&path).await.status,
                expected,
                "{path} {list} when the first says {first_status}"
            );
        }
    }
}

#[tokio::test]
async fn a_version_comes_from_one_source() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let (first, second) =
        (Upstream::of(std::slice::from_ref(&files)).await, Upstream::of(std::slice::from_ref(&files)).await);
    first.withdraw(&files.url("zip"));
    let list = format!("{},{}", first.url(), second.url());
    let proxy = TestProxy::with(&[("upstream", &list)]);
    assert_eq!(cache_of(&proxy.get(&files.url("mod")).await), format!("200 miss {}", first.address()));
    assert_eq!(proxy.get(&files.url("zip")).await.status, 404);
    assert!(second.paths().is_empty(), "a second source was mixed into the version");
}

#[tokio::test]
async fn a_body_that_was_cut_is_resumed_under_a_strong_etag_else_the_client_is_cut() {
    let files = big();
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).etag("\"e1\"").cut_after(300_000).once();
    upstream.on(&path).etag("\"e1\"");
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(&path).await;
    assert!(response.complete && response.body == files.zip());
    assert_eq!(upstream.requests()[1].header("range"), Some("bytes=300000-"));

    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).cut_after(300_000).once();
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(&path).await;
    assert!(!response.complete && response.body.len() <= 300_000);
    proxy.clock().advance(std::time::Duration::from_secs(2));
    assert_eq!(proxy.get(&path).await.body, files.zip(), "the next attempt succeeds");
}

#[tokio::test]
async fn unknown_length_is_chunked_and_an_old_client_waits_for_the_whole() {
    let files = big();
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).chunked();
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(&path).await;
    assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    assert!(response.complete && response.body == files.zip());

    let damaged = big().flip_zip_byte(800_000);
    let upstream = Upstream::of(std::slice::from_ref(&damaged)).await;
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await;
    let head = client.read_head().await;
    assert_eq!(head.status, 502, "an HTTP/1.0 client cannot see a cut");
    assert_ne!(client.read_to_end().await.1, End::TimedOut);
}

#[tokio::test]
async fn a_failed_fetch_is_one_retry_and_not_one_for_each_asker() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("mod")).status(500);
    let proxy = TestProxy::over(&upstream);
    for _ in 0..50 {
        assert_eq!(proxy.get(&files.url("mod")).await.status, 503);
    }
    assert_eq!(upstream.count(&files.url("mod")), 2, "the fetch and its one retry");
}

#[tokio::test]
async fn a_hit_and_another_miss_do_not_wait_for_fetches_that_hang() {
    let (held, other) =
        (ModuleFiles::new("example.com/held", "v1.0.0"), ModuleFiles::new("example.com/other", "v1.0.0"));
    let upstream = Upstream::of(&[held.clone(), other.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get(&held.url("zip")).await.status, 200);
    let address = proxy.address();
    let mut hanging = Vec::new();
    for index in 0..100 {
        let path = format!("/example.com/slow{index}/@v/v1.0.0.zip");
        upstream.on(&path).hold();
        hanging.push(tokio::spawn(async move { get(address, &path).await }));
    }
    for index in 0..100 {
        upstream.held(&format!("/example.com/slow{index}/@v/v1.0.0.zip"), 1).await;
    }
    assert_eq!(proxy.get(&held.url("zip")).await.header("x-larder-cache"), Some("hit"));
    assert_eq!(proxy.get(&other.url("zip")).await.status, 200);
    upstream.release();
    for task in hanging {
        assert_eq!(task.await.unwrap().status, 404);
    }
}
