//! The answer of a long call: one JSON object a line as it goes on, the last one saying how it ended.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::http::body::Body;

/// Lines that may wait for a slow reader.
const WAITING: usize = 256;

/// Where a long call tells of itself, line by line. The answer ends when this is dropped.
pub(super) struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    /// Where to tell, and the answer that carries it.
    pub(super) fn open() -> (Self, Response<Body>) {
        let (lines, told) = mpsc::channel(WAITING);
        let mut response = Response::new(Body::lines(told));
        let kind = HeaderValue::from_static("application/x-ndjson");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        (Self(lines), response)
    }

    /// Tells a step. A reader that falls behind misses steps, never the end.
    pub(super) fn step(&self, step: &impl Serialize) {
        drop(self.0.try_send(line(step)));
    }

    /// Tells how it ended. If nobody listens any more, nobody is told: what was done stays done.
    pub(super) async fn end(self, end: &impl Serialize) {
        drop(self.0.send(line(end)).await);
    }
}

fn line(event: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
