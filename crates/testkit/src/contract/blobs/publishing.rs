//! Giving a name, in one step.

use std::sync::Arc;

use futures_util::FutureExt as _;
use store::{Durability, Publish, StoreError};
use tokio::sync::Barrier;

use super::{Subject, is_absent, keep, key, keys, load, pattern};

const RACERS: usize = 24;

/// Two fetches of one file must not both believe that theirs is the first.
pub async fn of_racing_publishers_of_a_new_name_exactly_one_wins(blobs: Subject) {
    for round in 0..8 {
        let name = key(&format!("race/{round}"));
        let start = Arc::new(Barrier::new(RACERS));
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let (blobs, name, start) = (Arc::clone(&blobs), name.clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    let spool = blobs.spool().unwrap();
                    spool.write(format!("racer {racer}").as_bytes()).unwrap();
                    start.wait().await;
                    match blobs.publish(&spool, &name, Publish::New, Durability::Batched).await {
                        Ok(blob) => Some(blob.read_all(99).await.unwrap()),
                        Err(StoreError::AlreadyThere { key }) if key == name => None,
                        Err(other) => panic!("{other:?}"),
                    }
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(load(&blobs, name.as_str()).await, winners[0]);
    }
    assert_eq!(keys(&blobs).await.len(), 8);
}

/// First content wins for ever.
pub async fn a_name_is_new_once(blobs: Subject) {
    keep(&blobs, "a/x", "first").await;
    let late = store::put(&*blobs, &key("a/x"), "second".into(), Publish::New, Durability::Batched).await;
    assert!(late.unwrap_err().is_already_there());
    assert_eq!(load(&blobs, "a/x").await, "first");
    blobs.remove(&key("a/x"), None).await.unwrap();
    let again = store::put(&*blobs, &key("a/x"), "third".into(), Publish::New, Durability::Batched).await;
    assert_eq!(again.unwrap().read_all(99).await.unwrap(), "third");
}

/// Who reads goes on reading what it began.
pub async fn a_replacement_is_seen_by_later_opens_only(blobs: Subject) {
    let kept = keep(&blobs, "a/x", pattern(70_000)).await;
    let opened = blobs.open(&key("a/x")).await.unwrap();
    keep(&blobs, "a/x", "new").await;
    assert_eq!(load(&blobs, "a/x").await, "new");
    for old in [kept, opened] {
        assert!(old.read_all(1 << 20).await.unwrap() == pattern(70_000));
    }
}

/// Also while it is being replaced over and over.
pub async fn readers_see_the_old_or_the_new_and_never_a_mixture(blobs: Subject) {
    keep(&blobs, "a/x", vec![0; 20_000]).await;
    let writer = tokio::spawn({
        let blobs = Arc::clone(&blobs);
        async move {
            for round in 1..=100u8 {
                keep(&blobs, "a/x", vec![round; 20_000 + usize::from(round)]).await;
            }
        }
    });
    let mut last = 0;
    while last < 100 {
        let bytes = load(&blobs, "a/x").await;
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(bytes.len(), 20_000 + usize::from(bytes[0]));
        assert!(bytes[0] >= last, "an older object came back");
        last = bytes[0];
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

/// Being refused costs the spool nothing.
pub async fn a_refused_spool_can_be_published_elsewhere(blobs: Subject) {
    keep(&blobs, "taken", "old").await;
    let spool = blobs.spool().unwrap();
    spool.write(b"new").unwrap();
    let refused = blobs.publish(&spool, &key("taken"), Publish::New, Durability::Batched).await;
    assert!(refused.unwrap_err().is_already_there());
    spool.write(b"er").unwrap();
    blobs.publish(&spool, &key("free"), Publish::New, Durability::Batched).await.unwrap();
    assert_eq!((load(&blobs, "taken").await, load(&blobs, "free").await), ("old".into(), "newer".into()));
}

/// Only when it survives a crash differs.
pub async fn strict_publishing_does_the_same(blobs: Subject) {
    let strict = Durability::Strict;
    let name = key("new/directories/all/the/way");
    store::put(&*blobs, &name, "one".into(), Publish::New, strict).await.unwrap();
    let taken = store::put(&*blobs, &name, "two".into(), Publish::New, strict).await;
    assert!(taken.unwrap_err().is_already_there());
    store::put(&*blobs, &name, "three".into(), Publish::Replace, strict).await.unwrap();
    assert_eq!(load(&blobs, name.as_str()).await, "three");
    blobs.sync().await.unwrap();
    blobs.sync().await.unwrap();
}

/// A caller that went away: its publishing is done wholly or not at all.
pub async fn a_dropped_publishing_does_all_or_nothing(blobs: Subject) {
    let spool = blobs.spool().unwrap();
    spool.write(&pattern(10_000)).unwrap();
    // Begun, and dropped at its first wait.
    let first = blobs.publish(&spool, &key("perhaps"), Publish::New, Durability::Batched).now_or_never();
    assert!(matches!(first, None | Some(Ok(_))), "{first:?}");
    // The same again waits for the first, if that is still going on, and tells how it went.
    let again = blobs.publish(&spool, &key("perhaps"), Publish::New, Durability::Batched).await;
    assert!(matches!(again, Ok(_) | Err(StoreError::Published)), "{again:?}");
    assert!(!is_absent(&blobs, "perhaps").await);
    assert!(load(&blobs, "perhaps").await == pattern(10_000));
}
