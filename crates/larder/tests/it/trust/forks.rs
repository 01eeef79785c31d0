//! A database that has signed two histories is closed, and stays closed; what was held before is served on.

use std::sync::Arc;

use larder::cache::Content;
use larder::pipeline::{AnswerContent, Pipeline, Reach};
use store::Blobs;
use sumdb::client::Evidence;
use testkit::database::{History, Lie, lookup_path};
use testkit::faulty::{Failure, Fault, Faulty, Operation};
use testkit::{Database, Upstream};

use super::{below, hello, reached};
use crate::proxy::{TestProxy, config_of};

/// Another past of as many records, with the module in it.
fn rewritten(database: &Database, size: u64) -> History {
    let mut history = History::default();
    for id in 0..size {
        history.push(&testkit::database::synthetic_text(id, "another past"));
    }
    history.push(&hello().sum_lines());
    assert!(history.size() != database.truth().size());
    history
}

/// Looks up what was never looked up before, in the other past.
async fn fork(database: &Database, proxy: &TestProxy) -> testkit::raw::Response {
    database.rewrite(rewritten(database, 500));
    proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.7"))).await
}

#[tokio::test]
async fn a_fork_closes_the_database_for_what_is_new_and_for_nothing_else() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let said = proxy.get(&below(&lookup)).await.body;
    let latest = proxy.get(&below("/latest")).await.body;
    let refused = fork(&database, &proxy).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(refused.text().contains("larder sumdb accept localhost.localdev/sumdb"), "{}", refused.text());
    database.forget();
    for _ in 0..2 {
        proxy.clock().advance(std::time::Duration::from_secs(10));
        let new = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.8"))).await;
        assert_eq!(new.status, 502, "{}", new.text());
        assert_eq!(proxy.get(&below("/supported")).await.status, 200);
        assert!(proxy.get(&below(&lookup)).await.body == said);
        assert!(proxy.get(&below("/latest")).await.body == latest);
        assert_eq!(proxy.get(&below("/tile/8/0/001.p/45")).await.status, 200);
        assert_eq!(proxy.get(&below("/tile/8/0/000.p/7")).await.status, 502);
    }
    assert!(database.paths().is_empty(), "a closed database was asked: {:?}", database.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn the_evidence_of_a_fork_can_be_checked_by_anyone_and_is_no_subject_to_the_bound() {
    let (database, proxy) = reached().await;
    assert_eq!(proxy.get(&below(&lookup_path("example.com/Hello", "v1.0.0"))).await.status, 200);
    assert_eq!(fork(&database, &proxy).await.status, 502);
    let kept: Vec<_> =
        std::fs::read_dir(proxy.data("evidence/sumdb/localhost.localdev/sumdb")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    let text = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    Evidence::parse(&text).unwrap().check(&database.verifier()).unwrap();
}

#[tokio::test]
async fn a_fork_is_found_across_a_restart_and_remembered_across_another() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let said = proxy.get(&below(&lookup)).await.body;
    let proxy = proxy.restart().await;
    assert_eq!(fork(&database, &proxy).await.status, 502);
    let proxy = proxy.restart().await;
    // It may be honest again: that is not for us to believe.
    let mut honest = History::default();
    for id in 0..300 {
        honest.push(&testkit::database::synthetic_text(id, ""));
    }
    honest.push(&hello().sum_lines());
    database.rewrite(honest);
    let new = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.8"))).await;
    assert_eq!(new.status, 502, "{}", new.text());
    assert!(proxy.get(&below(&lookup)).await.body == said);
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_known_of_a_database_survives_a_reload_of_the_settings() {
    let database = Database::start().await;
    database.grow(300);
    database.record(&hello());
    let file = |fresh: &str| {
        format!("upstream = \"off\"\nsumdb = [\"{}\"]\n[cache]\nfresh = \"{fresh}\"\n", database.spec())
    };
    let proxy = TestProxy::with_file(&file("60s"));
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let said = proxy.get(&below(&lookup)).await.body;
    database.forget();
    assert!(proxy.reload(&file("50s")).await.mistakes.is_empty());
    assert!(proxy.get(&below(&lookup)).await.body == said);
    assert!(database.paths().is_empty(), "{:?}", database.paths());
    assert_eq!(fork(&database, &proxy).await.status, 502);
    database.forget();
    assert!(proxy.reload(&file("40s")).await.mistakes.is_empty());
    let new = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.8"))).await;
    assert_eq!(new.status, 502, "{}", new.text());
    assert!(database.paths().is_empty(), "a closed database was asked: {:?}", database.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn an_older_tree_of_the_same_history_is_no_fork() {
    let (database, proxy) = reached().await;
    assert_eq!(proxy.get(&below(&lookup_path("example.com/Hello", "v1.0.0"))).await.status, 200);
    let newest = database.head(301);
    let truth = database.truth();
    database.rewrite(truth.truncated(280));
    let older = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.7"))).await;
    assert_eq!(older.status, 200, "{}", older.text());
    proxy.clock().advance(std::time::Duration::from_secs(6));
    assert_eq!(proxy.get(&below("/latest")).await.text(), newest);
}

/// A pipeline over a store that fails when told to.
fn pipeline_over(blobs: &Faulty, upstream: &Upstream, database: &Database) -> Arc<Pipeline> {
    let settings = [("upstream", upstream.url()), ("sumdb", database.spec()), ("data", "/".to_owned())];
    let config = config_of(&settings.map(|(key, value)| (key.to_owned(), value)));
    let (tasks, clock) = (larder::tasks::Tasks::default(), larder::clock::Clock::manual());
    larder::app::pipeline_over(&config, Arc::new(blobs.clone()), tasks, clock).unwrap()
}

async fn looked_up(pipeline: &Arc<Pipeline>, path: &str) -> Result<bytes::Bytes, larder::pipeline::Class> {
    let want = gomod::Request::parse(below(path).trim_start_matches('/')).unwrap();
    let who = larder::auth::Identity::ourselves();
    let answer = pipeline.answer(&who, &want, Reach::Anywhere).await.map_err(|error| error.class())?;
    match answer.content {
        AnswerContent::Held(held) => match held.content {
            Content::Memory(bytes) => Ok(bytes),
            Content::File(_) => unreachable!("it is small"),
        },
        _ => unreachable!("it is held"),
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_stops_no_lookup_and_the_head_is_written_later() {
    let database = Database::start().await;
    database.grow(10);
    let upstream = Upstream::start().await;
    let blobs = Faulty::new(store::Memory::new());
    let pipeline = pipeline_over(&blobs, &upstream, &database);
    let head = store::Key::parse("meta/sumdb/localhost.localdev/sumdb/00000c67/head").unwrap();
    blobs.fail_always(Operation::Publish, Fault::Before(Failure::Full));
    looked_up(&pipeline, &lookup_path("example.com/synthetic", "v0.0.1")).await.unwrap();
    assert!(blobs.open(&head).await.is_err());
    blobs.heal();
    // Nothing new is said by this one, but what was not written is.
    looked_up(&pipeline, &lookup_path("example.com/synthetic", "v0.0.2")).await.unwrap();
    let kept = blobs.open(&head).await.unwrap().read_all(1 << 20).await.unwrap();
    assert_eq!(kept, database.head(10));
}

#[tokio::test]
async fn a_fork_on_a_full_disk_closes_the_database_and_is_written_later() {
    let database = Database::start().await;
    database.grow(10);
    let upstream = Upstream::start().await;
    let blobs = Faulty::new(store::Memory::new());
    let pipeline = pipeline_over(&blobs, &upstream, &database);
    looked_up(&pipeline, &lookup_path("example.com/synthetic", "v0.0.1")).await.unwrap();
    blobs.fail_always(Operation::Publish, Fault::Before(Failure::Full));
    database.rewrite(rewritten(&database, 500));
    for version in ["v0.0.2", "v0.0.3"] {
        let refused = looked_up(&pipeline, &lookup_path("example.com/synthetic", version)).await;
        assert_eq!(refused, Err(larder::pipeline::Class::Corrupt));
    }
    blobs.heal();
    let closed = store::Key::parse("meta/sumdb/localhost.localdev/sumdb/00000c67/closed").unwrap();
    let refused = looked_up(&pipeline, &lookup_path("example.com/synthetic", "v0.0.4")).await;
    assert_eq!(refused, Err(larder::pipeline::Class::Corrupt));
    let closed = blobs.open(&closed).await.unwrap().read_all(1 << 20).await.unwrap();
    let closed: larder::trust::Closing = serde_json::from_slice(&closed).unwrap();
    let evidence = blobs.open(&store::Key::parse(&closed.evidence.unwrap()).unwrap()).await.unwrap();
    let evidence = String::from_utf8(evidence.read_all(1 << 20).await.unwrap().to_vec()).unwrap();
    Evidence::parse(&evidence).unwrap().check(&database.verifier()).unwrap();
}

#[tokio::test]
async fn a_first_tree_of_which_there_are_no_tiles_is_in_the_way_of_no_other() {
    let (database, mut proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    database.tell(&[Lie::HugeSize]);
    for path in ["/latest", &*lookup, "/tile/8/0/000"] {
        let refused = proxy.get(&below(path)).await;
        assert!(matches!(refused.status, 502..=504), "{path}: {} {}", refused.status, refused.text());
    }
    let head = "meta/sumdb/localhost.localdev/sumdb/00000c67/head";
    assert!(!proxy.data(head).exists(), "a tree is durable in which nothing was proven");
    proxy = proxy.restart().await;
    let refused = proxy.get(&below(&lookup)).await;
    assert!(matches!(refused.status, 502..=504), "{}", refused.text());
    database.be_honest();
    proxy.clock().advance(std::time::Duration::from_secs(6));
    for path in [&*lookup, "/latest", "/tile/8/0/000"] {
        let answer = proxy.get(&below(path)).await;
        assert!(answer.body == database.says(path).unwrap(), "{path}: {}", answer.text());
    }
    assert_eq!(std::fs::read_to_string(proxy.data(head)).unwrap(), database.head(301));
    // Known as it is now, the database can no more lead us away from it.
    database.tell(&[Lie::HugeSize]);
    let next = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.7"))).await;
    assert!(matches!(next.status, 502..=504), "{}", next.text());
    assert_eq!(std::fs::read_to_string(proxy.data(head)).unwrap(), database.head(301));
    proxy.stop().await;
}
