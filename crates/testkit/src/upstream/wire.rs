//! Heads of HTTP/1.1, read and written by hand.

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::Seen;

const HEAD_LIMIT_BYTES: usize = 256 * 1024;

/// Reads one request; `None` when the client has closed. A body has its length said before it.
pub(super) async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            let Some(mut seen) = parse(&String::from_utf8_lossy(&head)) else { return Ok(None) };
            let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            while buffer.len() < length {
                if buffer.len() > HEAD_LIMIT_BYTES || stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            seen.body = buffer.drain(..length).collect();
            return Ok(Some(seen));
        }
        if buffer.len() > HEAD_LIMIT_BYTES || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: &str) -> Option<Seen> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let path = decode(target.split('?').next().unwrap_or_default());
    Some(Seen { method, path, target, headers, body: Vec::new() })
}

/// Percent-decodes; what is not a valid escape stays as it is.
fn decode(target: &str) -> String {
    let bytes = target.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = target.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The part of a body that a `Range: bytes=first-last` field asks for, as first and one past the last byte.
pub(super) fn range(field: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = field.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { size } else { last.parse::<usize>().ok()?.saturating_add(1).min(size) };
    (first < last).then_some((first, last))
}

/// The name of a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        416 => "Range Not Satisfiable",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// What a module proxy says of a path's content.
pub(super) fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        _ if path.ends_with("/@latest") => "application/json",
        Some("info") => "application/json",
        Some("zip") => "application/zip",
        _ => "text/plain; charset=UTF-8",
    }
}
