//! How much is asked of an upstream at once, and what is counted meanwhile.

use std::time::Duration;

use source::{
    Budget, Builder, Class, Conduct, Deadlines, Fetched, Health, HttpUpstream, InFlight, Latency, Origins,
    Outcome, Retry, Source, SourceError,
};
use testkit::{Upstream, eventually};
use tokio::task::JoinHandle;

use crate::ask::{INFO, LIST, ZIP, clients, over, read, request};

fn under(upstream: &Upstream, budget: Budget) -> (HttpUpstream, Origins) {
    let origins = Origins::default();
    let retry = Retry { times: 0, ..Retry::default() };
    let conduct = Conduct { budget, retry, ..Conduct::default() };
    let builder = Builder::new(clients(&[]), Deadlines::default()).with_conduct(conduct);
    (over(upstream, &builder.with_origins(origins.clone())), origins)
}

fn of(origins: &Origins) -> Health {
    origins.health().into_iter().next().unwrap()
}

fn in_background(source: &HttpUpstream, path: &'static str) -> JoinHandle<Result<Vec<u8>, SourceError>> {
    let source = source.clone();
    tokio::spawn(async move { read(&source, path).await })
}

/// Serves all three files.
async fn serving() -> Upstream {
    let upstream = Upstream::start().await;
    for path in [INFO, LIST, ZIP] {
        upstream.put(path, "content");
    }
    upstream
}

#[tokio::test]
async fn zips_that_hang_take_no_place_from_small_answers() {
    let upstream = serving().await;
    upstream.on(ZIP).hold();
    let (source, origins) = under(&upstream, Budget { large: 3, ..Budget::default() });
    let hanging: Vec<_> = (0..5).map(|_| in_background(&source, ZIP)).collect();
    upstream.held(ZIP, 3).await;
    eventually("two that wait", || async { of(&origins).in_flight.waiting == 2 }).await;
    assert_eq!(of(&origins).in_flight, InFlight { small: 0, large: 3, waiting: 2 });
    assert_eq!(read(&source, INFO).await.unwrap(), b"content");
    upstream.release();
    for zip in hanging {
        assert_eq!(zip.await.unwrap().unwrap(), b"content");
    }
    assert_eq!((upstream.peak(ZIP), upstream.count(ZIP)), (3, 5));
    assert_eq!(of(&origins).in_flight, InFlight::default());
}

