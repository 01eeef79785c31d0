//! The raw client, against a listener that does what it is told.

use std::net::SocketAddr;

use testkit::RawClient;
use testkit::raw::End;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Answers one connection with these bytes; closes in order, or by a reset.
async fn answering(bytes: &'static [u8], reset: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(bytes).await.unwrap();
        if reset {
            // Closing with unread input resets: wait for the first byte, leave the second unread.
            stream.read_u8().await.unwrap();
        } else {
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_clean_end_and_a_reset_are_told_apart() {
    let mut client = RawClient::connect(answering(b"abc", false).await).await;
    client.finish().await;
    assert_eq!(client.read_to_end().await, (b"abc".to_vec(), End::Clean));

    let mut client = RawClient::connect(answering(b"abc", true).await).await;
    assert_eq!(client.read_body_exactly(3).await, b"abc");
    client.send(b"xy").await;
    assert_eq!(client.read_to_end().await, (Vec::new(), End::Reset));
}

#[tokio::test]
async fn a_body_is_read_as_its_head_frames_it() {
    let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncde\r\n1;x\r\nf\r\n0\r\n\r\n\
        HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\ngh";
    let mut client = RawClient::connect(answering(answers, false).await).await;
    client.finish().await;
    for (status, body, complete) in [(200, "ab", true), (200, "cdef", true), (404, "gh", false)] {
        let head = client.read_head().await;
        assert_eq!(head.status, status);
        assert_eq!(client.read_body(&head).await, (body.as_bytes().to_vec(), complete));
    }
}

#[tokio::test]
async fn chunks_without_the_last_one_are_incomplete() {
    for cut in ["3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "5\r\nabc", "3\r\nabc"] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{cut}").leak();
        let mut client = RawClient::connect(answering(answer.as_bytes(), false).await).await;
        client.finish().await;
        let head = client.read_head().await;
        assert_eq!(client.read_body(&head).await, (b"abc".to_vec(), false), "{cut:?}");
    }
}

#[tokio::test]
async fn a_reset_stream_is_an_incomplete_body_over_http_2() {
    for (frame, complete) in [(END_OF_STREAM, true), (RESET, false)] {
        let answer = [SETTINGS, HEADERS_STATUS_200, DATA_ABC, frame].concat().leak();
        let response = testkit::raw::h2c::get(answering(answer, false).await, "/").await;
        assert_eq!((response.status, response.text().as_str(), response.complete), (200, "abc", complete));
    }
}

// Frames of RFC 9113: length (3 bytes), type, flags, stream (4 bytes), payload. All on stream 1 but the settings.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
// The payload is entry 8 of HPACK's static table, `:status 200`.
const HEADERS_STATUS_200: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
const DATA_ABC: &[u8] = &[0, 0, 3, 0, 0, 0, 0, 0, 1, b'a', b'b', b'c'];
const END_OF_STREAM: &[u8] = &[0, 0, 0, 0, 1, 0, 0, 0, 1];
const RESET: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2];
