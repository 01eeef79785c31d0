//! How long and how much: deadlines, and bounds on what a source may send.
//!
//! Every wait and every body from outside has a bound. The bounds on sizes are the go command's own
//! (`codehost.MaxGoMod`, `codehost.MaxZipFile`): larger files could not be used by any client.

use std::fmt;
use std::time::Duration;

use gomod::request::SumDbOperation;
use gomod::{FileKind, Request};

/// Largest go.mod, info, list or checksum database answer, in bytes.
pub(crate) const MAX_SMALL_BYTES: u64 = 16 << 20;
/// Largest module zip, in bytes.
pub(crate) const MAX_ZIP_BYTES: u64 = 500 << 20;

/// How long a source may take. All settable; the defaults fit a proxy across an ocean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// To connect, handshakes included.
    pub connect: Duration,
    /// From the request to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// For a small body (everything but a zip) in all, from the first request.
    pub small: Duration,
    /// For a checksum database lookup in all; the database may have to fetch the module first.
    pub lookup: Duration,
    /// For a tile, or another small answer of a checksum database, in all.
    pub tile: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(20),
            idle: Duration::from_secs(15),
            small: Duration::from_secs(45),
            lookup: Duration::from_secs(90),
            tile: Duration::from_secs(10),
        }
    }
}

/// Which deadline passed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Deadline {
    /// No connection.
    Connect,
    /// No head of an answer.
    FirstByte,
    /// The body stood still.
    Idle,
    /// The whole took too long.
    Whole,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::FirstByte => "no answer",
            Self::Idle => "the answer stood still",
            Self::Whole => "the answer was not complete",
        })
    }
}

/// What the answer to one request may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Budget {
    /// Largest body in bytes.
    pub(crate) max_bytes: u64,
    /// Wait for the head of each answer.
    pub(crate) first_byte: Duration,
    /// Wait between two pieces of the body.
    pub(crate) idle: Duration,
    /// For everything from the first request on; a zip has none, only its pace is bounded.
    pub(crate) whole: Option<Duration>,
}

impl Budget {
    /// The budget of a request.
    pub(crate) fn of(request: &Request, deadlines: &Deadlines) -> Self {
        let (max_bytes, first_byte, whole) = match request {
            Request::File(_, FileKind::Zip) => (MAX_ZIP_BYTES, deadlines.first_byte, None),
            Request::SumDb(sumdb) => match sumdb.operation {
                SumDbOperation::Lookup(_) => (MAX_SMALL_BYTES, deadlines.lookup, Some(deadlines.lookup)),
                _ => (MAX_SMALL_BYTES, deadlines.tile, Some(deadlines.tile)),
            },
            _ => (MAX_SMALL_BYTES, deadlines.first_byte, Some(deadlines.small)),
        };
        Self { max_bytes, first_byte, idle: deadlines.idle, whole }
    }
}
