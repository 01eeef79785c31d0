//! Calls to the running server that owns a data directory, as the commands make them: over its control socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::api::BASE;

/// Largest refusal that is read.
const REFUSAL_BYTES: u64 = 64 * 1024;

/// Calls the server of one data directory.
#[derive(Clone, Debug)]
pub struct Caller {
    socket: PathBuf,
}

/// No server answers for a data directory.
#[derive(Debug, thiserror::Error)]
#[error("no server answers at {socket}")]
pub struct NoServer {
    /// Its control socket.
    pub socket: String,
    /// Why not.
    #[source]
    pub reason: io::Error,
}

impl NoServer {
    /// What to do about it.
    pub fn next(&self) -> &'static str {
        if self.reason.kind() == io::ErrorKind::PermissionDenied {
            "call as the user that the server runs as"
        } else {
            "start one with `larder serve`, or name its directory with --data or its file with --config"
        }
    }
}

/// What a server answers to a call that it refuses.
#[derive(Deserialize)]
struct Refused {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    what: String,
    what_to_do: Option<String>,
}

impl Caller {
    /// The server of this data directory.
    pub fn of(data: &Path) -> Self {
        Self { socket: data.join("control.sock") }
    }

    /// Makes a call that changes nothing.
    pub fn get<T: DeserializeOwned>(&self, call: &str) -> anyhow::Result<T> {
        read_whole(self.send("GET", call, "")?)
    }

    /// Makes a call that changes something.
    pub fn post<T: DeserializeOwned>(&self, call: &str, body: &impl Serialize) -> anyhow::Result<T> {
        read_whole(self.send("POST", call, &serde_json::to_string(body)?)?)
    }

    /// Makes a call that answers line by line, one JSON event each; `take` hears of each, and ends it by giving a
    /// result. None if the answer ended without one.
    pub fn post_lines<E: DeserializeOwned, R>(
        &self,
        call: &str,
        body: &impl Serialize,
        mut take: impl FnMut(E) -> anyhow::Result<Option<R>>,
    ) -> anyhow::Result<Option<R>> {
        for line in self.send("POST", call, &serde_json::to_string(body)?)?.lines() {
            if let Some(result) = take(serde_json::from_str(&line?)?)? {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }

    /// Sends a call, and reads the head of its answer.
    fn send(&self, method: &str, call: &str, body: &str) -> anyhow::Result<BufReader<UnixStream>> {
        let none = |reason| NoServer { socket: self.socket.display().to_string(), reason };
        let mut stream = UnixStream::connect(&self.socket).map_err(none)?;
        // HTTP/1.0: the answer is not chunked and ends with the connection.
        let len = body.len();
        write!(stream, "{method} {BASE}{call} HTTP/1.0\r\nContent-Length: {len}\r\n\r\n{body}")?;
        let mut answer = BufReader::new(stream);
        let mut status = String::new();
        answer.read_line(&mut status)?;
        let mut line = String::new();
        while answer.read_line(&mut line)? > 2 {
            line.clear();
        }
        if status.contains(" 200 ") {
            return Ok(answer);
        }
        let mut why = String::new();
        answer.take(REFUSAL_BYTES).read_to_string(&mut why)?;
        match serde_json::from_str::<Refused>(&why) {
            Ok(Refused { error: Reason { what, what_to_do: Some(next) } }) => {
                bail!("the server refused: {what}; {next}")
            }
            Ok(Refused { error: Reason { what, .. } }) => bail!("the server refused: {what}"),
            Err(_) => bail!("the server refused: {} {}", status.trim(), why.trim()),
        }
    }
}

fn read_whole<T: DeserializeOwned>(answer: BufReader<UnixStream>) -> anyhow::Result<T> {
    let text = io::read_to_string(answer).context("the server stopped before it had answered")?;
    serde_json::from_str(&text).context("the server's answer could not be read; is it of another version?")
}
