//! What all who ask share, and the judge of every answer.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::raw::Response;
use tokio_util::sync::CancellationToken;

use crate::catalogue::{Catalogue, Version};
use crate::findings::{Findings, Reach, Span};

/// The settings that make what is held go stale within the minutes of a run.
pub(crate) const FRESH: Duration = Duration::from_secs(2);
pub(crate) const STALE: Duration = Duration::from_secs(10);
pub(crate) const NEGATIVE: Duration = Duration::from_secs(2);
/// The longest that an upstream that fails is left alone before it is tried again, give or take a quarter.
pub(crate) const LEFT_ALONE: Duration = Duration::from_secs(4);
/// A list that could not be refreshed, or was made of what is held, may stay for as long as this
/// (`pipeline::REFRESH_PAUSE`), and then as long as a stale one may be shown.
const LISTS_FOLLOW: Duration = Duration::from_secs(10 + STALE.as_secs() + FRESH.as_secs());
/// A hit that takes longer waits for something that it should not wait for.
const HIT_WITHIN: Duration = Duration::from_secs(3);

/// Files of up to this size may be served from memory (`cache::SMALL_BYTES`), whatever becomes of them on the disk.
const IN_MEMORY: usize = 64 * 1024;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    File(Arc<Version>, &'static str),
    List(String),
    Latest(String),
    /// Does not exist, at least not yet.
    Absent(String),
}

impl Want {
    pub(crate) fn path(&self) -> String {
        match self {
            Self::File(version, kind) => version.files.url(kind),
            Self::List(module) => format!("/{}/@v/list", testkit::module::escape(module)),
            Self::Latest(module) => format!("/{}/@latest", testkit::module::escape(module)),
            Self::Absent(path) => path.clone(),
        }
    }
}

/// How it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Get,
    Head,
    /// These bytes, the last one included.
    Range(usize, usize),
    /// Only if it has not this tag.
    UnlessTagged(String),
}

pub(crate) struct World {
    pub(crate) catalogue: Catalogue,
    pub(crate) findings: Findings,
    pub(crate) stop: CancellationToken,
    address: Mutex<SocketAddr>,
    /// Paths that were received whole while the store could keep: they must be had whatever the upstreams do.
    held: Mutex<HashSet<String>>,
    /// Held files that were damaged on the disk.
    damaged: Mutex<HashSet<String>>,
    /// The longest list that was shown of each module: none may become shorter.
    longest: Mutex<HashMap<String, usize>>,
    keeps: AtomicBool,
    hits: Mutex<Vec<Duration>>,
}

