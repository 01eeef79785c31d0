//! The admin API: one table of calls, answered on the control socket and, for callers on this machine, on the
//! listeners ([`crate::http::admin`] says who that is).
//!
//! A call is one line of [`CALLS`] and one file below `api/`. JSON in, JSON out; names of fields stay what they are,
//! fields may be added. Times are RFC 3339 in UTC, durations are numbers of seconds and say so (`age_s`), sizes are
//! bytes and say so (`size_bytes`). A long call answers line by line, one JSON object each, the last one saying how it
//! ended.

mod explain;
pub mod flights;
pub(in crate::app) mod import;
pub mod invalidate;
mod lines;
mod metrics;
pub mod modules;
pub mod refresh;
mod reload;
mod scrub;
pub mod status;
pub mod sumdb;
pub mod upstreams;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Disk;

use super::Reloader;
use super::direct::Workshop;
use super::hook::Hook;
use crate::clock::Clock;
use crate::http::admin::{self, Call, Calls, Door, Refusal};
use crate::http::body::Body;
use crate::http::hook::{Push, Pushed};
use crate::jobs::scrub::Scrub;
use crate::observe::{Counters, Samples};
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;

/// Where the calls are.
pub(super) const BASE: &str = "/api/v1/";

/// All calls, in the order in which they are described.
static CALLS: &[Entry] = &[
    read("status", "What runs here and how it does.", |parts, _| status::answer(parts)),
    read("upstreams", "How each upstream does.", |parts, _| upstreams::answer(parts)),
    read("flights", "What is being fetched now.", |parts, _| flights::answer(parts)),
    read(
        "modules/",
        "What is known of a module: modules/PATH, of a version or query of it: modules/PATH/@v/VERSION; names as in \
         a proxy's URL.",
        modules::answer,
    ),
    read(
        "explain/",
        "Which settings decide over a module, and what is held of it: explain/PATH, or explain/PATH/@v/VERSION.",
        explain::answer,
    ),
    change(
        "refresh",
        "Asks the sources now: {\"module\": PATH}, with \"version\" for one version or query of it.",
        refresh::answer,
    ),
    change(
        "invalidate",
        "Forgets what may change: {\"module\": PATH}, with \"version\" for one version or query of it.",
        invalidate::answer,
    ),
    change("import", "Takes modules over: {\"dir\": PATH}. Answers line by line.", import::answer)
        .on_socket_only(),
    change(
        "scrub",
        "Reads everything held again: {\"modules\": [PATTERN], \"no_heal\": BOOL}. Answers line by line.",
        scrub::answer,
    )
    .on_socket_only(),
    read("sumdb", "How each checksum database does.", |parts, _| sumdb::answer(parts)),
    change(
        "sumdb/accept",
        "Forgets the history of a checksum database that is closed, and asks it again: {\"name\": NAME}.",
        sumdb::accept,
    )
    .on_socket_only(),
    change("reload", "Reads the configuration again.", |parts, _| reload::answer(parts)),
];

/// What calls are answered from.
pub(super) struct Parts {
    /// What answers module requests.
    pub(super) pipeline: Arc<Pipeline>,
    /// What was answered so far.
    pub(super) counters: Arc<Counters>,
    /// Where tasks are started.
    pub(super) tasks: Tasks,
    /// What reads the store again.
    pub(super) scrub: Arc<Scrub>,
    /// Bytes a second that it may read.
    pub(super) scrub_rate: u64,
    /// What reads the configuration again.
    pub(super) reloader: Arc<Reloader>,
    /// The time.
    pub(super) clock: Clock,
    /// What fetches from version control.
    pub(super) workshop: Workshop,
    /// What takes push events.
    pub(super) hook: Hook,
    /// Where everything is kept.
    pub(super) disk: Arc<Disk>,
    /// Addresses and paths that are listened on.
    pub(super) listeners: Vec<String>,
    /// When the server started.
    pub(super) since: Timestamp,
}

/// The answer to a call: what is told, or why nothing is.
pub(super) type Answer = BoxFuture<'static, Result<Response<Body>, Refusal>>;

/// A line of the table.
struct Entry {
    method: Method,
    /// Below [`BASE`]. One that ends in `/` is asked for with more behind it, which [`Asked::rest`] holds.
    path: &'static str,
    what: &'static str,
    answer: fn(Arc<Parts>, Asked) -> Answer,
    on_socket_only: bool,
}

