//! Another module proxy over HTTP: a public mirror, a company's proxy, another Larder.
//!
//! One GET a file, redirects followed by our own loop so that every hop is checked, deadlines on every step, and a
//! body that cannot end early without an error. A call that fails before its answer began may be made again ([`again`]);
//! each is made by leave of the upstream's [`Origin`]. Only 200 is success (cmd/go `web.Response.Err`); 404 and 410 are
//! the upstream's word that it has not got the file; everything else is trouble and never absence.

mod again;
mod base;
mod body;
pub(crate) mod redirect;
pub(crate) mod wait;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use gomod::{FileKind, Request};
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_RANGE, RANGE, TRANSFER_ENCODING,
};
use reqwest::{Response, StatusCode, Url, Version};

use crate::build::Builder;
use crate::clients::Clients;
use crate::conduct::Conduct;
use crate::credential::Proof;
use crate::guard::Inside;
use crate::limits::{Budget, Deadline, Deadlines};
use crate::origin::{Call, Origin};
use crate::text::{Explanation, MAX_ERROR_BYTES, explanation};
use crate::{Fetched, Malformed, RedirectFault, Resume, Source, SourceError};

use base::Base;
pub use base::UpstreamError;
use body::{Body, Clock};

/// A proxy that is asked over HTTP.
#[derive(Clone)]
pub struct HttpUpstream {
    name: String,
    base: Base,
    /// The base is a checksum database's own address, where `/sumdb/<name>` is not part of a path.
    is_database: bool,
    clients: Clients,
    deadlines: Deadlines,
    origin: Arc<Origin>,
    conduct: Arc<Conduct>,
    /// For the origin of the base, unless the URL itself says who asks.
    proof: Option<Proof>,
    /// Whether the operator has chosen the base, so that it may be inside of the network.
    is_trusted: bool,
}

/// One question and the rules for its answer.
struct Question<'a> {
    url: Url,
    budget: Budget,
    clock: Clock,
    large: bool,
    /// A cut of the content cannot be seen in the content, as it can in a zip or in JSON.
    needs_frame: bool,
    resume: Option<&'a Resume>,
}

impl HttpUpstream {
    /// An upstream under a configured name.
    pub fn new(name: impl Into<String>, base_url: &str, with: &Builder) -> Result<Self, UpstreamError> {
        let base = Base::parse(base_url)?;
        let known = || with.credentials.for_upstream(base.url()).map(|(_, proof)| proof);
        let proof = if base.has_user() { None } else { known() };
        Ok(Self {
            name: name.into(),
            origin: with.origins.join(base.origin_name(), &with.conduct),
            base,
            is_database: false,
            clients: with.clients.clone(),
            deadlines: with.deadlines.clone(),
            conduct: Arc::clone(&with.conduct),
            proof,
            is_trusted: true,
        })
    }

    /// A checksum database at its own address, where `/sumdb/<name>/latest` is just `/latest`.
    pub fn sumdb(name: impl Into<String>, base_url: &str, with: &Builder) -> Result<Self, UpstreamError> {
        Ok(Self { is_database: true, ..Self::new(name, base_url, with)? })
    }

    fn locate(&self, request: &Request) -> Url {
        let path = request.to_string();
        match request {
            Request::SumDb(asked) if self.is_database => {
                let below = format!("sumdb/{}/", asked.name);
                self.base.locate(path.strip_prefix(&below).unwrap_or(&path))
            }
            _ => self.base.locate(&path),
        }
    }

    /// An upstream that is named by its `host[:port]`.
    pub fn named_by_host(base_url: &str, with: &Builder) -> Result<Self, UpstreamError> {
        Self::new(Base::parse(base_url)?.host_and_port(), base_url, with)
    }

    /// A proxy that a stranger's page names: the guard looks at its address as at any other. Named by its `host[:port]`.
    pub(crate) fn named_by_a_page(base_url: &str, with: &Builder) -> Result<Self, UpstreamError> {
        Ok(Self { is_trusted: false, ..Self::named_by_host(base_url, with)? })
    }

