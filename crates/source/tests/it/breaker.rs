//! When an upstream is left alone, how it is tried again, and who hears of it.

use std::time::Duration;

use source::{
    Breaker, Builder, Class, Conduct, Deadlines, Health, HttpUpstream, Origins, Outcome, Retry, Source,
    SourceError, State,
};
use testkit::{Upstream, eventually};

use crate::ask::{INFO, LIST, ZIP, clients, of, over, read, request, under};

const HOUR: Duration = Duration::from_hours(1);
/// So short that it has passed when the next call is made.
const NO_PAUSE: Duration = Duration::from_nanos(1);

/// No retries, and after five failures in a row a pause of this length.
fn pausing(pause: Duration) -> Conduct {
    let breaker = Breaker { pause, longest_pause: pause, ..Breaker::default() };
    Conduct { breaker, retry: Retry { times: 0, ..Retry::default() }, ..Conduct::default() }
}

fn count(health: &Health, outcome: Outcome) -> u64 {
    health.calls.iter().find(|(of, _)| *of == outcome).unwrap().1
}

async fn fail(source: &HttpUpstream, times: usize) {
    for _ in 0..times {
        let error = read(source, INFO).await.unwrap_err();
        assert!(matches!(error, SourceError::Unavailable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn five_failures_in_a_row_open_it_and_then_nothing_is_sent() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, "v1.0.0\n");
    upstream.on(INFO).status(500);
    let (source, origins) = under(&upstream, pausing(HOUR));
    fail(&source, 4).await;
    assert_eq!(read(&source, LIST).await.unwrap(), b"v1.0.0\n", "a good answer in between");
    fail(&source, 5).await;
    let sent = upstream.requests().len();
    for path in [INFO, LIST, ZIP] {
        let error = read(&source, path).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        let wait = error.retry_after().unwrap();
        assert!((HOUR / 2..HOUR * 2).contains(&wait), "{wait:?}");
    }
    assert_eq!(upstream.requests().len(), sent);
    let health = of(&origins);
    assert!(matches!(health.state, State::Open { again_in } if again_in > HOUR / 2), "{health:?}");
    assert_eq!((health.opened, count(&health, Outcome::Paused), count(&health, Outcome::Failed)), (1, 3, 9));
    let (text, _) = health.last_failure.unwrap();
    assert_eq!(text, "answered with status 500");
}

#[tokio::test]
async fn a_refused_connection_and_a_broken_body_count_as_failures() {
    for what in ["refused", "no answer", "broken off"] {
        let upstream = Upstream::start().await;
        upstream.put(INFO, "{\"Version\":\"v1.0.0\"}");
        match what {
            "refused" => upstream.stop().await,
            "no answer" => drop(upstream.on(INFO).refuse()),
            _ => drop(upstream.on(INFO).cut_after(5)),
        }
        let (source, origins) = under(&upstream, pausing(HOUR));
        for _ in 0..5 {
            let error = read(&source, INFO).await.unwrap_err();
            assert!(!matches!(error, SourceError::Paused { .. }), "{what}");
        }
        assert!(matches!(read(&source, INFO).await, Err(SourceError::Paused { .. })), "{what}");
        assert!(of(&origins).last_success.is_none(), "{what}");
    }
}

#[tokio::test]
async fn what_an_upstream_says_in_good_health_never_opens_it() {
    for status in [200, 204, 304, 400, 401, 403, 404, 410, 418, 429] {
        let upstream = Upstream::start().await;
        upstream.on(INFO).status_text(status, "");
        let (source, origins) = under(&upstream, pausing(HOUR));
        for _ in 0..30 {
            let asked = read(&source, INFO).await;
            assert!(!matches!(asked, Err(SourceError::Paused { .. })), "{status}");
        }
        assert_eq!((of(&origins).state, upstream.count(INFO)), (State::Closed, 30), "{status}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_it_should_be_never_opens_it() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).bytes("{}").gzip();
    let (source, origins) = under(&upstream, pausing(HOUR));
    for _ in 0..30 {
        assert!(matches!(read(&source, INFO).await, Err(SourceError::Malformed(_))));
    }
    assert_eq!(of(&origins).state, State::Closed);
}

#[tokio::test]
async fn half_of_many_calls_failing_opens_it_though_never_in_a_row() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, "v1.0.0\n");
    upstream.on(INFO).status(502);
    let (source, origins) = under(&upstream, pausing(HOUR));
    for _ in 0..9 {
        read(&source, LIST).await.unwrap();
        fail(&source, 1).await;
    }
    assert_eq!(of(&origins).state, State::Closed, "too few to say anything");
    read(&source, LIST).await.unwrap();
    fail(&source, 1).await;
    assert!(matches!(of(&origins).state, State::Open { .. }));
}

/// An upstream that was left alone after five failures, and whose pause is over; it has a list.
async fn opened() -> (Upstream, HttpUpstream, Origins) {
    let upstream = Upstream::start().await;
    upstream.put(LIST, "v1.0.0\n");
    upstream.on(INFO).status(500);
    let (source, origins) = under(&upstream, pausing(NO_PAUSE));
    fail(&source, 5).await;
    (upstream, source, origins)
}

#[tokio::test]
async fn after_the_pause_one_call_tries_it_and_its_success_lets_all_through() {
    let (upstream, source, origins) = opened().await;
    upstream.on(LIST).hold();
    let (trying, again) = (source.clone(), source.clone());
    let trying = tokio::spawn(async move { read(&trying, LIST).await });
    upstream.held(LIST, 1).await;
    assert_eq!(of(&origins).state, State::HalfOpen);
    for _ in 0..10 {
        assert!(matches!(read(&again, LIST).await, Err(SourceError::Paused { .. })));
    }
    assert_eq!(upstream.count(LIST), 1);
    upstream.release();
    assert_eq!(trying.await.unwrap().unwrap(), b"v1.0.0\n");
    assert_eq!(of(&origins).state, State::Closed);
    assert_eq!(read(&again, LIST).await.unwrap(), b"v1.0.0\n");
}

#[tokio::test]
async fn a_call_that_tries_it_in_vain_leaves_it_open() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status(500);
    let (source, origins) = under(&upstream, pausing(NO_PAUSE));
    fail(&source, 8).await;
    assert!(matches!(of(&origins).state, State::Open { .. }));
    assert_eq!(of(&origins).opened, 1, "once, however often it is tried");
}

#[tokio::test]
async fn a_call_that_tries_it_and_is_given_up_leaves_the_try_to_the_next() {
    let (upstream, source, origins) = opened().await;
    upstream.on(LIST).hold();
    let trying = source.clone();
    let trying = tokio::spawn(async move { read(&trying, LIST).await });
    upstream.held(LIST, 1).await;
    trying.abort();
    assert!(trying.await.unwrap_err().is_cancelled());
    upstream.release();
    assert_eq!(read(&source, LIST).await.unwrap(), b"v1.0.0\n");
    assert_eq!((of(&origins).state, count(&of(&origins), Outcome::Abandoned)), (State::Closed, 1));
}

#[tokio::test]
async fn a_failure_of_a_call_that_began_before_a_good_one_says_nothing() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, "v1.0.0\n");
    let (source, origins) = under(&upstream, pausing(HOUR));
    upstream.on(INFO).status(500).hold();
    let hanging: Vec<_> = (0..10)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { read(&source, INFO).await })
        })
        .collect();
    upstream.held(INFO, 10).await;
    // Time is counted in milliseconds.
    eventually("a good answer later than that", || async {
        read(&source, LIST).await.unwrap();
        of(&origins).calls.iter().map(|(_, calls)| calls).sum::<u64>() > 3
    })
    .await;
    upstream.release();
    for call in hanging {
        assert!(call.await.unwrap().is_err());
    }
    assert_eq!(of(&origins).state, State::Closed);
}

