//! A server for plain http that answers each request by a function of its target, and closes.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Status line after the version, and the body.
pub(super) type Answer = (&'static str, Bytes);

/// The server; it ends when this is dropped.
pub(super) struct Answerer {
    pub(super) url: String,
    running: JoinHandle<()>,
}

impl Answerer {
    /// Answers, as content of this type, what the function makes of a request's target.
    pub(super) async fn start<F>(
        kind: &'static str,
        answer: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let running = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let Some(target) = target(&mut stream).await else { return };
                    let (status, body) = answer(target).await;
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                });
            }
        });
        Self { url, running }
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// What is asked for, once the whole head has arrived.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    Some(head.split(' ').nth(1).unwrap_or_default().to_owned())
}