    async fn ask(&self, request: &Request, resume: Option<&Resume>) -> Result<Fetched, SourceError> {
        let budget = Budget::of(request, &self.deadlines);
        let question = Question {
            url: self.locate(request),
            clock: Clock::start(&budget),
            budget,
            large: matches!(request, Request::File(_, FileKind::Zip)),
            needs_frame: matches!(request, Request::File(_, FileKind::Mod) | Request::List(_)),
            resume,
        };
        if resume.is_none() {
            self.origin.asked(&self.conduct);
        } else if !self.origin.may_resume() {
            return Err(SourceError::NotResumable);
        }
        again::ask(self, &question).await
    }

    /// Makes one call, if it may be made.
    async fn call(&self, question: &Question<'_>) -> Result<Fetched, SourceError> {
        let begun = Call::begin(&self.origin, &self.conduct, question.large);
        let mut call = question.clock.within(begun).await??;
        match self.answer(question, &mut call).await {
            Ok(answer) => Ok(answer.followed_by(call)),
            Err(error) => {
                call.end(Some(&error));
                Err(error)
            }
        }
    }

    async fn answer(&self, question: &Question<'_>, call: &mut Call) -> Result<Answer, SourceError> {
        let response = self.follow(question).await?;
        call.answered(!is_trouble(response.status()));
        match (response.status(), question.resume) {
            (StatusCode::OK, None) => fetched(response, question, question.budget.max_bytes),
            (StatusCode::PARTIAL_CONTENT, Some(resume)) => continued(response, question, resume),
            // All of it again, or the range is refused: the content is another, or ranges are not done.
            (
                StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED,
                Some(_),
            ) => Err(SourceError::NotResumable),
            _ => Err(refusal(response, question).await),
        }
    }

    /// Sends the question and follows redirects to an answer.
    async fn follow(&self, question: &Question<'_>) -> Result<Response, SourceError> {
        let mut at = question.url.clone();
        let trusted = self.is_trusted.then(|| self.base.url());
        if trusted.is_none() {
            redirect::check_outside(&at, &self.clients)?;
        }
        for _ in 0..=redirect::MAX_HOPS {
            let response = self.send(&at, question).await?;
            let Some(location) = redirect::location(&response) else { return Ok(response) };
            at = redirect::target(&at, location, trusted, &self.clients)?;
        }
        Err(SourceError::Redirect(RedirectFault::TooMany))
    }

    async fn send(&self, url: &Url, question: &Question<'_>) -> Result<Response, SourceError> {
        let own = url.origin() == self.base.url().origin();
        let client = self.clients.pick(question.large, own && self.is_trusted);
        let mut request = client.get(self.base.with_credentials(url));
        if let Some((name, value)) = self.proof.as_ref().filter(|_| own) {
            request = request.header(name, value);
        }
        if let Some(resume) = question.resume {
            request =
                request.header(RANGE, format!("bytes={}-", resume.offset)).header(IF_RANGE, &resume.etag);
        }
        let sent = question.clock.bound(Deadline::FirstByte, question.budget.first_byte, request.send());
        sent.await?.map_err(|cause| self.unreachable(cause.without_url()))
    }

    fn unreachable(&self, cause: reqwest::Error) -> SourceError {
        if let Some(inside) = refused(&cause) {
            return SourceError::Refused { address: inside.0 };
        }
        if cause.is_timeout() && cause.is_connect() {
            return SourceError::Timeout { what: Deadline::Connect, after: self.deadlines.connect };
        }
        SourceError::Unreachable { cause: Arc::new(cause) }
    }
}

impl Source for HttpUpstream {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        Box::pin(self.ask(request, None))
    }

    fn fetch_from<'a>(
        &'a self,
        request: &'a Request,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        Box::pin(self.ask(request, Some(resume)))
    }
}

impl fmt::Debug for HttpUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUpstream({})", self.name)
    }
}

/// A good answer whose body has not been read.
struct Answer {
    content_type: Option<String>,
    etag: Option<String>,
    body: Body,
}

impl Answer {
    /// The body belongs to the call: it ends it.
    fn followed_by(self, call: Call) -> Fetched {
        let Self { content_type, etag, body } = self;
        Fetched { size: body.size(), content_type, etag, body: body.stream(call) }
    }
}

