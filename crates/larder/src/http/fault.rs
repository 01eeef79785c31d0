//! Failures as answers: the one table from class to status, and the text a person reads.
//!
//! The text follows what the go command shows: `text/plain`, at most eight lines and 648 bytes, no blank line, and
//! `not found: ` first where something is absent. Line one says what is wrong with what; then why; then what to do.

use std::time::Duration;

use bytes::Bytes;
use gomod::Request;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::body::Body;
use crate::observe::{Reason, RequestId};
use crate::pipeline::{Class, Error};

/// Bytes of error text that the go command shows.
const TEXT_BYTES: usize = 648;
/// Lines of error text that the go command shows.
const TEXT_LINES: usize = 8;

/// The status of each class of failure.
pub(super) fn status(class: Class) -> StatusCode {
    match class {
        Class::Absent => StatusCode::NOT_FOUND,
        Class::Withdrawn => StatusCode::GONE,
        Class::Denied => StatusCode::FORBIDDEN,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Corrupt => StatusCode::BAD_GATEWAY,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer to a module request that failed. What is said of a private module may be stored by nobody.
pub(super) fn failed(want: &Request, error: &Error, private: bool, id: &RequestId) -> Response<Body> {
    let status = match error {
        Error::Waited(_) => StatusCode::GATEWAY_TIMEOUT,
        Error::Sources(walk) if walk.timed_out => StatusCode::GATEWAY_TIMEOUT,
        _ => status(error.class()),
    };
    let mut lines = vec![first_line(want, error)];
    if !matches!(error, Error::Private(_) | Error::PrivateLookup { .. }) {
        lines.extend(error.to_string().lines().map(str::to_owned));
    }
    lines.extend(what_to_do(want, error));
    let mut response = text(status, &lines, id);
    let headers = response.headers_mut();
    match error {
        Error::Absent { remembered_for, .. } if !private => cacheable_absence(headers, *remembered_for),
        Error::NotHeld => {
            headers.insert(header::VARY, HeaderValue::from_static("Disable-Module-Fetch"));
        }
        _ => {}
    }
    if let Some(after) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    response
}

/// The answer to a connection for which there is no place.
pub(super) fn no_place(reason: Reason, id: &RequestId) -> Response<Body> {
    let lines = [
        "temporarily unavailable: too many connections are open".to_owned(),
        format!("the limit is limits.{}", reason.as_str()),
        "try again in a few seconds".to_owned(),
    ];
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, &lines, id);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

fn cacheable_absence(headers: &mut HeaderMap, lasts: Duration) {
    let lasts = lasts.min(Duration::from_mins(1)).as_secs();
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={lasts}")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

fn first_line(want: &Request, error: &Error) -> String {
    let what = describe(want);
    match error.class() {
        Class::Absent | Class::Withdrawn => format!("not found: {what}"),
        Class::Denied => format!("forbidden: {what}: {error}"),
        // Some readers of the protocol recognise a time-out by these words.
        Class::Unavailable if matches!(error, Error::Waited(_)) => format!("{what}: fetch timed out"),
        Class::Unavailable => format!("temporarily unavailable: {what}"),
        Class::Corrupt => format!("refused: {what}: what the source sent is not right"),
        Class::Internal => format!("internal error: {what}"),
    }
}

fn what_to_do(want: &Request, error: &Error) -> Option<String> {
    match error {
        Error::NotHeld => Some("ask again without Disable-Module-Fetch or /cached-only".to_owned()),
        Error::Overloaded { .. } => {
            Some("try again in a few seconds; what is held is still served".to_owned())
        }
        Error::PrivateLookup { .. } => {
            want.module().map(|path| format!("set GONOSUMDB or GOPRIVATE on the client to cover {path}"))
        }
        _ => match error.class() {
            Class::Unavailable => Some("this is not an absence: try again later".to_owned()),
            Class::Corrupt => {
                Some("nothing of it was kept; the operator finds the details in the log".to_owned())
            }
            _ => None,
        },
    }
}

/// What was asked for, in the words of the go command.
pub(super) fn describe(want: &Request) -> String {
    match want {
        Request::List(path) => format!("versions of {path}"),
        Request::Latest(path) => format!("{path}@latest"),
        Request::Query(path, query) => format!("{path}@{}", query.as_str()),
        Request::File(module, kind) => format!("{module} ({})", kind.extension()),
        Request::SumDb(request) => match &request.operation {
            gomod::request::SumDbOperation::Lookup(module) => format!("{module} in {}", request.name),
            _ => format!("checksum database {}", request.name),
        },
    }
}

/// A plain text answer that nobody may store: the lines, sanitised and bounded, then the request's id.
pub(super) fn text(status: StatusCode, lines: &[String], id: &RequestId) -> Response<Body> {
    let last = format!("request id: {id}");
    let mut body = String::new();
    let lines = lines.iter().map(|line| clean(line)).filter(|line| !line.is_empty());
    for line in lines.take(TEXT_LINES - 1) {
        let room = TEXT_BYTES.saturating_sub(body.len() + last.len() + 2);
        body.push_str(line.get(..line.floor_char_boundary(room)).unwrap_or_default());
        body.push('\n');
        if line.len() > room {
            break;
        }
    }
    body.push_str(&last);
    body.push('\n');
    let mut response = Response::new(Body::bytes(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Text from outside on one line, without anything that a terminal or a log viewer would act on.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Marks that change the direction of writing, or have no width: they make text read as something it is not.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
