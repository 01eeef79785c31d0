//! One walk over the sources of a chain, and what to answer when none of them had it.
//!
//! The walk does no I/O: the caller takes the next link, asks it, and reports the failure. The link's separator
//! decides whether the walk goes on. The order and the choice of the error are the go command's
//! (`modfetch.TryProxies`), with one difference: the go command may show a `direct` 404 after a proxy's outage,
//! and we must not answer 404 then, because it would send the client on to its next source. So the *text* is
//! chosen as the go command does, and the *class* of the answer is absent only if every source said absent.

use std::fmt;
use std::time::Duration;

use crate::{Chain, Class, Fallback, Link, SourceError};

/// What the go command says for `off`, without naming a variable that is not ours.
const DISABLED: &str = "module lookup disabled by off";

/// A walk in progress. As an iterator it gives the links to ask; report each failure with [`Walk::failed`].
#[derive(Debug)]
pub struct Walk<'a> {
    chain: &'a Chain,
    asked: usize,
    stopped: bool,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    said: Line,
    direct: bool,
    /// `None` for `off`, which is no source and so has no say in the class.
    error: Option<SourceError>,
}

/// Why a walk ended without an answer. `lines` is in the order in which they should be shown.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", joined(lines))]
pub struct WalkError {
    /// What to answer.
    pub class: Class,
    /// One entry a source: the go command's choice first, then the others as they were asked.
    pub lines: Vec<Line>,
    /// The shortest wait that a source asked for.
    pub retry_after: Option<Duration>,
    /// Whether it may pass by itself; such an absence is not remembered.
    pub transient: bool,
    /// Whether what decided the class was a deadline (504 rather than 503).
    pub timed_out: bool,
}

/// What one source said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The source's configured name; `off` for the end of a list.
    pub source: String,
    /// One to four lines, safe to show.
    pub text: String,
    /// Whether it sent something that cannot be what was asked for, instead of saying no or failing.
    pub is_wrong: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.text)
    }
}

impl WalkError {
    /// What was said of the sources that sent something wrong.
    pub fn wrong(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_wrong)
    }
}

impl<'a> Walk<'a> {
    /// A walk from the first link on.
    pub fn over(chain: &'a Chain) -> Self {
        Self { chain, asked: 0, stopped: false, failures: Vec::new() }
    }

    /// Reports that the link given last failed. After `,` only absence goes on, after `|` every failure.
    pub fn failed(&mut self, error: SourceError) {
        let Some(link) = self.asked.checked_sub(1).and_then(|last| self.chain.links().get(last)) else {
            return;
        };
        self.stopped = link.fallback() == Fallback::OnAbsent && !error.is_absent();
        let said = Line {
            source: link.source().name().to_owned(),
            text: error.text(),
            is_wrong: error.class() == Class::Corrupt,
        };
        self.failures.push(Failure { said, direct: link.is_direct(), error: Some(error) });
    }

    /// Goes on after the failure that was reported last, whatever the separator says: what the next sources send can be
    /// proven right, since a record of a checksum database covers it. Nothing is to be feared of asking them then, as long
    /// as what the source failed by was an outage or wrong content.
    pub fn go_on(&mut self) {
        self.stopped = false;
    }

    /// Ends the walk and weighs the failures.
    pub fn finish(mut self) -> WalkError {
        let exhausted = !self.stopped && self.asked >= self.chain.links().len();
        if exhausted && self.chain.ends_off() {
            let said = Line { source: "off".to_owned(), text: DISABLED.to_owned(), is_wrong: false };
            self.failures.push(Failure { said, direct: false, error: None });
        }
        if let Some(best) = best(&self.failures) {
            let first = self.failures.remove(best);
            self.failures.insert(0, first);
        }
        weigh(self.failures)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Link;

    fn next(&mut self) -> Option<&'a Link> {
        if self.stopped {
            return None;
        }
        let link = self.chain.links().get(self.asked)?;
        self.asked += 1;
        Some(link)
    }
}

impl Failure {
    fn is_absent(&self) -> bool {
        self.error.as_ref().is_none_or(SourceError::is_absent)
    }

    /// Direct before any proxy's trouble before absence (the ranks of `TryProxies`).
    fn rank(&self) -> u8 {
        match (self.direct, self.is_absent()) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}

/// The failure that the go command would show: of the highest rank, the last.
fn best(failures: &[Failure]) -> Option<usize> {
    let ranked = failures.iter().enumerate().max_by_key(|(at, failure)| (failure.rank(), *at));
    ranked.map(|(at, _)| at)
}

fn weigh(failures: Vec<Failure>) -> WalkError {
    let errors = || failures.iter().filter_map(|failure| failure.error.as_ref());
    let trouble = errors().find(|error| !error.is_absent());
    let class = match trouble {
        Some(error) => error.class(),
        // Nobody was asked and nothing switched off: that is no statement of absence.
        None if failures.is_empty() => Class::Unavailable,
        None if errors().count() > 0 && errors().all(|error| error.class() == Class::Withdrawn) => {
            Class::Withdrawn
        }
        None => Class::Absent,
    };
    WalkError {
        class,
        retry_after: errors().filter_map(SourceError::retry_after).min(),
        // Where nobody was asked, nobody has denied anything: `off` is no statement of absence either.
        transient: errors().next().is_none() || errors().any(SourceError::is_transient),
        timed_out: matches!(trouble, Some(SourceError::Timeout { .. })),
        lines: failures.into_iter().map(|failure| failure.said).collect(),
    }
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(Line::to_string).collect::<Vec<_>>().join("; ")
}
