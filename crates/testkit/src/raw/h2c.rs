//! HTTP/2 without TLS, by prior knowledge.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::Response;
use crate::eventually::DEADLINE;

/// One HTTP/2 connection, on which many requests may be under way at a time. Dropped, it is closed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    sender: http2::SendRequest<Empty<Bytes>>,
    driving: JoinHandle<()>,
}

impl Client {
    /// Connects, if anyone listens and speaks HTTP/2.
    pub async fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
        // How it ended is seen by the requests on it.
        let driving = tokio::spawn(async { drop(connection.await) });
        Some(Self { address, sender, driving })
    }

    /// One GET; `None` when no response head came. `complete` is false when the stream was reset or the connection
    /// ended before the body did.
    pub async fn get(&self, path: &str) -> Option<Response> {
        let address = self.address;
        let request = hyper::Request::get(format!("http://{address}{path}")).body(Empty::<Bytes>::new());
        let response = self.sender.clone().send_request(request.unwrap()).await.ok()?;
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
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Some(Response { status: head.status.as_u16(), headers: headers.collect(), body, complete })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

/// One GET over HTTP/2 on a connection of its own. `complete` is false when the stream was reset or the connection
/// ended before the body did.
pub async fn get(address: SocketAddr, path: &str) -> Response {
    let exchanged = tokio::time::timeout(DEADLINE, async {
        let client = Client::connect(address).await.expect("an HTTP/2 handshake");
        client.get(path).await.expect("an HTTP/2 response head")
    });
    exchanged.await.unwrap_or_else(|_| panic!("no answer to GET {path} over HTTP/2 within {DEADLINE:?}"))
}