#[tokio::test]
async fn a_wait_asked_for_by_429_holds_for_all_calls() {
    for value in ["60", "Sat, 01 Jan 2028 00:01:00 GMT"] {
        let upstream = Upstream::start().await;
        upstream.put(LIST, "v1.0.0\n");
        let date = "Sat, 01 Jan 2028 00:00:00 GMT";
        upstream.on(INFO).status(429).header("Retry-After", value).header("Date", date);
        let (source, origins) = under(&upstream, pausing(NO_PAUSE));
        read(&source, LIST).await.unwrap();
        fail(&source, 1).await;
        let error = read(&source, LIST).await.unwrap_err();
        let wait = error.retry_after().unwrap();
        assert!((Duration::from_secs(55)..=Duration::from_mins(1)).contains(&wait), "{value}: {wait:?}");
        assert_eq!(upstream.count(LIST), 1, "{value}");
        assert!(matches!(of(&origins).state, State::Open { .. }));
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_bounded_and_may_be_passed_over() {
    for (longest_asked, state) in [(Duration::ZERO, "closed"), (Duration::from_secs(9), "open")] {
        let upstream = Upstream::start().await;
        upstream.on(INFO).status(429).header("Retry-After", "3000");
        let mut conduct = pausing(NO_PAUSE);
        conduct.breaker.longest_asked = longest_asked;
        let (source, origins) = under(&upstream, conduct);
        fail(&source, 1).await;
        assert_eq!(of(&origins).state.as_str(), state);
        if let State::Open { again_in } = of(&origins).state {
            assert!(again_in <= longest_asked, "{again_in:?}");
        }
    }
}

#[tokio::test]
async fn a_wait_asked_for_by_503_holds_for_all_unless_others_are_answered_well() {
    let upstream = Upstream::start().await;
    upstream.put(LIST, "v1.0.0\n");
    upstream.on(INFO).status(503).header("Retry-After", "60");
    let (source, origins) = under(&upstream, pausing(NO_PAUSE));
    fail(&source, 1).await;
    assert!(matches!(read(&source, LIST).await, Err(SourceError::Paused { .. })));

    let (source, others) = under(&upstream, pausing(NO_PAUSE));
    read(&source, LIST).await.unwrap();
    fail(&source, 1).await;
    assert_eq!(read(&source, LIST).await.unwrap(), b"v1.0.0\n", "one thing it has not got is not all");
    assert_eq!((of(&origins).state.as_str(), of(&others).state.as_str()), ("open", "closed"));
}

#[tokio::test]
async fn an_origin_is_one_for_all_who_ask_it_and_outlives_a_reload() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status(500);
    upstream.on("/latest").status(500);
    let builder = Builder::new(clients(&[]), Deadlines::default()).with_conduct(pausing(HOUR));
    let origins = Origins::default();
    let builder = builder.with_origins(origins.clone());
    let proxy = over(&upstream, &builder);
    let below = HttpUpstream::named_by_host(&format!("{}/go", upstream.url()), &builder).unwrap();
    let database = HttpUpstream::sumdb("sum.example", &upstream.url(), &builder).unwrap();
    fail(&proxy, 4).await;
    let latest = database.fetch(&request("/sumdb/sum.example/latest")).await;
    assert!(matches!(latest, Err(SourceError::Unavailable { .. })));
    assert!(matches!(read(&below, INFO).await, Err(SourceError::Paused { .. })));
    let names: Vec<String> = origins.health().into_iter().map(|health| health.name).collect();
    assert_eq!(names, [upstream.address().to_string()]);

    // Other settings: the old sources go when the new ones are there.
    let rules = Conduct { retry: Retry::default(), ..pausing(HOUR) };
    let anew = Builder::new(clients(&[]), Deadlines::default()).with_conduct(rules);
    let anew = over(&upstream, &anew.with_origins(origins.clone()));
    drop((proxy, below, database, builder));
    assert!(matches!(read(&anew, INFO).await, Err(SourceError::Paused { .. })));
    assert_eq!(count(&of(&origins), Outcome::Failed), 5);
    drop(anew);
    assert!(origins.health().is_empty(), "an upstream that is no longer configured is not shown");
}

#[tokio::test]
async fn switched_off_it_never_opens() {
    let upstream = Upstream::start().await;
    upstream.on(INFO).status(500);
    let mut conduct = pausing(HOUR);
    conduct.breaker = Breaker { failures: 0, share_percent: 0, ..conduct.breaker };
    let (source, origins) = under(&upstream, conduct);
    fail(&source, 50).await;
    assert_eq!((of(&origins).state, upstream.count(INFO)), (State::Closed, 50));
}
