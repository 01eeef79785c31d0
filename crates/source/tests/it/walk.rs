//! The order of a walk and the choice of its answer, compared by hand with cmd/go `modfetch.TryProxies`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use source::{
    Chain, Class, Deadline, Fallback, Fetched, Link, NoDirect, Source, SourceError, Walk, WalkError,
};

/// A source that is never asked: the walk itself asks nobody.
struct Named(&'static str);

impl Source for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn fetch<'a>(&'a self, _request: &'a gomod::Request) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        unreachable!("a walk asks nobody")
    }
}

/// A chain written as a list: `p,q|direct`.
fn chain(list: &'static str) -> Chain {
    let mut links = Vec::new();
    let mut off = false;
    for entry in list.split_inclusive([',', '|']) {
        let fallback = if entry.ends_with('|') { Fallback::OnAnyError } else { Fallback::OnAbsent };
        match entry.trim_end_matches([',', '|']) {
            "off" => off = true,
            "direct" => links.push(Link::direct(Arc::new(NoDirect))),
            name => links.push(Link::new(Arc::new(Named(name)), fallback)),
        }
    }
    Chain::new(links, off)
}

/// A failure by one letter, with the letter as its text.
fn failure(letter: char) -> SourceError {
    let text = letter.to_string();
    match letter {
        'a' => SourceError::Absent { text, transient: false },
        't' => SourceError::Absent { text, transient: true },
        'w' => SourceError::Withdrawn { text },
        'u' => SourceError::Unavailable { status: Some(503), text, retry_after: None },
        'c' => SourceError::Rejected { text },
        'd' => SourceError::Timeout { what: Deadline::FirstByte, after: Duration::from_secs(20) },
        _ => SourceError::Unsupported,
    }
}

/// Walks a list while each source asked fails with the next letter.
fn walk(list: &'static str, failures: &str) -> (String, WalkError) {
    let chain = chain(list);
    let mut letters = failures.chars();
    let mut asked = Vec::new();
    let mut walk = Walk::over(&chain);
    while let Some(link) = walk.next() {
        asked.push(link.source().name().to_owned());
        walk.failed(failure(letters.next().unwrap()));
    }
    assert_eq!(letters.next(), None, "{list}: fewer sources were asked than expected");
    (asked.join(" "), walk.finish())
}

#[test]
fn every_combination_of_separator_and_failure_is_walked_as_the_go_command_walks_it() {
    use Class::{Absent, Corrupt, Unavailable, Withdrawn};
    // list, failures in the order asked, sources asked, class, source shown first
    let table = [
        ("p", "a", "p", Absent, "p"),
        ("p", "w", "p", Withdrawn, "p"),
        ("p", "u", "p", Unavailable, "p"),
        ("p", "c", "p", Corrupt, "p"),
        ("p,q", "aa", "p q", Absent, "q"),
        ("p,q", "aw", "p q", Absent, "q"),
        ("p,q", "ww", "p q", Withdrawn, "q"),
        ("p,q", "au", "p q", Unavailable, "q"),
        ("p,q", "wu", "p q", Unavailable, "q"),
        ("p,q", "u", "p", Unavailable, "p"),
        ("p,q", "c", "p", Corrupt, "p"),
        ("p|q", "aa", "p q", Absent, "q"),
        ("p|q", "au", "p q", Unavailable, "q"),
        ("p|q", "ua", "p q", Unavailable, "p"),
        ("p|q", "uw", "p q", Unavailable, "p"),
        ("p|q", "uu", "p q", Unavailable, "q"),
        ("p|q", "uc", "p q", Corrupt, "q"),
        ("p|q", "cu", "p q", Unavailable, "q"),
        ("p|q", "ca", "p q", Corrupt, "p"),
        ("p|q,r", "uu", "p q", Unavailable, "q"),
        ("p|q,r", "uaa", "p q r", Unavailable, "p"),
        ("p,q|r", "aua", "p q r", Unavailable, "q"),
        ("p,q|r", "u", "p", Unavailable, "p"),
        ("direct", "a", "direct", Absent, "direct"),
        ("direct", "u", "direct", Unavailable, "direct"),
        ("p,direct", "aa", "p direct", Absent, "direct"),
        ("p,direct", "au", "p direct", Unavailable, "direct"),
        ("p,direct", "u", "p", Unavailable, "p"),
        // The go command shows direct's 404 here; the answer must still not be 404.
        ("p|direct", "ua", "p direct", Unavailable, "direct"),
        ("p|direct", "uu", "p direct", Unavailable, "direct"),
        ("p|direct", "wx", "p direct", Absent, "direct"),
        ("off", "", "", Absent, "off"),
        ("p,off", "a", "p", Absent, "off"),
        ("p,off", "w", "p", Withdrawn, "off"),
        ("p,off", "u", "p", Unavailable, "p"),
        ("p|off", "u", "p", Unavailable, "p"),
        ("p|q,off", "ua", "p q", Unavailable, "p"),
    ];
    for (list, failures, asked, class, first) in table {
        let (seen, error) = walk(list, failures);
        assert_eq!(seen, asked, "{list} with {failures}: who was asked");
        assert_eq!(error.class, class, "{list} with {failures}: class");
        assert_eq!(error.lines[0].source, first, "{list} with {failures}: who is shown first");
    }
}

