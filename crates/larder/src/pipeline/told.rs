//! What the log is told of sources that fail: once, where a flight gives up, or where it does without them.
//!
//! The failure of a walk names each source with what it said. So a flight that ends in it needs one line, and a source
//! that was wrong gets a line of its own only where the flight ends otherwise: another source has answered, something
//! else has failed, or the answer was made of what is held.

use gomod::Request;
use source::WalkError;

use super::{Class, Error};

/// A flight has given up.
pub(super) fn given_up(want: &Request, error: &Error) {
    let (class, class_name) = (error.class(), error.class().as_str());
    let wrong = match error {
        Error::Sources(walk) => walk.wrong().next(),
        _ => None,
    };
    let name = wrong.map(|line| line.source.as_str());
    if class == Class::Corrupt {
        // Trust is at stake, not only this answer.
        tracing::error!(
            event = "fetch_failed",
            %want,
            upstream.name = name,
            error.class = class_name,
            "fetch failed: {error}"
        );
    } else {
        tracing::warn!(
            event = "fetch_failed",
            %want,
            upstream.name = name,
            error.class = class_name,
            "fetch failed: {error}"
        );
    }
}

/// A flight goes on, or ends, without the sources that were wrong.
pub(super) fn done_without(want: &Request, walk: &WalkError) {
    for line in walk.wrong() {
        tracing::error!(
            event = "source_wrong",
            %want,
            upstream.name = line.source,
            error = line.text,
            "a source sent something wrong; the answer is another's"
        );
    }
}
