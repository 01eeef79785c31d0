//! The record of a request: one log line and the counters, written once, when the answer has been sent or cut.

use std::sync::Arc;
use std::time::Instant;

use crate::observe::Counters;

/// What is known of a request when its answer begins.
#[derive(Debug)]
pub struct Finish {
    /// Where it is counted.
    pub counters: Arc<Counters>,
    /// The request's id.
    pub id: Arc<str>,
    /// Method, as text.
    pub method: &'static str,
    /// What was asked, un-escaped where it is a module request, else the raw path.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// `hit`, `miss`, `stale`, `joined`, or `-`.
    pub cache: &'static str,
    /// Where the content came from, or `-`.
    pub source: String,
    /// When the request began.
    pub started: Instant,
    /// Bytes of body sent so far.
    pub bytes: u64,
    /// Whether the body was sent to its end.
    pub end: End,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not yet, or the client left.
    Open,
    /// Sent whole.
    Whole,
    /// Cut by us, since it could not be finished rightly.
    Cut,
}

impl Finish {
    /// Counts bytes that were given to the connection.
    pub fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// The body was given out whole.
    pub fn complete(&mut self) {
        if self.end == End::Open {
            self.end = End::Whole;
        }
    }

    /// The body could not be finished.
    pub fn cut(&mut self) {
        self.end = End::Cut;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.counters.answered(self.status, self.cache, self.bytes);
        let end = match self.end {
            End::Whole => "whole",
            End::Open => "left",
            End::Cut => "cut",
        };
        tracing::info!(
            target: "request",
            id = &*self.id,
            status = self.status,
            cache.lookup = self.cache,
            upstream.name = %self.source,
            size_bytes = self.bytes,
            duration_ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            end,
            "{} {}", self.method, self.path
        );
    }
}