/// A whole answer, or the rest of one.
fn fetched(response: Response, question: &Question<'_>, max: u64) -> Result<Answer, SourceError> {
    if is_encoded(&response) {
        return Err(SourceError::Malformed(Malformed::Encoded));
    }
    if question.needs_frame && !is_framed(&response) {
        return Err(SourceError::Malformed(Malformed::Unframed));
    }
    let content_type = header(&response, &CONTENT_TYPE).map(str::to_owned);
    let etag = header(&response, &ETAG).filter(|etag| is_strong(etag)).map(str::to_owned);
    let body = Body::new(response, question.clock, question.budget.idle, max)?;
    Ok(Answer { content_type, etag, body })
}

/// Whether the answer says that the upstream is in trouble, or asked too much.
fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// Whether the end of the body can be told from a cut.
fn is_framed(response: &Response) -> bool {
    response.version() > Version::HTTP_11
        || response.content_length().is_some()
        || header(response, &TRANSFER_ENCODING).is_some_and(|coding| coding.ends_with("chunked"))
}

/// The rest of a body: exactly from the offset to the end, of the same content.
fn continued(response: Response, question: &Question<'_>, resume: &Resume) -> Result<Answer, SourceError> {
    if header(&response, &ETAG) != Some(resume.etag.as_str()) {
        return Err(SourceError::NotResumable);
    }
    let part = header(&response, &CONTENT_RANGE).and_then(content_range);
    let declared = response.content_length();
    let fits = part.is_some_and(|(first, last, total)| {
        first == resume.offset && total == last + 1 && declared.is_none_or(|size| size == total - first)
    });
    if !fits {
        return Err(SourceError::Malformed(Malformed::WrongPart));
    }
    fetched(response, question, question.budget.max_bytes.saturating_sub(resume.offset))
}

/// `bytes 100-199/200` as `(100, 199, 200)`, if the numbers are in order.
fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total) = (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first <= last && last < total).then_some((first, last, total))
}

/// What an answer other than 200 means.
async fn refusal(response: Response, question: &Question<'_>) -> SourceError {
    let status = response.status().as_u16();
    let retry_after = wait::asked(&response);
    let content_type = header(&response, &CONTENT_TYPE).map(str::to_owned);
    let encoded = is_encoded(&response);
    let start = beginning(response, question).await;
    let said = if encoded { Explanation::default() } else { explanation(content_type.as_deref(), &start) };
    match status {
        404 => SourceError::Absent { text: said.text, transient: said.transient },
        410 => SourceError::Withdrawn { text: said.text },
        _ => SourceError::Unavailable { status: Some(status), text: said.text, retry_after },
    }
}

/// The beginning of a body that is not wanted, as far as it comes in good time; the status has said enough.
async fn beginning(mut response: Response, question: &Question<'_>) -> Vec<u8> {
    let mut start = Vec::new();
    let read = async {
        while let Ok(Some(piece)) = response.chunk().await {
            let room = MAX_ERROR_BYTES.saturating_sub(start.len());
            start.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            if piece.len() > room {
                break;
            }
        }
    };
    let _ = question.clock.bound(Deadline::Idle, question.budget.idle, read).await;
    start
}

/// The guard's refusal, if that is what an error is about.
pub(crate) fn refused(error: &reqwest::Error) -> Option<Inside> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(inside) = error.downcast_ref::<Inside>() {
            return Some(*inside);
        }
        cause = error.source();
    }
    None
}

pub(crate) fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Whether the bytes are not the file's own. A value that is no text is an encoding too.
pub(crate) fn is_encoded(response: &Response) -> bool {
    let mut values = response.headers().get_all(CONTENT_ENCODING).iter();
    values.any(|value| {
        let value = value.as_bytes();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    })
}

/// `"…"`; a weak tag (`W/"…"`) says too little to join two bodies.
fn is_strong(etag: &str) -> bool {
    etag.len() >= 2 && etag.starts_with('"') && etag.ends_with('"')
}
