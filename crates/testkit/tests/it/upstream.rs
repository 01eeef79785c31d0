//! The fake upstream: sound by default, and every fault is the fault it says.

use std::sync::Arc;

use testkit::raw::{End, get, head, request};
use testkit::{ModuleFiles, RawClient, Upstream};

const ZIP: &str = "/example.com/hello/@v/v1.0.0.zip";

fn hello() -> ModuleFiles {
    ModuleFiles::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n").padding(5_000)
}

/// Connects and asks for the zip, without reading the answer.
async fn asking(upstream: &Upstream) -> RawClient {
    let mut client = RawClient::connect(upstream.address()).await;
    client.send(format!("GET {ZIP} HTTP/1.1\r\nHost: upstream\r\n\r\n").as_bytes()).await;
    client
}

#[tokio::test]
async fn without_a_script_it_is_a_module_proxy() {
    let upstream = Upstream::of(&[hello(), ModuleFiles::new("example.com/hello", "v1.1.0")]).await;
    let list = get(upstream.address(), "/example.com/hello/@v/list").await;
    assert_eq!((list.status, list.text().as_str()), (200, "v1.0.0\nv1.1.0\n"));
    let latest = get(upstream.address(), "/example.com/hello/@latest").await;
    assert_eq!(latest.text(), r#"{"Version":"v1.1.0","Time":"2026-01-02T03:04:05Z"}"#);
    assert_eq!(latest.header("content-type"), Some("application/json"));
    let zip = get(upstream.address(), ZIP).await;
    assert_eq!((zip.status, zip.body, zip.complete), (200, hello().zip().to_vec(), true));
    let size = head(upstream.address(), ZIP).await;
    assert_eq!(size.header("content-length"), Some(hello().zip().len().to_string().as_str()));
    assert_eq!(get(upstream.address(), "/example.com/other/@v/list").await.status, 404);
    assert_eq!(upstream.count(ZIP), 2);
    assert_eq!(upstream.requests()[3].method, "HEAD");
}

#[tokio::test]
async fn escaped_upper_case_is_found_with_and_without_percent_encoding() {
    let upstream = Upstream::of(&[ModuleFiles::new("example.com/UP", "v1.0.0")]).await;
    assert_eq!(get(upstream.address(), "/example.com/%21u%21p/@v/list?x=1").await.status, 200);
    assert_eq!(get(upstream.address(), "/example.com/!u!p/@v/list").await.status, 200);
    assert_eq!(upstream.count("/example.com/!u!p/@v/list"), 2);
    assert_eq!(upstream.requests()[0].target, "/example.com/%21u%21p/@v/list?x=1");
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let upstream = Upstream::of(&[hello()]).await;
    let mut client = RawClient::connect(upstream.address()).await;
    for _ in 0..3 {
        client.send(format!("GET {ZIP} HTTP/1.1\r\nHost: upstream\r\n\r\n").as_bytes()).await;
        let head = client.read_head().await;
        assert_eq!(client.read_body(&head).await, (hello().zip().to_vec(), true));
    }
    assert_eq!((upstream.connections(), upstream.count(ZIP)), (1, 3));
}

#[tokio::test]
async fn a_cut_body_is_not_complete_and_the_next_is_sound_if_it_was_once() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).once().cut_after(1000);
    let cut = get(upstream.address(), ZIP).await;
    assert_eq!((cut.status, cut.body.len(), cut.complete), (200, 1000, false));
    assert!(get(upstream.address(), ZIP).await.complete);
    upstream.on(ZIP).chunked().cut_after(1000);
    let cut = get(upstream.address(), ZIP).await;
    assert_eq!((cut.header("content-length"), cut.body.len(), cut.complete), (None, 1000, false));
}

#[tokio::test]
async fn statuses_texts_and_pages_are_sent_as_they_are_given() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).once().status(503);
    upstream.on(ZIP).once().status_text(404, "not found: fetch timed out");
    upstream.on(ZIP).once().html(200, "<html>log in</html>");
    upstream.on(ZIP).once().redirect("http://127.0.0.1:1/elsewhere");
    upstream.on(ZIP).bytes("other");
    let at = upstream.address();
    assert_eq!(get(at, ZIP).await.status, 503);
    let text = get(at, ZIP).await;
    assert_eq!((text.status, text.text().as_str()), (404, "not found: fetch timed out"));
    let page = get(at, ZIP).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(get(at, ZIP).await.header("location"), Some("http://127.0.0.1:1/elsewhere"));
    assert_eq!(get(at, ZIP).await.text(), "other");
    upstream.heal(ZIP);
    assert_eq!(get(at, ZIP).await.body, hello().zip());
    upstream.on("*").status(500);
    assert_eq!(get(at, "/example.com/hello/@v/list").await.status, 500);
}

