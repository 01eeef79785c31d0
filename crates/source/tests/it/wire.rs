//! Answers that break HTTP itself: heads that no sound server sends, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use source::{Builder, Class, Conduct, Deadline, Deadlines, HttpUpstream, Retry, SourceError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::ask::{INFO, clients, read};

/// Answers each request of each connection with the same bytes. Dropped, it is gone.
struct Raw {
    address: SocketAddr,
    running: JoinHandle<()>,
}

/// What comes behind the bytes.
#[derive(Clone, Copy)]
enum Then {
    /// The next request.
    GoOn,
    /// A clean end.
    Close,
    /// A reset.
    Reset,
}

impl Raw {
    async fn answering(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, bytes) = (listener.local_addr().unwrap(), bytes.into());
        let running = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, bytes.clone(), then));
            }
        });
        Self { address, running }
    }

    fn source(&self, deadlines: Deadlines) -> HttpUpstream {
        let conduct = Conduct { retry: Retry { times: 0, ..Retry::default() }, ..Conduct::default() };
        let builder = Builder::new(clients(&[]), deadlines).with_conduct(conduct);
        HttpUpstream::named_by_host(&format!("http://{}", self.address), &builder).unwrap()
    }

    async fn ask(&self) -> Result<Vec<u8>, SourceError> {
        read(&self.source(Deadlines::default()), INFO).await
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn answer(mut stream: TcpStream, bytes: Vec<u8>, then: Then) {
    let mut asked = Vec::new();
    loop {
        while !asked.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => asked.push(byte),
                Err(_) => return,
            }
        }
        asked.clear();
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match then {
            Then::GoOn => {}
            Then::Close => return,
            Then::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_head_that_is_none_is_an_outage_and_never_an_absence() {
    let large =
        format!("HTTP/1.1 200 OK\r\nX-Large: {}\r\nContent-Length: 2\r\n\r\n{{}}", "x".repeat(1 << 20));
    let many = "X-Many: x\r\n".repeat(1000);
    let many = format!("HTTP/1.1 404 Not Found\r\n{many}Content-Length: 0\r\n\r\n");
    for head in [
        "",
        "HTTP/1.1",
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 404 Not Found\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        "HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 4040 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 -404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/3.7 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "ICY 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "<html>sign in</html>",
        "\0\0\0\0\0\0\0\0",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        "HTTP/1.1 404 Not Found\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        large.as_str(),
        many.as_str(),
    ] {
        let raw = Raw::answering(head, Then::Close).await;
        let shown = &head[..head.len().min(60)];
        let error = raw.ask().await.expect_err(shown);
        assert_eq!(error.class(), Class::Unavailable, "{shown:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_before_or_within_the_head_or_the_body_is_an_outage() {
    for bytes in [
        "",
        "HTTP/1.1 404 Not",
        "HTTP/1.1 404 Not Found\r\nContent-Length: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let error = Raw::answering(bytes, Then::Reset).await.ask().await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{bytes:?}: {error:?}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_a_cut() {
    for chunks in
        ["", "zz\r\n{}\r\n", "2\r\n{}x\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}", "2\r\n{}\r\n0\r\nX"]
    {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let error = Raw::answering(format!("{head}{chunks}"), Then::Close).await.ask().await.unwrap_err();
        assert!(matches!(error, SourceError::Cut { .. }), "{chunks:?}: {error:?}");
    }
}

#[tokio::test]
async fn what_comes_before_the_answer_is_passed_over() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let raw = Raw::answering(format!("{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}"), Then::Close);
    assert_eq!(raw.await.ask().await.unwrap(), b"{}");
    let raw = Raw::answering(format!("{early}HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), Then::Close);
    assert_eq!(raw.await.ask().await.unwrap_err().class(), Class::Withdrawn);
}

#[tokio::test]
async fn an_answer_that_is_never_more_than_announced_is_a_time_out() {
    let raw = Raw::answering("HTTP/1.1 100 Continue\r\n\r\n".repeat(100), Then::GoOn).await;
    let deadlines = Deadlines { first_byte: Duration::from_millis(50), ..Deadlines::default() };
    let error = read(&raw.source(deadlines), INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout { what: Deadline::FirstByte, .. }), "{error:?}");
}

#[tokio::test]
async fn what_comes_behind_an_answer_is_taken_for_no_other_answer() {
    let junk =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let raw = Raw::answering(junk, Then::GoOn).await;
    let source = raw.source(Deadlines::default());
    for _ in 0..10 {
        assert_eq!(read(&source, INFO).await.unwrap(), b"{}");
    }
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_and_an_unasked_not_modified_are_outages() {
    for head in [
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 300 Multiple Choices\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    ] {
        let error = Raw::answering(head, Then::Close).await.ask().await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{head:?}: {error:?}");
    }
}
