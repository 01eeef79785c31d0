//! The wrong answers, one line each, with what must become of them.

use testkit::upstream::On;

use super::questions::Question;

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// 503: the source is in trouble. Never an absence.
    Outage,
    /// 504: the source did not answer in time.
    Late,
    /// 502: what the source sent cannot be what was asked for.
    Refused,
    /// 404: the source has it not.
    Absent,
    /// 404 for a cause that passes: not remembered.
    Passing,
    /// 410: the source has it no more.
    Withdrawn,
    /// 200 and then a cut: wrong only after much of it was sent.
    Cut,
}

impl Ends {
    /// The status that tells it.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Outage => 503,
            Self::Late => 504,
            Self::Refused => 502,
            Self::Absent | Self::Passing => 404,
            Self::Withdrawn => 410,
            Self::Cut => 200,
        }
    }

    /// A `,` list goes on to its next source.
    pub(super) fn is_absence(self) -> bool {
        matches!(self, Self::Absent | Self::Passing | Self::Withdrawn)
    }
}

/// A wrong answer.
pub(super) struct Answer {
    pub(super) name: &'static str,
    /// Makes the upstream give it at the path.
    pub(super) script: fn(On<'_>, &str),
    pub(super) ends: Ends,
    /// To which questions it is wrong, and can be told to be.
    pub(super) to: fn(Question) -> bool,
}

const PORTAL: &str = "<!DOCTYPE html>\n<html>Sign in to the network</html>";

const fn all(name: &'static str, script: fn(On<'_>, &str), ends: Ends) -> Answer {
    Answer { name, script, ends, to: |_| true }
}

const fn large(name: &'static str, script: fn(On<'_>, &str)) -> Answer {
    Answer { name, script, ends: Ends::Cut, to: |question| matches!(question, Question::LargeZip) }
}

/// Statuses, each with a text that a person may need.
pub(super) const STATUSES: [(u16, Ends); 30] = [
    (201, Ends::Outage),
    (203, Ends::Outage),
    (204, Ends::Outage),
    (206, Ends::Outage),
    (300, Ends::Outage),
    (302, Ends::Outage),
    (304, Ends::Outage),
    (400, Ends::Outage),
    (401, Ends::Outage),
    (402, Ends::Outage),
    (403, Ends::Outage),
    (404, Ends::Absent),
    (405, Ends::Outage),
    (407, Ends::Outage),
    (408, Ends::Outage),
    (409, Ends::Outage),
    (410, Ends::Withdrawn),
    (418, Ends::Outage),
    (421, Ends::Outage),
    (425, Ends::Outage),
    (429, Ends::Outage),
    (451, Ends::Outage),
    (500, Ends::Outage),
    (501, Ends::Outage),
    (502, Ends::Outage),
    (503, Ends::Outage),
    (504, Ends::Outage),
    (511, Ends::Outage),
    (520, Ends::Outage),
    (599, Ends::Outage),
];

