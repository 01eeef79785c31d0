//! Commands that the running server does, told line by line, over `control.sock` in the data directory.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api::BASE;
use crate::config::Config;

/// Makes a call. The call is one HTTP request, its answer one JSON event a line; `take` hears of each, and ends it by
/// giving a result. None if the answer ended without one.
pub(super) fn line_by_line<E: DeserializeOwned, R>(
    config: &Config,
    call: &str,
    body: &impl Serialize,
    mut take: impl FnMut(E) -> anyhow::Result<Option<R>>,
) -> anyhow::Result<Option<R>> {
    let socket = config.data.join("control.sock");
    let mut stream = UnixStream::connect(&socket).with_context(|| {
        format!("the data directory is in use, but its server does not answer at {}", socket.display())
    })?;
    let body = serde_json::to_string(body)?;
    // HTTP/1.0: the answer is not chunked and ends with the connection.
    write!(stream, "POST {BASE}{call} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let mut line = String::new();
    while answer.read_line(&mut line)? > 2 {
        line.clear();
    }
    if !status.contains(" 200 ") {
        let mut why = String::new();
        answer.take(4096).read_to_string(&mut why)?;
        bail!("the server refused: {}", why.trim());
    }
    for line in answer.lines() {
        if let Some(result) = take(serde_json::from_str(&line?)?)? {
            return Ok(Some(result));
        }
    }
    Ok(None)
}
