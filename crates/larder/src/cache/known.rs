//! What sources said of a module that may change: its version list, its latest version, what a branch names.
//!
//! Kept outside the static tree (`meta/<escaped path>/@known/…`), since the tree lists only what is held. One file
//! each: a line of JSON with the source and the time, then the body as it is served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gomod::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Key;

/// How long what was learned counts as fresh (decided per kind of answer by settings).
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Up to this age: answered from the copy.
    pub fresh: Duration,
    /// Up to this age: answered from the copy while it is asked for again behind the answer.
    pub stale: Duration,
    /// How long an absence is remembered at most.
    pub negative: Duration,
}

/// The first line of a stored answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) source: Arc<str>,
    pub(super) at: Timestamp,
    /// SHA-256 of the body, lower-case hex.
    pub(super) sha256: String,
}

/// Where an answer that may change is stored; `None` for requests that have no such answer.
pub(super) fn key(request: &Request) -> Option<Key> {
    let (path, name) = match request {
        Request::List(path) => (path, "list".to_owned()),
        Request::Latest(path) => (path, "latest".to_owned()),
        Request::Query(path, query) => (path, format!("query/{}", query.escape())),
        Request::File(..) | Request::SumDb(_) => return None,
    };
    Key::parse(&format!("meta/{}/@known/{name}", path.escape())).ok()
}

/// The stored form.
pub(super) fn encode(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut text = serde_json::to_vec(head).unwrap_or_default();
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

/// Reads the stored form; `None` when it is torn or rotten: it is only a copy, and is asked for again.
pub(super) fn decode(stored: &Bytes) -> Option<(Head, Bytes)> {
    let end = stored.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(stored.get(..end)?).ok()?;
    let body = stored.slice(end + 1..);
    (crate::verify::sums::of(&body).sha256 == head.sha256).then_some((head, body))
}

/// An absence that every source agreed on, remembered for a short time and only in memory.
#[derive(Clone, Debug)]
pub struct Absence {
    /// When it was learned.
    pub at: Timestamp,
    /// Until it is asked again.
    pub for_: Duration,
    /// What the sources said, one line a source.
    pub text: Arc<str>,
    /// In which way it is absent.
    pub lack: Lack,
}

/// In which way something is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Every source said 404.
    NotFound,
    /// A source said 410.
    Withdrawn,
    /// It is there, as a checksum database has it on record, and breaks the module rules: no go command takes it.
    Unusable,
}
