//! The bytes of a connection, watched on their way: what comes is told to the [`Pulse`], what goes is measured by a
//! [`Pace`].
//!
//! hyper has no deadline for writing, and its deadline for reading a head counts the rest between requests too and
//! sets a timer for each of them. So it is done here, with one timer a connection that no request touches.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::{Demand, Pace};
use super::pulse::Pulse;

/// How HTTP/2 begins, as far as no request of HTTP/1 does.
const FRAMED: &[u8] = b"PRI ";

/// A stream that tells what goes on, and fails when its reader takes too little.
pub(super) struct Patient<S> {
    stream: S,
    pulse: Arc<Pulse>,
    pace: Pace,
    /// Bytes of [`FRAMED`] that have come; none once it is known what is spoken.
    preface: Option<usize>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>, demand: Demand) -> Self {
        Self { stream, pulse, pace: Pace::new(demand), preface: Some(0) }
    }

    fn heard(&mut self, bytes: &[u8]) {
        if let Some(seen) = self.preface {
            let rest = FRAMED.get(seen..).unwrap_or_default();
            let common = rest.iter().zip(bytes).take_while(|(left, right)| left == right).count();
            let is_whole = common == rest.len();
            if is_whole {
                self.pulse.framed();
            }
            self.preface = (!is_whole && common == bytes.len()).then_some(seen + common);
        }
        self.pulse.heard();
    }

    /// Notes how much was written, and fails the write when the reader takes too little.
    fn progress<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<T>>,
        written: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(written_now) = &write {
            self.pulse.writing(false);
            self.pace.took(written_now.as_ref().map_or(0, written) as u64);
            return write;
        }
        self.pulse.writing(true);
        if self.pace.poll_too_slow(context).is_ready() {
            self.pulse.slow();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match buffer.filled().get(before..) {
            Some(bytes) if !bytes.is_empty() => this.heard(bytes),
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.progress(context, write, |written| *written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.progress(context, write, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.stream).poll_flush(context);
        this.progress(context, flush, |()| 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