impl World {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self {
            catalogue,
            findings: Findings::new(),
            stop: CancellationToken::new(),
            address: Mutex::new(([127, 0, 0, 1], 1).into()),
            held: Mutex::default(),
            damaged: Mutex::default(),
            longest: Mutex::default(),
            keeps: AtomicBool::new(true),
            hits: Mutex::default(),
        }
    }

    /// Where the server listens now.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    pub(crate) fn moved_to(&self, address: SocketAddr) {
        *self.address.lock().unwrap() = address;
    }

    /// Whether what is received from now on counts as held.
    pub(crate) fn set_keeps(&self, keeps: bool) {
        self.keeps.store(keeps, Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self, want: &Want) -> bool {
        match want {
            Want::List(_) | Want::Latest(_) | Want::File(..) => {
                self.held.lock().unwrap().contains(&want.path())
            }
            Want::Absent(_) => false,
        }
    }

    /// Some held zips too large to be kept in memory, for damaging them; they count as damaged from now on.
    pub(crate) fn damage(&self, count: usize) -> Vec<String> {
        let held = self.held.lock().unwrap().clone();
        let is_large = |path: &String| {
            self.catalogue.find(path).is_some_and(|version| version.files.zip().len() > IN_MEMORY)
        };
        let zips = held.into_iter().filter(|path| path.ends_with(".zip")).filter(is_large);
        let zips: Vec<String> = zips.take(count).collect();
        self.damaged.lock().unwrap().extend(zips.iter().cloned());
        zips
    }

    /// The damaged ones must be right again.
    pub(crate) fn forget_damage(&self) {
        self.damaged.lock().unwrap().clear();
    }

    /// Paths that were damaged.
    pub(crate) fn damaged(&self) -> Vec<String> {
        self.damaged.lock().unwrap().iter().cloned().collect()
    }

    /// Latencies of hits, the quickest first.
    pub(crate) fn hits(&self) -> Vec<Duration> {
        let mut hits = self.hits.lock().unwrap().clone();
        hits.sort();
        hits
    }

    /// Judges an answer. `was_held` says what was known when the request began.
    pub(crate) fn judge(&self, asked: &Asked, span: Span, response: Option<&Response>) {
        self.findings.count("requests", 1);
        let Some(response) = response else {
            self.findings.count("no answer", 1);
            return self.failed(asked, span, true, || format!("{asked}: no answer"));
        };
        self.findings.count("bytes", response.body.len() as u64);
        self.count_state(span, response);
        match (response.status, &asked.want) {
            (404 | 410, Want::Absent(_)) => self.findings.count("404 rightly", 1),
            (404 | 410, _) => {
                let text = response.text();
                self.findings.found(span, || format!("{asked}: {} for what exists: {text}", response.status));
            }
            (_, Want::Absent(_)) if response.status < 500 && response.complete => {
                self.findings.found(span, || format!("{asked}: {} for what does not exist", response.status));
            }
            (200 | 206 | 304, _) if response.complete => self.check(asked, span, response),
            (200 | 206, _) => {
                let had = response.body.len();
                self.findings.count("cut", 1);
                self.failed(asked, span, true, || format!("{asked}: cut after {had} bytes"));
            }
            (500.., _) => {
                self.findings.count("5xx", 1);
                self.failed(asked, span, false, || {
                    format!("{asked}: {} {}", response.status, response.text().replace('\n', " | "))
                });
            }
            (status, _) => self.findings.found(span, || format!("{asked}: status {status}")),
        }
    }

    /// A failure: what is held may fail only where its file was damaged, or where the whole server goes away.
    fn failed(&self, asked: &Asked, span: Span, is_cut: bool, what: impl FnOnce() -> String) {
        let damaged = self.damaged.lock().unwrap().contains(&asked.want.path());
        let allowed: &[Reach] = match (asked.was_held, damaged, is_cut) {
            (_, true, _) => &[Reach::Files, Reach::Everything, Reach::Misses],
            (true, false, true) => &[Reach::Everything],
            (true, false, false) => &[],
            (false, false, _) => &[Reach::Misses, Reach::Everything],
        };
        self.findings.failed(span, allowed, what);
    }

    fn check(&self, asked: &Asked, span: Span, response: &Response) {
        let wrong = match &asked.want {
            Want::File(version, kind) => wrong_file(&version.bytes(kind), &asked.manner, response),
            Want::List(module) => self.wrong_list(module, span, &response.text()),
            Want::Latest(module) => self.wrong_latest(module, span, &response.text()),
            Want::Absent(_) => None,
        };
        if let Some(wrong) = wrong {
            // The length that a source announces is passed on before its bytes are verified; nothing follows it.
            if asked.manner == Manner::Head && !asked.was_held {
                return self.failed(asked, span, false, || format!("{asked}: {wrong}"));
            }
            return self.findings.found(span, || format!("{asked}: WRONG, {wrong}"));
        }
        self.findings.count("right", 1);
        if response.status == 200 && asked.manner == Manner::Get && self.keeps.load(Ordering::Relaxed) {
            self.held.lock().unwrap().insert(asked.want.path());
        }
    }

    fn wrong_list(&self, module: &str, span: Span, text: &str) -> Option<String> {
        let then = span.from.checked_sub(LISTS_FOLLOW);
        let (least, known) = self.catalogue.versions_of(module, then);
        let shown: Vec<&str> = text.lines().collect();
        let mut in_order = known.iter();
        if !shown.iter().all(|line| in_order.any(|version| version == line)) {
            return Some(format!("{shown:?} of {} versions", known.len()));
        }
        let mut longest = self.longest.lock().unwrap();
        let before = longest.get(module).copied().filter(|_| span.from > self.findings.begun);
        let calm = !self.findings.is_disturbed(span, LISTS_FOLLOW);
        if calm && shown.len() < least {
            return Some(format!("{} versions, where {least} were there {LISTS_FOLLOW:?} ago", shown.len()));
        }
        // Answers may overtake each other by as much as was published meanwhile: a few.
        if before.is_some_and(|before| shown.len() + 3 < before) {
            return Some(format!(
                "{} versions, where {} were shown before",
                shown.len(),
                before.unwrap_or(0)
            ));
        }
        let longest = longest.entry(module.to_owned()).or_default();
        *longest = (*longest).max(shown.len());
        None
    }

    fn wrong_latest(&self, module: &str, span: Span, text: &str) -> Option<String> {
        let (least, known) = self.catalogue.versions_of(module, span.from.checked_sub(LISTS_FOLLOW));
        let named = text.split("\"Version\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let Some(at) = known.iter().position(|version| Some(version.as_str()) == named) else {
            return Some(format!("{text:?} names none of {} versions", known.len()));
        };
        let calm = !self.findings.is_disturbed(span, LISTS_FOLLOW);
        (calm && at + 1 < least).then(|| format!("{text:?}, where {least} versions were there before"))
    }

    fn count_state(&self, span: Span, response: &Response) {
        let state = match response.header("x-larder-cache") {
            Some("hit") => "hits",
            Some("miss") => "misses",
            Some("joined") => "joined",
            Some("stale") => "stale",
            _ => return,
        };
        self.findings.count(state, 1);
        if state == "hits" && response.complete && response.body.len() < 100_000 {
            let took = span.until - span.from;
            self.hits.lock().unwrap().push(took);
            if took > HIT_WITHIN {
                self.findings.failed(span, &[Reach::Everything], || format!("a hit took {took:?}"));
            }
        }
    }
}

