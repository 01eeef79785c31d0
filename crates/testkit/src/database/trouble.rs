//! What goes wrong on the wire, as data: nothing said, or nothing that a database says.

use crate::upstream::On;

/// Trouble with whatever is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The connection is closed without an answer.
    Refused,
    /// No head ever comes.
    SilentHead,
    /// The head comes and the body stands still.
    SilentBody,
    /// The body comes a few bytes at a time, when it is let.
    Dribble,
    /// The body never ends.
    Endless,
    /// The body ends before its length.
    Cut,
    /// The body is compressed, and says so.
    Gzip,
    /// 200 with a page to log in.
    Portal,
    /// 200 with nothing.
    Empty,
    /// 204.
    NoContent,
    /// 302 into the network of a cloud.
    RedirectToMetadata,
    /// 302 to another port of this machine.
    RedirectToLoopback,
    /// Another protocol.
    Garbage,
    /// A status with its name as text.
    Status(u16),
    /// 404, and a text that tells of an outage.
    TransientNotFound,
}

/// Everything that ends by itself: all but what stands still.
pub const TROUBLE: &[Trouble] = &[
    Trouble::Refused,
    Trouble::Endless,
    Trouble::Cut,
    Trouble::Gzip,
    Trouble::Portal,
    Trouble::Empty,
    Trouble::NoContent,
    Trouble::RedirectToMetadata,
    Trouble::RedirectToLoopback,
    Trouble::Garbage,
    Trouble::Status(401),
    Trouble::Status(403),
    Trouble::Status(429),
    Trouble::Status(500),
    Trouble::Status(502),
    Trouble::Status(503),
    Trouble::Status(504),
    Trouble::TransientNotFound,
];

impl Trouble {
    /// Makes this the script of a path: `trouble.on(database.on("/latest"))`.
    pub fn on(self, on: On<'_>) {
        let _ = match self {
            Self::Refused => on.refuse(),
            Self::SilentHead => on.hold(),
            Self::SilentBody => on.stall_after(1),
            Self::Dribble => on.drip(3),
            Self::Endless => on.endless(),
            Self::Cut => on.cut_after(5),
            Self::Gzip => on.gzip(),
            Self::Portal => on.html(200, "<html><form>Please log in.</form></html>\n"),
            Self::Empty => on.bytes(""),
            Self::NoContent => on.raw("HTTP/1.1 204 No Content\r\n\r\n"),
            Self::RedirectToMetadata => on.redirect("http://169.254.169.254/latest"),
            Self::RedirectToLoopback => on.redirect("http://127.0.0.1:9/latest"),
            Self::Garbage => on.raw("SSH-2.0-OpenSSH_9.2\r\n"),
            Self::Status(status) => on.status(status),
            Self::TransientNotFound => {
                on.status_text(404, "not found: dial tcp: lookup example.com: i/o timeout\n")
            }
        };
    }
}
