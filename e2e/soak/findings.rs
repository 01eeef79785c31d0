//! What was seen: numbers of everything, and each thing that must not be, with when, where, expected and got.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A run with this many is ended early: more would say nothing new.
const ENOUGH: usize = 20;

/// What a fault may make of the answers while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// What is not held may fail; what is held may not.
    Misses,
    /// Connections may be refused or cut: the server itself goes away.
    Everything,
    /// What is held may fail too, where the fault struck a file.
    Files,
}

/// A time in which a fault was made.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) name: &'static str,
    pub(crate) reach: Reach,
    pub(crate) from: Instant,
    /// Open while the fault lasts.
    pub(crate) until: Option<Instant>,
    /// After the end answers may still fail for as long as this.
    pub(crate) grace: Duration,
    /// Failures that it excuses.
    pub(crate) excused: usize,
    /// From the end to the beginning of the last request that failed.
    pub(crate) recovered_after: Duration,
}

impl Window {
    fn touches(&self, from: Instant, until: Instant) -> bool {
        let end = self.until.map(|end| end + self.grace);
        self.from <= until && end.is_none_or(|end| from <= end)
    }
}

/// When a request began and ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

#[derive(Default)]
struct State {
    windows: Vec<Window>,
    found: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

/// The record of the run. Shared by all who ask.
pub(crate) struct Findings {
    pub(crate) begun: Instant,
    state: Mutex<State>,
}

impl Findings {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), state: Mutex::default() }
    }

    /// A fault begins.
    pub(crate) fn open(&self, name: &'static str, reach: Reach, grace: Duration) {
        self.state().windows.push(Window {
            name,
            reach,
            from: Instant::now(),
            until: None,
            grace,
            excused: 0,
            recovered_after: Duration::ZERO,
        });
    }

    /// The last fault has ended.
    pub(crate) fn close(&self) {
        if let Some(window) = self.state().windows.last_mut() {
            window.until = Some(Instant::now());
        }
    }

    /// Counts one more of something.
    pub(crate) fn count(&self, what: &'static str, by: u64) {
        *self.state().counts.entry(what).or_default() += by;
    }

    /// Whether a fault that may matter touches this time, or the time of `after` behind it.
    pub(crate) fn is_disturbed(&self, span: Span, after: Duration) -> bool {
        let from = span.from.checked_sub(after).unwrap_or(span.from);
        self.state().windows.iter().any(|window| window.touches(from, span.until))
    }

    /// A failure: excused by a window whose reach allows it, else found.
    pub(crate) fn failed(&self, span: Span, allowed: &[Reach], what: impl FnOnce() -> String) {
        let mut state = self.state();
        let by =
            |window: &&mut Window| window.touches(span.from, span.until) && allowed.contains(&window.reach);
        let excuse = state.windows.iter_mut().rev().find(by);
        match excuse {
            Some(window) => {
                window.excused += 1;
                let late = window.until.map(|end| span.from.saturating_duration_since(end));
                window.recovered_after = window.recovered_after.max(late.unwrap_or_default());
                *state.counts.entry("excused").or_default() += 1;
            }
            None => self.note(&mut state, span, what()),
        }
    }

    /// What must never be, whatever happens.
    pub(crate) fn found(&self, span: Span, what: impl FnOnce() -> String) {
        self.note(&mut self.state(), span, what());
    }

    /// The same for what has no request.
    pub(crate) fn found_now(&self, what: impl FnOnce() -> String) {
        let now = Instant::now();
        self.found(Span { from: now, until: now }, what);
    }

    fn note(&self, state: &mut State, span: Span, what: String) {
        let at = (span.from - self.begun).as_secs_f32();
        let took = (span.until - span.from).as_secs_f32();
        let near = state.windows.last().map_or_else(
            || "before any fault".to_owned(),
            |window| {
                let since = |to: Instant| span.from.saturating_duration_since(to).as_secs_f32();
                match window.until {
                    None => format!("{:.1} s into \"{}\"", since(window.from), window.name),
                    Some(end) => format!("{:.1} s after the end of \"{}\"", since(end), window.name),
                }
            },
        );
        let line = format!("at {at:.1} s, for {took:.1} s, {near}: {what}");
        eprintln!("FOUND {line}");
        state.found.push(line);
    }

    /// Whether so much was found that going on says nothing new.
    pub(crate) fn is_enough(&self) -> bool {
        self.state().found.len() >= ENOUGH
    }

    /// Everything that must not be and was.
    pub(crate) fn all(&self) -> Vec<String> {
        self.state().found.clone()
    }

    pub(crate) fn windows(&self) -> Vec<Window> {
        self.state().windows.clone()
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state().counts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Findings({})", self.state().found.len())
    }
}