#[test]
fn the_other_sources_follow_in_the_order_in_which_they_were_asked() {
    let (_, error) = walk("p|q|r,direct", "ucaa");
    assert_eq!(error.to_string(), "direct: a; p: u; q: c; r: a");
    assert_eq!(error.class, Class::Unavailable);
}

#[test]
fn off_after_absence_says_that_lookup_is_disabled() {
    let (_, error) = walk("p,off", "a");
    assert_eq!(error.to_string(), "off: module lookup disabled by off; p: a");
    assert!(!error.transient);
    let (_, error) = walk("off", "");
    assert_eq!(error.to_string(), "off: module lookup disabled by off");
    assert!(error.transient, "nobody was asked, so nobody has denied it");
}

#[test]
fn off_behind_a_failure_that_stopped_the_walk_is_not_mentioned() {
    let (_, error) = walk("p,off", "u");
    assert_eq!(error.lines.len(), 1);
}

#[test]
fn an_absence_with_a_passing_cause_is_marked_so() {
    assert!(walk("p,q", "ta").1.transient);
    assert!(!walk("p,q", "aa").1.transient);
    assert_eq!(walk("p,q", "ta").1.class, Class::Absent);
}

#[test]
fn a_deadline_is_told_from_other_outages() {
    assert!(walk("p|q", "da").1.timed_out);
    assert!(!walk("p|q", "ua").1.timed_out);
}

#[test]
fn the_shortest_wait_asked_for_is_passed_on() {
    let chain = chain("p|q|r");
    let mut walk = Walk::over(&chain);
    for wait_s in [Some(30), None, Some(7)] {
        walk.next();
        let retry_after = wait_s.map(Duration::from_secs);
        walk.failed(SourceError::Unavailable { status: Some(429), text: String::new(), retry_after });
    }
    assert_eq!(walk.finish().retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn a_walk_that_asked_nobody_is_no_statement_of_absence() {
    let chain = chain("p,q");
    assert_eq!(Walk::over(&chain).finish().class, Class::Unavailable);
    assert_eq!(Walk::over(&Chain::default()).finish().class, Class::Unavailable);
}

#[test]
fn only_direct_remains_for_a_path_that_no_proxy_may_see() {
    let rest = chain("p|q,direct").direct_only().unwrap();
    assert_eq!(rest.links().len(), 1);
    assert_eq!(rest.links()[0].source().name(), "direct");
    assert!(chain("p,off").direct_only().is_none());
}

#[test]
fn a_walk_that_is_told_so_goes_on_whatever_the_separator_says() {
    let chain = chain("p,q,r,off");
    let mut walk = Walk::over(&chain);
    assert_eq!(walk.next().map(|link| link.source().name()), Some("p"));
    walk.failed(failure('c'));
    walk.go_on();
    assert_eq!(walk.next().map(|link| link.source().name()), Some("q"));
    walk.failed(failure('u'));
    assert!(walk.next().is_none(), "it was told so for one failure only");
    let error = walk.finish();
    assert_eq!((error.class, error.lines.len()), (Class::Unavailable, 2), "what was passed over is told too");
}
