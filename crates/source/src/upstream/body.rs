//! The body of an answer as a stream that tells a whole body from a cut one.
//!
//! HTTP/1.1 with a length or chunks, and HTTP/2, say where a body ends; a connection that ends before is an error
//! here, not an end. Only a body without length or chunks (HTTP/1.0 style) ends with its connection, and then
//! [`Fetched::size`](crate::Fetched::size) is `None` and the content must speak for itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::limits::{Budget, Deadline};
use crate::origin::Call;
use crate::{Malformed, SourceError};

/// When everything must be done: the budget's whole, counted from the first request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    whole: Option<Duration>,
}

impl Clock {
    pub(super) fn start(budget: &Budget) -> Self {
        Self { started: Instant::now(), whole: budget.whole }
    }

    /// Waits for one step, no longer than `wait` and never beyond the whole.
    pub(super) async fn bound<T>(
        self,
        what: Deadline,
        wait: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, SourceError> {
        let (until, what, after) = match self.whole.map(|whole| (self.started + whole, whole)) {
            Some((end, whole)) if end < Instant::now() + wait => (end, Deadline::Whole, whole),
            _ => (Instant::now() + wait, what, wait),
        };
        timeout_at(until, step).await.map_err(|_| SourceError::Timeout { what, after })
    }

    /// Waits for one step that has bounds of its own, never beyond the whole.
    pub(super) async fn within<T>(self, step: impl Future<Output = T>) -> Result<T, SourceError> {
        let Some(whole) = self.whole else { return Ok(step.await) };
        let done = timeout_at(self.started + whole, step).await;
        done.map_err(|_| SourceError::Timeout { what: Deadline::Whole, after: whole })
    }

    /// What is left of the whole, if that is bounded.
    pub(super) fn left(self) -> Option<Duration> {
        self.whole.map(|whole| whole.saturating_sub(self.started.elapsed()))
    }
}

/// A body that is being received.
pub(super) struct Body {
    response: Response,
    clock: Clock,
    idle: Duration,
    got: u64,
    size: Option<u64>,
    max: u64,
}

impl Body {
    /// The body of a response, at most `max` bytes long.
    pub(super) fn new(
        response: Response,
        clock: Clock,
        idle: Duration,
        max: u64,
    ) -> Result<Self, SourceError> {
        let size = response.content_length();
        if size.is_some_and(|size| size > max) {
            return Err(SourceError::Malformed(Malformed::TooLarge { max }));
        }
        Ok(Self { response, clock, idle, got: 0, size, max })
    }

    /// The declared length.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The pieces as they come. The call ends with the last one.
    pub(super) fn stream(self, call: Call) -> BoxStream<'static, Result<Bytes, SourceError>> {
        stream::try_unfold((self, call), |(mut body, call)| async move {
            match body.piece().await {
                Ok(Some(piece)) => {
                    call.received(piece.len());
                    Ok(Some((piece, (body, call))))
                }
                Ok(None) => {
                    call.end(None);
                    Ok(None)
                }
                Err(error) => {
                    call.end(Some(&error));
                    Err(error)
                }
            }
        })
        .boxed()
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, SourceError> {
        let (got, size) = (self.got, self.size);
        let arrived = self.clock.bound(Deadline::Idle, self.idle, self.response.chunk()).await?;
        let piece = arrived.map_err(|cause| SourceError::Cut {
            got,
            size,
            cause: Some(Arc::new(cause.without_url())),
        })?;
        // The client library counts too; this is so that a whole body does not rest on its word alone.
        let Some(piece) = piece else {
            let short = size.is_some_and(|size| got < size);
            return if short { Err(SourceError::Cut { got, size, cause: None }) } else { Ok(None) };
        };
        self.got += piece.len() as u64;
        match size {
            Some(size) if self.got > size => Err(SourceError::Malformed(Malformed::TooLong { size })),
            _ if self.got > self.max => Err(SourceError::Malformed(Malformed::TooLarge { max: self.max })),
            _ => Ok(Some(piece)),
        }
    }
}
