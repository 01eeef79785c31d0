//! What the upstream serves and what it has seen, with the waits on it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::Upstream;
use super::script::{Reply, Script};
use crate::eventually::DEADLINE;

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path, percent-decoded, without query.
    pub path: String,
    /// The request target as it came.
    pub target: String,
    /// Header fields in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The first value of a header field; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }
}

/// How many answers for one path are in which state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) arrived: usize,
    pub(super) active: usize,
    pub(super) peak: usize,
    pub(super) held: usize,
    pub(super) left: usize,
}

/// What answers the paths below a prefix.
pub(super) struct Site(pub(super) Box<Answers>);

/// The reply to the rest of a path, if there is one.
pub(super) type Answers = dyn Fn(&str) -> Option<Reply> + Send + Sync;

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Site")
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) content: HashMap<String, Bytes>,
    /// By the prefix of their paths.
    pub(super) sites: BTreeMap<String, Site>,
    pub(super) scripts: HashMap<String, VecDeque<Script>>,
    pub(super) etags: HashMap<String, String>,
    pub(super) gates: Vec<(String, Arc<Semaphore>)>,
    pub(super) seen: Vec<Seen>,
    pub(super) counts: BTreeMap<String, Counts>,
    pub(super) connections: usize,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed while it looked must not turn the clean-up of others into a second panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for it.
    pub(super) fn record<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_replace(());
        result
    }

    pub(super) fn count(&self, path: &str, change: impl FnOnce(&mut Counts)) {
        self.record(|state| change(state.counts.entry(path.to_owned()).or_default()));
    }

    async fn until(&self, what: &str, reached: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            while !reached(&self.state()) {
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(waited.is_ok(), "waited {DEADLINE:?} in vain: {what}; {}", self.state().summary());
    }
}

impl State {
    fn of(&self, path: &str) -> Counts {
        self.counts.get(path).copied().unwrap_or_default()
    }

    /// What is served at a path without a script: the content of the path, or what the site of the longest prefix says.
    pub(super) fn served(&self, path: &str) -> Option<Reply> {
        if let Some(body) = self.content.get(path) {
            return Some(Reply::ok(super::wire::content_type(path), body.clone()));
        }
        let mounted = self.sites.iter().rev().filter_map(|(below, Site(site))| {
            let rest = path.strip_prefix(below.as_str()).filter(|rest| rest.starts_with('/'))?;
            site(rest)
        });
        mounted.into_iter().next()
    }

    fn summary(&self) -> String {
        let mut text =
            format!("the upstream saw {} connections and {} requests", self.connections, self.seen.len());
        for (path, counts) in &self.counts {
            write!(text, "\n  {path}: {counts:?}").unwrap();
        }
        text
    }
}

/// What was seen. All methods are about the past, or wait until something has become the past.
impl Upstream {
    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// The paths of the requests so far, in the order of arrival.
    pub fn paths(&self) -> Vec<String> {
        self.shared.state().seen.iter().map(|seen| seen.path.clone()).collect()
    }

    /// How many requests for a path have arrived.
    pub fn count(&self, path: &str) -> usize {
        self.shared.state().of(path).arrived
    }

    /// The most requests for a path that were being answered at one time.
    pub fn peak(&self, path: &str) -> usize {
        self.shared.state().of(path).peak
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Forgets the requests and counts so far.
    pub fn forget(&self) {
        self.shared.record(|state| {
            state.seen.clear();
            for counts in state.counts.values_mut() {
                *counts = Counts { active: counts.active, held: counts.held, ..Counts::default() };
            }
        });
    }

    /// Waits until `n` requests for a path have arrived.
    pub async fn arrived(&self, path: &str, n: usize) {
        let what = format!("{n} requests for {path}");
        self.shared.until(&what, |state| state.of(path).arrived >= n).await;
    }

    /// Waits until `n` answers of a path stand still at their hold, stall or drip.
    pub async fn held(&self, path: &str, n: usize) {
        let what = format!("{n} held answers of {path}");
        self.shared.until(&what, |state| state.of(path).held >= n).await;
    }

    /// Waits until `n` clients have gone away from a path before its answer was whole.
    pub async fn left(&self, path: &str, n: usize) {
        let what = format!("{n} clients that left {path}");
        self.shared.until(&what, |state| state.of(path).left >= n).await;
    }

    /// Waits until nothing is being answered.
    pub async fn idle(&self) {
        self.shared
            .until("no answers under way", |state| state.counts.values().all(|counts| counts.active == 0))
            .await;
    }
}
