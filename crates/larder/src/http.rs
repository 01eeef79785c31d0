//! The HTTP side: from a request to [`Pipeline::answer`] and back. Only this module chooses statuses and headers.
//!
//! Every path that is not one of the few fixed ones is a module request, parsed by [`gomod::Request::parse`]; what it
//! refuses never reaches the disk or a source.

pub mod admin;
pub mod body;
mod fault;
mod home;
mod io;
pub mod listen;
pub mod range;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use gomod::request::{RequestError, SumDbOperation};
use gomod::{FileKind, Request as Want};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};

use crate::auth::Identity;
use crate::cache::open::ReadError;
use crate::cache::{Content, Held};
use crate::observe::{Counters, RequestId, RequestIds};
use crate::pipeline::{Answer, AnswerContent, Error, Pipeline, Reach};
use admin::{BoxError, Calls, Door};
use body::Body;
use range::Part;
use record::{Asked, End, Finish, Record};

/// Longest path that is looked at; module paths and versions are far shorter.
const PATH_BYTES: usize = 4096;

/// Headers of an answer, so that their table need not grow.
const HEADERS: usize = 12;
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_LARDER_CACHE: HeaderName = HeaderName::from_static("x-larder-cache");
const X_LARDER_SOURCE: HeaderName = HeaderName::from_static("x-larder-source");

/// What an operator may change of the service while it runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long others may store files of versions.
    pub immutable: Duration,
    /// How long others may store lists, latest versions and queries.
    pub fresh: Duration,
    /// Whether the admin API is answered on the listeners too, for callers on this machine.
    pub admin_on_loopback: bool,
}

/// Answers HTTP requests.
pub struct Service {
    pipeline: Arc<Pipeline>,
    /// Prefix of all paths when running behind another server: empty, or `/goproxy`.
    path_prefix: String,
    settings: Arc<InForce>,
    counters: Arc<Counters>,
    ids: RequestIds,
    calls: Arc<dyn Calls>,
    ready: AtomicBool,
}

/// The settings in force.
pub struct InForce(ArcSwap<Live>);

impl InForce {
    /// These, to begin with.
    pub fn new(settings: Settings) -> Self {
        Self(ArcSwap::from_pointee(settings.into()))
    }

    /// Puts other settings in force.
    pub fn put(&self, settings: Settings) {
        self.0.store(Arc::new(settings.into()));
    }

    fn now(&self) -> arc_swap::Guard<Arc<Live>> {
        self.0.load()
    }
}

/// The settings as they are used.
struct Live {
    admin_on_loopback: bool,
    immutable: HeaderValue,
    changing: HeaderValue,
}

impl From<Settings> for Live {
    fn from(settings: Settings) -> Self {
        let public = |age: Duration| {
            HeaderValue::from_str(&format!("public, max-age={}", age.as_secs()))
                .unwrap_or(HeaderValue::from_static("no-store"))
        };
        Self {
            immutable: public(settings.immutable),
            changing: public(settings.fresh),
            admin_on_loopback: settings.admin_on_loopback,
        }
    }
}

/// A response with what the record of the request says about it.
struct Served {
    response: Response<Body>,
    asked: Asked,
    cache: &'static str,
    source: HeaderValue,
}

impl Served {
    fn plain(response: Response<Body>, path: &str) -> Self {
        let source = HeaderValue::from_static("-");
        Self { response, asked: Asked::Path(fault::clean(path)), cache: "-", source }
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
        Self {
            pipeline,
            path_prefix,
            settings,
            counters,
            ids: RequestIds::default(),
            calls,
            ready: AtomicBool::new(true),
        }
    }

    /// From now on `/readyz` says that no new work should be sent here.
    pub fn retire(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Answers one request of a listener.
    pub async fn serve<B>(&self, request: Request<B>, who: &Identity) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let (started, id, method) =
            (Counters::now(), self.ids.id(request.headers()), request.method().clone());
        let path = request.uri().path().strip_prefix(&*self.path_prefix);
        let served = match path.filter(|path| path.starts_with(admin::PREFIX) && path.len() <= PATH_BYTES) {
            Some(path) => {
                let (path, is_open) = (path.to_owned(), self.settings.now().admin_on_loopback);
                match admin::stranger(&request, who, is_open) {
                    None => Box::pin(self.call(request, path, Door::Loopback, &id)).await,
                    Some(why) => Served::plain(admin::refuse(&why).answer(&id), &path),
                }
            }
            None => self.route(&request, who, &id).await,
        };
        self.told(served, (started, id, method))
    }

