//! Bodies of answers: nothing, bytes, an open file read piece by piece, a flight that is being followed, or lines as
//! they are written.
//!
//! A body that cannot be finished ends in an error, never cleanly: HTTP/1.1 then cuts the connection, HTTP/2 resets
//! the stream. However many bodies are being sent, their pieces together stay within a budget.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::downloads::Sending;
use super::pulse::Busy;
use super::record::Finish;
use super::streams;
use crate::cache::open::{OpenFile, ReadError};
use crate::pipeline::Follower;
use crate::pipeline::flight::Cut;

/// Bytes that all file bodies together may have read ahead of their clients.
const BUDGET: u64 = 16 * 1024 * 1024;
/// The largest piece: cheaper than 128 KiB to one reader, and no dearer to eight (docs/benchmarks.md).
const LARGEST: u64 = 64 * 1024;
/// The smallest piece, with very many readers.
const SMALLEST: u64 = 8 * 1024;

/// File bodies being sent now, in the whole process.
static READERS: AtomicU64 = AtomicU64::new(0);

/// The body of an answer.
pub struct Body {
    content: Inner,
    /// A failure on its way: what was given out before it is sent first.
    failed: Option<Cut>,
    /// Tells the log and the counters how it ended; small answers are recorded before they are sent.
    finish: Option<Box<Finish>>,
    /// The end of the last piece, kept back for the sake of [`streams`].
    last: Option<Bytes>,
    /// Its connection is of use until it is gone.
    busy: Option<Busy>,
    /// Its place among those that are being sent, if it needs one.
    sending: Option<Sending>,
}