#[tokio::test]
async fn a_wrong_length_is_said_and_the_bytes_stay() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).wrong_length(5);
    let zip = get(upstream.address(), ZIP).await;
    assert_eq!((zip.body.len(), zip.complete), (hello().zip().len(), false));
    upstream.on(ZIP).wrong_length(-5);
    let zip = get(upstream.address(), ZIP).await;
    assert_eq!((zip.body.len(), zip.complete), (hello().zip().len() - 5, true));
}

#[tokio::test]
async fn a_compressed_body_says_so() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).gzip();
    let zip = get(upstream.address(), ZIP).await;
    assert_eq!(zip.header("content-encoding"), Some("gzip"));
    assert_eq!(zip.body[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_body_until_close_has_no_length() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).until_close();
    let zip = get(upstream.address(), ZIP).await;
    assert_eq!((zip.header("content-length"), &zip.body[..]), (None, &hello().zip()[..]));
}

#[tokio::test]
async fn ranges_work_on_a_path_with_an_entity_tag() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).etag("\"one\"").once().cut_after(1000);
    assert_eq!(get(upstream.address(), ZIP).await.header("etag"), Some("\"one\""));
    let rest = [("Range", "bytes=1000-"), ("If-Range", "\"one\"")];
    let part = request(upstream.address(), "GET", ZIP, &rest).await;
    let size = hello().zip().len();
    assert_eq!(part.header("content-range"), Some(format!("bytes 1000-{}/{size}", size - 1).as_str()));
    assert_eq!((part.status, part.body), (206, hello().zip()[1000..].to_vec()));
    let other = [("Range", "bytes=1000-"), ("If-Range", "\"two\"")];
    assert_eq!(request(upstream.address(), "GET", ZIP, &other).await.status, 200);
}

#[tokio::test]
async fn a_stalled_body_goes_on_when_released() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).stall_after(1000);
    let mut client = asking(&upstream).await;
    let head = client.read_head().await;
    let begin = client.read_body_exactly(1000).await;
    upstream.held(ZIP, 1).await;
    upstream.release();
    let rest = client.read_body_exactly(hello().zip().len() - 1000).await;
    assert_eq!((head.status, [begin, rest].concat()), (200, hello().zip().to_vec()));
}

#[tokio::test]
async fn a_held_answer_waits_with_its_head() {
    let upstream = Arc::new(Upstream::of(&[hello()]).await);
    upstream.on(ZIP).hold();
    let asked: Vec<_> = (0..3).map(|_| tokio::spawn(get(upstream.address(), ZIP))).collect();
    upstream.held(ZIP, 3).await;
    upstream.step(ZIP, 1);
    let first = asked.into_iter().map(|asking| async { asking.await.unwrap().status });
    upstream.release();
    for status in first {
        assert_eq!(status.await, 200);
    }
    upstream.idle().await;
    assert_eq!(upstream.peak(ZIP), 3);
}

#[tokio::test]
async fn a_drip_sends_a_chunk_a_step() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).drip(10);
    let mut client = asking(&upstream).await;
    client.read_head().await;
    for _ in 0..3 {
        upstream.held(ZIP, 1).await;
        upstream.step(ZIP, 1);
        client.read_body_exactly(10).await;
    }
    upstream.release();
    client.read_body_exactly(hello().zip().len() - 30).await;
}

#[tokio::test]
async fn a_refused_request_ends_without_an_answer() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).refuse();
    assert_eq!(asking(&upstream).await.read_to_end().await, (Vec::new(), End::Clean));
}

#[tokio::test]
async fn an_endless_body_ends_when_the_client_leaves() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).endless();
    let mut client = asking(&upstream).await;
    client.read_head().await;
    client.read_body_exactly(1_000_000).await;
    drop(client);
    upstream.left(ZIP, 1).await;
    upstream.idle().await;
}

#[tokio::test]
async fn a_client_that_leaves_a_held_answer_is_noticed() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).hold();
    let client = asking(&upstream).await;
    upstream.held(ZIP, 1).await;
    drop(client);
    upstream.left(ZIP, 1).await;
}

#[tokio::test]
async fn stopped_it_refuses_and_restarted_it_answers_on_the_same_port() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.on(ZIP).stall_after(1000);
    let mut client = asking(&upstream).await;
    upstream.held(ZIP, 1).await;
    upstream.stop().await;
    assert!(client.read_to_end().await.0.len() > 1000, "the head and what was sent before the end");
    let refused = tokio::net::TcpStream::connect(upstream.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    upstream.heal(ZIP);
    upstream.restart().await;
    assert!(get(upstream.address(), ZIP).await.complete);
    assert_eq!(upstream.count(ZIP), 2);
}
