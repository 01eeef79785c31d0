//! The HTTP side: from a request to [`Pipeline::answer`] and back. Only this module chooses statuses and headers.
//!
//! Every path that is not one of the few fixed ones is a module request, parsed by [`gomod::Request::parse`]; what it
//! refuses never reaches the disk or a source.

pub mod admin;
pub mod admission;
pub mod body;
pub mod connection;
pub mod downloads;
mod fault;
mod home;
pub mod hook;
mod io;
pub mod listen;
mod metrics;
pub mod pace;
mod page;
mod pulse;
pub mod range;
mod record;
mod refused;
mod settings;
pub mod socket;
mod streams;
mod target;
pub mod tls;
mod vanity;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use gomod::request::SumDbOperation;
use gomod::{FileKind, Request as Want};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};

use crate::auth::{Identity, spoken_for};
use crate::cache::open::ReadError;
use crate::cache::{Content, Held};
use crate::observe::trace::{self, Tracer};
use crate::observe::{Cached, Counters, Kind, RequestId, RequestIds};
use crate::pipeline::{Answer, AnswerContent, Error, Pipeline, Reach};
use admin::{BoxError, Calls, Door};
use body::Body;
use downloads::Downloads;
use fault::{Asker, Told};
use range::Part;
use record::{About, Asked, Begun, End, Finish, Head, Record};
pub use settings::{InForce, Settings};

/// Headers of an answer, so that their table need not grow.
const HEADERS: usize = 12;
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_LARDER_CACHE: HeaderName = HeaderName::from_static("x-larder-cache");
const X_LARDER_SOURCE: HeaderName = HeaderName::from_static("x-larder-source");
const X_LARDER_VERIFIED_BY: HeaderName = HeaderName::from_static("x-larder-verified-by");

/// Answers HTTP requests.
pub struct Service {
    pipeline: Arc<Pipeline>,
    /// Prefix of all paths when running behind another server: empty, or `/goproxy`.
    path_prefix: String,
    settings: Arc<InForce>,
    counters: Arc<Counters>,
    ids: RequestIds,
    calls: Arc<dyn Calls>,
    downloads: Arc<Downloads>,
    tracer: Tracer,
}

/// A response with what the record of the request says about it.
struct Served {
    response: Response<Body>,
    about: About,
}

impl Served {
    /// A response that has nothing to do with modules.
    fn plain(kind: Kind, response: Response<Body>, path: &str) -> Self {
        Self { response, about: About::nothing_of(Asked::Path(kind, fault::clean(path))) }
    }
}

impl Service {
    /// A service over a pipeline. All paths begin with `path_prefix`: empty, or `/goproxy`.
    pub fn new(
        pipeline: Arc<Pipeline>,
        path_prefix: String,
        settings: Arc<InForce>,
        counters: Arc<Counters>,
        calls: Arc<dyn Calls>,
    ) -> Self {
        let (ids, downloads, tracer) = Default::default();
        Self { pipeline, path_prefix, settings, counters, ids, calls, downloads, tracer }
    }