/// Everything else that may come in place of an answer.
pub(super) const ANSWERS: [Answer; 41] = [
    all(
        "404 for a passing cause",
        |on, _| drop(on.status_text(404, "not found: fetch timed out")),
        Ends::Passing,
    ),
    all("a captive portal", |on, _| drop(on.html(511, PORTAL)), Ends::Outage),
    all("a page that says 404", |on, _| drop(on.html(404, PORTAL)), Ends::Absent),
    all("a page that says 200", |on, _| drop(on.html(200, PORTAL)), Ends::Refused),
    all("a page without its type", |on, _| drop(on.bytes(PORTAL)), Ends::Refused),
    all("a page behind a mark", |on, _| drop(on.bytes(format!("\u{feff}\r\n {PORTAL}"))), Ends::Refused),
    all("an error as JSON", |on, _| drop(on.bytes(r#"{"error":"sign in"}"#)), Ends::Refused),
    all("NUL bytes", |on, _| drop(on.bytes(vec![0; 300])), Ends::Refused),
    all("compressed", |on, _| drop(on.gzip()), Ends::Refused),
    all("said to be compressed", |on, _| drop(on.header("Content-Encoding", "br")), Ends::Refused),
    all("an unknown coding", |on, _| drop(on.header("Content-Encoding", "x-secret")), Ends::Refused),
    Answer {
        name: "nothing, and 200",
        script: |on, _| drop(on.bytes("")),
        ends: Ends::Refused,
        to: |question| question.is_info() || question.is_zip(),
    },
    Answer {
        name: "a sentence, and 200",
        script: |on, _| drop(on.bytes("Please sign in first.\n")),
        ends: Ends::Refused,
        to: |question| question != Question::Mod,
    },
    Answer {
        name: "longer than announced",
        script: |on, _| drop(on.wrong_length(-2)),
        ends: Ends::Refused,
        to: |question| question.is_info() || question == Question::Zip,
    },
    all(
        "a part that nobody asked for",
        |on, _| {
            on.status_text(206, "v").header("Content-Range", "bytes 0-0/7");
        },
        Ends::Outage,
    ),
    all("no answer at all", |on, _| drop(on.refuse()), Ends::Outage),
    all("another protocol", |on, _| drop(on.raw("SSH-2.0-OpenSSH_9.2\r\n")), Ends::Outage),
    all("half a head", |on, _| drop(on.raw("HTTP/1.1 200 OK\r\nContent-Le")), Ends::Outage),
    all(
        "no number for a length",
        |on, _| drop(on.raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")),
        Ends::Outage,
    ),
    all(
        "two lengths",
        |on, _| {
            on.raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nvv");
        },
        Ends::Outage,
    ),
    all(
        "a flood of fields",
        |on, _| {
            on.raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(5000)));
        },
        Ends::Outage,
    ),
    all(
        "a flood of hints",
        |on, _| {
            on.raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(5000));
        },
        Ends::Outage,
    ),
    all(
        "a length in the head and no end of chunks",
        |on, _| {
            on.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nv1.0.0\n\r\n");
        },
        Ends::Outage,
    ),
    all(
        "a chunk without a size",
        |on, _| {
            on.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nv1.0.0\r\n0\r\n\r\n");
        },
        Ends::Outage,
    ),
    all("cut before its body", |on, _| drop(on.cut_after(0)), Ends::Outage),
    all("cut within its body", |on, _| drop(on.cut_after(5)), Ends::Outage),
    all("cut within its chunks", |on, _| drop(on.chunked().cut_after(5)), Ends::Outage),
    Answer {
        name: "shorter than announced",
        script: |on, _| drop(on.wrong_length(7)),
        ends: Ends::Outage,
        to: |question| question != Question::LargeZip,
    },
    large("large and shorter than announced", |on, _| drop(on.wrong_length(7))),
    large("large and longer than announced", |on, _| drop(on.wrong_length(-7))),
    large("cut late", |on, _| drop(on.cut_after(200_000))),
    all("a head that does not come", |on, _| drop(on.hold()), Ends::Late),
    all("a body that does not come", |on, _| drop(on.stall_after(0)), Ends::Late),
    all("a body that stands still", |on, _| drop(on.stall_after(5)), Ends::Late),
    all("endless", |on, _| drop(on.endless()), Ends::Refused),
    all("a redirect to itself", |on, path| drop(on.redirect(path)), Ends::Outage),
    all("a redirect to nowhere", |on, _| drop(on.redirect("")), Ends::Outage),
    all(
        "a redirect into the network",
        |on, _| drop(on.redirect("http://169.254.169.254/latest/meta-data/")),
        Ends::Outage,
    ),
    all("a redirect to another scheme", |on, _| drop(on.redirect("file:///etc/passwd")), Ends::Outage),
    all("a redirect to where nobody is", |on, _| drop(on.redirect("/gone")), Ends::Absent),
    all("a redirect to a page to sign in", |on, _| drop(on.redirect("/login")), Ends::Refused),
];
