//! An upstream as it is far away: every request waits, and every connection is slow. For the benchmark.
//!
//! `upstream ROOT ADDRESS LATENCY_MS BYTES_PER_S` serves the files below ROOT and prints the path of each request when
//! it comes in, so that whoever runs it can count. Below `/hang/` nothing is ever answered. It does no more than the
//! benchmark needs: HTTP/1.1, GET, no conditions, no ranges, and it trusts its client.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};

/// Bytes sent in one go: 6.5 ms at 10 MB/s.
const PIECE: u64 = 64 * 1024;

#[derive(Clone)]
struct Far {
    root: Arc<Path>,
    latency: Duration,
    bytes_per_s: f64,
}

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: a task for each connection, never waited for"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, address, latency, rate] = words.as_slice() else {
        return Err("upstream ROOT ADDRESS LATENCY_MS BYTES_PER_S".into());
    };
    let latency = Duration::from_millis(latency.parse()?);
    let far = Far { root: PathBuf::from(root).into(), latency, bytes_per_s: rate.parse()? };
    let listener = TcpListener::bind(address.as_str()).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let far = far.clone();
        tokio::spawn(async move { drop(far.talk(stream).await) });
    }
}

impl Far {
    /// Answers the requests of one connection until it ends.
    async fn talk(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Some(first) = lines.next_line().await? {
            while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
            let path = unescape(first.split(' ').nth(1).unwrap_or_default());
            writeln!(io::stdout().lock(), "{path}")?;
            if path.starts_with("/hang/") {
                std::future::pending::<()>().await;
            }
            sleep(self.latency).await;
            match File::open(self.root.join(path.trim_start_matches('/'))) {
                Ok(file) => self.send(&file, &mut write).await?,
                Err(_) => {
                    write
                        .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nnot found\n")
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&self, file: &File, to: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        let size = file.metadata()?.len();
        to.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes()).await?;
        let began = Instant::now();
        let mut piece = vec![0; usize::try_from(PIECE.min(size)).unwrap_or_default()];
        let mut sent = 0;
        while sent < size {
            let read = file.read_at(&mut piece, sent)?;
            to.write_all(piece.get(..read).unwrap_or_default()).await?;
            sent += read as u64;
            #[expect(clippy::cast_precision_loss, reason = "sizes of files are far below 2^52")]
            sleep_until(began + Duration::from_secs_f64(sent as f64 / self.bytes_per_s)).await;
        }
        Ok(())
    }
}

/// Takes percent-encoding back: the go command writes `!` as `%21`.
fn unescape(path: &str) -> String {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        plain.push(u8::from_str_radix(code, 16).map_or('?', char::from));
        plain.push_str(rest);
    }
    plain
}
