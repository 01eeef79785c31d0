//! What each answer of an upstream means.

use std::time::Duration;

use source::{Builder, Class, Deadline, Deadlines, HttpUpstream, Malformed, Source, SourceError};
use testkit::Upstream;

use crate::ask::{INFO, LIST, ZIP, clients, patient, read, request, source};

#[tokio::test]
async fn a_200_is_delivered_with_what_its_head_says() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    upstream.on(INFO).etag("\"tag\"");
    let fetched = source(&upstream).fetch(&request(INFO)).await.unwrap();
    assert_eq!(fetched.size, Some(2));
    assert_eq!(fetched.etag.as_deref(), Some("\"tag\""));
    assert_eq!(fetched.content_type.as_deref(), Some("application/json"));
    assert_eq!(crate::ask::body(fetched).await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_weak_entity_tag_is_not_passed_on() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    upstream.on(INFO).header("ETag", "W/\"tag\"");
    assert_eq!(source(&upstream).fetch(&request(INFO)).await.unwrap().etag, None);
}

#[tokio::test]
async fn every_status_but_200_is_a_failure_of_the_right_class() {
    let upstream = Upstream::start().await;
    for (status, class) in [
        (201, Class::Unavailable),
        (203, Class::Unavailable),
        (206, Class::Unavailable),
        (300, Class::Unavailable),
        (301, Class::Unavailable),
        (302, Class::Unavailable),
        (400, Class::Unavailable),
        (401, Class::Unavailable),
        (403, Class::Unavailable),
        (404, Class::Absent),
        (410, Class::Withdrawn),
        (418, Class::Unavailable),
        (429, Class::Unavailable),
        (500, Class::Unavailable),
        (502, Class::Unavailable),
        (503, Class::Unavailable),
        (504, Class::Unavailable),
    ] {
        upstream.on(INFO).status_text(status, "what it says");
        // A new one each time: nothing is known of it yet.
        let error = read(&source(&upstream), INFO).await.unwrap_err();
        assert_eq!(error.class(), class, "{status}");
        assert_eq!(error.text(), "what it says", "{status}");
        if let SourceError::Unavailable { status: told, .. } = error {
            assert_eq!(told, Some(status));
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_body_by_its_status_is_a_failure() {
    let upstream = Upstream::start().await;
    let source = source(&upstream);
    for status in [204, 304] {
        upstream.on(INFO).status_text(status, "");
        assert_eq!(read(&source, INFO).await.unwrap_err().class(), Class::Unavailable, "{status}");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_passed_on_within_an_hour() {
    let upstream = Upstream::start().await;
    for (value, wait_s) in [
        ("7", Some(7)),
        (" 7 ", Some(7)),
        ("999999", Some(3600)),
        ("99999999999999999999999", Some(3600)),
        ("0", Some(0)),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        // Read against the answer's own date, whatever the time is here.
        ("Sat, 01 Jan 2028 00:00:30 GMT", Some(30)),
        ("Saturday, 01-Jan-28 00:00:30 GMT", Some(30)),
        ("Sat Jan  1 00:00:30 2028", Some(30)),
        ("Sun, 02 Jan 2028 00:00:00 GMT", Some(3600)),
        ("Fri, 31 Dec 2027 23:59:59 GMT", Some(0)),
        ("Sat, 01 Jan 2028 25:00:00 GMT", None),
    ] {
        let date = "Sat, 01 Jan 2028 00:00:00 GMT";
        upstream.on(INFO).status(503).header("Retry-After", value).header("Date", date);
        let wait = read(&source(&upstream), INFO).await.unwrap_err().retry_after();
        assert_eq!(wait, wait_s.map(Duration::from_secs), "{value}");
    }
    upstream.on(INFO).status(503).header("Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT");
    let wait = read(&source(&upstream), INFO).await.unwrap_err().retry_after();
    assert_eq!(wait, Some(Duration::from_hours(1)), "without a date of its own, by our clock");
}

#[tokio::test]
async fn the_text_of_a_page_is_not_passed_on() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).html(404, "<h1>fetch timed out</h1>");
    let error = read(&source(&upstream), INFO).await.unwrap_err();
    assert_eq!(error.text(), "not found");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_404_with_a_passing_cause_is_absent_and_not_worth_remembering() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status_text(404, "not found: fetch timed out");
    let error = read(&source(&upstream), INFO).await.unwrap_err();
    assert!(error.is_absent());
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_endless_error_body_is_read_no_further_than_needed() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status_text(404, &"a long line\n".repeat(10_000));
    let error = read(&source(&upstream), INFO).await.unwrap_err();
    assert_eq!(error.text().lines().count(), 4);
    let hour = Duration::from_hours(1);
    let patient = patient(&upstream, Deadlines { idle: hour, small: hour, ..Deadlines::default() });
    upstream.on(INFO).status(500).endless();
    let answer = tokio::time::timeout(testkit::DEADLINE, read(&patient, INFO)).await;
    assert_eq!(answer.unwrap().unwrap_err().class(), Class::Unavailable);
}

#[tokio::test]
async fn compression_that_was_not_accepted_is_refused() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    upstream.on(INFO).gzip();
    let error = read(&source(&upstream), INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Malformed(Malformed::Encoded)), "{error:?}");
    assert_eq!(error.class(), Class::Corrupt);
    assert_eq!(upstream.requests()[0].header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_unavailable_and_never_absent() {
    let upstream = Upstream::start().await;
    let source = source(&upstream);
    upstream.on(INFO).refuse();
    let error = read(&source, INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    upstream.stop().await;
    let error = read(&source, INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn a_head_that_does_not_come_is_a_time_out() {
    let upstream = Upstream::start().await;
    upstream.on("*").hold();
    let first_byte = Duration::from_millis(40);
    let source = patient(&upstream, Deadlines { first_byte, ..Deadlines::default() });
    for path in [INFO, LIST, ZIP] {
        let error = read(&source, path).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Timeout { what: Deadline::FirstByte, after } if after == first_byte),
            "{path}: {error:?}"
        );
        assert_eq!(error.class(), Class::Unavailable);
    }
}

#[tokio::test]
async fn a_lookup_may_take_longer_than_other_answers_and_a_tile_may_not() {
    let upstream = Upstream::start().await;
    upstream.on("*").hold();
    let (brief, long) = (Duration::from_millis(30), Duration::from_millis(60));
    let deadlines =
        Deadlines { first_byte: brief, small: brief, lookup: long, tile: brief, ..Deadlines::default() };
    let source = patient(&upstream, deadlines);
    for (path, wait) in
        [("/sumdb/sum.example/lookup/example.com/m@v1.0.0", long), ("/sumdb/sum.example/tile/8/0/000", brief)]
    {
        let error = read(&source, path).await.unwrap_err();
        assert!(matches!(error, SourceError::Timeout { after, .. } if after == wait), "{path}: {error:?}");
    }
}

#[tokio::test]
async fn connections_are_used_again_also_after_failures() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    let source = source(&upstream);
    for _ in 0..3 {
        read(&source, INFO).await.unwrap();
        read(&source, LIST).await.unwrap_err();
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn the_path_and_the_query_of_the_configured_url_are_kept() {
    let upstream = Upstream::start().await;
    upstream.put("/go/example.com/A!/@v/list", "");
    let base = format!("{}/go/?token=secret", upstream.url());
    let source =
        HttpUpstream::new("mirror", &base, &Builder::new(clients(&[]), Deadlines::default())).unwrap();
    let error = read(&source, "/example.com/!abc/@v/list").await.unwrap_err();
    assert_eq!(upstream.requests()[0].target, "/go/example.com/%21abc/@v/list?token=secret");
    assert_eq!(source.name(), "mirror");
    let shown = format!("{source:?} {error:?} {error}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn no_failure_shows_the_configured_url() {
    let upstream = Upstream::start().await;
    let base = format!("{}/secret?secret", upstream.url());
    let deadlines = Deadlines { first_byte: Duration::from_millis(30), ..Deadlines::default() };
    let source = HttpUpstream::new("mirror", &base, &Builder::new(clients(&[]), deadlines)).unwrap();
    upstream.on("*").hold();
    let held = read(&source, INFO).await.unwrap_err();
    upstream.on("*").refuse();
    let refused = read(&source, INFO).await.unwrap_err();
    upstream.stop().await;
    let gone = read(&source, INFO).await.unwrap_err();
    for error in [held, refused, gone] {
        let shown = format!("{error:?} {error} {}", error.text());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
