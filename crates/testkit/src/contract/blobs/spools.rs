//! Objects being written.

use std::io::Read as _;
use std::sync::Arc;

use store::{Durability, Publish, StoreError};
use tokio::sync::mpsc;

use super::{Subject, is_absent, keep, key, keys, load, pattern};

/// Not by its name, which it does not have yet, and not by a listing.
pub async fn a_spool_is_found_by_nobody_before_it_is_published(blobs: Subject) {
    let spool = blobs.spool().unwrap();
    spool.write(b"half").unwrap();
    assert_eq!(keys(&blobs).await, [""; 0]);
    assert!(is_absent(&blobs, "a/x").await);
    blobs.publish(&spool, &key("a/x"), Publish::New, Durability::Batched).await.unwrap();
    assert_eq!(keys(&blobs).await, ["a/x"]);
}

/// Whether it was written to, read from, or neither.
pub async fn a_dropped_spool_leaves_nothing(blobs: Subject) {
    drop(blobs.spool().unwrap());
    let spool = blobs.spool().unwrap();
    spool.write(&pattern(100_000)).unwrap();
    let reader = spool.reader();
    drop(spool);
    drop(reader);
    assert_eq!(keys(&blobs).await, [""; 0]);
}

/// What streams to a client while it is fetched, across its being published, replaced and removed.
pub async fn a_follower_reads_a_spool_while_it_is_written_and_after(blobs: Subject) {
    const PIECE: usize = 10_000;
    let whole = pattern(50 * PIECE);
    let spool = blobs.spool().unwrap();
    let (written, mut news) = mpsc::channel(1);
    let follower = tokio::spawn({
        let (spool, whole) = (spool.clone(), whole.clone());
        async move {
            let mut at = 0;
            while news.recv().await.is_some() {
                let end = usize::try_from(spool.size()).unwrap();
                let read = spool.read_at(at as u64, usize::MAX).unwrap();
                assert!(read.len() >= end - at && read == whole.slice(at..at + read.len()));
                if let Some(now) = spool.read_now(at as u64, end - at) {
                    assert!(now.unwrap() == whole.slice(at..end));
                }
                at += read.len();
            }
            spool
        }
    });
    for piece in whole.chunks(PIECE) {
        spool.write(piece).unwrap();
        written.send(()).await.unwrap();
    }
    blobs.publish(&spool, &key("a/x"), Publish::New, Durability::Batched).await.unwrap();
    drop((spool, written));
    let spool = follower.await.unwrap();
    keep(&blobs, "a/x", "other").await;
    blobs.remove(&key("a/x"), None).await.unwrap();
    let mut all = Vec::new();
    spool.reader().read_to_end(&mut all).unwrap();
    assert!(all == whole);
    assert_eq!(spool.read_at(whole.len() as u64, 1).unwrap(), "");
}

/// What has a name never changes.
pub async fn a_published_spool_takes_no_more(blobs: Subject) {
    let spool = blobs.spool().unwrap();
    spool.write(b"whole").unwrap();
    blobs.publish(&spool, &key("a/x"), Publish::New, Durability::Batched).await.unwrap();
    assert!(matches!(spool.write(b"!"), Err(StoreError::Published)));
    let again = blobs.publish(&spool, &key("a/y"), Publish::New, Durability::Batched).await;
    assert!(matches!(again, Err(StoreError::Published)));
    assert_eq!(load(&blobs, "a/x").await, "whole");
    assert!(is_absent(&blobs, "a/y").await);
    drop(spool);
    assert_eq!(load(&blobs, "a/x").await, "whole");
}

/// Each call appends all of its bytes in one place.
pub async fn racing_writers_of_a_spool_write_whole_pieces(blobs: Subject) {
    let spool = blobs.spool().unwrap();
    let writers: Vec<_> = (0..8u8)
        .map(|writer| {
            let spool = spool.clone();
            tokio::task::spawn_blocking(move || {
                for _ in 0..50 {
                    spool.write(&[writer; 1000]).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let blob = blobs.publish(&spool, &key("a/x"), Publish::New, Durability::Batched).await.unwrap();
    let all = Arc::new(blob.read_all(1 << 20).await.unwrap());
    assert_eq!(all.len(), 8 * 50 * 1000);
    assert!(all.chunks(1000).all(|piece| piece.iter().all(|byte| *byte == piece[0])));
}
