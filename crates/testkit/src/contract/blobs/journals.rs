//! Records, appended whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use store::{Durability, StoreError};
use tokio::sync::Barrier;

use super::{Subject, is_absent, keep, key, load};

/// One line each; the first makes the object.
pub async fn records_are_appended_as_lines(blobs: Subject) {
    let journal = key("meta/new/journal");
    blobs.append(&journal, "one".into(), Durability::Batched).await.unwrap();
    blobs.append(&journal, "two".into(), Durability::Strict).await.unwrap();
    assert_eq!(load(&blobs, "meta/new/journal").await, "one\ntwo\n");
    blobs.remove(&journal, None).await.unwrap();
    blobs.append(&journal, "three".into(), Durability::Strict).await.unwrap();
    assert_eq!(load(&blobs, "meta/new/journal").await, "three\n");
}

/// None is lost, none is cut, none is mixed with another.
pub async fn racing_appenders_keep_every_record_whole(blobs: Subject) {
    let appenders: Vec<_> = (0..16)
        .map(|appender| {
            let blobs = Arc::clone(&blobs);
            tokio::spawn(async move {
                for n in 0..25 {
                    let record = format!("{appender}.{n} {}", "x".repeat(appender * 300 + n));
                    blobs.append(&key("journal"), record.into(), Durability::Batched).await.unwrap();
                }
            })
        })
        .collect();
    for appender in appenders {
        appender.await.unwrap();
    }
    let text = load(&blobs, "journal").await;
    let text = std::str::from_utf8(&text).unwrap();
    let expected: BTreeSet<_> =
        (0..16).flat_map(|a| (0..25).map(move |n| format!("{a}.{n} {}", "x".repeat(a * 300 + n)))).collect();
    assert_eq!(text.lines().count(), expected.len());
    assert!(text.lines().map(str::to_owned).collect::<BTreeSet<_>>() == expected);
    for appender in 0..16 {
        let own = text.lines().filter(|line| line.starts_with(&format!("{appender}.")));
        let numbers =
            own.map(|line| line[line.find('.').unwrap() + 1..line.find(' ').unwrap()].parse::<u32>());
        assert!(numbers.map(Result::unwrap).eq(0..25), "out of order");
    }
}

/// What a crash left at the end spoils itself and nothing after it.
pub async fn a_torn_tail_is_closed_before_the_next_record(blobs: Subject) {
    for (torn, healed) in [
        ("one\ntw", "one\ntw\nthree\n"),
        ("\0\0\0", "\0\0\0\nthree\n"),
        ("one\n", "one\nthree\n"),
        ("", "three\n"),
    ] {
        keep(&blobs, "journal", torn).await;
        blobs.append(&key("journal"), "three".into(), Durability::Strict).await.unwrap();
        assert_eq!(load(&blobs, "journal").await, healed);
    }
}

/// Appenders of one journal see each other's ends.
pub async fn racing_appenders_close_a_torn_tail_once(blobs: Subject) {
    for _ in 0..20 {
        keep(&blobs, "journal", "torn").await;
        let start = Arc::new(Barrier::new(8));
        let appenders: Vec<_> = (0..8)
            .map(|_| {
                let (blobs, start) = (Arc::clone(&blobs), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    blobs.append(&key("journal"), "whole".into(), Durability::Batched).await.unwrap();
                })
            })
            .collect();
        for appender in appenders {
            appender.await.unwrap();
        }
        assert_eq!(load(&blobs, "journal").await, format!("torn\n{}", "whole\n".repeat(8)));
    }
}

/// A record that holds a line feed would be two.
pub async fn what_is_no_record_is_refused(blobs: Subject) {
    for bad in ["", "\n", "a\nb", "a\n"] {
        let refused = blobs.append(&key("journal"), bad.into(), Durability::Batched).await;
        assert!(matches!(refused, Err(StoreError::Record { .. })), "{bad:?}");
    }
    assert!(is_absent(&blobs, "journal").await);
    let strange = Bytes::from_static(b"\xff\0\r");
    blobs.append(&key("journal"), strange, Durability::Batched).await.unwrap();
    assert_eq!(load(&blobs, "journal").await, &b"\xff\0\r\n"[..]);
}

/// It has the size it had.
pub async fn an_open_journal_does_not_grow(blobs: Subject) {
    blobs.append(&key("journal"), "one".into(), Durability::Batched).await.unwrap();
    let open = blobs.open(&key("journal")).await.unwrap();
    blobs.append(&key("journal"), "two".into(), Durability::Batched).await.unwrap();
    assert_eq!(open.size(), 4);
    assert_eq!(open.read(0, 99).await.unwrap(), "one\n");
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut open.reader(), &mut all).unwrap();
    assert_eq!(all, b"one\n");
}
