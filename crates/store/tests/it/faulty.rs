//! The wrapper that injects faults: that it does what it is told, since others judge by it.

use std::sync::Arc;

use store::{Blobs as _, Durability, Key, Memory, Publish, StoreError, put};
use testkit::faulty::{Failure, Fault, Faulty, Operation};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn keep(blobs: &Faulty, name: &str) -> Result<store::Blob, StoreError> {
    put(blobs, &key(name), name.to_owned().into(), Publish::New, Durability::Batched).await
}

#[tokio::test]
async fn a_fault_before_has_no_effect_and_a_fault_after_has() {
    let blobs = Faulty::new(Memory::new());
    blobs.fail_next(Operation::Publish, Fault::Before(Failure::Full));
    blobs.fail_next(Operation::Publish, Fault::After(Failure::Io));
    assert!(keep(&blobs, "before").await.unwrap_err().is_full());
    assert!(blobs.open(&key("before")).await.unwrap_err().is_absent());
    assert!(matches!(keep(&blobs, "after").await, Err(StoreError::Io { operation: "publish", .. })));
    assert_eq!(blobs.open(&key("after")).await.unwrap().read_all(9).await.unwrap(), "after");
    keep(&blobs, "then").await.unwrap();
    assert_eq!(blobs.seen(Operation::Publish), 3);
}

#[tokio::test]
async fn every_operation_can_fail_until_healed() {
    use Operation::{Append, List, Open, Publish as Published, Read, Remove, Spool, Sync, Write};
    let blobs = Faulty::new(Memory::new());
    let kept = keep(&blobs, "kept").await.unwrap();
    let spool = blobs.spool().unwrap();
    for operation in [Open, Read, Spool, Write, Published, Append, Remove, List, Sync] {
        blobs.fail_always(operation, Fault::Before(Failure::NoDescriptors));
    }
    for _ in 0..2 {
        assert!(blobs.open(&key("kept")).await.unwrap_err().is_exhausted());
        assert!(kept.read(0, 9).await.is_err() && kept.read_now(0, 9).is_none());
        assert!(blobs.spool().unwrap_err().is_exhausted());
        assert!(spool.write(b"x").unwrap_err().is_exhausted());
        let published = blobs.publish(&spool, &key("x"), Publish::New, Durability::Batched).await;
        assert!(published.unwrap_err().is_exhausted());
        assert!(blobs.append(&key("x"), "x".into(), Durability::Batched).await.unwrap_err().is_exhausted());
        assert!(blobs.remove(&key("kept"), None).await.unwrap_err().is_exhausted());
        assert!(blobs.list(None, None, 9).await.unwrap_err().is_exhausted());
        assert!(blobs.sync().await.unwrap_err().is_exhausted());
    }
    blobs.heal();
    assert_eq!(kept.read(0, 9).await.unwrap(), "kept");
    assert_eq!(blobs.list(None, None, 9).await.unwrap().len(), 1);
    assert_eq!(spool.size(), 0);
}

#[tokio::test]
async fn what_hangs_is_seen_hanging_and_goes_on_when_released() {
    let blobs = Faulty::new(Memory::new());
    let hold = blobs.hang_next(Operation::Publish);
    let publishing = tokio::spawn({
        let blobs = blobs.clone();
        async move { keep(&blobs, "slow").await }
    });
    hold.reached().await;
    assert!(blobs.open(&key("slow")).await.unwrap_err().is_absent());
    keep(&blobs, "other").await.unwrap();
    hold.release();
    let slow = Arc::new(publishing.await.unwrap().unwrap());

    let hold = blobs.hang_next(Operation::Read);
    let reading = tokio::spawn(async move { slow.read(0, 9).await });
    hold.reached().await;
    assert!(!reading.is_finished());
    drop(hold);
    assert_eq!(reading.await.unwrap().unwrap(), "slow");
}
