//! A host of git repositories on loopback, over http, by git's own server.
//!
//! Every request goes to `git http-backend` as a CGI child, so that what is answered is what git answers: protocol version
//! 2, shallow fetches, filters. Around it stand pages that say where repositories are, a record of what was asked, and
//! faults: statuses, redirects, answers that are held back, cut or changed. Repositories are directories below a root; a
//! path ends at the name of one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;

type Pieces = stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>>;
type Answer = Response<StreamBody<Pieces>>;

/// A host. Dropped, it is gone.
#[derive(Debug)]
pub struct GitHost {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    seen: Mutex<Vec<Asked>>,
    fault: Mutex<Fault>,
    /// By the path that they are for, and paths below it.
    pages: Mutex<BTreeMap<String, String>>,
    /// Counts arrivals and releases, for those who wait.
    turns: watch::Sender<u64>,
}

/// What was asked of the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// The command of protocol version 2, `ls-refs` or `fetch`. In version 0 the first answer has the refs, so that its request is
    /// `ls-refs` too. Empty for others.
    pub command: String,
    /// The header of that name.
    pub authorization: Option<String>,
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Every answer has this status, and this text.
    Status(u16, &'static str),
    /// Every answer leads to the same path at this base URL.
    Moved(String),
    /// No answer comes until the fault is another.
    Silent,
    /// Answers to this command wait until the fault is another.
    Hold(&'static str),
    /// Answers to this command break off after so many bytes.
    Cut(&'static str, usize),
    /// Answers to this command have other bytes from this one on.
    Garbled(&'static str, usize),
    /// All who do not bring this `Authorization` are asked for one.
    Wants(String),
    /// It speaks version 0 of the protocol only, and gives only commits that a ref is on.
    Old,
}

impl GitHost {
    /// Serves the repositories below a directory.
    pub async fn start(root: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            seen: Mutex::default(),
            fault: Mutex::default(),
            pages: Mutex::default(),
            turns: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    /// The URL of a repository: `http://127.0.0.1:12345/NAME`.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The question `?go-get=1` for a path, or one below it, is answered with a go-import tag of this content.
    pub fn page(&self, path: &str, import: &str) {
        let page = format!("<html><head><meta name=\"go-import\" content=\"{import}\"></head></html>\n");
        self.shared.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// From now on, this goes wrong. What is held goes on.
    pub fn fault(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
        self.shared.turns.send_modify(|turns| *turns += 1);
    }

    /// All that was asked.
    pub fn seen(&self) -> Vec<Asked> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How often a command was given: `ls-refs` once by `git ls-remote`, and once by a `git fetch` of names.
    pub fn count(&self, command: &str) -> usize {
        self.seen().iter().filter(|asked| asked.command == command).count()
    }

    /// Waits until a command was given so often.
    pub async fn asked(&self, command: &str, times: usize) {
        let mut turns = self.shared.turns.subscribe();
        let enough = turns.wait_for(|_| self.count(command) >= times);
        let waited = tokio::time::timeout(crate::DEADLINE, enough).await;
        assert!(waited.is_ok(), "{command} was asked for {} times, not {times}", self.count(command));
    }
}

impl Drop for GitHost {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, shared.clone()));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Answer, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let is_first = head.method == "GET" && head.uri.path().ends_with("/info/refs");
    let command = if is_first && header("git-protocol").is_none() {
        "ls-refs".to_owned()
    } else {
        command_of(&body, header("content-encoding").as_deref())
    };
    let authorization = header("authorization");
    shared.seen.lock().unwrap().push(Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        command: command.clone(),
        authorization: authorization.clone(),
    });
    shared.turns.send_modify(|turns| *turns += 1);
    shared.let_go(&command).await;
    let fault = shared.fault.lock().unwrap().clone();
    match &fault {
        Fault::Status(status, text) => return Ok(plain(*status, *text)),
        Fault::Moved(base) => {
            let mut answer = plain(301, "");
            answer.headers_mut().insert("location", format!("{base}{}", head.uri).parse().unwrap());
            return Ok(answer);
        }
        Fault::Wants(wanted) if authorization.as_ref() != Some(wanted) => {
            let mut answer = plain(401, "who are you?\n");
            answer.headers_mut().insert("www-authenticate", "Basic realm=\"git\"".parse().unwrap());
            return Ok(answer);
        }
        _ => {}
    }
    if head.uri.query() == Some("go-get=1") {
        let page = shared.page(head.uri.path());
        return Ok(page.map_or_else(|| plain(404, "no such page\n"), |page| plain(200, page)));
    }
    let variables = [
        ("REQUEST_METHOD", head.method.to_string()),
        ("PATH_INFO", head.uri.path().to_owned()),
        ("QUERY_STRING", head.uri.query().unwrap_or_default().to_owned()),
        ("CONTENT_TYPE", header("content-type").unwrap_or_default()),
        ("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default()),
        ("GIT_PROTOCOL", header("git-protocol").filter(|_| fault != Fault::Old).unwrap_or_default()),
    ];
    let mut output = backend(&shared.root, &variables, &body).await?;
    match fault {
        Fault::Cut(cut, after) if cut == command => return Ok(from_cgi(&output, Some(after))),
        Fault::Garbled(garbled, after) if garbled == command => {
            let body = body_of(&output) + after;
            output.iter_mut().skip(body).for_each(|byte| *byte ^= 0x55);
        }
        _ => {}
    }
    Ok(from_cgi(&output, None))
}

impl Shared {
    /// Waits while answers to a command are held.
    async fn let_go(&self, command: &str) {
        let held = || match &*self.fault.lock().unwrap() {
            Fault::Silent => true,
            Fault::Hold(held) => *held == command,
            _ => false,
        };
        let _ = self.turns.subscribe().wait_for(|_| !held()).await;
    }

    /// The page of the longest path that this one is, or is below.
    fn page(&self, path: &str) -> Option<String> {
        let is_at =
            |at: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let pages = self.pages.lock().unwrap();
        pages.iter().rev().find(|(at, _)| is_at(at)).map(|(_, page)| page.clone())
    }
}

/// The command that a body of protocol version 2 begins with.
fn command_of(body: &[u8], encoding: Option<&str>) -> String {
    let mut text = Vec::new();
    if encoding == Some("gzip") {
        let _ = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut text);
    } else {
        text.extend_from_slice(body);
    }
    let text = String::from_utf8_lossy(&text);
    let command = text.split_once("command=").map_or("", |(_, rest)| rest);
    command.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect()
}

async fn backend(root: &Path, variables: &[(&str, String)], body: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let body = body.to_vec();
    let write = async move {
        let _ = stdin.write_all(&body).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    Ok(output?.stdout)
}

/// An answer from what a CGI child wrote: headers, an empty line, a body, which may break off.
fn from_cgi(output: &[u8], cut: Option<usize>) -> Answer {
    let (head, body) = output.split_at(body_of(output));
    let head = String::from_utf8_lossy(head).into_owned();
    let mut response = Response::builder();
    for line in head.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap().parse::<u16>().unwrap()),
            name => response.header(name, value),
        };
    }
    let mut pieces =
        vec![Ok(Frame::data(Bytes::copy_from_slice(&body[..cut.unwrap_or(body.len()).min(body.len())])))];
    if cut.is_some() {
        pieces.push(Err(std::io::Error::other("cut")));
    }
    response.body(StreamBody::new(stream::iter(pieces))).unwrap()
}

/// Where the body begins in what a CGI child wrote.
fn body_of(output: &[u8]) -> usize {
    output.windows(4).position(|four| four == b"\r\n\r\n").map_or(output.len(), |end| end + 4)
}

fn plain(status: u16, text: impl Into<Bytes>) -> Answer {
    let pieces = vec![Ok(Frame::data(text.into()))];
    Response::builder().status(status).body(StreamBody::new(stream::iter(pieces))).unwrap()
}
