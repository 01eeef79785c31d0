//! What can go wrong at a source, and what it means for the answer.
//!
//! One enum for every source, because a walk over a chain must weigh the failures of unlike sources against each
//! other. Each failure has a [`Class`], and the classes are never folded into each other: an outage that looks
//! like absence would send the client, and a private path, to the next source. Failures are `Clone` so that
//! everyone who waits for one fetch can be told the same; causes are therefore shared.
//!
//! No URL is ever part of a failure: a configured one may carry a password in its query or path.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::Deadline;

/// A shared underlying error, for logs only.
pub type Cause = Arc<dyn Error + Send + Sync + 'static>;

/// What a failure means for the answer to the client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// The source says that it does not have it (404).
    Absent,
    /// The source says that it no longer has it (410).
    Withdrawn,
    /// Our own settings keep it from being asked for (403).
    Denied,
    /// The source, or the way to it, is in trouble (503 or 504).
    Unavailable,
    /// The source sent something that cannot be what was asked for (502).
    Corrupt,
}

impl Class {
    /// Whether a `,` list goes on after it: only 404 and 410 (cmd/go `web.HTTPError.Is`).
    pub fn is_absent(self) -> bool {
        matches!(self, Self::Absent | Self::Withdrawn)
    }
}

/// Why a source did not answer with a whole body.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// The source answered 404, or a tree has no such file.
    #[error("not found")]
    Absent {
        /// Up to four lines of the source's own explanation, safe to show; may be empty.
        text: String,
        /// Whether that explanation names a passing cause (`fetch timed out`), so that the absence is not
        /// worth remembering.
        transient: bool,
    },
    /// The source answered 410.
    #[error("withdrawn at the source")]
    Withdrawn {
        /// Up to four lines of the source's own explanation, safe to show; may be empty.
        text: String,
    },
    /// Our own settings keep what is private from being asked for there: nothing is known of whether it is there.
    #[error("closed by the settings")]
    Closed {
        /// Which setting, safe to show.
        text: String,
    },
    /// The source answered with any other status than 200, or could not read its own file.
    #[error("{}", answered(*status))]
    Unavailable {
        /// The HTTP status, if it was one.
        status: Option<u16>,
        /// Up to four lines of the source's own explanation, safe to show; may be empty.
        text: String,
        /// What `Retry-After` asked for, in whole seconds, at most an hour.
        retry_after: Option<Duration>,
    },
    /// No connection: no such host, refused, reset, or a failed handshake.
    #[error("could not be reached")]
    Unreachable {
        /// What the connection said.
        #[source]
        cause: Cause,
    },
    /// A deadline passed.
    #[error("fetch timed out: {what} after {after:?}")]
    Timeout {
        /// Which one.
        what: Deadline,
        /// How long it was.
        after: Duration,
    },
    /// The body ended early.
    #[error("the answer broke off after {got} bytes{}", of(*size))]
    Cut {
        /// Bytes that arrived.
        got: u64,
        /// Bytes that were declared.
        size: Option<u64>,
        /// What the connection said.
        #[source]
        cause: Option<Cause>,
    },
    /// The answer is not one that the protocol allows.
    #[error("sent an answer that cannot be used: {0}")]
    Malformed(Malformed),
    /// The source was not asked: it failed too often, or asked for a pause.
    #[error("not asked: it was in trouble a short while ago and is asked again in {} s", whole_seconds(*left))]
    Paused {
        /// When it is asked again.
        left: Duration,
    },
    /// The source was not asked: as much as is allowed at once was under way, and no place became free in time.
    #[error("not asked: too much is being asked of it already")]
    Crowded {
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// The content was refused by whoever checked it. Made by the caller, so that the walk can weigh it.
    #[error("sent content that was refused")]
    Rejected {
        /// Which rule it broke, safe to show.
        text: String,
    },
    /// The address guard refused to connect.
    #[error("points to an address inside the network, which is refused unless `network.allow` lists it")]
    Refused {
        /// The address, for logs only.
        address: IpAddr,
    },
    /// A redirect that is not followed.
    #[error("redirected, and the redirect was not followed: {0}")]
    Redirect(RedirectFault),
    /// Fetching from version control was asked for.
    #[error("`direct` (fetching from version control) is not set up here")]
    Unsupported,
    /// The rest of a broken body cannot be had: the source does not do ranges, or the content changed.
    #[error("the answer broke off and cannot be continued")]
    NotResumable,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A `Content-Encoding` although none was accepted: the bytes are not the file's.
    #[error("it is encoded, although no encoding was accepted")]
    Encoded,
    /// Neither a length nor chunks: an end that cannot be told from a cut, for text whose own end cannot be told either.
    #[error("it has neither a length nor chunks, so that its end cannot be told from a cut")]
    Unframed,
    /// More bytes than any such file may have.
    #[error("it is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: u64,
    },
    /// More bytes than were declared.
    #[error("it is longer than the {size} bytes declared")]
    TooLong {
        /// The declared length.
        size: u64,
    },
    /// A partial answer that is not the part asked for.
    #[error("it is not the part that was asked for")]
    WrongPart,
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// More than ten of them.
    #[error("more than 10 redirects")]
    TooMany,
    /// From https to http.
    #[error("it leads from https to http")]
    Downgrade,
    /// To a scheme that is neither http nor https, or no URL at all.
    #[error("it leads to no http or https URL")]
    Target,
    /// To the outbound proxy itself.
    #[error("it leads to the outbound proxy")]
    OutboundProxy,
}

