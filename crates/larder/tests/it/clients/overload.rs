//! More than can be done is asked for: the bounds hold, what is refused is refused at once, nobody starves.

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::frames::{self, Frames};
use testkit::raw::{RawClient, Response};
use testkit::upstream::Upstream;
use tokio::sync::mpsc;

use crate::proxy::TestProxy;

const SCANNER: [u8; 4] = [127, 0, 0, 2];
const NEIGHBOUR: [u8; 4] = [127, 0, 0, 3];

fn guess(index: usize) -> String {
    format!("/example.com/guess{index}/@v/v1.0.0.mod")
}

/// A proxy where loopback addresses are clients like others.
fn bounded(upstream: &Upstream, settings: &[(&str, &str)]) -> TestProxy {
    let url = upstream.url();
    let mut all = vec![("upstream", url.as_str()), ("limits.exempt", "")];
    all.extend_from_slice(settings);
    TestProxy::with(&all)
}

/// Asks for many names at once, each on a connection of its own; the answers as they come.
fn scan(
    proxy: &TestProxy,
    from: [u8; 4],
    names: std::ops::Range<usize>,
) -> mpsc::UnboundedReceiver<Response> {
    let (answers, receiver) = mpsc::unbounded_channel();
    for index in names {
        let (address, answers) = (proxy.address(), answers.clone());
        tokio::spawn(async move {
            let response = RawClient::connect_from(from, address).await.get(&guess(index)).await;
            drop(answers.send(response));
        });
    }
    receiver
}

fn assert_shed(response: &Response, setting: &str) {
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.header("retry-after").is_some(), "{:?}", response.headers);
    assert!(response.text().contains(setting), "{}", response.text());
}

#[tokio::test]
async fn a_scanner_of_names_has_its_share_and_no_more_and_all_others_are_served() {
    let (held, other) =
        (ModuleFiles::new("example.com/held", "v1.0.0"), ModuleFiles::new("example.com/other", "v1.0.0"));
    let upstream = Upstream::of(&[held.clone(), other.clone()]).await;
    let proxy = bounded(
        &upstream,
        &[
            ("limits.fetches", "8"),
            ("limits.fetches_per_address", "4"),
            ("limits.waiting", "64"),
            ("limits.waiting_per_address", "16"),
        ],
    );
    assert_eq!(proxy.get(&held.url("zip")).await.status, 200);
    upstream.forget();
    for index in 0..100 {
        upstream.on(&guess(index)).hold();
    }
    let mut answers = scan(&proxy, SCANNER, 0..100);
    for _ in 0..84 {
        assert_shed(&answers.recv().await.unwrap(), "limits.waiting_per_address is 16");
    }
    eventually("four fetches", || async { upstream.paths().len() == 4 }).await;
    assert_eq!(proxy.pipeline().flights(), 16, "four in the air and twelve lined up");
    // The scanner itself still gets what is held, and its neighbour what is not.
    let hit = RawClient::connect_from(SCANNER, proxy.address()).await.get(&held.url("zip")).await;
    assert_eq!(hit.header("x-larder-cache"), Some("hit"));
    let miss = RawClient::connect_from(NEIGHBOUR, proxy.address()).await.get(&other.url("zip")).await;
    assert_eq!(miss.header("x-larder-cache"), Some("miss"));
    assert_eq!(upstream.paths().len(), 5, "nothing of the scanner's departed meanwhile");
    upstream.release();
    for _ in 0..16 {
        assert_eq!(answers.recv().await.unwrap().status, 404);
    }
    proxy.settled().await;
    let again = RawClient::connect_from(SCANNER, proxy.address()).await.get(&other.url("mod")).await;
    assert_eq!(again.status, 200, "nothing stays behind");
    proxy.stop().await;
}

#[tokio::test]
async fn names_that_nobody_waits_for_any_more_are_not_fetched() {
    let upstream = Upstream::start().await;
    let proxy = bounded(&upstream, &[("limits.fetches_per_address", "4")]);
    upstream.on("*").hold();
    for index in 0..40 {
        let mut client = RawClient::connect_from(SCANNER, proxy.address()).await;
        client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", guess(index)).as_bytes()).await;
        let known = (index + 1).min(4);
        eventually("a flight", || async { proxy.pipeline().flights() >= known }).await;
    }
    eventually("the end of what was lined up", || async { proxy.pipeline().flights() == 4 }).await;
    upstream.release();
    proxy.settled().await;
    assert_eq!(upstream.paths().len(), 4);
    proxy.stop().await;
}