enum Inner {
    Empty,
    Bytes(Bytes),
    File(FileBody),
    Follow(FollowBody),
    Lines(mpsc::Receiver<Bytes>),
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::of(Inner::Empty)
    }

    /// Bytes in memory.
    pub fn bytes(bytes: Bytes) -> Self {
        Self::of(if bytes.is_empty() { Inner::Empty } else { Inner::Bytes(bytes) })
    }

    /// `len` bytes of an open file from `offset`, at least one. The first piece is read before anything is answered,
    /// so that a file that is rotten from the start never begins a 200.
    ///
    /// # Errors
    /// The file cannot be read, or is not what was kept.
    pub async fn file(file: Arc<OpenFile>, offset: u64, len: u64) -> Result<Self, ReadError> {
        READERS.fetch_add(1, Ordering::Relaxed);
        let mut body = FileBody { file, at: offset, left: len, first: None, waiting: None };
        body.first = Some(match body.file.read_now(offset, body.next_len()) {
            Some(read) => read?,
            None => body.file.read(offset, body.next_len()).await?,
        });
        Ok(Self::of(Inner::File(body)))
    }

    /// A flight from its beginning; `size` is what the source announced.
    pub fn follow(follower: Follower, size: Option<u64>) -> Self {
        let next = Box::pin(follow(follower));
        Self::of(Inner::Follow(FollowBody { next: Some(next), size, sent: 0 }))
    }

    /// Lines as they are written, to the end of the channel: what a long call tells of itself.
    pub fn lines(lines: mpsc::Receiver<Bytes>) -> Self {
        Self::of(Inner::Lines(lines))
    }

    fn of(content: Inner) -> Self {
        Self { content, failed: None, finish: None, last: None, busy: None, sending: None }
    }

    /// Lasts as long as the body.
    #[must_use]
    pub(super) fn with(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    /// Holds its place as long as the body.
    #[must_use]
    pub(super) fn holding(mut self, sending: Option<Sending>) -> Self {
        self.sending = sending;
        self
    }

    /// Has the end of the body recorded.
    #[must_use]
    pub fn recorded(mut self, finish: Finish) -> Self {
        self.finish = Some(Box::new(finish));
        self
    }

    /// The length of what is in memory and therefore all but sent; none for what is still to be read or to arrive.
    pub fn in_memory(&self) -> Option<u64> {
        match &self.content {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::File(_) | Inner::Follow(_) | Inner::Lines(_) => None,
        }
    }

    /// The length, if known.
    pub fn size(&self) -> Option<u64> {
        match &self.content {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::File(body) => Some(body.left),
            Inner::Follow(body) => body.size.map(|size| size - body.sent.min(size)),
            Inner::Lines(_) => None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let piece = self.get_mut().poll_piece(context);
        streams::asked(match &piece {
            Poll::Ready(Some(Ok(bytes))) => Some(bytes.len()),
            _ => None,
        });
        piece.map(|next| next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_finished() && self.failed.is_none() && self.last.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.size().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Body {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if let Some(cut) = self.failed.take() {
            return Poll::Ready(Some(Err(cut)));
        }
        let mut next = match self.last.take() {
            Some(last) => Some(Ok(last)),
            None => ready!(self.content.poll_next(context)),
        };
        if let Some(Ok(piece)) = &mut next
            && self.content.is_finished()
            && piece.len() > streams::LAST_BYTES
            && streams::is_watched()
        {
            // While the body has something left to give, its reader is watched.
            self.last = Some(piece.split_off(piece.len() - 1));
        }
        if let Some(finish) = &mut self.finish {
            match &next {
                Some(Ok(bytes)) => finish.sent(bytes.len()),
                Some(Err(_)) => finish.cut(),
                None => {}
            }
            if self.content.is_finished() && self.last.is_none() {
                finish.complete();
            }
        }
        if let Some(Err(cut)) = next {
            // The connection drops what it has gathered when a body fails: let it be sent first.
            self.failed = Some(cut);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(next)
    }
}

impl Inner {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(bytes)))
            }
            Self::File(file) => file.poll_next(context),
            Self::Follow(follow) => follow.poll_next(context),
            Self::Lines(lines) => {
                let line = ready!(lines.poll_recv(context));
                if line.is_none() {
                    *self = Self::Empty;
                }
                Poll::Ready(line.map(Ok))
            }
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(_) | Self::Lines(_) => false,
            Self::File(body) => body.left == 0,
            Self::Follow(body) => body.next.is_none(),
        }
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, ReadError>> + Send>>;

struct FileBody {
    file: Arc<OpenFile>,
    at: u64,
    left: u64,
    first: Option<Bytes>,
    waiting: Option<Reading>,
}

impl FileBody {
    fn next_len(&self) -> usize {
        let most = (BUDGET / READERS.load(Ordering::Relaxed).max(1)).clamp(SMALLEST, LARGEST);
        usize::try_from(most.min(self.left)).unwrap_or(usize::MAX)
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let read = if let Some(first) = self.first.take() {
            Ok(first)
        } else if let Some(waiting) = &mut self.waiting {
            let read = ready!(waiting.as_mut().poll(context));
            self.waiting = None;
            read
        } else {
            let len = self.next_len();
            if let Some(read) = self.file.read_now(self.at, len) {
                read
            } else {
                let (file, at) = (self.file.clone(), self.at);
                self.waiting = Some(Box::pin(async move { file.read(at, len).await }));
                return self.poll_next(context);
            }
        };
        Poll::Ready(Some(match read {
            Ok(bytes) => {
                self.at += bytes.len() as u64;
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => {
                tracing::error!(
                    event = "send_failed",
                    error = &error as &dyn std::error::Error,
                    "a held file could not be sent"
                );
                Err(Cut::Held)
            }
        }))
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
    }
}

type Following = Pin<Box<dyn Future<Output = (Option<Result<Bytes, Cut>>, Follower)> + Send>>;

struct FollowBody {
    next: Option<Following>,
    size: Option<u64>,
    sent: u64,
}

async fn follow(mut follower: Follower) -> (Option<Result<Bytes, Cut>>, Follower) {
    (follower.next().await, follower)
}

impl FollowBody {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let (piece, follower) = ready!(next.as_mut().poll(context));
        let Some(Ok(bytes)) = &piece else {
            self.next = None;
            return Poll::Ready(piece);
        };
        self.sent += bytes.len() as u64;
        // With a length announced the end is known; asking once more would only hold the connection.
        self.next = if self.size == Some(self.sent) { None } else { Some(Box::pin(follow(follower))) };
        Poll::Ready(piece)
    }
}
