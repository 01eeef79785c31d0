//! Requests that two readers could understand differently: refused, or read as RFC 9112 has it, and never answered
//! twice; the next connection is fine.

use testkit::module::ModuleFiles;
use testkit::raw::{End, RawClient};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

/// What may be answered to a request.
enum May {
    /// 400, and nothing after it.
    Refuse,
    /// This status, and nothing after it.
    Close(u16),
    /// This status, and the request behind it is one more.
    GoOn(u16),
}
use May::{Close, GoOn, Refuse};

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// Heads that come before [`HIDDEN`], which is a request of its own only where the head has no body.
#[rustfmt::skip]
fn heads(path: &str) -> Vec<(String, May)> {
    let get = |rest: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{rest}\r\n");
    let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n");
    let length = HIDDEN.len();
    let mut heads = vec![
        // Two lengths, or a length and chunks.
        (get("Content-Length: 5\r\nContent-Length: 6\r\n"), Refuse),
        (get("Content-Length: 5, 6\r\n"), Refuse),
        (get("Content-Length: +5\r\n"), Refuse),
        (get("Content-Length: 0x5\r\n"), Refuse),
        (get("Content-Length: 99999999999999999999999\r\n"), Refuse),
        (get("Content-Length:\r\n"), Refuse),
        (get(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n")) + "0\r\n\r\n", Close(200)),
        (get(&format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n")) + "0\r\n\r\n", Close(200)),
        // Codings that others may pass over.
        (get("Transfer-Encoding: xchunked\r\n"), Refuse),
        (get("Transfer-Encoding: chunked, identity\r\n"), Refuse),
        (get("Transfer-Encoding: \x0bchunked\r\n"), Refuse),
        (get("Transfer-Encoding : chunked\r\n"), Refuse),
        (get(" Transfer-Encoding: chunked\r\n"), Refuse),
        (get("X: a\r\n Transfer-Encoding: chunked\r\n"), Refuse),
        (get("Transfer-Encoding\r\n"), Refuse),
        // Bytes that end a line or a text for some.
        (get("X: a\rTransfer-Encoding: chunked\r\n"), Refuse),
        (get("X: a\0b\r\n"), Refuse),
        (get("X\0: a\r\n"), Refuse),
        (get("X y: a\r\n"), Refuse),
        (get(": a\r\n"), Refuse),
        // Targets and first lines.
        (line(&format!("GET {path} HTTP/1.1 ")), Refuse),
        (line(&format!("GET  {path} HTTP/1.1")), Refuse),
        (line(&format!("GET\t{path} HTTP/1.1")), Refuse),
        (line(&format!("GET {path}\0 HTTP/1.1")), Refuse),
        (line(&format!("GET {path} HTTP/1.2")), Refuse),
        (line(&format!("GET {path} HTTP/2.0")), Refuse),
        (line(&format!("GET {path} http/1.1")), Refuse),
        (line(&format!("GET {path}")), Refuse),
        (line("GET x:80 HTTP/1.1"), Refuse),
        (line(&format!("GET {} HTTP/1.1", path.trim_start_matches('/'))), Refuse),
        (line(&format!("G\u{e4}T {path} HTTP/1.1")), Refuse),
        // Hosts.
        (format!("GET {path} HTTP/1.1\r\n\r\n"), Refuse),
        (get("Host: y\r\n"), Refuse),
        (get("Host: x\r\n"), Refuse),
        (format!("GET {path} HTTP/1.1\r\nHost: x/y\r\n\r\n"), Refuse),
        (format!("GET {path} HTTP/1.1\r\nHost: user@x\r\n\r\n"), Refuse),
        (format!("GET {path} HTTP/1.1\r\nHost: x y\r\n\r\n"), Refuse),
        (format!("GET http://other.example{path} HTTP/1.1\r\nHost: x\r\n\r\n"), GoOn(200)),
        (format!("GET http://user@other.example{path} HTTP/1.1\r\nHost: x\r\n\r\n"), Refuse),
        // Other ways out of a request.
        (line("CONNECT x:80 HTTP/1.1"), Close(405)),
        (line("OPTIONS * HTTP/1.1"), GoOn(405)),
        (line("GET * HTTP/1.1"), Refuse),
        (get("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), GoOn(200)),
        (get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), GoOn(200)),
        // A body that nobody reads is no request.
        (get(&format!("Content-Length: {length}\r\n")), Close(200)),
        (get(&format!("Content-Length: {length}\r\nContent-Length: {length}\r\n")), Close(200)),
        (get(&format!("Expect: 100-continue\r\nContent-Length: {length}\r\n")), Close(200)),
        (get("Content-Length: 0\r\n"), GoOn(200)),
        (get(""), GoOn(200)),
    ];
    heads.extend(chunks(&get("Transfer-Encoding: chunked\r\n")));
    heads
}

/// Bodies in chunks, right and wrong.
fn chunks(head: &str) -> Vec<(String, May)> {
    let extension = format!("5;{}\r\n", "x".repeat(200_000));
    let wrong = ["zz\r\n", "-1\r\n", "fffffffffffffffff\r\n", "5\nhello", &extension];
    let right = (format!("{head}5;x\r\nhello\r\n0\r\n\r\n"), GoOn(200));
    wrong.into_iter().map(|body| (format!("{head}{body}"), Close(200))).chain([right]).collect()
}

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused_or_ends_its_connection() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let path = files.url("mod");
    assert_eq!(proxy.get(&path).await.status, 200);
    let mut wrong = Vec::new();
    for (head, may) in heads(&path) {
        let mut client = RawClient::connect(proxy.address()).await;
        client.send_if_open([head.as_bytes(), HIDDEN.as_bytes()].concat().as_slice()).await;
        client.finish_if_open().await;
        let (answer, end) = client.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer);
        let statuses: Vec<u16> = answer
            .match_indices("HTTP/1.")
            .filter_map(|(at, _)| answer.get(at + 9..at + 12)?.parse().ok())
            .collect();
        let right = match may {
            // A reset may swallow the answer.
            Refuse => statuses == [400] || (statuses.is_empty() && end == End::Reset),
            Close(status) => statuses == [status] || statuses == [status, 400],
            GoOn(status) => statuses == [status, 404],
        };
        if !right || end == End::TimedOut {
            wrong.push(format!("{:?}: {statuses:?} {end:?}", &head[..head.len().min(160)]));
        }
        assert_eq!(proxy.get(&path).await.status, 200, "after {head:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(upstream.paths(), [path], "what was hidden reached the upstream");
}

#[tokio::test]
async fn a_line_ends_with_cr_lf_or_lf_and_nothing_else() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for (text, status) in [
        ("GET /healthz HTTP/1.1\nHost: x\n\n", "200"),
        ("GET /healthz HTTP/1.1\r\nHost: x\n\n", "200"),
        ("GET /healthz HTTP/1.1\rHost: x\r\r", ""),
    ] {
        let mut client = RawClient::connect(proxy.address()).await;
        client.send(text.as_bytes()).await;
        client.finish_if_open().await;
        let (answer, end) = client.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.get(9..12).unwrap_or_default() == status || answer.starts_with("HTTP/1.1 400"),
            "{text:?}: {answer}"
        );
        assert_ne!(end, End::TimedOut);
    }
}

#[tokio::test]
async fn paths_and_heads_have_bounds_that_are_settings() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("limits.path_bytes", "600"),
        ("limits.header_bytes", "8192"),
    ]);
    let path = |bytes: usize| format!("/example.com/{}/@v/list", "a/".repeat((bytes - 21) / 2));
    assert_eq!(proxy.get(&path(600)).await.status, 404);
    let long = proxy.get(&path(620)).await;
    assert_eq!(long.status, 414);
    assert!(long.text().contains("limits.path_bytes"), "{}", long.text());
    let longer = proxy.get(&path(70_000)).await;
    assert!(matches!(longer.status, 414 | 431), "{}", longer.status);
    let fields = "X: y\r\n".repeat(101);
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes()).await;
    assert_eq!(client.read_head().await.status, 431);
    assert_eq!(proxy.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn what_one_connection_sends_ahead_is_fetched_one_after_the_other() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    upstream.on("*").hold();
    let mut client = RawClient::connect(proxy.address()).await;
    let guess = |index: usize| format!("/example.com/guess{index}/@v/v1.0.0.mod");
    let ask = |index| ["GET ", &guess(index), " HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    client.send((0..100).map(ask).collect::<String>().as_bytes()).await;
    for index in 0..100 {
        upstream.arrived(&guess(index), 1).await;
        assert_eq!(proxy.pipeline().flights(), 1, "before the answer to request {index}");
        assert_eq!(upstream.paths().len(), index + 1);
        upstream.heal("*");
        upstream.release();
        let head = client.read_head().await;
        assert!(
            String::from_utf8_lossy(&client.read_body(&head).await.0).contains(&format!("guess{index}@"))
        );
        upstream.on("*").hold();
    }
}
