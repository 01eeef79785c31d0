//! Where questions and wrong answers meet. For each cell: the status and words that a client gets, what the next source of
//! a chain is asked, that nothing wrong is kept or remembered too long, and that a held copy goes on being served.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use testkit::Upstream;
use testkit::raw::Response;
use testkit::upstream::On;

use super::answers::{ANSWERS, Ends, STATUSES};
use super::questions::Question;
use crate::proxy::TestProxy;

/// How patient the server is with a source here.
const PATIENCE: &str = "4s";
/// Cells that are looked at together.
const AT_A_TIME: usize = 16;
/// A failure answers all who ask within a second, an absence within a minute.
const FAILURE_PASSES: Duration = Duration::from_millis(1001);
const ABSENCE_PASSES: Duration = Duration::from_millis(60_001);

/// One cell of the table.
#[derive(Clone, Copy)]
struct Cell<'a> {
    question: Question,
    name: &'a str,
    script: &'a dyn Fn(On<'_>, &str),
    ends: Ends,
}

impl Cell<'_> {
    fn spoil(&self, upstream: &Upstream) {
        (self.script)(upstream.on(&self.question.path()), &self.question.path());
    }

    fn says(&self) -> String {
        format!("{} to {:?}", self.name, self.question)
    }

    async fn spoilt(&self) -> Upstream {
        let upstream = self.question.upstream().await;
        self.spoil(&upstream);
        upstream
    }

    fn over(upstreams: &str) -> TestProxy {
        TestProxy::with(&[
            ("upstream", upstreams),
            ("timeout.first_byte", PATIENCE),
            ("timeout.body_idle", PATIENCE),
        ])
    }

    /// Asks, and checks what is said.
    async fn is_told(&self, proxy: &TestProxy) {
        let response = proxy.get(&self.question.path()).await;
        let (says, text) = (self.says(), response.text());
        assert_eq!(response.status, self.ends.status(), "{says}: {text}");
        assert_eq!(response.complete, self.ends != Ends::Cut, "{says}");
        if self.ends != Ends::Cut {
            is_helpful(&says, self.ends, &response);
        }
    }

    /// Asks, and checks that it is right.
    async fn is_right(&self, proxy: &TestProxy, when: &str) {
        let response = proxy.get(&self.question.path()).await;
        let right = response.status == 200 && response.complete && response.body == self.question.right();
        assert!(right, "{}, {when}: {} {}", self.says(), response.status, response.text());
    }

    /// Told as it should be, not kept, and forgotten in time; then the right answer is held, and goes on being served
    /// by the age of an hour whatever comes. A sound source behind a `,` is not asked, unless this is an absence: then
    /// there is none.
    async fn told_and_forgotten(&self) {
        let (first, second) = (self.spoilt().await, self.question.upstream().await);
        let chain =
            if self.ends.is_absence() { first.url() } else { format!("{},{}", first.url(), second.url()) };
        let proxy = Self::over(&chain);
        if self.question == Question::Latest && matches!(self.ends, Ends::Absent | Ends::Withdrawn) {
            return self.is_right(&proxy, "chosen from the list, as the go command would").await;
        }
        self.is_told(&proxy).await;
        let file = proxy.data(&format!("modules{}", self.question.path()));
        assert!(!file.exists(), "{}: kept", self.says());
        first.release();
        first.heal(&self.question.path());
        let is_remembered = matches!(self.ends, Ends::Absent | Ends::Withdrawn);
        proxy.clock().advance(if is_remembered { ABSENCE_PASSES } else { FAILURE_PASSES });
        self.is_right(&proxy, "when the source is sound again").await;

        self.spoil(&first);
        proxy.clock().advance(Duration::from_hours(1));
        // Denied by every source for good: that is an answer.
        if !(self.question.ages() && is_remembered) {
            self.is_right(&proxy, "with a held copy").await;
        }
        assert!(second.paths().is_empty(), "{}: `,` went on", self.says());
        proxy.stop().await;
    }

    /// With a sound source behind it, to which `|` goes on after anything, `,` after an absence.
    async fn goes_on(&self) {
        if self.ends == Ends::Cut {
            return; // A part of it was sent already: no other source's bytes may follow.
        }
        let (first, second) = (self.spoilt().await, self.question.upstream().await);
        let separator = if self.ends.is_absence() { "," } else { "|" };
        let proxy = Self::over(&format!("{}{separator}{}", first.url(), second.url()));
        self.is_right(&proxy, &format!("with a sound source behind `{separator}`")).await;
    }
}

/// What a person can do something with, and a machine.
fn is_helpful(says: &str, ends: Ends, response: &Response) {
    let text = response.text();
    let begins: &[&str] = match ends {
        Ends::Absent | Ends::Passing | Ends::Withdrawn => &["not found: "],
        Ends::Refused => &["refused: "],
        _ => &["temporarily unavailable: ", "example.com/m"],
    };
    assert!(begins.iter().any(|begin| text.starts_with(begin)), "{says}: {text}");
    assert!(text.contains("example.com/m") && text.contains("request id: "), "{says}: {text}");
    assert!(text.len() <= 648 && !text.contains("\n\n") && !text.contains('<'), "{says}: {text}");
    assert!(!text.contains("127.0.0.1:") || text.lines().count() > 1, "{says}: {text}");
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"), "{says}");
    let waits = matches!(ends, Ends::Outage | Ends::Late);
    assert_eq!(response.header("retry-after").is_some(), waits, "{says}");
    if !matches!(ends, Ends::Absent | Ends::Withdrawn) {
        let control = response.header("cache-control").unwrap();
        assert!(control == "no-store" || control.ends_with("max-age=0"), "{says}: {control}");
    }
}

/// All cells of a question, several at a time: most of them wait.
async fn every_answer_to(question: Question) {
    let statuses = STATUSES.map(|(status, ends)| async move {
        let script = move |on: On<'_>, _: &str| drop(on.status_text(status, "what it says"));
        check(&Cell { question, name: &format!("status {status}"), script: &script, ends }).await;
    });
    let others = ANSWERS.iter().filter(|answer| (answer.to)(question)).map(|answer| async move {
        check(&Cell { question, name: answer.name, script: &answer.script, ends: answer.ends }).await;
    });
    // Boxed: each cell holds two upstreams and a server.
    Box::pin(stream::iter(statuses).buffer_unordered(AT_A_TIME).collect::<Vec<()>>()).await;
    Box::pin(stream::iter(others).buffer_unordered(AT_A_TIME).collect::<Vec<()>>()).await;
}

async fn check(cell: &Cell<'_>) {
    cell.told_and_forgotten().await;
    cell.goes_on().await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_list_ends_as_it_should() {
    every_answer_to(Question::List).await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_latest_version_ends_as_it_should() {
    every_answer_to(Question::Latest).await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_query_ends_as_it_should() {
    every_answer_to(Question::Query).await;
}

#[tokio::test]
async fn every_wrong_answer_to_an_info_ends_as_it_should() {
    every_answer_to(Question::Info).await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_mod_ends_as_it_should() {
    every_answer_to(Question::Mod).await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_zip_ends_as_it_should() {
    every_answer_to(Question::Zip).await;
}

#[tokio::test]
async fn every_wrong_answer_to_a_large_zip_ends_as_it_should() {
    every_answer_to(Question::LargeZip).await;
}
