//! Stopping while something is under way.

use std::time::Duration;

use testkit::module::ModuleFiles;
use testkit::raw::{End, RawClient};
use testkit::upstream::Upstream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::proxy::TestProxy;

#[tokio::test]
async fn a_stop_is_heard_while_all_connections_are_taken() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("limits.connections", "1")]);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = client.read_head().await;
    client.read_body(&head).await;
    let began = std::time::Instant::now();
    proxy.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "an idle connection held up the stop");
    assert_eq!(client.read_to_end().await.1, End::Clean);
}

#[tokio::test]
async fn a_stop_lets_a_running_download_finish() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0").padding(900_000);
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).stall_after(300_000);
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    let head = client.read_head().await;
    let stopping = tokio::spawn(proxy.stop());
    tokio::task::yield_now().await;
    upstream.release();
    let (body, complete) = client.read_body(&head).await;
    assert!(complete && body == files.zip());
    stopping.await.unwrap();
}

#[tokio::test]
async fn an_idle_caller_on_the_control_socket_does_not_hold_up_a_stop() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let silent = tokio::net::UnixStream::connect(proxy.data("control.sock")).await.unwrap();
    let mut dribbling = tokio::net::UnixStream::connect(proxy.data("control.sock")).await.unwrap();
    dribbling.write_all(b"GET /api/v1/status HTT").await.unwrap();
    let began = std::time::Instant::now();
    proxy.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "an idle caller held up the stop");
    drop((silent, dribbling));
}

#[tokio::test]
async fn what_is_about_to_stop_says_so_by_every_door() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("timeout.retire", "10m")]);
    let address = proxy.address();
    let seen = async {
        testkit::eventually("the end of being ready", || async {
            testkit::raw::get(address, "/readyz").await.status == 503
        })
        .await;
        testkit::raw::get(address, "/api/v1/status").await.text()
    };
    let told = tokio::select! {
        told = seen => told,
        () = proxy.stop() => panic!("it did not wait for new work to go elsewhere"),
    };
    assert!(told.contains("\"state\":\"stopping\""), "{told}");
}

/// Makes a long call on the control socket, stops the server when it has told of a first step, and gives the last line
/// of the answer.
async fn stopped_during(proxy: TestProxy, call: &str, body: &str) -> String {
    let stream = tokio::net::UnixStream::connect(proxy.data("control.sock")).await.unwrap();
    let mut stream = tokio::io::BufReader::new(stream);
    let head = format!("POST /api/v1/{call} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    while !line.contains("progress") {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the answer ended before anything was done");
    }
    proxy.stop().await;
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    rest.lines().last().unwrap().to_owned()
}

#[tokio::test]
async fn an_import_under_way_ends_early_and_says_so() {
    let upstream = Upstream::start().await;
    let tree = tempfile::tempdir().unwrap();
    let dir = tree.path().join("example.com/m/@v");
    std::fs::create_dir_all(&dir).unwrap();
    for patch in 0..1500 {
        std::fs::write(dir.join(format!("v1.0.{patch}.mod")), "module example.com/m\n").unwrap();
    }
    let proxy = TestProxy::over(&upstream);
    let body = format!("{{\"dir\":\"{}\"}}", tree.path().display());
    let last = stopped_during(proxy, "import", &body).await;
    assert!(
        last.contains("\"failed\":\"the server was told to stop with ") && last.contains(" left"),
        "{last}"
    );
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_scrub_that_reads_slowly() {
    let small = ModuleFiles::new("example.com/a", "v1.0.0");
    let large = ModuleFiles::new("example.com/b", "v1.0.0").padding(900_000);
    let upstream = Upstream::of(&[small.clone(), large.clone()]).await;
    let url = upstream.url();
    let settings = [("upstream", url.as_str()), ("scrub.rate", "16KiB"), ("timeout.drain", "5s")];
    let proxy = TestProxy::with(&settings);
    for url in [small.url("info"), large.url("zip")] {
        assert_eq!(proxy.get(&url).await.status, 200);
    }
    // When the first has been read, the next file is the zip: a minute of reading.
    let last = stopped_during(proxy, "scrub", "{}").await;
    assert!(last.contains("\"interrupted\":true"), "{last}");
}
