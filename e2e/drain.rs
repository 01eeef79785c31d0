//! Stopping: downloads under way finish, nothing new begins, and a second signal ends at once.

use testkit::raw::RawClient;
use testkit::{ModuleFiles, Upstream, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::larder::Larder;

fn big() -> ModuleFiles {
    ModuleFiles::new("example.com/big", "v1.0.0").padding(3_000_000)
}

/// A client that has received the first half of the zip, whose second half is held back at the upstream.
async fn half_a_download(larder: &Larder, upstream: &Upstream, files: &ModuleFiles) -> (RawClient, Vec<u8>) {
    upstream.on(&files.url("zip")).stall_after(files.zip().len() / 2);
    let mut client = RawClient::connect(larder.address()).await;
    client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    let head = client.read_head().await;
    assert_eq!(head.status, 200);
    let first = client.read_body_exactly(1_000_000).await;
    (client, first)
}

#[tokio::test]
async fn a_running_download_finishes_after_sigterm_and_the_exit_code_is_0() {
    let dir = tempfile::tempdir().unwrap();
    let files = big();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let mut larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let mut idle = RawClient::connect(larder.address()).await;
    idle.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.read_head().await.status, 200);
    let (mut client, mut body) = half_a_download(&larder, &upstream, &files).await;

    larder.terminate();
    larder.logged("stopping").await;
    let address = larder.address();
    eventually("no new connections", || async { TcpStream::connect(address).await.is_err() }).await;

    upstream.release();
    body.extend(client.read_body_exactly(files.zip().len() - body.len()).await);
    assert!(body == files.zip(), "the download that was under way is not what the upstream has");
    assert_eq!(larder.ended().await.code(), Some(0));
    let left = std::fs::read_dir(larder.data("tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "spools were left behind");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_the_client_sees_a_cut() {
    let dir = tempfile::tempdir().unwrap();
    let files = big();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let mut larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let (mut client, first) = half_a_download(&larder, &upstream, &files).await;

    larder.terminate();
    larder.logged("stopping").await;
    larder.terminate();
    assert_eq!(larder.ended().await.code(), Some(1));
    let (rest, _) = client.read_to_end().await;
    assert!(first.len() + rest.len() < files.zip().len(), "the end was sent before it was verified");

    upstream.heal(&files.url("zip"));
    larder.restart();
    let again = larder.ask(&files.url("zip")).await;
    assert!(again.complete && again.body == files.zip());
}

#[tokio::test]
async fn before_it_closes_its_door_it_says_that_it_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--upstream", "off", "--sumdb", "off", "--set", "timeout.retire=1h"];
    let mut larder = Larder::start(&dir.path().join("data"), &flags);
    assert_eq!(larder.ask("/readyz").await.status, 200);
    larder.terminate();
    larder.logged("stopping").await;
    let not_ready = || async { larder.ask("/readyz").await.status == 503 };
    eventually("the word that it is not ready", not_ready).await;
    assert_eq!(larder.ask("/healthz").await.status, 200);
    assert_eq!(larder.ask("/example.com/m/@v/list").await.status, 404, "work is still done");
    larder.terminate();
    assert_eq!(larder.ended().await.code(), Some(1));
}

#[tokio::test]
async fn the_control_socket_answers_while_downloads_finish() {
    let dir = tempfile::tempdir().unwrap();
    let files = big();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let mut larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let (mut client, body) = half_a_download(&larder, &upstream, &files).await;
    larder.terminate();
    larder.logged("stopping").await;
    let address = larder.address();
    eventually("no new connections", || async { TcpStream::connect(address).await.is_err() }).await;
    let mut control = UnixStream::connect(larder.data("control.sock")).await.unwrap();
    control.write_all(b"GET /no/such/call HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    control.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 404 "), "{answer}");
    upstream.release();
    client.read_body_exactly(files.zip().len() - body.len()).await;
    assert_eq!(larder.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_stop_with_nothing_under_way_is_quick_and_clean() {
    let dir = tempfile::tempdir().unwrap();
    let mut larder = Larder::over(&dir.path().join("data"), "off");
    let mut idle = RawClient::connect(larder.address()).await;
    idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.read_head().await.status, 200);
    larder.terminate();
    assert_eq!(larder.ended().await.code(), Some(0));
}
