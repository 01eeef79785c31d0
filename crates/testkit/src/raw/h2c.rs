//! HTTP/2 without TLS, by prior knowledge.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::Response;
use crate::eventually::DEADLINE;

/// One GET over HTTP/2 on a connection of its own. `complete` is false when the stream was reset or the connection
/// ended before the body did.
pub async fn get(address: SocketAddr, path: &str) -> Response {
    let exchanged = tokio::time::timeout(DEADLINE, exchange(address, path)).await;
    exchanged.unwrap_or_else(|_| panic!("no answer to GET {path} over HTTP/2 within {DEADLINE:?}"))
}

async fn exchange(address: SocketAddr, path: &str) -> Response {
    let stream =
        TcpStream::connect(address).await.unwrap_or_else(|error| panic!("connect {address}: {error}"));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("an HTTP/2 handshake");
    let driving = tokio::spawn(connection);
    let request = hyper::Request::get(format!("http://{address}{path}")).body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.expect("an HTTP/2 response head");
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let mut complete = true;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            complete = false;
            break;
        };
        body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    driving.abort();
    let headers = head.headers.iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Response { status: head.status.as_u16(), headers: headers.collect(), body, complete }
}