impl SourceError {
    /// What the failure means for the answer.
    pub fn class(&self) -> Class {
        match self {
            Self::Absent { .. } | Self::Unsupported => Class::Absent,
            Self::Withdrawn { .. } => Class::Withdrawn,
            Self::Closed { .. } => Class::Denied,
            Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Cut { .. }
            | Self::Paused { .. }
            | Self::Crowded { .. }
            | Self::Refused { .. }
            | Self::Redirect(_)
            | Self::NotResumable => Class::Unavailable,
            Self::Malformed(_) | Self::Rejected { .. } => Class::Corrupt,
        }
    }

    /// Whether a `,` list goes on after it.
    pub fn is_absent(&self) -> bool {
        self.class().is_absent()
    }

    /// Whether the failure may pass by itself, so that it is not worth remembering.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Absent { transient, .. } => *transient,
            other => other.class() == Class::Unavailable,
        }
    }

    /// The same as an outage, whatever was said, with more lines behind the first one.
    #[must_use]
    pub(crate) fn into_outage(self, lines: &str) -> Self {
        let text = self.text();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let text = crate::text::shown(&format!("{first}\n{lines}\n{rest}"));
        match self {
            Self::Unavailable { status, retry_after, .. } => Self::Unavailable { status, text, retry_after },
            _ => Self::Unavailable { status: None, text, retry_after: None },
        }
    }

    /// When the source asked to be asked again, or when it will be; in whole seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Paused { left } => Some(Duration::from_secs(whole_seconds(*left))),
            Self::Crowded { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// One to four lines for the client: the source's own explanation where there is one, else ours.
    pub fn text(&self) -> String {
        match self {
            Self::Absent { text, .. }
            | Self::Withdrawn { text }
            | Self::Closed { text }
            | Self::Unavailable { text, .. }
            | Self::Rejected { text }
                if !text.is_empty() =>
            {
                text.clone()
            }
            other => other.to_string(),
        }
    }
}

fn answered(status: Option<u16>) -> String {
    status.map_or_else(|| "could not read it".to_owned(), |status| format!("answered with status {status}"))
}

/// At least one, since zero would be an invitation.
fn whole_seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

fn of(size: Option<u64>) -> String {
    size.map_or_else(String::new, |size| format!(" of {size}"))
}
