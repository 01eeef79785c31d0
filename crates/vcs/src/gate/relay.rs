//! Bytes of a child to a server and back, counted, until both are done, one is cut, or both are silent for too long.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Incident, Leave};

/// Bytes copied at once, in each direction.
const BUFFER_BYTES: usize = 64 << 10;

/// Copies between a child and a server.
pub(super) async fn relay(child: TcpStream, mut server: TcpStream, leave: &Leave, idle: Duration) {
    let mut child = Counted { stream: child, leave };
    let copy = copy_bidirectional_with_sizes(&mut child, &mut server, BUFFER_BYTES, BUFFER_BYTES);
    tokio::select! {
        _ = copy => {}
        () = silence(leave, idle) => leave.note(Incident::Unreachable),
    }
}

/// Resolves when nothing passed for a while: at least as long as is said, at most twice.
async fn silence(leave: &Leave, idle: Duration) {
    loop {
        let before = leave.passed.load(Ordering::Relaxed);
        sleep(idle).await;
        if leave.passed.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// The child's side of a connection, which counts, and breaks off after too much.
struct Counted<'a> {
    stream: TcpStream,
    leave: &'a Leave,
}

impl Counted<'_> {
    fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let passed = self.leave.passed.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let max = self.leave.max_bytes.load(Ordering::Relaxed);
        if passed <= max {
            return Ok(());
        }
        self.leave.note(Incident::TooMuch(max));
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        Poll::Ready(self.count(buffer.filled().len() - before))
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        Poll::Ready(self.count(count).map(|()| count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
