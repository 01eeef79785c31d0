//! Outages, as the go command takes them: it must not wander off to its next source.

use testkit::Upstream;
use testkit::go;

use crate::larder::Larder;
use crate::world;

const WANTED: &str = "example.com/Upper/Lib@v1.2.0";

/// What go says, and how many requests its second source saw.
async fn asks_with_a_second_source(larder: &Larder, dir: &std::path::Path) -> (go::Go, go::Output, usize) {
    let other = world::upstream().await;
    let go = world::client(dir, &format!("{},{}", larder.url(), other.url()));
    let output = go.run(&["mod", "download", WANTED]).await;
    (go, output, other.requests().len())
}

#[tokio::test]
async fn in_an_outage_go_does_not_go_on_to_its_next_source() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = world::upstream().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    for (status, shown) in [(503, "503 Service Unavailable"), (500, "503"), (429, "503"), (403, "503")] {
        upstream.on("*").status(status);
        let (_, output, elsewhere) =
            asks_with_a_second_source(&larder, &dir.path().join(status.to_string())).await;
        assert!(!output.ok && output.stderr.contains(shown), "{status}: {}", output.stderr);
        assert!(output.stderr.contains("this is not an absence: try again later"), "{}", output.stderr);
        assert_eq!(elsewhere, 0, "after {status} go asked its next source");
    }
    upstream.stop().await;
    let (_, output, elsewhere) = asks_with_a_second_source(&larder, &dir.path().join("gone")).await;
    assert!(!output.ok && output.stderr.contains("503 Service Unavailable"), "{}", output.stderr);
    assert_eq!(elsewhere, 0, "with the upstream gone go asked its next source");
}

#[tokio::test]
async fn after_an_absence_go_does_go_on_to_its_next_source() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let (_, output, elsewhere) = asks_with_a_second_source(&larder, dir.path()).await;
    output.success();
    assert!(elsewhere > 0);
}

#[tokio::test]
async fn after_an_outage_the_same_go_command_succeeds() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = world::upstream().await;
    upstream.stop().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let go = world::client(dir.path(), &larder.url());
    assert!(!go.run(&["mod", "download"]).await.ok);
    upstream.restart().await;
    // Failures are remembered for a second, so that a crowd of askers makes one retry.
    testkit::eventually("a download that succeeds", || async { go.run(&["mod", "download"]).await.ok }).await;
}
