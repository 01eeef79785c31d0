//! Reading what was kept.

use std::io::{Read as _, Seek as _, SeekFrom};

use store::{Durability, Publish, StoreError};

use super::{Subject, keep, key, load, pattern};

/// In whole, in parts, by a reader, and without waiting where that can be done.
pub async fn an_object_is_read_as_it_was_written(blobs: Subject) {
    for len in [1, 4095, 65_536, 1_048_579] {
        let bytes = pattern(len);
        keep(&blobs, "a/object", bytes.clone()).await;
        let blob = blobs.open(&key("a/object")).await.unwrap();
        assert_eq!(blob.size(), len as u64);
        assert!(blob.read_all(len as u64).await.unwrap() == bytes);
        for (offset, want) in [(0, 1), (len / 2, 100), (len - 1, 100), (len / 3, len)] {
            let expected = bytes.slice(offset..(offset + want).min(len));
            let offset = offset as u64;
            assert!(blob.read(offset, want).await.unwrap() == expected, "{len} {offset} {want}");
            assert!(blob.read_at(offset, want).unwrap() == expected, "{len} {offset} {want}");
            if let Some(now) = blob.read_now(offset, want) {
                assert!(now.unwrap() == expected, "{len} {offset} {want}");
            }
        }
        let mut reader = blob.reader();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        reader.seek(SeekFrom::End(-1)).unwrap();
        all.clear();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == bytes.slice(len - 1..));
    }
}

/// Nothing written, something kept.
pub async fn an_empty_object_is_an_object(blobs: Subject) {
    keep(&blobs, "empty", "").await;
    let blob = blobs.open(&key("empty")).await.unwrap();
    assert_eq!(blob.size(), 0);
    assert_eq!(blob.read_all(0).await.unwrap(), "");
    assert_eq!(blob.reader().read(&mut [0; 4]).unwrap(), 0);
}

/// No error: there just is nothing.
pub async fn reading_past_the_end_gives_nothing(blobs: Subject) {
    keep(&blobs, "short", "abc").await;
    let blob = blobs.open(&key("short")).await.unwrap();
    assert_eq!(blob.read(3, 10).await.unwrap(), "");
    assert_eq!(blob.read(u64::MAX, 10).await.unwrap(), "");
    assert_eq!(blob.read_at(u64::MAX, usize::MAX).unwrap(), "");
    assert_eq!(blob.read(1, usize::MAX).await.unwrap(), "bc");
    let mut reader = blob.reader();
    reader.seek(SeekFrom::Start(99)).unwrap();
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    assert!(reader.seek(SeekFrom::Current(-100)).is_err());
}

/// The caller says how much memory it has.
pub async fn what_is_larger_than_the_limit_is_not_loaded(blobs: Subject) {
    keep(&blobs, "ten", "0123456789").await;
    let blob = blobs.open(&key("ten")).await.unwrap();
    assert_eq!(blob.read_all(10).await.unwrap(), "0123456789");
    let refused = blob.read_all(9).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { size_bytes: 10, limit_bytes: 9, .. })));
}

/// As module zips go: written in pieces, read in other pieces.
pub async fn a_large_object_goes_through_in_pieces(blobs: Subject) {
    const PIECE: usize = 256 * 1024;
    let spool = blobs.spool().unwrap();
    let piece = pattern(PIECE);
    for _ in 0..160 {
        spool.write(&piece).unwrap();
    }
    let large = key("modules/large.zip");
    let blob = blobs.publish(&spool, &large, Publish::New, Durability::Batched).await.unwrap();
    assert_eq!(blob.size(), 160 * PIECE as u64);
    for n in 0..160 {
        let read = blob.read(n * PIECE as u64, PIECE).await.unwrap();
        assert!(read == piece, "piece {n}");
    }
    assert_eq!(blob.read_at(blob.size() - 1, 9).unwrap(), piece.slice(PIECE - 1..));
}

/// Clients that are being served are not cut by a sweep.
pub async fn an_open_object_outlives_its_removal(blobs: Subject) {
    keep(&blobs, "gone", pattern(100_000)).await;
    let blob = blobs.open(&key("gone")).await.unwrap();
    blobs.remove(&key("gone"), None).await.unwrap();
    assert!(super::is_absent(&blobs, "gone").await);
    assert!(blob.read_all(1 << 20).await.unwrap() == pattern(100_000));
    keep(&blobs, "gone", "new").await;
    assert!(blob.read(50_000, 100).await.unwrap() == pattern(100_000).slice(50_000..50_100));
    assert_eq!(load(&blobs, "gone").await, "new");
}

/// The same by every door, and another after every change.
pub async fn a_stamp_changes_exactly_with_its_object(blobs: Subject) {
    let first = keep(&blobs, "a/x", "one").await;
    let opened = blobs.open(&key("a/x")).await.unwrap();
    let listed = blobs.list(None, None, 9).await.unwrap();
    assert_eq!(opened.stamp(), first.stamp());
    assert_eq!(opened.stamp_now().unwrap(), first.stamp());
    assert_eq!(listed[0].stamp, first.stamp());
    let second = keep(&blobs, "a/x", "two").await;
    assert_ne!(second.stamp(), first.stamp());
    blobs.append(&key("a/x"), "more".into(), Durability::Batched).await.unwrap();
    let third = blobs.open(&key("a/x")).await.unwrap();
    assert_ne!(third.stamp(), second.stamp());
    assert_eq!(blobs.open(&key("a/x")).await.unwrap().stamp(), third.stamp());
}
