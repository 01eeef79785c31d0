//! The record of a request: one log line and the counters, written once, when the answer has been sent or cut.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use gomod::Request;
use http::HeaderValue;

use crate::observe::{Counters, RequestId};

/// What is known of a request when its answer begins, and what became of it.
#[derive(Debug)]
pub struct Record {
    /// The request's id.
    pub id: RequestId,
    /// Method, as text.
    pub method: &'static str,
    /// What was asked.
    pub asked: Asked,
    /// The status of the answer.
    pub status: u16,
    /// `hit`, `miss`, `stale`, `joined`, or `-`.
    pub cache: &'static str,
    /// Where the content came from, or `-`.
    pub source: HeaderValue,
    /// When the request began.
    pub started: Instant,
    /// Bytes of body sent so far.
    pub bytes: u64,
    /// Whether the body was sent to its end.
    pub end: End,
}

/// What was asked; written out only where it is logged.
#[derive(Debug)]
pub enum Asked {
    /// A module request.
    Module(Request),
    /// Anything else: the path, without what a terminal would act on.
    Path(String),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(want) => fmt::Display::fmt(want, f),
            Self::Path(path) => f.write_str(path),
        }
    }
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

impl Record {
    /// Writes the log line and counts.
    pub fn write(&self, counters: &Counters) {
        counters.answered(self.status, self.cache, self.bytes);
        let end = match self.end {
            End::Whole => "whole",
            End::Open => "left",
            End::Cut => "cut",
        };
        tracing::info!(
            target: "request",
            id = %self.id,
            status = self.status,
            cache.lookup = self.cache,
            upstream.name = self.source.to_str().unwrap_or("?"),
            size_bytes = self.bytes,
            duration_ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            end,
            "{} {}", self.method, self.asked
        );
    }
}

/// Writes a record when the body it goes with is gone.
#[derive(Debug)]
pub struct Finish {
    record: Record,
    counters: Arc<Counters>,
}

impl Finish {
    /// Takes charge of a record.
    pub fn new(record: Record, counters: Arc<Counters>) -> Self {
        Self { record, counters }
    }

    /// Counts bytes that were given to the connection.
    pub fn sent(&mut self, bytes: usize) {
        self.record.bytes += bytes as u64;
    }

    /// The body was given out whole.
    pub fn complete(&mut self) {
        if self.record.end == End::Open {
            self.record.end = End::Whole;
        }
    }

    /// The body could not be finished.
    pub fn cut(&mut self) {
        self.record.end = End::Cut;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.record.write(&self.counters);
    }
}
