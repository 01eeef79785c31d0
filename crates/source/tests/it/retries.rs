//! What is asked again, how often, and what that costs the upstream.

use std::time::Duration;

use source::{Breaker, Builder, Conduct, Deadlines, Resume, Retry, Source, SourceError};
use testkit::Upstream;

use crate::ask::{INFO, LIST, ZIP, body, clients, of, over, read, request, under};

/// Retries without a wait, and no breaker.
fn at_once(mut retry: Retry) -> Conduct {
    retry.backoff = Duration::ZERO;
    let breaker = Breaker { failures: 0, share_percent: 0, ..Breaker::default() };
    Conduct { retry, breaker, ..Conduct::default() }
}

#[tokio::test]
async fn what_may_pass_by_itself_is_asked_once_more() {
    for trouble in ["500", "502", "503", "504", "no answer"] {
        let upstream = Upstream::start().await;
        upstream.put(INFO, "{}");
        let script = upstream.on(INFO).once();
        match trouble.parse() {
            Ok(status) => script.status(status),
            Err(_) => script.refuse(),
        };
        let (source, origins) = under(&upstream, at_once(Retry::default()));
        assert_eq!(read(&source, INFO).await.unwrap(), b"{}", "{trouble}");
        assert_eq!((upstream.count(INFO), of(&origins).retries), (2, 1), "{trouble}");
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_once_more() {
    let upstream = Upstream::start().await;
    upstream.stop().await;
    let (source, origins) = under(&upstream, at_once(Retry::default()));
    assert!(matches!(read(&source, INFO).await, Err(SourceError::Unreachable { .. })));
    assert_eq!(of(&origins).retries, 1);
}

#[tokio::test]
async fn what_was_said_is_not_asked_again() {
    for status in [204, 304, 400, 401, 403, 404, 410, 418, 429, 501, 505] {
        let upstream = Upstream::start().await;
        upstream.on(INFO).status_text(status, "");
        let (source, _) = under(&upstream, at_once(Retry::default()));
        read(&source, INFO).await.unwrap_err();
        assert_eq!(upstream.count(INFO), 1, "{status}");
    }
}

#[tokio::test]
async fn what_was_wrong_or_broke_off_or_took_too_long_is_not_asked_again() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{\"Version\":\"v1.0.0\"}");
    upstream.put(LIST, "v1.0.0\n");
    upstream.on(INFO).cut_after(3);
    upstream.on(LIST).gzip();
    upstream.on(ZIP).hold();
    let deadlines = Deadlines { first_byte: Duration::from_millis(30), ..Deadlines::default() };
    let builder = Builder::new(clients(&[]), deadlines).with_conduct(at_once(Retry::default()));
    let source = over(&upstream, &builder);
    for path in [INFO, LIST, ZIP] {
        read(&source, path).await.unwrap_err();
        assert_eq!(upstream.count(path), 1, "{path}");
    }
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_kept_and_a_long_one_ends_it() {
    for (status, wait, asked) in [(429, "1", 2), (503, "1", 2), (429, "3", 1), (503, "3", 1)] {
        let upstream = Upstream::start().await;
        upstream.put(INFO, "{}");
        upstream.on(INFO).once().status(status).header("Retry-After", wait);
        let (source, _) = under(&upstream, at_once(Retry::default()));
        let (started, answer) = (tokio::time::Instant::now(), read(&source, INFO).await);
        assert_eq!((answer.is_ok(), upstream.count(INFO)), (asked == 2, asked), "{status} {wait}");
        assert_eq!(started.elapsed() >= Duration::from_secs(1), asked == 2, "{status} {wait}");
    }
}

#[tokio::test]
async fn asking_again_ends_with_the_deadline_of_the_question() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status(503).header("Retry-After", "1");
    let deadlines = Deadlines { small: Duration::from_millis(900), ..Deadlines::default() };
    let source = over(&upstream, &Builder::new(clients(&[]), deadlines));
    let error = read(&source, INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { status: Some(503), .. }), "{error:?}");
    assert_eq!(upstream.count(INFO), 1);
}

#[tokio::test]
async fn over_many_calls_that_all_fail_few_are_made_again() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status(503);
    let (source, origins) = under(&upstream, at_once(Retry { times: 3, ..Retry::default() }));
    for _ in 0..200 {
        read(&source, INFO).await.unwrap_err();
    }
    let retries = usize::try_from(of(&origins).retries).unwrap();
    assert_eq!(upstream.count(INFO), 200 + retries);
    assert!((40..=45).contains(&retries), "a fifth of 200, and what was saved at the beginning: {retries}");
}

#[tokio::test]
async fn in_an_outage_almost_nothing_is_asked_again_or_at_all() {
    let upstream = Upstream::start().await;
    upstream.on("*").status(503);
    let conduct = Conduct { breaker: Breaker::default(), ..at_once(Retry::default()) };
    let (source, _) = under(&upstream, conduct);
    for _ in 0..500 {
        read(&source, INFO).await.unwrap_err();
    }
    assert!(upstream.count(INFO) < 20, "{} calls", upstream.count(INFO));
}

#[tokio::test]
async fn continuing_a_body_is_paid_from_the_same_credit() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, "0123456789");
    upstream.on(ZIP).etag("\"e\"");
    let (source, origins) =
        under(&upstream, at_once(Retry { credit: 2, share_percent: 0, ..Retry::default() }));
    let (want, from) = (request(ZIP), Resume { offset: 4, etag: "\"e\"".to_owned() });
    for _ in 0..2 {
        assert_eq!(body(source.fetch_from(&want, &from).await.unwrap()).await.unwrap(), b"456789");
    }
    assert!(matches!(source.fetch_from(&want, &from).await, Err(SourceError::NotResumable)));
    assert_eq!((of(&origins).resumed, upstream.count(ZIP)), (2, 2));
    upstream.on(INFO).status(500);
    read(&source, INFO).await.unwrap_err();
    assert_eq!(upstream.count(INFO), 1, "nothing is left for a retry");
}
