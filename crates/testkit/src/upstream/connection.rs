//! One connection: reads requests, answers each by its script.

use std::io::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::Seen;
use super::ledger::{Shared, State};
use super::script::{Length, Reply, Script, Transfer};
use super::wire;

const PIECE_BYTES: usize = 64 * 1024;

/// What becomes of the connection after an answer.
#[derive(PartialEq, Eq)]
enum After {
    Keep,
    Close,
}

/// Serves a connection until it closes or a script closes it.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Ok(Some(seen)) = wire::read_request(&mut stream, &mut buffer).await {
        let under_way = UnderWay::begin(&shared, &seen);
        let (script, plan) = shared.record(|state| plan(state, &seen));
        let mut answer = Answering { stream: &mut stream, shared: &shared, path: &seen.path };
        let after = answer.send(&script, plan, &seen).await;
        if after.is_err() {
            shared.count(&seen.path, |counts| counts.left += 1);
        }
        drop(under_way);
        if !matches!(after, Ok(After::Keep)) {
            return;
        }
    }
}

/// An answer that counts as active for as long as this lives.
struct UnderWay<'a> {
    shared: &'a Shared,
    path: String,
}

impl<'a> UnderWay<'a> {
    fn begin(shared: &'a Shared, seen: &Seen) -> Self {
        shared.record(|state| {
            state.seen.push(seen.clone());
            let counts = state.counts.entry(seen.path.clone()).or_default();
            counts.arrived += 1;
            counts.active += 1;
            counts.peak = counts.peak.max(counts.active);
        });
        Self { shared, path: seen.path.clone() }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.shared.count(&self.path, |counts| counts.active -= 1);
    }
}

/// The answer before anything is done wrong: a reply and its entity tag.
struct Plan {
    reply: Reply,
    etag: Option<String>,
}

fn plan(state: &mut State, seen: &Seen) -> (Script, Plan) {
    let script = next_script(state, &seen.path).or_else(|| next_script(state, "*")).unwrap_or_default();
    let reply = script.reply.clone().or_else(|| state.served(&seen.path));
    let reply = reply.unwrap_or_else(|| Reply::text(404, &format!("not found: {}\n", seen.path)));
    (script, Plan { reply, etag: state.etags.get(&seen.path).cloned() })
}

fn next_script(state: &mut State, path: &str) -> Option<Script> {
    let scripts = state.scripts.get_mut(path)?;
    while scripts.front().is_some_and(|script| script.left == Some(0)) {
        scripts.pop_front();
    }
    let script = scripts.front_mut()?;
    if let Some(left) = &mut script.left {
        *left -= 1;
    }
    Some(script.clone())
}

struct Answering<'a> {
    stream: &'a mut TcpStream,
    shared: &'a Shared,
    path: &'a str,
}

