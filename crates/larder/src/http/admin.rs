//! The door to the admin API: who may call, and what of a call is handed on.
//!
//! The calls themselves start jobs and read every part of the server, so they belong to `app` and are handed in as
//! [`Calls`]. Here is only what HTTP decides. Until there is access control, a call is answered on the control socket
//! (its directory belongs to the operator), and on the ordinary listeners for whoever sits at this machine. "Sits at
//! this machine" is more than a loopback peer: a page in a browser can be told that its own host name is 127.0.0.1, and
//! a reverse proxy on this machine makes everybody a neighbour. What cannot be seen from here is a proxy that names
//! neither itself nor its client; `admin.loopback = false` is for those who run one.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;

use super::body::Body;
use super::hook::{Push, Pushed};
use crate::auth::Identity;
use crate::observe::{RequestId, Samples};

/// Everything below this path is a call. No module path begins so: the first element of one has a dot.
pub const PREFIX: &str = "/api/";
/// Largest body of a call.
const CALL_BYTES: usize = 64 * 1024;
/// Time to send the body of a call.
const CALL_TIME: Duration = Duration::from_secs(5);
/// Headers that a proxy adds: with one of them, the peer is not who asks. The beginnings of their names.
const PASSED_ON: [&str; 9] = [
    "forwarded",
    "x-forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-original-",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-",
];

/// What a body's error can be made into.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The control socket in the data directory.
    Socket,
    /// An ordinary listener, from this machine.
    Loopback,
}

/// A call that may be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method; `HEAD` is told as `GET`.
    pub method: Method,
    /// The path from `/api/` on, as it was sent.
    pub path: String,
    /// What stood behind the `?`, without it; empty where there was none.
    pub query: String,
    /// The body.
    pub body: Bytes,
    /// Where it came in.
    pub door: Door,
    /// The id of the request.
    pub id: RequestId,
}

/// Answers calls.
pub trait Calls: Send + Sync + 'static {
    /// Answers one call. The future belongs to the request: it is dropped when the caller leaves.
    fn answer(&self, call: Call) -> BoxFuture<'static, Response<Body>>;

    /// Takes a push event whose signature is right.
    fn push(&self, push: Push) -> BoxFuture<'static, Result<Pushed, Refusal>>;

    /// Adds the numbers that only the whole server knows.
    fn tell(&self, samples: &mut Samples);
}

/// What is wrong with a call, as it is answered: `{"error":{…}}`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
    /// The calls that exist, where the one that was asked for does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// The methods that the call has, where another one was used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

impl Refusal {
    /// A refusal with a status.
    pub fn of(status: StatusCode, what: impl Into<String>) -> Self {
        Self { status: status.as_u16(), what: what.into(), ..Self::default() }
    }

    /// The same, saying what to do.
    #[must_use]
    pub fn next(mut self, what_to_do: impl Into<String>) -> Self {
        self.what_to_do = Some(what_to_do.into());
        self
    }

    /// As a response.
    pub fn answer(&self, id: &RequestId) -> Response<Body> {
        #[derive(Serialize)]
        struct Error<'a> {
            error: With<'a>,
        }
        #[derive(Serialize)]
        struct With<'a> {
            #[serde(flatten)]
            refusal: &'a Refusal,
            request_id: String,
        }
        let error = Error { error: With { refusal: self, request_id: id.to_string() } };
        let mut response = json(&error);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        if let Ok(methods) = HeaderValue::from_str(&self.methods.join(", "))
            && !methods.is_empty()
        {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    }
}

/// A JSON answer, ended by a line feed, that nobody may store.
pub fn json(value: &impl Serialize) -> Response<Body> {
    // Our own types hold nothing that JSON cannot: the fallback is never taken.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Body::bytes(text.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Why a request on an ordinary listener is no call from this machine; none if it is one. `is_open` is the setting.
pub(super) fn stranger<B>(request: &Request<B>, who: &Identity, is_open: bool) -> Option<String> {
    let headers = request.headers();
    if !is_open {
        return Some("`admin.loopback` is false".to_owned());
    }
    if !who.peer.is_some_and(|peer| peer.to_canonical().is_loopback()) {
        return Some("the call comes from another machine".to_owned());
    }
    // A server that passes requests on without a word speaks HTTP/1.0 by default, and nobody else does.
    if request.version() < Version::HTTP_11 {
        return Some("the call is HTTP/1.0, which servers speak that pass requests on".to_owned());
    }
    let passed_on = |name: &&str| PASSED_ON.iter().any(|mark| name.starts_with(mark));
    if let Some(name) = headers.keys().map(http::HeaderName::as_str).find(passed_on) {
        return Some(format!("the header `{name}` says that the call was passed on by another server"));
    }
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or("?"));
    let mut hosts: Vec<&str> = hosts.chain(request.uri().authority().map(Authority::as_str)).collect();
    hosts.dedup();
    if hosts.is_empty() || !hosts.iter().all(|host| is_local_name(host)) {
        return Some("the call does not name `localhost`, 127.0.0.1 or [::1] as its host".to_owned());
    }
    if is_cross_site(headers, &hosts) {
        return Some("a page of another site has sent the call".to_owned());
    }
    None
}

/// The refusal of a call by a stranger. The same whatever was asked for: who may not call learns nothing.
pub(super) fn refuse(why: &str) -> Refusal {
    let what = format!("the admin API answers on this machine only: {why}");
    Refusal::of(StatusCode::FORBIDDEN, what).next(
        "call over the socket `control.sock` in the data directory, as `larder status` does, or from this machine \
         at a loopback address that this server listens on",
    )
}

/// Whether a name of a host, with its port, can mean this machine alone.
fn is_local_name(host: &str) -> bool {
    let Ok(authority) = Authority::from_str(host) else { return false };
    let name = authority.host();
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || literal.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback()))
}

/// Whether a browser says that a page from elsewhere sent this.
fn is_cross_site(headers: &HeaderMap, hosts: &[&str]) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let is_ours = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        origin.is_some_and(|origin| hosts.contains(&origin))
    };
    !sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
        || !headers.get_all(header::ORIGIN).iter().all(is_ours)
}

/// Takes a request as a call: reads its body.
pub(super) async fn admit<B>(
    request: Request<B>,
    path: String,
    door: Door,
    id: &RequestId,
) -> Result<Call, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (head, body) = request.into_parts();
    let changes = !matches!(head.method, Method::GET | Method::HEAD);
    // Such a type cannot be sent from a page of another site without asking first, which nobody answers here.
    if changes && door == Door::Loopback && !is_json(&head.headers) {
        let what = "a call that may change something needs `Content-Type: application/json`";
        return Err(Refusal::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let body = if changes { receive(body).await? } else { Bytes::new() };
    Ok(Call {
        method: if head.method == Method::HEAD { Method::GET } else { head.method },
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
        door,
        id: id.clone(),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn receive<B>(body: B) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    match tokio::time::timeout(CALL_TIME, Limited::new(body, CALL_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            let what = format!("the body of the call could not be read, or has more than {CALL_BYTES} bytes");
            Err(Refusal::of(StatusCode::BAD_REQUEST, what))
        }
        Err(_) => Err(Refusal::of(StatusCode::REQUEST_TIMEOUT, "the body of the call did not come in time")),
    }
}
