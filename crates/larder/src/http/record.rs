//! The record of a request: one log line and the counters, written once, when the answer has been sent or cut, or when
//! the client went away before there was one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gomod::request::SumDbOperation;
use gomod::{FileKind, Request as Want};
use http::{HeaderValue, Method, Request, Uri, header};

use super::fault;
use crate::observe::trace::{self, Span};
use crate::observe::{Cached, Counters, Ended, Kind, Outcome, RequestId, Tally};

/// The status that a log shows for a request whose client did not wait for one; it is never sent.
const CLIENT_LEFT: u16 = 499;

/// What is known of a request when it comes in.
#[derive(Clone, Debug)]
pub(super) struct Head {
    id: RequestId,
    method: &'static str,
    peer: Option<IpAddr>,
    agent: Option<HeaderValue>,
    started: Instant,
    /// It ends with the last record of the request.
    span: Span,
}

impl Head {
    /// The head of a request. From where it comes is given where the log shall tell it.
    pub(super) fn of<B>(request: &Request<B>, id: RequestId, peer: Option<IpAddr>) -> Self {
        Self {
            id,
            method: method_name(request.method()),
            peer,
            agent: request.headers().get(header::USER_AGENT).cloned(),
            started: Counters::now(),
            span: trace::current(),
        }
    }
}

/// A request in the air. Dropped without an answer, it is recorded as one that its client left.
#[derive(Debug)]
pub(super) struct Begun<'a> {
    head: Head,
    uri: Uri,
    is_answered: bool,
    counters: &'a Counters,
}

impl<'a> Begun<'a> {
    /// Counts the request as one in flight.
    pub(super) fn new(head: Head, uri: &Uri, counters: &'a Counters) -> Self {
        counters.begun();
        Self { head, uri: uri.clone(), is_answered: false, counters }
    }

    /// The request's id.
    pub(super) fn id(&self) -> &RequestId {
        &self.head.id
    }

    /// The record, now that the head of the answer is there.
    pub(super) fn answered(mut self, status: u16, about: About) -> Record {
        self.is_answered = true;
        self.record(status, about, End::Whole)
    }

    fn record(&mut self, status: u16, about: About, end: End) -> Record {
        let (agent, first) = (self.head.agent.take(), self.head.started.elapsed());
        let head = Head { agent, ..self.head.clone() };
        Record { head_only: head.method == "HEAD", head, about, status, first, bytes: 0, end }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let path = self.uri.path();
        let asked = match Want::parse(path.strip_prefix('/').unwrap_or(path)) {
            Ok(want) => Asked::Module(want),
            Err(_) => Asked::Path(Kind::Other, fault::clean(path)),
        };
        let record = self.record(CLIENT_LEFT, About::nothing_of(asked), End::Open);
        record.write(self.counters);
    }
}

/// What an answer is about.
#[derive(Debug)]
pub(super) struct About {
    /// What was asked.
    pub(super) asked: Asked,
    /// How the answer relates to what was held.
    pub(super) cached: Cached,
    /// Where the content came from.
    pub(super) source: Option<HeaderValue>,
    /// Why the content is trusted, where it is a held file of a version.
    pub(super) verified_by: Option<HeaderValue>,
}

impl About {
    /// An answer without content from anywhere.
    pub(super) fn nothing_of(asked: Asked) -> Self {
        Self { asked, cached: Cached::None, source: None, verified_by: None }
    }
}

/// What was asked; written out only where it is logged.
#[derive(Debug)]
pub(super) enum Asked {
    /// A module request.
    Module(Want),
    /// Anything else: the path, without what a terminal would act on.
    Path(Kind, String),
}

impl Asked {
    fn kind(&self) -> Kind {
        match self {
            Self::Path(kind, _) => *kind,
            Self::Module(Want::List(_)) => Kind::List,
            Self::Module(Want::Latest(_)) => Kind::Latest,
            Self::Module(Want::Query(..)) => Kind::Query,
            Self::Module(Want::File(_, FileKind::Info)) => Kind::Info,
            Self::Module(Want::File(_, FileKind::Mod)) => Kind::Mod,
            Self::Module(Want::File(_, FileKind::Zip)) => Kind::Zip,
            Self::Module(Want::SumDb(request)) => match request.operation {
                SumDbOperation::Lookup(_) => Kind::SumDbLookup,
                SumDbOperation::Tile(_) => Kind::SumDbTile,
                _ => Kind::SumDbLatest,
            },
        }
    }

    fn module(&self) -> Option<&str> {
        match self {
            Self::Module(want) => want.module().map(gomod::ModulePath::as_str),
            Self::Path(..) => None,
        }
    }

    fn version(&self) -> Option<&str> {
        match self {
            Self::Module(Want::File(module, _)) => Some(module.version.as_str()),
            Self::Module(Want::Query(_, query)) => Some(query.as_str()),
            Self::Module(Want::SumDb(request)) => match &request.operation {
                SumDbOperation::Lookup(module) => Some(module.version.as_str()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(want) => fmt::Display::fmt(want, f),
            Self::Path(_, path) => f.write_str(path),
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

/// What is known of a request when its answer begins, and what became of it.
#[derive(Debug)]
pub struct Record {
    head: Head,
    about: About,
    status: u16,
    first: Duration,
    /// The answer has no body.
    pub(super) head_only: bool,
    /// Bytes of body sent so far.
    pub bytes: u64,
    /// Whether the body was sent to its end.
    pub end: End,
}

impl Record {
    /// Writes the log line and counts.
    pub fn write(&self, counters: &Counters) {
        let Self { head, about, .. } = self;
        let (outcome, end) = match self.end {
            End::Whole => (Outcome::of_status(self.status), "whole"),
            End::Open => (Outcome::Left, "left"),
            End::Cut => (Outcome::Cut, "cut"),
        };
        let (kind, whole) = (about.asked.kind(), head.started.elapsed());
        counters.ended(&Ended {
            kind,
            outcome,
            cached: about.cached,
            bytes: self.bytes,
            started: head.started,
            first: self.first,
            whole,
        });
        if about.verified_by.as_ref().is_some_and(|by| by == "unverified") {
            counters.tally(Tally::ServedUnverified, 1);
        }
        let span = &head.span;
        span.tell("request.id", &head.id);
        span.tell("http.request.method", head.method);
        span.tell("http.response.status_code", self.status);
        span.tell("file.kind", kind.as_str());
        span.tell("cache.lookup", about.cached.as_str());
        span.tell("end", end);
        if self.status >= 500 || self.end == End::Cut {
            span.fail(outcome.failure().unwrap_or(end));
        }
        tracing::info!(
            target: "request",
            id = %head.id,
            status = self.status,
            cache.lookup = (about.cached != Cached::None).then_some(about.cached.as_str()),
            upstream.name = text(about.source.as_ref()),
            verified_by = text(about.verified_by.as_ref()),
            error.class = outcome.failure(),
            module.path = about.asked.module(),
            module.version = about.asked.version(),
            file.kind = kind.as_str(),
            size_bytes = self.bytes,
            duration_ms = (whole.as_secs_f64() * 1e6).round() / 1e3,
            end,
            peer = head.peer.map(tracing::field::display),
            user_agent = text(head.agent.as_ref()),
            "{} {}", head.method, about.asked
        );
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
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

/// The methods that a log line may name; anything else is of the client's making.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}
