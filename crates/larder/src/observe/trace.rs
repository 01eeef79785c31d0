//! Traces: what a request waited for, as spans that are sent to a collector over OTLP.
//!
//! Built only with the feature `otlp`. Without it the same functions are here and do nothing, so that whoever calls
//! them need not know. Spans are made with OpenTelemetry itself and not out of the log: what is logged and at which
//! level has no bearing on traces, and two servers in one process do not share a collector.
//!
//! The current span goes with the future that works under it, never with a thread. Spans wait in a bounded queue and
//! are sent by a thread of their own; what the queue cannot hold is dropped, and nothing that serves ever waits. What
//! a span tells names no private module. No header of a trace is ever sent to an upstream.

#[cfg(not(feature = "otlp"))]
mod off;
#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
pub use off::{Span, Tracer, current, fail, is_on, step, tell};
#[cfg(feature = "otlp")]
pub use otlp::{Span, Tracer, current, fail, is_on, step, tell};

/// A part of the work that a request causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A fetch that all who ask share, from boarding to landing. It is told under the request that started it.
    Flight,
    /// A call to a source: of a zip until its answer begins, of anything else until all of it is here.
    Source,
    /// The check of a zip.
    Verify,
    /// The keeping of a file that was verified.
    Keep,
}

impl Step {
    /// The name of its span.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flight => "flight",
            Self::Source => "source",
            Self::Verify => "verify",
            Self::Keep => "keep",
        }
    }
}
