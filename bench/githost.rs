//! A host of git repositories as it is far away: every request waits before it is answered. For the benchmark.
//!
//! `githost ROOT ADDRESS LATENCY_MS` gives each request to `git http-backend`, git's own server, as a CGI child, and passes
//! on what that says while it says it. It prints `METHOD PATH COMMAND` of each request when it comes in, so that whoever
//! runs it can count; the command is that of protocol version 2. Connections are kept. `/healthz` is answered by itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::sleep;

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;
/// Bytes passed on in one go.
const PIECE: usize = 64 * 1024;

struct Far {
    root: PathBuf,
    latency: Duration,
}

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: a task for each connection, never waited for"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, address, latency] = words.as_slice() else {
        return Err("githost ROOT ADDRESS LATENCY_MS".into());
    };
    let far = Arc::new(Far { root: root.into(), latency: Duration::from_millis(latency.parse()?) });
    let listener = TcpListener::bind(address.parse::<SocketAddr>()?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let far = far.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, far.clone()));
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

async fn answer(request: Request<Incoming>, far: Arc<Far>) -> Result<Answer, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    if head.uri.path() == "/healthz" {
        return Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync()));
    }
    let header =
        |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    println!("{} {} {}", head.method, head.uri.path(), command_of(&body, header("content-encoding")));
    sleep(far.latency).await;
    let variables = [
        ("REQUEST_METHOD", head.method.as_str()),
        ("PATH_INFO", head.uri.path()),
        ("QUERY_STRING", head.uri.query().unwrap_or_default()),
        ("CONTENT_TYPE", header("content-type")),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
    ];
    let mut child = backend(&far.root, &variables)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&body).await?;
    }
    let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
    from_cgi(child, BufReader::new(stdout)).await
}

/// The command that a body of protocol version 2 begins with.
fn command_of(body: &[u8], encoding: &str) -> String {
    let mut text = Vec::new();
    if encoding == "gzip" {
        drop(std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut text));
    } else {
        text.extend_from_slice(body.get(..body.len().min(100)).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&text);
    let command = text.split_once("command=").map_or("", |(_, rest)| rest);
    command.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect()
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which is not the product")]
fn backend(root: &Path, variables: &[(&str, &str)]) -> std::io::Result<Child> {
    Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// An answer from what a CGI child writes: headers, an empty line, a body, which is passed on as it comes.
async fn from_cgi(child: Child, mut stdout: BufReader<ChildStdout>) -> Result<Answer, std::io::Error> {
    let mut response = Response::builder();
    loop {
        let mut line = String::new();
        stdout.read_line(&mut line).await?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap_or("500")),
            name => response.header(name, value),
        };
    }
    let pieces = stream::try_unfold((child, stdout), async |(child, mut stdout)| {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut stdout).take(PIECE as u64).read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (Frame::data(Bytes::from(piece)), (child, stdout))))
    });
    response.body(StreamBody::new(pieces).boxed_unsync()).map_err(std::io::Error::other)
}