#[tokio::test]
async fn one_upstream_that_hangs_leaves_another_alone() {
    let (slow, well) = (serving().await, serving().await);
    slow.on("*").hold();
    let conduct = Conduct { budget: Budget { small: 1, ..Budget::default() }, ..Conduct::default() };
    let builder = Builder::new(clients(&[]), Deadlines::default()).with_conduct(conduct);
    let (slow_source, well_source) = (over(&slow, &builder), over(&well, &builder));
    let hanging = in_background(&slow_source, INFO);
    slow.arrived(INFO, 1).await;
    assert_eq!(read(&well_source, INFO).await.unwrap(), b"content");
    slow.release();
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_finds_the_queue_full_is_sent_away_at_once() {
    let upstream = serving().await;
    upstream.on(INFO).hold();
    let wait = Duration::from_hours(1);
    let (source, origins) = under(&upstream, Budget { small: 1, queue: 1, wait, ..Budget::default() });
    let hanging = in_background(&source, INFO);
    upstream.held(INFO, 1).await;
    let queued = in_background(&source, LIST);
    eventually("one in the queue", || async { of(&origins).in_flight.waiting == 1 }).await;
    let error = read(&source, LIST).await.unwrap_err();
    assert!(matches!(error, SourceError::Crowded { .. }), "{error:?}");
    assert_eq!((error.class(), error.retry_after().is_some()), (Class::Unavailable, true));
    upstream.release();
    hanging.await.unwrap().unwrap();
    assert_eq!(queued.await.unwrap().unwrap(), b"content");
}

#[tokio::test]
async fn who_has_waited_long_enough_is_sent_away() {
    let upstream = serving().await;
    upstream.on(INFO).hold();
    let wait = Duration::from_millis(50);
    let (source, origins) = under(&upstream, Budget { small: 1, wait, ..Budget::default() });
    let hanging = in_background(&source, INFO);
    upstream.held(INFO, 1).await;
    let error = read(&source, LIST).await.unwrap_err();
    assert!(matches!(error, SourceError::Crowded { .. }), "{error:?}");
    assert_eq!((upstream.count(LIST), of(&origins).in_flight.waiting), (0, 0));
    upstream.release();
    hanging.await.unwrap().unwrap();
    assert_eq!(read(&source, LIST).await.unwrap(), b"content");
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    let upstream = serving().await;
    upstream.on(INFO).hold();
    let (source, origins) = under(&upstream, Budget { small: 1, ..Budget::default() });
    let mut calls = vec![in_background(&source, INFO)];
    upstream.held(INFO, 1).await;
    for (at, path) in
        ["/a.example/m/@v/list", "/b.example/m/@v/list", "/c.example/m/@v/list"].iter().enumerate()
    {
        upstream.put(path, "");
        calls.push(in_background(&source, path));
        eventually("one more in the queue", || async { of(&origins).in_flight.waiting == at + 1 }).await;
    }
    upstream.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let order = ["/a.example/m/@v/list", "/b.example/m/@v/list", "/c.example/m/@v/list"];
    assert_eq!(upstream.paths()[1..], order);
}

#[tokio::test]
async fn the_queue_is_left_when_the_upstream_turns_out_to_be_down() {
    let upstream = serving().await;
    upstream.on(INFO).status(429).header("Retry-After", "60");
    upstream.on(ZIP).hold();
    let (source, origins) =
        under(&upstream, Budget { large: 1, wait: Duration::from_hours(1), ..Budget::default() });
    let hanging = in_background(&source, ZIP);
    upstream.held(ZIP, 1).await;
    let queued: Vec<_> = (0..20).map(|_| in_background(&source, ZIP)).collect();
    eventually("a queue", || async { of(&origins).in_flight.waiting == 20 }).await;
    read(&source, INFO).await.unwrap_err();
    for call in queued {
        assert!(matches!(call.await.unwrap(), Err(SourceError::Paused { .. })));
    }
    assert_eq!((upstream.count(ZIP), of(&origins).in_flight.large), (1, 1));
    upstream.release();
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_is_dropped_gives_its_place_back() {
    let upstream = serving().await;
    upstream.on(ZIP).stall_after(3);
    let (source, origins) = under(&upstream, Budget { large: 1, ..Budget::default() });
    let fetched: Fetched = source.fetch(&request(ZIP)).await.unwrap();
    assert_eq!(of(&origins).in_flight.large, 1);
    drop(fetched);
    assert_eq!(of(&origins).in_flight.large, 0);
    upstream.heal(ZIP);
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    let calls = of(&origins).calls;
    assert!(calls.contains(&(Outcome::Abandoned, 1)) && calls.contains(&(Outcome::Ok, 1)), "{calls:?}");
}

#[tokio::test]
async fn places_grow_and_shrink_with_the_settings() {
    let upstream = serving().await;
    upstream.on(ZIP).hold();
    let (source, origins) = under(&upstream, Budget { large: 4, ..Budget::default() });
    let sized = |large| {
        let conduct = Conduct { budget: Budget { large, ..Budget::default() }, ..Conduct::default() };
        let builder = Builder::new(clients(&[]), Deadlines::default()).with_conduct(conduct);
        over(&upstream, &builder.with_origins(origins.clone()))
    };
    let mut calls: Vec<_> = (0..4).map(|_| in_background(&source, ZIP)).collect();
    upstream.held(ZIP, 4).await;
    drop((sized(2), sized(4)));
    calls.push(in_background(&source, ZIP));
    eventually("one that waits", || async { of(&origins).in_flight.waiting == 1 }).await;
    let fewer = sized(2);
    assert_eq!(of(&origins).in_flight.large, 4, "those under way stay");
    calls.push(in_background(&fewer, ZIP));
    eventually("two that wait", || async { of(&origins).in_flight.waiting == 2 }).await;
    upstream.release();
    for call in calls.drain(..) {
        call.await.unwrap().unwrap();
    }
    upstream.on(ZIP).hold();
    upstream.forget();
    calls.extend((0..6).map(|_| in_background(&fewer, ZIP)));
    eventually("four that wait", || async { of(&origins).in_flight.waiting == 4 }).await;
    assert_eq!(of(&origins).in_flight.large, 2);
    let more = sized(5);
    upstream.held(ZIP, 5).await;
    assert_eq!(of(&origins).in_flight, InFlight { small: 0, large: 5, waiting: 1 });
    upstream.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    drop(more);
    assert_eq!(of(&origins).in_flight, InFlight::default());
}

#[tokio::test]
async fn what_happens_is_counted() {
    let upstream = serving().await;
    upstream.on(INFO).status(403).once();
    let (source, origins) = under(&upstream, Budget::default());
    read(&source, INFO).await.unwrap_err();
    read(&source, INFO).await.unwrap();
    read(&source, "/example.com/m/@v/v9.0.0.info").await.unwrap_err();
    let health = of(&origins);
    let counted: Vec<_> = health.calls.iter().filter(|(_, calls)| *calls > 0).copied().collect();
    assert_eq!(counted, [(Outcome::Ok, 1), (Outcome::Absent, 1), (Outcome::Denied, 1)]);
    assert_eq!((health.bytes, health.latency.counts.iter().sum::<u64>()), (7, 3));
    assert_eq!(health.latency.counts.len(), Latency::BOUNDS.len() + 1);
    assert!(health.last_success.is_some() && health.last_failure.is_none());
}