/// What was asked of a call.
pub(super) struct Asked {
    /// The path behind that of the call; empty for most.
    pub(super) rest: String,
    /// The call as it came.
    pub(super) call: Call,
}

impl Asked {
    /// The body as what the call takes.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.call.body).map_err(|error| {
            Refusal::of(StatusCode::BAD_REQUEST, format!("the body of the call could not be read: {error}"))
        })
    }
}

/// A call that changes nothing.
const fn read(path: &'static str, what: &'static str, answer: fn(Arc<Parts>, Asked) -> Answer) -> Entry {
    Entry { method: Method::GET, path, what, answer, on_socket_only: false }
}

/// A call that changes something.
const fn change(path: &'static str, what: &'static str, answer: fn(Arc<Parts>, Asked) -> Answer) -> Entry {
    Entry { method: Method::POST, path, what, answer, on_socket_only: false }
}

impl Entry {
    /// For calls that could be used to bring something in, or to read files: no other user of this machine may.
    const fn on_socket_only(mut self) -> Self {
        self.on_socket_only = true;
        self
    }

    /// What the path has behind this call's; none if it is another call's.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path)?;
        (rest.is_empty() != self.path.ends_with('/')).then_some(rest)
    }
}

/// The admin API of one server.
pub(super) struct Api(Arc<Parts>);

impl Api {
    pub(super) fn over(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Calls for Api {
    fn tell(&self, samples: &mut Samples) {
        metrics::tell(&self.0, samples);
        self.0.hook.tell(samples);
        self.0.workshop.tell(samples);
    }

    fn push(&self, push: Push) -> BoxFuture<'static, Result<Pushed, Refusal>> {
        let parts = self.0.clone();
        Box::pin(async move { parts.hook.take(push).await })
    }

    fn answer(&self, call: Call) -> BoxFuture<'static, Response<Body>> {
        let parts = self.0.clone();
        Box::pin(async move {
            let id = call.id.clone();
            answer(parts, call).await.unwrap_or_else(|refusal| refusal.answer(&id))
        })
    }
}

async fn answer(parts: Arc<Parts>, call: Call) -> Result<Response<Body>, Refusal> {
    let Some(path) = call.path.strip_prefix(BASE) else { return Err(unknown()) };
    if path.is_empty() && call.method == Method::GET {
        return Ok(admin::json(&directory()));
    }
    let known: Vec<_> = CALLS.iter().filter_map(|entry| Some((entry, entry.rest(path)?))).collect();
    let Some(&(entry, rest)) = known.iter().find(|(entry, _)| entry.method == call.method) else {
        return Err(if known.is_empty() { unknown() } else { other_method(&known) });
    };
    if entry.on_socket_only && call.door != Door::Socket {
        let what = "this call is answered on the control socket only";
        return Err(Refusal::of(StatusCode::FORBIDDEN, what)
            .next("call over `control.sock` in the data directory, as the commands of `larder` do"));
    }
    let asked = Asked { rest: rest.to_owned(), call };
    (entry.answer)(parts, asked).await
}

/// What `GET /api/v1/` tells.
#[derive(Serialize)]
struct Directory {
    calls: Vec<Described>,
}

#[derive(Serialize)]
struct Described {
    method: &'static str,
    path: String,
    what: &'static str,
    on_socket_only: bool,
}

fn directory() -> Directory {
    let described = |entry: &Entry| Described {
        method: if entry.method == Method::GET { "GET" } else { "POST" },
        path: format!("{BASE}{}", entry.path),
        what: entry.what,
        on_socket_only: entry.on_socket_only,
    };
    Directory { calls: CALLS.iter().map(described).collect() }
}

fn unknown() -> Refusal {
    let calls = CALLS.iter().map(|entry| format!("{} {BASE}{}", entry.method, entry.path)).collect();
    Refusal { calls, ..Refusal::of(StatusCode::NOT_FOUND, "there is no such call") }
}

fn other_method(known: &[(&Entry, &str)]) -> Refusal {
    let methods = known.iter().flat_map(|(entry, _)| match entry.method {
        Method::GET => vec!["GET".to_owned(), "HEAD".to_owned()],
        _ => vec![entry.method.to_string()],
    });
    Refusal {
        methods: methods.collect(),
        ..Refusal::of(StatusCode::METHOD_NOT_ALLOWED, "this call has another method")
    }
}