    /// Answers one request of the control socket, which knows calls only.
    pub async fn serve_control<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let (started, id, method) =
            (Counters::now(), self.ids.id(request.headers()), request.method().clone());
        let path = request.uri().path().to_owned();
        let served = self.call(request, path, Door::Socket, &id).await;
        self.told(served, (started, id, method))
    }

    async fn call<B>(&self, request: Request<B>, path: String, door: Door, id: &RequestId) -> Served
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let response = match admin::admit(request, path.clone(), door, id).await {
            Ok(call) => self.calls.answer(call).await,
            Err(refusal) => refusal.answer(id),
        };
        Served::plain(response, &path)
    }

    /// The response with what every response has, written down.
    fn told(&self, served: Served, (started, id, method): (Instant, RequestId, Method)) -> Response<Body> {
        let head_only = method == Method::HEAD;
        let mut response = served.response;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            headers.insert(X_REQUEST_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let mut record = Record {
            id,
            method: if head_only { "HEAD" } else { method_name(&method) },
            asked: served.asked,
            status: response.status().as_u16(),
            cache: served.cache,
            source: served.source,
            started,
            bytes: 0,
            end: End::Whole,
        };
        if head_only || response.status() == StatusCode::NOT_MODIFIED {
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
        let full = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let lines = ["only GET and HEAD are answered here".to_owned()];
            let mut response = fault::text(StatusCode::METHOD_NOT_ALLOWED, &lines, id);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Served::plain(response, full);
        }
        if full.len() > PATH_BYTES {
            let lines = [format!("the path is longer than {PATH_BYTES} bytes")];
            let response = fault::text(StatusCode::URI_TOO_LONG, &lines, id);
            return Served::plain(response, full.get(..64).unwrap_or_default());
        }
        let Some(path) = full.strip_prefix(&*self.path_prefix) else {
            let lines = [format!("not found: everything here is below {}/", self.path_prefix)];
            return Served::plain(fault::text(StatusCode::NOT_FOUND, &lines, id), full);
        };
        if let Some(response) = self.fixed(path, request, who) {
            return Served::plain(response, full);
        }
        self.module(path, request, who, id).await
    }

    fn fixed<B>(&self, path: &str, request: &Request<B>, who: &Identity) -> Option<Response<Body>> {
        Some(match path {
            "" | "/" => self.home(request, who),
            "/healthz" => short(StatusCode::OK, "ok\n"),
            "/readyz" if self.ready.load(Ordering::Relaxed) => short(StatusCode::OK, "ready\n"),
            "/readyz" => short(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/version" => {
                let mut response = short(StatusCode::OK, crate::version::JSON);
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
            "/robots.txt" => short(StatusCode::OK, "User-agent: *\nDisallow: /\n"),
            _ => return None,
        })
    }

    async fn module<B>(&self, path: &str, request: &Request<B>, who: &Identity, id: &RequestId) -> Served {
        let (path, forced) = match path.strip_prefix("/cached-only/") {
            Some(rest) => (rest, true),
            None => (path.strip_prefix('/').unwrap_or(path), false),
        };
        let want = match Want::parse(path) {
            Ok(want) => want,
            Err(error) => return Served::plain(malformed(&error, id), path),
        };
        let held_only = forced || go_true(request.headers().get("disable-module-fetch"));
        let reach = if held_only { Reach::HeldOnly } else { Reach::Anywhere };
        let mut answered = self.answer(&want, request, who, reach).await;
        if matches!(answered, Err(Error::Rotten(_))) {
            // It is lost now: the next look finds nothing, and fetches it again.
            answered = self.answer(&want, request, who, reach).await;
        }
        let (response, cache, source) = answered
            .unwrap_or_else(|error| (self.failed(&want, &error, id), "-", HeaderValue::from_static("-")));
        Served { response, asked: Asked::Module(want), cache, source }
    }

    fn failed(&self, want: &Want, error: &Error, id: &RequestId) -> Response<Body> {
        let private = want.module().is_some_and(|path| self.pipeline.is_private(path));
        fault::failed(want, error, private, id)
    }

    async fn answer<B>(
        &self,
        want: &Want,
        request: &Request<B>,
        who: &Identity,
        reach: Reach,
    ) -> Result<(Response<Body>, &'static str, HeaderValue), Error> {
        let answer = self.pipeline.answer(who, want, reach).await?;
        let (cache, source) = (answer.state.as_str(), answer.source.clone());
        Ok((self.answered(want, answer, request).await?, cache, source))
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
    let part = range::part(request, &held.etag, size);
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
    headers.insert(header::ETAG, held.etag.clone());
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

fn malformed(error: &RequestError, id: &RequestId) -> Response<Body> {
    match error {
        RequestError::Malformed { .. } => {
            fault::text(StatusCode::BAD_REQUEST, &[format!("bad request: {error}")], id)
        }
        RequestError::NotFound { .. } => {
            fault::text(StatusCode::NOT_FOUND, &[format!("not found: {error}")], id)
        }
    }
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

/// The methods that a log line may name; anything else is of the client's making.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}
