//! The pages that say where repositories are, and trouble where a path has that word, to a go command that takes this for its way into the network.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// From the path of a request, host included, to the content of its go-import tag.
type Tags = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A proxy for plain http that answers for all hosts itself, and connects nobody to any.
pub(crate) struct Web {
    pub(crate) url: String,
    running: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn start(tags: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tags: Arc<Tags> = Arc::new(tags);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&tags)));
            }
        });
        Self { url, running }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn answer(mut stream: TcpStream, tags: Arc<Tags>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.strip_prefix("http://").map(|rest| rest.split('?').next().unwrap());
    let (status, body) = match path.map(|path| tags(path)) {
        None => ("502 Bad Gateway", String::new()),
        Some(_) if target.contains("/trouble/") => ("503 Service Unavailable", String::new()),
        Some(None) => ("404 Not Found", String::new()),
        Some(Some(tag)) => {
            ("200 OK", format!("<html><head><meta name=\"go-import\" content=\"{tag}\"></head></html>"))
        }
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}
