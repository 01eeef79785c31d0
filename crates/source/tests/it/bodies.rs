//! A whole body is told from a cut one, and a cut one can be continued.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use source::{Class, Deadline, Deadlines, Malformed, Resume, Source, SourceError};
use testkit::Upstream;

use crate::ask::{INFO, LIST, ZIP, body, patient, read, request, source};

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_whole_body_arrives_whatever_its_framing() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(300_000));
    let source = source(&upstream);
    assert_eq!(read(&source, ZIP).await.unwrap(), content(300_000));
    upstream.on(ZIP).chunked();
    assert_eq!(source.fetch(&request(ZIP)).await.unwrap().size, None);
    assert_eq!(read(&source, ZIP).await.unwrap(), content(300_000));
    upstream.on(ZIP).until_close();
    assert_eq!(read(&source, ZIP).await.unwrap(), content(300_000));
}

#[tokio::test]
async fn text_whose_end_cannot_be_told_from_a_cut_is_refused() {
    for path in ["/example.com/m/@v/v1.0.0.mod", "/example.com/m/@v/list"] {
        let upstream = Upstream::start().await;
        upstream.put(path, "module example.com/m\n");
        let source = source(&upstream);
        upstream.on(path).chunked();
        assert_eq!(read(&source, path).await.unwrap(), b"module example.com/m\n");
        upstream.on(path).until_close();
        let error = read(&source, path).await.unwrap_err();
        assert_eq!(error.class(), Class::Corrupt, "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_ends_with_an_error() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(100_000));
    let source = source(&upstream);
    upstream.on(ZIP).cut_after(70_000);
    let error = read(&source, ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Cut { size: Some(100_000), .. }), "{error:?}");
    assert_eq!(error.class(), Class::Unavailable);
    upstream.on(ZIP).chunked().cut_after(70_000);
    let error = read(&source, ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Cut { size: None, .. }), "{error:?}");
}

#[tokio::test]
async fn a_declared_length_that_is_too_long_is_a_cut() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(1000));
    upstream.on(ZIP).wrong_length(5);
    let error = read(&source(&upstream), ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Cut { size: Some(1005), .. }), "{error:?}");
}

#[tokio::test]
async fn no_more_than_the_declared_length_is_taken() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(1000));
    upstream.on(ZIP).wrong_length(-5);
    assert_eq!(read(&source(&upstream), ZIP).await.unwrap(), content(995));
}

#[tokio::test]
async fn what_arrived_before_the_cut_is_delivered_first() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(100_000));
    upstream.on(ZIP).cut_after(70_000);
    let mut fetched = source(&upstream).fetch(&request(ZIP)).await.unwrap();
    let mut arrived = Vec::new();
    let error = loop {
        match fetched.body.try_next().await {
            Ok(Some(piece)) => arrived.extend_from_slice(&piece),
            Ok(None) => panic!("a cut body must not end cleanly"),
            Err(error) => break error,
        }
    };
    assert_eq!(arrived, content(70_000));
    assert!(matches!(error, SourceError::Cut { got: 70_000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stands_still_is_a_time_out() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(1000));
    upstream.on(ZIP).stall_after(10);
    let idle = Duration::from_millis(40);
    let error = read(&patient(&upstream, Deadlines { idle, ..Deadlines::default() }), ZIP).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Timeout { what: Deadline::Idle, after } if after == idle),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_small_body_has_a_deadline_in_all_and_a_zip_has_none() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, content(1000));
    upstream.put(ZIP, content(1000));
    upstream.on("*").stall_after(10);
    let (small, idle) = (Duration::from_millis(40), Duration::from_millis(80));
    upstream.on(INFO).stall_after(10);
    upstream.on(ZIP).stall_after(10);
    let source = patient(&upstream, Deadlines { small, idle, ..Deadlines::default() });
    let error = read(&source, INFO).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Timeout { what: Deadline::Whole, after } if after == small),
        "{error:?}"
    );
    let error = read(&source, ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout { what: Deadline::Idle, .. }), "{error:?}");
}

#[tokio::test]
async fn a_small_file_beyond_the_bound_is_refused_declared_or_not() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, vec![b'v'; (16 << 20) + 1]);
    let source = source(&upstream);
    let too_large = |error: &SourceError| {
        assert_eq!(error.class(), Class::Corrupt);
        matches!(error, SourceError::Malformed(Malformed::TooLarge { max }) if *max == 16 << 20)
    };
    let error = source.fetch(&request(LIST)).await.unwrap_err();
    assert!(too_large(&error), "{error:?}");
    upstream.on(LIST).endless();
    let error = read(&source, LIST).await.unwrap_err();
    assert!(too_large(&error), "{error:?}");
}

#[tokio::test]
async fn the_largest_small_file_is_taken() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, vec![b'v'; 16 << 20]);
    assert_eq!(read(&source(&upstream), LIST).await.unwrap().len(), 16 << 20);
}

#[tokio::test]
async fn dropping_a_body_ends_the_work() {
    let upstream = Upstream::start().await;
    upstream.on(ZIP).bytes("").endless();
    drop(source(&upstream).fetch(&request(ZIP)).await.unwrap());
    upstream.left(ZIP, 1).await;
}

fn resume(offset: u64, etag: &str) -> Resume {
    Resume { offset, etag: etag.to_owned() }
}

#[tokio::test]
async fn a_cut_body_is_continued_under_its_strong_entity_tag() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(100_000));
    upstream.on(ZIP).etag("\"one\"");
    let rest = source(&upstream).fetch_from(&request(ZIP), &resume(70_000, "\"one\"")).await.unwrap();
    assert_eq!(rest.size, Some(30_000));
    assert_eq!(body(rest).await.unwrap(), content(100_000)[70_000..]);
}

#[tokio::test]
async fn other_content_is_never_joined_to_a_cut_body() {
    let upstream = Upstream::start().await;
    upstream.put(ZIP, content(100_000));
    let source = source(&upstream);
    upstream.on(ZIP).etag("\"two\"");
    let error = source.fetch_from(&request(ZIP), &resume(70_000, "\"one\"")).await.unwrap_err();
    assert!(matches!(error, SourceError::NotResumable), "{error:?}");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_refused() {
    let upstream = Upstream::start().await;
    let source = source(&upstream);
    for (range, etag, fault) in [
        ("bytes 60-99/100", "\"one\"", "WrongPart"),
        ("bytes 70-98/100", "\"one\"", "WrongPart"),
        ("bytes 70-99/*", "\"one\"", "WrongPart"),
        ("bytes 99-70/100", "\"one\"", "WrongPart"),
        ("nonsense", "\"one\"", "WrongPart"),
        ("bytes 70-99/100", "\"two\"", "NotResumable"),
        ("bytes 70-99/100", "W/\"one\"", "NotResumable"),
    ] {
        upstream
            .on(ZIP)
            .status_text(206, &"x".repeat(30))
            .header("Content-Range", range)
            .header("ETag", etag);
        let error = source.fetch_from(&request(ZIP), &resume(70, "\"one\"")).await.unwrap_err();
        assert!(format!("{error:?}").contains(fault), "{range} {etag}: {error:?}");
    }
}
