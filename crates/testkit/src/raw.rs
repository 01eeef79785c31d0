//! A client that sees the bytes: sends what it is told and shows how the answer ended.
//!
//! An HTTP library hides the one thing that counts here: whether a body ended cleanly or was cut. For HTTP/2 that is
//! the reset of the stream, seen by [`h2c::get`]; [`frames`] sends what no library would.
//!
//! ```no_run
//! # use testkit::raw::{End, RawClient};
//! # async fn example(address: std::net::SocketAddr) {
//! let mut client = RawClient::connect(address).await;
//! client.send(b"GET /example.com/hello/@v/v1.0.0.zip HTTP/1.1\r\nHost: x\r\n\r\n").await;
//! let head = client.read_head().await;
//! assert_eq!(head.status, 200);
//! let (body, complete) = client.read_body(&head).await;
//! assert!(!complete, "{} bytes ended cleanly", body.len());
//! assert_ne!(client.read_to_end().await.1, End::TimedOut);
//! # }
//! ```

pub mod frames;
pub mod h2c;

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::eventually::DEADLINE;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side closed in order.
    Clean,
    /// The other side reset the connection.
    Reset,
    /// It was still open when the patience ended.
    TimedOut,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Header fields in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first value of a header field; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status: status.unwrap_or_else(|| panic!("not a status line: {first:?}")), headers }
    }
}

/// A whole response, or as much of it as came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header fields in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined, otherwise as it came.
    pub body: Vec<u8>,
    /// Whether the body ended as HTTP says a body ends. A body without length that ends with the connection counts
    /// as complete: no client can tell.
    pub complete: bool,
}

impl Response {
    /// The first value of a header field; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// The response in all the bytes of a connection that has ended, if there is a whole head.
    pub fn parse(connection: &[u8]) -> Option<Self> {
        let end = connection.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = Head::parse(&String::from_utf8_lossy(&connection[..end + 2]));
        let rest = &connection[end + 4..];
        let (body, complete) = match head.header("content-length").map(str::parse::<usize>) {
            Some(size) => (rest.to_vec(), size == Ok(rest.len())),
            None => joined(rest),
        };
        Some(Self { status: head.status, headers: head.headers, body, complete })
    }

    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One TCP connection.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    /// Read but not yet asked for.
    ahead: Vec<u8>,
}