#[tokio::test]
async fn beyond_all_bounds_misses_are_refused_at_once_and_hits_and_health_are_not() {
    let held = ModuleFiles::new("example.com/held", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&held)).await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("limits.fetches", "2"),
        ("limits.waiting", "5"),
        ("sumdb", "sum.golang.org"),
        ("gonosumdb", "example.com"),
    ]);
    assert_eq!(proxy.get(&held.url("zip")).await.status, 200);
    assert_eq!(proxy.get(&held.list_url()).await.status, 200);
    upstream.on("*").hold();
    let mut answers = scan(&proxy, NEIGHBOUR, 0..5);
    eventually("five who wait", || async { proxy.pipeline().flights() == 5 }).await;
    for index in 5..50 {
        assert_shed(&proxy.get(&guess(index)).await, "limits.waiting is 5");
        assert_eq!(proxy.get(&held.url("zip")).await.status, 200);
        assert_eq!(proxy.get("/healthz").await.status, 200);
        assert_eq!(proxy.get("/readyz").await.status, 200, "what is held is served: it is ready");
    }
    // An old list is better than nothing.
    proxy.clock().advance(std::time::Duration::from_hours(1));
    assert_eq!(proxy.get(&held.list_url()).await.header("x-larder-cache"), Some("stale"));
    let supported = proxy.get("/sumdb/sum.golang.org/supported").await;
    assert_eq!(supported.status, 200, "needs nobody else, so waits for nobody");
    assert_eq!(supported.header("x-larder-cache"), Some("hit"), "nothing was fetched for it");
    upstream.heal("*");
    upstream.release();
    for _ in 0..5 {
        assert_eq!(answers.recv().await.unwrap().status, 404);
    }
    assert_eq!(proxy.get(&guess(7)).await.status, 404, "served again at once");
    proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_behind_an_answer_gives_way_to_what_somebody_waits_for() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("limits.fetches", "2")]);
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    upstream.on(&guess(0)).hold();
    let mut answers = scan(&proxy, NEIGHBOUR, 0..1);
    upstream.held(&guess(0), 1).await;
    proxy.clock().advance(std::time::Duration::from_mins(5));
    for _ in 0..3 {
        assert_eq!(proxy.get(&files.list_url()).await.header("x-larder-cache"), Some("stale"));
    }
    assert_eq!(upstream.count(&files.list_url()), 1, "half of the places are kept free");
    upstream.release();
    assert_eq!(answers.recv().await.unwrap().status, 404);
    proxy.settled().await;
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    upstream.arrived(&files.list_url(), 2).await;
    proxy.stop().await;
}

#[tokio::test]
async fn a_fetch_never_waits_behind_itself() {
    let files = ModuleFiles::new("example.com/m", "v1.2.0").go_mod("module example.com/m\n");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.withdraw(&files.latest_url());
    upstream.on(&files.list_url()).hold();
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("limits.fetches", "1")]);
    let (address, latest, go_mod) = (proxy.address(), files.latest_url(), files.url("mod"));
    // The latest version is made from the list and a `.mod` file; that file is lined up behind it by somebody else.
    let latest = tokio::spawn(async move { testkit::raw::get(address, &latest).await });
    upstream.held(&files.list_url(), 1).await;
    let lined_up = tokio::spawn(async move { testkit::raw::get(address, &go_mod).await });
    eventually("two flights", || async { proxy.pipeline().flights() == 2 }).await;
    upstream.release();
    assert_eq!(latest.await.unwrap().status, 200);
    assert_eq!(lined_up.await.unwrap().status, 200);
    proxy.stop().await;
}

#[tokio::test]
async fn answers_that_nobody_takes_are_bounded_and_small_ones_go_on() {
    let large = ModuleFiles::new("example.com/large", "v1.0.0").padding(3_000_000);
    let upstream = Upstream::of(std::slice::from_ref(&large)).await;
    let proxy = bounded(&upstream, &[("limits.downloads", "4"), ("limits.downloads_per_address", "2")]);
    let ask =
        async |from, kind| RawClient::connect_from(from, proxy.address()).await.get(&large.url(kind)).await;
    for kind in ["zip", "mod"] {
        assert_eq!(ask(NEIGHBOUR, kind).await.status, 200);
    }
    // Both windows stay shut: what was read for them waits in memory.
    let mut hoarder = Frames::connect(proxy.address(), &[(frames::INITIAL_WINDOW_SIZE, 0)]).await;
    for stream in [1, 3] {
        hoarder.get(stream, &large.url("zip")).await;
        hoarder.until(frames::HEADERS, stream).await.unwrap();
    }
    assert_shed(&proxy.get(&large.url("zip")).await, "limits.downloads_per_address is 2");
    assert_eq!(proxy.get(&large.url("mod")).await.status, 200);
    assert_eq!(ask(NEIGHBOUR, "zip").await.status, 200);
    let client = RawClient::connect_from(SCANNER, proxy.address()).await;
    let mut other = Frames::over(client, &[(frames::INITIAL_WINDOW_SIZE, 0)]).await;
    for stream in [1, 3] {
        other.get(stream, &large.url("zip")).await;
        other.until(frames::HEADERS, stream).await.unwrap();
    }
    assert_shed(&ask(NEIGHBOUR, "zip").await, "limits.downloads is 4");
    assert_eq!(ask(NEIGHBOUR, "mod").await.status, 200);
    drop((hoarder, other));
    eventually("room for whoever takes it", || async { ask(NEIGHBOUR, "zip").await.status == 200 }).await;
    proxy.stop().await;
}
