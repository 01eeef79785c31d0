//! A store that fails is known to fail, once, and what it does not take goes on in memory where that is little.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use store::{
    Blobs, Condition, Durability, Key, Memory, Publish, SHELTER_BYTES, Spool, StoreError, Watched, put,
};
use testkit::eventually;
use testkit::faulty::{Failure, Fault, Faulty, Operation};

type Told = Arc<Mutex<Vec<Condition>>>;

fn watched(blobs: &Faulty) -> (Watched, Told) {
    let told = Told::default();
    let telling = told.clone();
    let tell = Box::new(move |_, now: store::State, _: Option<&StoreError>| {
        telling.lock().unwrap().push(now.condition);
    });
    (Watched::new(Arc::new(blobs.clone()), tell).with_patience(Duration::from_secs(1)), told)
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn keep(store: &Watched, name: &str) -> Result<store::Blob, StoreError> {
    put(store, &key(name), Bytes::from("x"), Publish::New, Durability::Batched).await
}

#[tokio::test]
async fn a_condition_is_told_when_it_begins_and_when_a_probe_could_write_again() {
    let blobs = Faulty::new(Memory::new());
    let (store, told) = watched(&blobs);
    for (failure, condition) in [
        (Failure::Full, Condition::Full),
        (Failure::ReadOnly, Condition::ReadOnly),
        (Failure::NoDescriptors, Condition::NoDescriptors),
        (Failure::Io, Condition::Failing),
    ] {
        assert_eq!(store.state().condition, Condition::Sound);
        blobs.fail_always(Operation::Write, Fault::Before(failure));
        for _many_times in 0..5 {
            keep(&store, "a").await.unwrap_err();
            store.probe().await;
        }
        store.unsound().await;
        assert_eq!(store.state().condition, condition);
        blobs.heal();
        let since = store.state().since;
        assert!(keep(&store, condition.as_str()).await.is_ok(), "an operation may succeed before the probe");
        assert_eq!((store.state().condition, store.state().since), (condition, since));
        store.probe().await;
        assert_eq!(*told.lock().unwrap(), [condition, Condition::Sound]);
        told.lock().unwrap().clear();
    }
    assert!(store.open(&key("b")).await.unwrap_err().is_absent());
    assert_eq!(store.state().condition, Condition::Sound, "an absence is no failure");
}

#[tokio::test]
async fn a_disk_that_hangs_is_given_up_then_refused_at_once_and_taken_back_when_it_answers() {
    let blobs = Faulty::new(Memory::new());
    let (store, told) = watched(&blobs);
    keep(&store, "a").await.unwrap();
    let hold = blobs.hang_next(Operation::Open);
    assert!(matches!(store.open(&key("a")).await, Err(StoreError::Stuck { .. })));
    let opened = blobs.seen(Operation::Open);
    for _many_times in 0..100 {
        let refused = store.open(&key("a")).await.unwrap_err();
        assert!(refused.is_outage() && !refused.is_absent(), "{refused}");
        assert!(keep(&store, "b").await.unwrap_err().is_outage());
    }
    assert_eq!(blobs.seen(Operation::Open), opened, "more threads went to the disk that hangs");
    // The probe hangs too: it is waited for once, and no other is sent after it.
    let probe_hold = blobs.hang_next(Operation::Write);
    store.probe().await;
    let tried = blobs.seen(Operation::Spool);
    store.probe().await;
    assert_eq!(blobs.seen(Operation::Spool), tried);
    assert_eq!(store.state().condition, Condition::Stuck);
    drop((hold, probe_hold));
    eventually("the probe", || async {
        store.probe().await;
        store.state().condition == Condition::Sound
    })
    .await;
    keep(&store, "b").await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Condition::Stuck, Condition::Sound]);
}

fn write(spool: &Spool, bytes: &[u8]) -> Result<(), StoreError> {
    bytes.chunks(64 * 1024).try_for_each(|piece| spool.write(piece))
}

#[tokio::test]
async fn what_the_store_stops_taking_goes_on_in_memory_and_is_read_as_one() {
    let whole: Vec<u8> =
        (0..3_000_000_u32).map(|at| u8::try_from((at ^ (at >> 8)) & 0xff).unwrap()).collect();
    for stored in [0, 1, 64 * 1024, 1_000_000, 2_999_999] {
        let blobs = Faulty::new(Memory::new());
        let (store, _) = watched(&blobs);
        if stored == 0 {
            blobs.fail_always(Operation::Spool, Fault::Before(Failure::Full));
        }
        let spool = store.sheltered(Some(whole.len() as u64)).await.unwrap();
        write(&spool, &whole[..stored]).unwrap();
        blobs.fail_always(Operation::Write, Fault::Before(Failure::Full));
        write(&spool, &whole[stored..]).unwrap();
        assert_eq!(spool.size(), whole.len() as u64);
        let mut at = 0;
        while at < whole.len() {
            let piece = spool.read_at(at as u64, 100_001).unwrap();
            assert!(!piece.is_empty() && piece == whole[at..at + piece.len()], "{stored} {at}");
            at += piece.len();
        }
        let blob = spool.blob(key("a")).unwrap();
        assert!(blob.read(0, whole.len()).await.unwrap() == whole, "{stored}");
        blobs.heal();
        let refused = store.publish(&spool, &key("a"), Publish::New, Durability::Batched).await.unwrap_err();
        assert!(refused.is_full());
        assert!(store.open(&key("a")).await.unwrap_err().is_absent(), "half a spool was published");
    }
}

#[tokio::test]
async fn memory_for_what_the_store_does_not_take_is_bounded() {
    let blobs = Faulty::new(Memory::new());
    let (store, _) = watched(&blobs);
    blobs.fail_always(Operation::Spool, Fault::Before(Failure::ReadOnly));
    let too_large = SHELTER_BYTES + 1;
    for size in [Some(too_large), None] {
        assert!(store.sheltered(size).await.unwrap_err().is_outage(), "{size:?}");
    }
    // A source that lies about the size.
    let spool = store.sheltered(Some(10)).await.unwrap();
    let piece = vec![0; 1 << 20];
    let taken = (0..100).take_while(|_| spool.write(&piece).is_ok()).count() as u64;
    assert_eq!(taken << 20, SHELTER_BYTES);
    let mut held = vec![spool];
    loop {
        let next = store.sheltered(Some(SHELTER_BYTES)).await.unwrap();
        let fits = (0..8).all(|_| next.write(&piece).is_ok());
        held.push(next);
        if !fits {
            break;
        }
        assert!(held.len() < 20, "memory is not bounded");
    }
    drop(held);
    let again = store.sheltered(Some(SHELTER_BYTES)).await.unwrap();
    assert!((0..8).all(|_| again.write(&piece).is_ok()), "memory was not given back");
}
