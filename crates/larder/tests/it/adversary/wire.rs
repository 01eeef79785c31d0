//! What a hostile client may send.

use testkit::module::ModuleFiles;
use testkit::raw::{End, RawClient};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

async fn ask(proxy: &TestProxy, bytes: &[u8]) -> (String, End) {
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(bytes).await;
    client.finish().await;
    let (answer, end) = client.read_to_end().await;
    (String::from_utf8_lossy(&answer).into_owned(), end)
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// Requests, how their answer begins, and how many answers there are.
fn odd_requests(path: &str) -> Vec<(String, &'static str, usize)> {
    let long = "a".repeat(40_000);
    vec![
        (
            format!("GET http://other.example{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "200",
            1,
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "405", 1),
        ("CONNECT x:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "405", 1),
        (format!("GET {path} HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"), "431", 1),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "4", 1),
        (format!("GET {path} HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(150)), "431", 1),
        (format!("GET {path} HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"), "400", 1),
        (
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
            "400",
            1,
        ),
        (format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), "400", 1),
        (
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n{SMUGGLED}"),
            "400",
            1,
        ),
        (format!("GET {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), "400", 1),
        (format!("GET {path} HTTP/9.9\r\nHost: x\r\n\r\n"), "4", 1),
        ("\r\n\r\n\0\0\0\r\n\r\n".to_owned(), "400", 1),
        (format!("GET {path}\r\n\r\n"), "400", 1),
        (
            format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{SMUGGLED}",
                SMUGGLED.len()
            ),
            "200",
            1,
        ),
    ]
}

#[tokio::test]
async fn odd_requests_are_answered_or_refused_and_never_believed_twice() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.url("mod")).await;
    let path = files.url("mod");
    for (request, status, answers) in odd_requests(&path) {
        let (answer, end) = ask(&proxy, request.as_bytes()).await;
        let shown = &request[..request.len().min(90)];
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}"))
                || answer.starts_with(&format!("HTTP/1.0 {status}")),
            "{shown:?}: {answer:?}"
        );
        assert_eq!(answer.matches("HTTP/1.").count(), answers, "{shown:?}: {answer:?}");
        assert_ne!(end, End::TimedOut);
    }
    let both = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        SMUGGLED.len() + 5
    );
    let (answer, _) = ask(&proxy, both.as_bytes()).await;
    assert!(answer.matches("HTTP/1.").count() <= 2, "{answer:?}");
    assert!(upstream.paths().iter().all(|path| !path.contains("smuggled")));
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0").padding(300_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    let ask = |method: &str, path: &str| [method, " ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    let gets = ["info", "zip", "mod", "zip", "info"].map(|kind| ask("GET", &files.url(kind)));
    let text = [gets.concat(), ask("HEAD", &files.url("zip")), ask("GET", "/healthz")].concat();
    client.send(text.as_bytes()).await;
    for right in [files.info(), files.zip(), files.mod_file(), files.zip(), files.info()] {
        let head = client.read_head().await;
        let (body, complete) = client.read_body(&head).await;
        assert!(complete && body == right);
    }
    assert_eq!(
        client.read_head().await.header("content-length"),
        Some(files.zip().len().to_string().as_str())
    );
    let head = client.read_head().await;
    assert_eq!(client.read_body(&head).await.0, b"ok\n");
}

#[tokio::test]
async fn a_client_may_send_a_body_that_nobody_reads() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for method in ["GET", "POST"] {
        let mut client = RawClient::connect(proxy.address()).await;
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000000\r\n\r\n",
            files.url("mod")
        );
        client.send(head.as_bytes()).await;
        let head = client.read_head().await;
        assert_eq!(head.status, if method == "GET" { 200 } else { 405 });
    }
}

#[tokio::test]
async fn silent_and_dribbling_connections_are_dropped() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("timeout.header_read", "1s"),
        ("timeout.keep_alive", "1s"),
    ]);
    for start in [
        &b""[..],
        b"P",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut client = RawClient::connect(proxy.address()).await;
        client.send(start).await;
        assert_ne!(client.read_to_end().await.1, End::TimedOut, "{:?}", String::from_utf8_lossy(start));
    }
}

#[tokio::test]
async fn the_bound_of_a_request_head_is_a_setting() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("limits.header_bytes", "65536")]);
    let field = "a".repeat(50_000);
    assert_eq!(proxy.get_with("/healthz", &[("X", &field)]).await.status, 200);
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("limits.header_bytes", "8192")]);
    assert_eq!(proxy.get_with("/healthz", &[("X", &field[..10_000])]).await.status, 431);
}

#[tokio::test]
async fn a_preface_in_single_bytes_still_speaks_http2() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let mut client = RawClient::connect(proxy.address()).await;
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    let settings = client.read_body_exactly(9).await;
    assert_eq!(settings[3], 4, "a SETTINGS frame");
}

#[tokio::test]
async fn the_home_page_shows_no_markup_of_the_client() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for host in ["x<script>alert(1)</script>", "x\"onload=\"y", "x'y", "x&y;", "x y"] {
        let mut client = RawClient::connect(proxy.address()).await;
        let text = format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: javascript\r\nConnection: close\r\n\r\n"
        );
        client.send(text.as_bytes()).await;
        let (answer, _) = client.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(host), "{answer}");
    }
}

#[tokio::test]
async fn the_beginning_of_a_next_request_does_not_hold_back_an_answer() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0").padding(2_000_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for _ in 0..2 {
        let mut client = RawClient::connect(proxy.address()).await;
        client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\nG", files.url("zip")).as_bytes()).await;
        let head = client.read_head().await;
        let (body, complete) = client.read_body(&head).await;
        assert!(complete && body == files.zip());
    }
}