impl Answering<'_> {
    /// Fails when the client has gone.
    async fn send(&mut self, script: &Script, plan: Plan, seen: &Seen) -> io::Result<After> {
        if let Some(gate) = &script.hold {
            self.wait(gate).await?;
        }
        if matches!(script.transfer, Transfer::Refuse) {
            return Ok(After::Close);
        }
        if let Transfer::Raw(bytes) = &script.transfer {
            self.stream.write_all(bytes).await?;
            return Ok(After::Close);
        }
        let endless = matches!(script.transfer, Transfer::Endless);
        let length = if endless { Length::Chunked } else { script.length };
        let (head, body) = compose(script, plan, seen, length);
        self.stream.write_all(head.as_bytes()).await?;
        if seen.method == "HEAD" {
            return Ok(After::Keep);
        }
        let chunked = matches!(length, Length::Chunked);
        let whole = self.body(&script.transfer, &body, chunked).await?;
        if whole && chunked {
            self.stream.write_all(b"0\r\n\r\n").await?;
        }
        let close = !whole || matches!(length, Length::Off(_) | Length::UntilClose);
        Ok(if close { After::Close } else { After::Keep })
    }

    /// Sends the body as the script says; whether it was sent whole.
    async fn body(&mut self, transfer: &Transfer, body: &[u8], chunked: bool) -> io::Result<bool> {
        match transfer {
            Transfer::Whole | Transfer::Refuse | Transfer::Raw(_) => self.write(body, chunked).await?,
            Transfer::Cut(after) => {
                self.write(&body[..body.len().min(*after)], chunked).await?;
                return Ok(false);
            }
            Transfer::Stall(after, gate) => {
                let (before, rest) = body.split_at(body.len().min(*after));
                self.write(before, chunked).await?;
                self.wait(gate).await?;
                self.write(rest, chunked).await?;
            }
            Transfer::Drip(size, gate) => {
                for piece in body.chunks(*size) {
                    self.wait(gate).await?;
                    self.write(piece, chunked).await?;
                }
            }
            Transfer::Endless => loop {
                self.write(&[b'x'; 8 * 1024], chunked).await?;
            },
        }
        Ok(true)
    }

    async fn write(&mut self, bytes: &[u8], chunked: bool) -> io::Result<()> {
        for piece in bytes.chunks(PIECE_BYTES) {
            if chunked {
                self.stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            }
            self.stream.write_all(piece).await?;
            if chunked {
                self.stream.write_all(b"\r\n").await?;
            }
        }
        Ok(())
    }

    /// Stands still until the gate lets one pass, or fails because the client went away.
    async fn wait(&mut self, gate: &Semaphore) -> io::Result<()> {
        let _held = Held::begin(self.shared, self.path);
        let gone = async {
            loop {
                match self.stream.peek(&mut [0]).await {
                    Ok(0) => return io::Error::from(io::ErrorKind::BrokenPipe),
                    // More requests wait behind this one: nothing is to be learned from the stream any more.
                    Ok(_) => std::future::pending().await,
                    Err(error) => return error,
                }
            }
        };
        tokio::select! {
            biased;
            permit = gate.acquire() => {
                if let Ok(permit) = permit {
                    permit.forget();
                }
                Ok(())
            }
            error = gone => Err(error),
        }
    }
}

/// An answer that counts as held for as long as this lives.
struct Held<'a> {
    shared: &'a Shared,
    path: &'a str,
}

impl<'a> Held<'a> {
    fn begin(shared: &'a Shared, path: &'a str) -> Self {
        shared.count(path, |counts| counts.held += 1);
        Self { shared, path }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shared.count(self.path, |counts| counts.held -= 1);
    }
}

/// The head and the body that the script makes of the plan.
fn compose(script: &Script, plan: Plan, seen: &Seen, length: Length) -> (String, Bytes) {
    let Plan { reply: Reply { mut status, content_type, mut body }, etag } = plan;
    let mut fields = vec![("Content-Type".to_owned(), content_type.to_owned())];
    if let Some(etag) = etag.filter(|_| status == 200) {
        let size = body.len();
        if let Some((first, end)) = asked_range(seen, &etag, size) {
            status = 206;
            body = body.slice(first..end);
            fields.push(("Content-Range".to_owned(), format!("bytes {first}-{}/{size}", end - 1)));
        }
        fields.push(("Accept-Ranges".to_owned(), "bytes".to_owned()));
        fields.push(("ETag".to_owned(), etag));
    }
    if script.gzip {
        fields.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
        body = gzipped(&body);
    }
    match length {
        Length::True => fields.push(("Content-Length".to_owned(), body.len().to_string())),
        Length::Off(by) => {
            fields.push(("Content-Length".to_owned(), body.len().saturating_add_signed(by).to_string()));
        }
        Length::Chunked => fields.push(("Transfer-Encoding".to_owned(), "chunked".to_owned())),
        Length::UntilClose => fields.push(("Connection".to_owned(), "close".to_owned())),
    }
    fields.extend(script.headers.iter().cloned());
    let lines: String = fields.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    (format!("HTTP/1.1 {status} {}\r\n{lines}\r\n", wire::reason(status)), body)
}

/// The range to send, if one was asked for and `If-Range` agrees by strong comparison.
fn asked_range(seen: &Seen, etag: &str, size: usize) -> Option<(usize, usize)> {
    let agrees = seen.header("if-range").is_none_or(|wanted| wanted == etag && !etag.starts_with("W/"));
    seen.header("range").filter(|_| agrees).and_then(|field| wire::range(field, size))
}

fn gzipped(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap().into()
}