    /// One whose requests are traced.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// What is counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Answers one request of a listener.
    pub async fn serve<B>(&self, request: Request<B>, who: &Identity) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let span = self.tracer.request(request.headers(), who.peer);
        span.around(self.serve_one(request, who)).await
    }

    async fn serve_one<B>(&self, request: Request<B>, who: &Identity) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let begun = self.begun(&request, who.peer);
        if let Some(why) = target::wrong(&request) {
            let response = refused::not_understood(&request, why, begun.id());
            return self.told(Served::plain(Kind::Other, response, "?"), begun);
        }
        let path = request.uri().path().strip_prefix(&*self.path_prefix);
        let served = match path
            .filter(|path| path.starts_with(admin::PREFIX) && path.len() <= self.settings.now().path_bytes)
        {
            Some(path) => {
                let (path, is_open) = (path.to_owned(), self.settings.now().admin_on_loopback);
                match admin::stranger(&request, who, is_open) {
                    None => Box::pin(self.call(request, path, Door::Loopback, begun.id())).await,
                    Some(why) => Served::plain(Kind::Api, admin::refuse(&why).answer(begun.id()), &path),
                }
            }
            None if path == Some(hook::PATH) => Box::pin(self.push(request, begun.id())).await,
            None => self.route(&request, who, begun.id()).await,
        };
        self.told(served, begun)
    }

    /// What answers module requests.
    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Who asks, where a server in front may ask for somebody else.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let settings = self.settings.now();
        if settings.proxies.is_empty() {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter();
        let forwarded: Vec<&str> = forwarded.filter_map(|line| line.to_str().ok()).collect();
        spoken_for(peer, &forwarded, &settings.proxies)
    }

    /// Answers one request of the control socket, which knows calls and the numbers only.
    pub async fn serve_control<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let begun = self.begun(&request, None);
        let path = request.uri().path().to_owned();
        let served = if path == metrics::PATH {
            Served::plain(Kind::Probe, self.metrics(), &path)
        } else {
            self.call(request, path, Door::Socket, begun.id()).await
        };
        self.told(served, begun)
    }

    fn begun<B>(&self, request: &Request<B>, peer: Option<IpAddr>) -> Begun<'_> {
        let peer = peer.filter(|_| self.settings.now().log_peers);
        let head = Head::of(request, self.ids.id(request.headers()), peer);
        Begun::new(head, request.uri(), &self.counters)
    }

    async fn call<B>(&self, request: Request<B>, path: String, door: Door, id: &RequestId) -> Served
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let response = match admin::admit(request, path.clone(), door, id).await {
            Ok(call) => self.calls.answer(call).await,
            Err(refusal) => refusal.answer(id),
        };
        Served::plain(Kind::Api, response, &path)
    }

    async fn push<B>(&self, request: Request<B>, id: &RequestId) -> Served
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let secret = self.settings.now().hook.clone();
        let response = match hook::admit(request, secret.as_deref()).await {
            Ok(push) => hook::answer(self.calls.push(push).await, id),
            Err(refusal) => refusal.answer(id),
        };
        Served::plain(Kind::Api, response, hook::PATH)
    }

    /// The response with what every response has, and its record.
    fn told(&self, served: Served, begun: Begun<'_>) -> Response<Body> {
        let mut response = served.response;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(begun.id().to_string()) {
            headers.insert(X_REQUEST_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let record = begun.answered(response.status().as_u16(), served.about);
        self.recorded(record, response)
    }

    /// Has the record written: now, if the body is all but sent, else at the end of the body.
    fn recorded(&self, mut record: Record, response: Response<Body>) -> Response<Body> {
        if record.head_only || response.status() == StatusCode::NOT_MODIFIED {
            record.write(&self.counters);
            return without_body(response);
        }
        match response.body().size() {
            // In memory: it is all but sent.
            Some(size) if size <= 64 * 1024 => {
                record.bytes = size;
                record.write(&self.counters);
                response
            }
            _ => {
                record.end = End::Open;
                response.map(|body| body.recorded(Finish::new(record, self.counters.clone())))
            }
        }
    }

    async fn route<B>(&self, request: &Request<B>, who: &Identity, id: &RequestId) -> Served {
        let (full, asker) = (request.uri().path(), Asker { headers: request.headers(), id });
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let told = Told::of(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here");
            let mut response = told.answer(&asker);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            if request.method() == Method::CONNECT && request.version() < Version::HTTP_2 {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            return Served::plain(Kind::Other, response, full);
        }
        let most = self.settings.now().path_bytes;
        if full.len() > most {
            let what = format!("the path is longer than {most} bytes (limits.path_bytes)");
            let response = Told::of(StatusCode::URI_TOO_LONG, what).answer(&asker);
            return Served::plain(Kind::Other, response, full.get(..64).unwrap_or_default());
        }
        let Some(path) = full.strip_prefix(&*self.path_prefix) else {
            let what = format!("not found: everything here is below {}/", self.path_prefix);
            let response = Told::of(StatusCode::NOT_FOUND, what).answer(&asker);
            return Served::plain(Kind::Other, response, full);
        };
        if let Some(response) = self.go_get(request, who, id) {
            return Served::plain(Kind::Page, response, full);
        }
        if path == metrics::PATH {
            return Served::plain(Kind::Probe, self.metrics_for(request, who, id), full);
        }
        if let Some((kind, response)) = self.fixed(path, request, who) {
            return Served::plain(kind, response, full);
        }
        self.module(path, request, who, id).await
    }

    fn fixed<B>(&self, path: &str, request: &Request<B>, who: &Identity) -> Option<(Kind, Response<Body>)> {
        let probe = |response| Some((Kind::Probe, response));
        match path {
            "" | "/" => Some((Kind::Page, self.home(request, who))),
            "/robots.txt" => Some((Kind::Page, short(StatusCode::OK, "User-agent: *\nDisallow: /\n"))),
            "/healthz" => probe(short(StatusCode::OK, "ok\n")),
            "/readyz" if self.pipeline.is_retiring() => {
                probe(short(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"))
            }
            "/readyz" => probe(short(StatusCode::OK, "ready\n")),
            "/version" => {
                let mut response = short(StatusCode::OK, crate::version::JSON);
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                probe(response)
            }
            _ => None,
        }
    }

    async fn module<B>(&self, path: &str, request: &Request<B>, who: &Identity, id: &RequestId) -> Served {
        let (path, forced) = match path.strip_prefix("/cached-only/") {
            Some(rest) => (rest, true),
            None => (path.strip_prefix('/').unwrap_or(path), false),
        };
        let want = match Want::parse(path) {
            Ok(want) => want,
            Err(error) => {
                let response = fault::malformed(&error, &Asker { headers: request.headers(), id });
                return Served::plain(Kind::Other, response, path);
            }
        };
        if trace::is_on()
            && let Some(module) = want.module().filter(|module| !self.pipeline.is_private(module))
        {
            trace::tell("module.path", module);
        }
        let held_only = forced || go_true(request.headers().get("disable-module-fetch"));
        let reach = if held_only { Reach::HeldOnly } else { Reach::Anywhere };
        let mut answered = self.answer(&want, request, who, reach).await;
        if matches!(answered, Err(Error::Rotten(_))) {
            // It is lost now: the next look finds nothing, and fetches it again.
            answered = self.answer(&want, request, who, reach).await;
        }
        let (response, cached, source) = answered.unwrap_or_else(|error| {
            let asker = Asker { headers: request.headers(), id };
            (self.failed(&want, &error, &asker), Cached::None, None)
        });
        let verified_by = response.headers().get(X_LARDER_VERIFIED_BY).cloned();
        Served { response, about: About { asked: Asked::Module(want), cached, source, verified_by } }
    }

    fn failed(&self, want: &Want, error: &Error, asker: &Asker<'_>) -> Response<Body> {
        let private = want.module().is_some_and(|path| self.pipeline.is_private(path));
        fault::failed(want, error, private, asker)
    }

    async fn answer<B>(
        &self,
        want: &Want,
        request: &Request<B>,
        who: &Identity,
        reach: Reach,
    ) -> Result<(Response<Body>, Cached, Option<HeaderValue>), Error> {
        let answer = self.pipeline.answer(who, want, reach).await?;
        let (cached, source) = (answer.state.into(), Some(answer.source.clone()));
        let sending = self.sending(&answer, request.method(), who)?;
        let response = self.answered(want, answer, request).await?;
        Ok((response.map(|body| body.holding(sending)), cached, source))
    }

    /// An answer as a response. Waits only where the length must be known first.
    async fn answered<B>(
        &self,
        want: &Want,
        answer: Answer,
        request: &Request<B>,
    ) -> Result<Response<Body>, Error> {
        let mut response = match answer.content {
            AnswerContent::Held(ref held) => part_of(held, request.headers()).await?,
            AnswerContent::Passed(ref passed) => Response::new(Body::bytes(passed.bytes.clone())),
            AnswerContent::Arriving(mut follower, size) => {
                let whole_first = request.version() < Version::HTTP_11
                    || size == Some(0)
                    || (size.is_none() && request.method() == Method::HEAD);
                if whole_first {
                    // A cut would look like a clean end (no body can be cut short of nothing), or the length must be
                    // known: wait for the whole.
                    part_of(&follower.held().await?, &HeaderMap::new()).await?
                } else {
                    Response::new(Body::follow(follower, size))
                }
            }
        };
        let cache_control = match response.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => HeaderValue::from_static("no-store"),
            _ => self.cache_control(want, answer.private),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(want)));
        headers.insert(header::CACHE_CONTROL, cache_control);
        headers.insert(X_LARDER_CACHE, HeaderValue::from_static(answer.state.as_str()));
        headers.insert(X_LARDER_SOURCE, answer.source);
        if !matches!(want, Want::SumDb(_)) {
            headers.insert(header::AGE, HeaderValue::from(answer.age.as_secs()));
        }
        Ok(response)
    }

    fn cache_control(&self, want: &Want, private: bool) -> HeaderValue {
        if private {
            return HeaderValue::from_static("private, no-store");
        }
        match want {
            Want::File(..) => self.settings.now().immutable.clone(),
            Want::List(_) | Want::Latest(_) | Want::Query(..) => self.settings.now().changing.clone(),
            Want::SumDb(request) => HeaderValue::from_static(match &request.operation {
                SumDbOperation::Tile(tile) if !tile.contains(".p/") => "public, max-age=86400, immutable",
                SumDbOperation::Lookup(_) => "public, max-age=86400",
                SumDbOperation::Tile(_) | SumDbOperation::Latest => "public, max-age=5",
                SumDbOperation::Supported => "no-store",
            }),
        }
    }
}

/// Held content, or the part of it that the headers ask for.
async fn part_of(held: &Held, request: &HeaderMap) -> Result<Response<Body>, ReadError> {
    let size = held.size();
    let part = range::part(request, &held.label.etag, size);
    let (first, len) = match part {
        Part::Whole => (0, size),
        Part::Range { first, last } => (first, last + 1 - first),
        Part::NotModified | Part::Unsatisfiable => (0, 0),
    };
    let body = match &held.content {
        _ if len == 0 => Body::empty(),
        Content::Memory(bytes) => Body::bytes(slice(bytes, first, len)),
        Content::File(file) => Body::file(file.clone(), first, len).await?,
    };
    let mut response = Response::new(body);
    response.headers_mut().reserve(HEADERS);
    let content_range = match part {
        Part::Whole => None,
        Part::Range { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            Some(format!("bytes {first}-{last}/{size}"))
        }
        Part::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            None
        }
        Part::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            Some(format!("bytes */{size}"))
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, held.label.etag.clone());
    if let Some(verified_by) = &held.label.verified_by {
        headers.insert(X_LARDER_VERIFIED_BY, verified_by.clone());
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(value) = content_range.and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn slice(bytes: &Bytes, first: u64, len: u64) -> Bytes {
    let first = usize::try_from(first).unwrap_or(usize::MAX).min(bytes.len());
    let end = first.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(bytes.len());
    bytes.slice(first..end)
}

/// Drops the body, keeping the headers that describe it, the length among them.
fn without_body(mut response: Response<Body>) -> Response<Body> {
    if response.status() != StatusCode::NOT_MODIFIED
        && let Some(size) = response.body().size()
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    response.map(|_| Body::empty())
}

fn short(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::bytes(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn content_type(want: &Want) -> &'static str {
    match want {
        Want::Latest(_) | Want::Query(..) | Want::File(_, FileKind::Info) => "application/json",
        Want::File(_, FileKind::Zip) => "application/zip",
        Want::SumDb(request) => match &request.operation {
            SumDbOperation::Tile(tile) if !tile.contains("/data/") => "application/octet-stream",
            _ => "text/plain; charset=utf-8",
        },
        Want::List(_) | Want::File(_, FileKind::Mod) => "text/plain; charset=utf-8",
    }
}

/// The spellings of true that Go's `strconv.ParseBool` knows.
fn go_true(value: Option<&HeaderValue>) -> bool {
    value.is_some_and(|value| matches!(value.as_bytes(), b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True"))
}
