//! Traces, as a collector sees them.

use testkit::module::ModuleFiles;
use testkit::raw::{self, RawClient};
use testkit::upstream::Upstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::proxy::TestProxy;

/// A collector of traces on loopback: its address, and the calls it gets, head and body together.
async fn collector() -> (String, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (calls, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, calls.clone()));
        }
    });
    (address, seen)
}

async fn take(mut stream: TcpStream, calls: mpsc::UnboundedSender<Vec<u8>>) {
    let mut call = Vec::new();
    while stream.read_buf(&mut call).await.is_ok_and(|read| read > 0) {
        let Some(end) = call.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&call[..end]).to_lowercase();
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if call.len() < end + 4 + len.parse::<usize>().unwrap() {
            continue;
        }
        calls.send(std::mem::take(&mut call)).unwrap();
        let ok = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(ok).await.unwrap();
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn modules() -> [ModuleFiles; 2] {
    ["example.com/hello", "corp.example.com/secret"]
        .map(|path| ModuleFiles::new(path, "v1.0.0").file("a.go", "package a\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tracing_tells_a_collector_what_a_request_waited_for_and_names_nothing_private() {
    let (endpoint, mut calls) = collector().await;
    let [hello, secret] = modules();
    let upstream = Upstream::of(&[hello.clone(), secret.clone()]).await;
    let route = format!("corp.example.com={}", upstream.url());
    let private = "corp.example.com";
    let settings = [("upstream", &*upstream.url()), ("route", &route), ("private", private)];
    let proxy = TestProxy::with(&[&settings[..], &[("trace.endpoint", &endpoint)]].concat());
    let mut client = RawClient::connect(proxy.address()).await;
    let parent = "0af7651916cd43dd8448eb211c80319c";
    let head = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\ntraceparent: 00-{parent}-b7ad6b7169203331-01\r\n\r\n",
        hello.url("zip")
    );
    client.send(head.as_bytes()).await;
    let head = client.read_head().await;
    assert_eq!(head.status, 200);
    client.read_body(&head).await;
    drop(client);
    assert_eq!(raw::get(proxy.address(), &secret.url("mod")).await.status, 200);
    proxy.stop().await;
    let mut all = Vec::new();
    while let Ok(call) = calls.try_recv() {
        assert!(call.starts_with(b"POST /v1/traces HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&call));
        all.extend(call);
    }
    for name in
        ["larder", "request", "flight", "source", "verify", "keep", "upstream.name", "example.com/hello"]
    {
        assert!(has(&all, name.as_bytes()), "{name}: {}", String::from_utf8_lossy(&all));
    }
    let parent: Vec<u8> =
        (0..32).step_by(2).map(|at| u8::from_str_radix(&parent[at..at + 2], 16).unwrap()).collect();
    assert!(has(&all, &parent), "the trace of a client on this machine goes on");
    assert!(!has(&all, b"secret"), "{}", String::from_utf8_lossy(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn tracing_sends_nothing_without_an_endpoint_or_with_a_sample_of_none() {
    let (endpoint, mut calls) = collector().await;
    let [hello, _] = modules();
    let upstream = Upstream::of(std::slice::from_ref(&hello)).await;
    let url = upstream.url();
    for trace in [&[("trace.endpoint", "")][..], &[("trace.endpoint", &endpoint), ("trace.sample", "0")]] {
        let proxy = TestProxy::with(&[&[("upstream", &*url)], trace].concat());
        assert_eq!(raw::get(proxy.address(), &hello.url("zip")).await.status, 200);
        proxy.stop().await;
        assert!(calls.try_recv().is_err());
    }
}
