//! Failures as answers: the one table from class to status, and the text a person reads.
//!
//! The text follows what the go command shows: `text/plain`, at most eight lines and 648 bytes, no blank line, and
//! `not found: ` first where something is absent. Line one says what is wrong with what; then why; then what to do.
//! Programs that ask for JSON and browsers are told the same in their forms, with the same status; none of them is told
//! more than the others.

mod form;
mod page;

use std::time::Duration;

use bytes::Bytes;
use gomod::Request;
use gomod::request::{RequestError, SumDbOperation};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::body::Body;
use crate::observe::{Reason, RequestId, is_harmful};
use crate::pipeline::{Class, Error};
use crate::trust::LookupError;
pub(super) use form::Asker;
use form::Form;

/// Bytes of error text that the go command shows.
const TEXT_BYTES: usize = 648;
/// Lines of error text that the go command shows.
const TEXT_LINES: usize = 8;
/// Reasons that JSON and the page tell.
const REASONS: usize = 16;
/// Bytes of one of them.
const REASON_BYTES: usize = 512;

/// The status of each class of failure.
pub(super) fn status(class: Class) -> StatusCode {
    match class {
        Class::Absent | Class::Unusable => StatusCode::NOT_FOUND,
        Class::Withdrawn => StatusCode::GONE,
        Class::Denied => StatusCode::FORBIDDEN,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Corrupt => StatusCode::BAD_GATEWAY,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A failure as it is told, before it is written in the form that the client reads.
pub(super) struct Told {
    status: StatusCode,
    /// The word for programs.
    class: &'static str,
    module: Option<String>,
    /// The version or query.
    version: Option<String>,
    /// What is wrong, in one line.
    what: String,
    /// Why, a line for each source.
    why: Vec<String>,
    what_to_do: Option<String>,
    retry_after: Option<Duration>,
}

impl Told {
    /// A failure that is about no module.
    pub(super) fn of(status: StatusCode, what: impl Into<String>) -> Self {
        let class = match status {
            StatusCode::NOT_FOUND => "absent",
            StatusCode::FORBIDDEN => "denied",
            _ => "malformed",
        };
        let (what, why) = (what.into(), Vec::new());
        Self { status, class, module: None, version: None, what, why, what_to_do: None, retry_after: None }
    }

    /// The same, saying why.
    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// The same, saying what to do.
    pub(super) fn next(mut self, what_to_do: impl Into<String>) -> Self {
        self.what_to_do = Some(what_to_do.into());
        self
    }

    /// A failed module request.
    fn about(want: &Request, error: &Error) -> Self {
        let status = match error {
            Error::Waited(_) => StatusCode::GATEWAY_TIMEOUT,
            Error::Sources(walk) if walk.timed_out => StatusCode::GATEWAY_TIMEOUT,
            Error::Database(LookupError::Unreachable { walk, .. }) if walk.timed_out => {
                StatusCode::GATEWAY_TIMEOUT
            }
            // Whatever the cause, the files can be had and must not be: 503.
            _ => status(error.class()),
        };
        let why = match error {
            // Said in the first line already.
            Error::Private(_) | Error::Outside(_) | Error::PrivateLookup { .. } => Vec::new(),
            _ => error.to_string().lines().map(str::to_owned).collect(),
        };
        Self {
            status,
            class: error.class().as_str(),
            module: want.module().map(|path| path.as_str().to_owned()),
            version: version(want),
            what: first_line(want, error),
            why,
            what_to_do: what_to_do(want, error),
            retry_after: error.retry_after(),
        }
    }

    /// The answer, in the form that the client reads; nobody may store it.
    pub(super) fn answer(&self, asker: &Asker<'_>) -> Response<Body> {
        let (kind, body) = match asker.form() {
            Form::Text => ("text/plain; charset=utf-8", self.text(asker.id)),
            Form::Json => ("application/json", self.json(asker.id)),
            Form::Page => ("text/html; charset=utf-8", self.page(asker.id)),
        };
        let mut response = Response::new(Body::bytes(Bytes::from(body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if asker.form() == Form::Page {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(super::page::POLICY));
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(in_seconds(after)));
        }
        response
    }

    /// The lines, sanitised and bounded, then the request's id.
    fn text(&self, id: &RequestId) -> String {
        let last = format!("request id: {id}");
        let mut body = String::new();
        let lines = std::iter::once(&self.what).chain(&self.why).chain(&self.what_to_do);
        let lines = lines.map(|line| clean(line)).filter(|line| !line.is_empty());
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
        body
    }

    /// Why, as JSON and the page tell it: they have more room than the text, but not without end.
    fn reasons(&self) -> impl Iterator<Item = String> {
        self.why.iter().map(|line| bounded(line)).filter(|line| !line.is_empty()).take(REASONS)
    }
}

/// The answer to a module request that failed. What is said of a private module may be stored by nobody.
pub(super) fn failed(want: &Request, error: &Error, private: bool, asker: &Asker<'_>) -> Response<Body> {
    let mut response = Told::about(want, error).answer(asker);
    let headers = response.headers_mut();
    match error {
        Error::Absent { remembered_for, .. } if !private => cacheable_absence(headers, *remembered_for),
        Error::NotHeld => {
            headers.insert(header::VARY, HeaderValue::from_static("Disable-Module-Fetch, Accept"));
        }
        _ => {}
    }
    response
}

/// The answer to a connection for which there is no place.
pub(super) fn no_place(reason: Reason, asker: &Asker<'_>) -> Response<Body> {
    let what = "temporarily unavailable: too many connections are open";
    let told = Told::of(StatusCode::SERVICE_UNAVAILABLE, what)
        .because(format!("the limit is limits.{}", reason.as_str()))
        .next("try again in a few seconds");
    let retry_after = Some(Duration::from_secs(2));
    Told { class: Class::Unavailable.as_str(), retry_after, ..told }.answer(asker)
}

/// The answer to a path that is no request.
pub(super) fn malformed(error: &RequestError, asker: &Asker<'_>) -> Response<Body> {
    let told = match error {
        RequestError::Malformed { .. } => Told::of(StatusCode::BAD_REQUEST, format!("bad request: {error}")),
        RequestError::NotFound { .. } => Told::of(StatusCode::NOT_FOUND, format!("not found: {error}")),
    };
    told.answer(asker)
}

fn cacheable_absence(headers: &mut HeaderMap, lasts: Duration) {
    let lasts = lasts.min(Duration::from_mins(1)).as_secs();
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={lasts}")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

fn first_line(want: &Request, error: &Error) -> String {
    let what = describe(want);
    if let Error::Unverified(lookup) = error {
        return unverified(&what, lookup);
    }
    match error.class() {
        Class::Absent | Class::Withdrawn => format!("not found: {what}"),
        Class::Unusable => format!("not found: {what} cannot be used"),
        // What sources say follows, in lines of its own.
        Class::Denied if matches!(error, Error::Sources(_)) => format!("forbidden: {what}"),
        Class::Denied => format!("forbidden: {what}: {error}"),
        // Some readers of the protocol recognise a time-out by these words.
        Class::Unavailable if matches!(error, Error::Waited(_)) => format!("{what}: fetch timed out"),
        Class::Unavailable => format!("temporarily unavailable: {what}"),
        Class::Corrupt => format!("refused: {what}: what the source sent is not right"),
        Class::Internal => format!("internal error: {what}"),
    }
}

/// What is wrong where a file cannot be compared with the record that should bind it.
fn unverified(what: &str, error: &LookupError) -> String {
    let database = error.database();
    match error {
        LookupError::Absent { transient: false, .. } => {
            format!("forbidden: {what} cannot be verified: the checksum database {database} does not know it")
        }
        LookupError::Closed { .. } | LookupError::Lies { .. } => {
            format!(
                "refused: {what} cannot be verified: the checksum database {database} is not to be believed"
            )
        }
        _ => format!(
            "temporarily unavailable: {what} cannot be verified: the checksum database {database} cannot be asked"
        ),
    }
}

fn what_to_do_unverified(error: &LookupError) -> String {
    match error {
        LookupError::Absent { transient: false, .. } => "declare it private if it is yours: `private` or `gonosumdb` of this server, \
                                       GOPRIVATE or GONOSUMDB of the client"
            .to_owned(),
        LookupError::Closed { .. } => {
            "an operator must decide (`larder sumdb status`); what is held and verified is still served".to_owned()
        }
        LookupError::Lies { .. } => {
            "nothing was kept; the operator finds the details in the log; what is held and verified is still served"
                .to_owned()
        }
        _ => "this is not an absence: try again later; what is held and verified is still served, and the server's \
              setting `verify.unreachable = \"hold\"` would let this in, marked as unverified"
            .to_owned(),
    }
}

fn what_to_do(want: &Request, error: &Error) -> Option<String> {
    match error {
        Error::Unverified(error) => Some(what_to_do_unverified(error)),
        Error::NotHeld => Some("ask again without Disable-Module-Fetch or /cached-only".to_owned()),
        Error::Overloaded { .. } => {
            Some("try again in a few seconds; what is in memory is still served".to_owned())
        }
        Error::PrivateLookup { .. } => {
            want.module().map(|path| format!("set GONOSUMDB or GOPRIVATE on the client to cover {path}"))
        }
        Error::Database(LookupError::Closed { database, .. }) => Some(format!(
            "nothing new is looked up there until the operator decides: larder sumdb status, larder sumdb accept {database}"
        )),
        _ => match error.class() {
            Class::Unavailable => Some("this is not an absence: try again later".to_owned()),
            Class::Corrupt => {
                Some("nothing of it was kept; the operator finds the details in the log".to_owned())
            }
            Class::Unusable => {
                Some("no go command takes it, wherever it comes from: use another version".to_owned())
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
            SumDbOperation::Lookup(module) => format!("{module} in {}", request.name),
            _ => format!("checksum database {}", request.name),
        },
    }
}

/// The version or query that was asked for.
fn version(want: &Request) -> Option<String> {
    match want {
        Request::List(_) => None,
        Request::Latest(_) => Some("latest".to_owned()),
        Request::Query(_, query) => Some(query.as_str().to_owned()),
        Request::File(module, _) => Some(module.version.as_str().to_owned()),
        Request::SumDb(request) => match &request.operation {
            SumDbOperation::Lookup(module) => Some(module.version.as_str().to_owned()),
            _ => None,
        },
    }
}

fn in_seconds(after: Duration) -> u64 {
    after.as_secs().max(1)
}

/// A line from outside as JSON and the page tell it.
fn bounded(line: &str) -> String {
    let line = clean(line);
    line.get(..line.floor_char_boundary(REASON_BYTES)).unwrap_or_default().to_owned()
}

/// Text from outside on one line, without anything that a terminal or a log viewer would act on.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}