/// A question, and what was known when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) want: Want,
    pub(crate) manner: Manner,
    pub(crate) was_held: bool,
    /// `HTTP/1.1`, `HTTP/2`, `go`.
    pub(crate) by: &'static str,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = if self.was_held { "held" } else { "not held" };
        write!(f, "{} {:?} {} ({held})", self.by, self.manner, self.want.path())
    }
}

fn wrong_file(right: &[u8], manner: &Manner, response: &Response) -> Option<String> {
    let got = response.body.as_slice();
    let expected = match (response.status, manner) {
        (304, Manner::UnlessTagged(_)) => &[][..],
        (200, Manner::Head) => {
            let length = response.header("content-length").map(str::to_owned);
            let agrees = length.as_deref() == Some(right.len().to_string().as_str());
            return (!agrees).then(|| format!("a length of {length:?} where {} is right", right.len()));
        }
        (206, Manner::Range(first, last)) => &right[*first..=*last],
        (200, Manner::Get | Manner::Range(..) | Manner::UnlessTagged(_)) => right,
        (status, manner) => return Some(format!("status {status} to {manner:?}")),
    };
    if got == expected {
        return None;
    }
    let differs = got.iter().zip(expected).position(|(got, right)| got != right);
    Some(format!("{} bytes where {} are right, the first other at {differs:?}", got.len(), expected.len()))
}

/// Runs a step and says when it began and ended.
pub(crate) async fn timed<T>(step: impl Future<Output = T>) -> (Span, T) {
    let from = Instant::now();
    let done = step.await;
    (Span { from, until: Instant::now() }, done)
}
