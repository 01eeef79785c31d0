//! The admin API, over its two doors.

mod commands;
mod doors;
mod refresh;
mod states;
mod table;
mod told;

use serde_json::Value;
use testkit::raw::{Head, RawClient, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::proxy::TestProxy;

/// One call over the control socket: the status and the body.
pub(crate) async fn call(proxy: &TestProxy, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(proxy.data("control.sock")).await.unwrap();
    let head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The JSON that a call over the control socket answers with.
pub(crate) async fn read(proxy: &TestProxy, path: &str) -> Value {
    let (status, body) = call(proxy, "GET", path, "").await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// A request on the listener, its head as written; a line may be left out or be odd.
async fn sent(proxy: &TestProxy, head: &str, body: &str) -> Response {
    let mut client = RawClient::connect(proxy.address()).await;
    let head = head.replace("ADDRESS", &proxy.address().to_string());
    let text = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.replace('\n', "\r\n"), body.len());
    client.send(text.as_bytes()).await;
    let Head { status, headers } = client.read_head().await;
    let head_only = head.starts_with("HEAD");
    let (body, complete) = if head_only {
        (Vec::new(), true)
    } else {
        client.read_body(&Head { status, headers: headers.clone() }).await
    };
    Response { status, headers, body, complete }
}
