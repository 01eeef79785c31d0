//! How long and how much: deadlines, and bounds on what a source may send.
//!
//! Every wait and every body from outside has a bound. The bounds on sizes are the go command's own
//! (`codehost.MaxGoMod`, `codehost.MaxZipFile`): larger files could not be used by any client.

use std::fmt;
use std::time::Duration;

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