impl RawClient {
    /// Connects, or panics.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap_or_else(|error| panic!("connect {address}: {error}"))
    }

    /// Connects, if anyone listens.
    pub async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.map(Self::over)
    }

    /// Connects from this address: all of `127.0.0.0/8` are different clients of one machine.
    pub async fn connect_from(local: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((local, 0).into()).unwrap();
        Self::over(socket.connect(address).await.unwrap_or_else(|error| panic!("connect {address}: {error}")))
    }

    /// Connects with little room for what has arrived and was not read: the other side soon cannot write.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::over(socket.connect(address).await.unwrap_or_else(|error| panic!("connect {address}: {error}")))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    /// One request and its response, on a connection that may break at any moment: `None` when no whole response
    /// head came. `has_body` is false for a HEAD.
    pub async fn exchange(&mut self, request: &[u8], has_body: bool) -> Option<Response> {
        self.stream.write_all(request).await.ok()?;
        let head = self.try_head().await.ok()?;
        let (body, complete) = if has_body { self.read_body(&head).await } else { (Vec::new(), true) };
        Some(Response { status: head.status, headers: head.headers, body, complete })
    }

    /// Sends these bytes, or as many of them as the other side takes before it closes.
    pub async fn send_if_open(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// One GET on this connection, which stays open.
    pub async fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        let head = self.read_head().await;
        let (body, complete) = self.read_body(&head).await;
        Response { status: head.status, headers: head.headers, body, complete }
    }

    /// Sends exactly these bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Says that nothing more will be sent, if the other side still listens.
    pub async fn finish_if_open(&mut self) {
        drop(self.stream.shutdown().await);
    }

    /// Reads a response head.
    pub async fn read_head(&mut self) -> Head {
        self.try_head().await.unwrap_or_else(|end| {
            let seen = String::from_utf8_lossy(&self.ahead);
            panic!("the connection ended ({end:?}) within a response head: {seen:?}")
        })
    }

    async fn try_head(&mut self) -> Result<Head, End> {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.ahead.drain(..end + 4).collect();
                return Ok(Head::parse(&String::from_utf8_lossy(&head)));
            }
            self.read_more().await?;
        }
    }

    /// Reads exactly that many bytes, or panics with how many there were.
    pub async fn read_body_exactly(&mut self, size_bytes: usize) -> Vec<u8> {
        match self.take(size_bytes).await {
            Ok(bytes) => bytes,
            Err(end) => panic!("wanted {size_bytes} bytes, had {}, then {end:?}", self.ahead.len()),
        }
    }

    /// Reads at least one and at most this many bytes; how many.
    pub async fn read_some(&mut self, most: usize) -> Result<usize, End> {
        let mut bytes = vec![0; most];
        match tokio::time::timeout(DEADLINE, self.stream.read(&mut bytes)).await {
            Ok(Ok(0)) => Err(End::Clean),
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) if is_reset(&error) => Err(End::Reset),
            Ok(Err(error)) => panic!("read: {error}"),
            Err(_) => Err(End::TimedOut),
        }
    }

    /// Reads everything until the connection ends.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.read_more().await {
                return (std::mem::take(&mut self.ahead), end);
            }
        }
    }

    /// Reads a body as its head frames it: the bytes, and whether it ended as it should.
    pub async fn read_body(&mut self, head: &Head) -> (Vec<u8>, bool) {
        if head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks().await;
        }
        if matches!(head.status, 100..200 | 204 | 304) {
            return (Vec::new(), true);
        }
        let Some(size) = head.header("content-length") else {
            let (bytes, end) = self.read_to_end().await;
            return (bytes, end == End::Clean);
        };
        match self.take(size.parse().unwrap()).await {
            Ok(bytes) => (bytes, true),
            Err(_) => (std::mem::take(&mut self.ahead), false),
        }
    }

    async fn read_chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let Some(size) = self.line().await.and_then(|line| chunk_size(&line)) else {
                return (body, false);
            };
            if size == 0 {
                return (body, self.line().await.is_some_and(|line| line.is_empty()));
            }
            let Ok(chunk) = self.take(size + 2).await else {
                let kept = self.ahead.len().min(size);
                body.extend_from_slice(&self.ahead[..kept]);
                return (body, false);
            };
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.read_more().await.ok()?;
        }
    }

    async fn take(&mut self, size: usize) -> Result<Vec<u8>, End> {
        while self.ahead.len() < size {
            self.read_more().await?;
        }
        Ok(self.ahead.drain(..size).collect())
    }

    async fn read_more(&mut self) -> Result<(), End> {
        match tokio::time::timeout(DEADLINE, self.stream.read_buf(&mut self.ahead)).await {
            Ok(Ok(0)) => Err(End::Clean),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_reset(&error) => Err(End::Reset),
            Ok(Err(error)) => panic!("read: {error}"),
            Err(_) => Err(End::TimedOut),
        }
    }
}

/// The content of chunks, and whether the last one is there.
fn joined(mut chunks: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n");
        let size = end.and_then(|end| chunk_size(&String::from_utf8_lossy(&chunks[..end])));
        let (Some(end), Some(size)) = (end, size) else { return (body, false) };
        chunks = &chunks[end + 2..];
        if size == 0 || chunks.len() < size + 2 {
            return (body, size == 0);
        }
        body.extend_from_slice(&chunks[..size]);
        chunks = &chunks[size + 2..];
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

fn chunk_size(line: &str) -> Option<usize> {
    usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()
}

/// One GET on a connection of its own; `path` is sent as it is.
pub async fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, &[]).await
}

/// One HEAD on a connection of its own.
pub async fn head(address: SocketAddr, path: &str) -> Response {
    request(address, "HEAD", path, &[]).await
}

/// One request with these header fields beside `Connection: close` and, unless it is among them, `Host`.
pub async fn request(address: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let mut client = RawClient::connect(address).await;
    let lines: String = fields.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let is_host = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("host");
    let host = if fields.iter().any(is_host) { String::new() } else { format!("Host: {address}\r\n") };
    let text = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{lines}\r\n");
    client.send(text.as_bytes()).await;
    let head = client.read_head().await;
    let (body, complete) = if method == "HEAD" { (Vec::new(), true) } else { client.read_body(&head).await };
    Response { status: head.status, headers: head.headers, body, complete }
}
