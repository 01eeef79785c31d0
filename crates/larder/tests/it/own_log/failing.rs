//! Each write of an append fails, with and without its effect, hangs, or is the last thing that the process does: what was
//! acknowledged stays, no number is used twice, and no head is signed without its tiles.

use std::sync::Arc;

use larder::log::{Refusal, State};
use testkit::eventually;
use testkit::faulty::{Failure, Fault, Operation};

use super::world::{Beside, World, sums};

/// Sizes around which an append writes all that it can write: a first tile, tiles that become full, and one more level.
const SIZES: [u64; 4] = [0, 3, 255, 256];

async fn grown_to(size: u64) -> World {
    let mut world = World::new();
    if size > 0 {
        world.append_all(0..size).await;
        world.mirrored().await;
    }
    world
}

/// How often an append of one record to a log of this size does something of a kind, up to the newest head.
async fn operations(size: u64, operation: Operation) -> usize {
    let mut world = grown_to(size).await;
    let before = world.blobs.seen(operation);
    world.append(size).await.unwrap();
    let seen = world.blobs.seen(operation) - before;
    world.end();
    // The file of the lookup may have been written by then: it is not one of them.
    seen
}

#[tokio::test]
async fn a_write_that_fails_loses_nothing_and_the_next_one_goes_on() {
    for size in SIZES {
        for operation in [Operation::Spool, Operation::Write, Operation::Publish] {
            for at in 0..operations(size, operation).await {
                for fault in [Fault::Before(Failure::Full), Fault::After(Failure::Io)] {
                    let mut world = grown_to(size).await;
                    for _ in 0..at {
                        world.blobs.hang_next(operation).release();
                    }
                    world.blobs.fail_next(operation, fault);
                    let appended = world.append(size).await;
                    world.blobs.heal();
                    world.audit().await;
                    // Whether or not it failed for the client, asking again records it, once.
                    world.append(size).await.unwrap();
                    world.append(size + 1).await.unwrap();
                    assert_eq!(
                        world.audit().await,
                        size + 2,
                        "{size} {operation:?} {at} {fault:?} {appended:?}"
                    );
                    assert!(matches!(world.log.view().state, State::Signing));
                    let mut world = world.killed().await;
                    world.append(size + 2).await.unwrap();
                    assert_eq!(world.audit().await, size + 3);
                    world.end();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_head_that_is_not_remembered_is_not_published() {
    for size in SIZES {
        for has_effect in [false, true] {
            let mut world = grown_to(size).await;
            world.beside.fail_next(has_effect);
            let refused = world.append(size).await.unwrap_err();
            assert!(matches!(refused, Refusal::Unwritten), "{refused}");
            assert_eq!(world.audit().await, size, "nothing is published that may not be remembered");
            let mut world = if has_effect { world.killed().await } else { world };
            // Another one asks: if the first was signed it has the number, and is published now.
            world.append(size + 1).await.unwrap();
            let signed = size + u64::from(has_effect) + 1;
            assert_eq!(world.audit().await, signed);
            assert_eq!(world.lookup(size).await.is_some(), has_effect);
            world.end();
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_write_leaves_a_log_that_goes_on() {
    for size in SIZES {
        for at in 0..operations(size, Operation::Publish).await {
            let mut world = grown_to(size).await;
            let hold = world.hang_after(Operation::Publish, at);
            tokio::select! {
                _ = world.append(size) => {}
                () = hold.reached() => {}
            }
            let mut world = world.killed().await;
            world.blobs.heal();
            world.append(size + 1).await.unwrap();
            world.audit().await;
            world.append(size).await.unwrap();
            assert_eq!(world.audit().await, size + 2, "{size} {at}");
            world.end();
            drop(hold);
        }
    }
}

#[tokio::test]
async fn a_write_that_hangs_is_waited_for_and_who_is_held_is_served_meanwhile() {
    let mut world = grown_to(3).await;
    let hold = world.blobs.hang_next(Operation::Publish);
    let log = world.log.clone();
    let first = tokio::spawn(async move { log.append(super::world::nth(3), sums(3)).await });
    hold.reached().await;
    let log = world.log.clone();
    let second = tokio::spawn(async move { log.append(super::world::nth(4), sums(4)).await });
    assert!(world.lookup(1).await.is_some(), "what is held is served");
    assert!(world.lookup(3).await.is_none(), "what is not durable is told to nobody");
    hold.release();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(world.audit().await, 5);
    world.append(5).await.unwrap();
    world.end();
}

#[tokio::test]
async fn a_full_disk_refuses_records_and_recovers_without_a_restart() {
    let mut world = grown_to(3).await;
    world.blobs.fail_always(Operation::Publish, Fault::Before(Failure::Full));
    for _ in 0..3 {
        assert!(matches!(world.append(3).await, Err(Refusal::Unwritten)));
        assert!(matches!(world.log.view().state, State::Failing(_)));
        assert!(world.lookup(2).await.is_some());
    }
    world.blobs.heal();
    world.append(3).await.unwrap();
    assert_eq!(world.audit().await, 4);
    assert_eq!(world.log.view().refused, 3);
    world.end();
}

#[tokio::test]
async fn a_store_that_came_from_a_backup_signs_nothing_and_serves_what_it_has() {
    let world = grown_to(3).await;
    let backup = world.copied(Arc::default()).await;
    backup.end();
    let (blobs, acknowledged) = (world.copied(Arc::default()).await.blobs, 3);
    let mut world = world;
    world.append_all(3..300).await;
    let mut restored = World::over(blobs, world.beside.clone());
    let refused = restored.append(300).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "rolled-back"), "{refused}");
    assert!(restored.lookup(acknowledged - 1).await.is_some(), "what is proven is served on");
    assert!(restored.lookup(200).await.is_none());
    assert_eq!(restored.audit().await, 3);
    // The files of a mirror are put back: it goes on.
    let mut mended = world.copied(world.beside.clone()).await;
    world.end();
    mended.append(300).await.unwrap();
    assert_eq!(mended.audit().await, 301);
    mended.end();
}

#[tokio::test]
async fn a_log_whose_memory_is_lost_signs_nothing() {
    let world = grown_to(3).await;
    world.beside.put(None);
    let mut world = world.killed().await;
    let refused = world.append(3).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "forgotten"), "{refused}");
    assert!(world.lookup(1).await.is_some());
    // The operator says that nothing newer was signed.
    world.beside.put(world.file("latest").await.map(|note| note.to_vec()));
    let mut world = world.killed().await;
    world.append(3).await.unwrap();
    assert_eq!(world.audit().await, 4);
    world.end();
}

#[tokio::test]
async fn of_two_processes_with_one_key_the_second_signs_nothing() {
    let mut first = grown_to(3).await;
    // The lock tells, on one machine.
    let mut taken = Beside::default();
    taken.taken = true;
    taken.put(first.beside.head());
    let mut second = first.copied(Arc::new(taken)).await;
    let refused = second.append(3).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "taken"), "{refused}");
    assert!(second.lookup(1).await.is_some());
    second.end();
    // Where it does not, the head that was remembered does.
    let mut second = first.copied(first.beside.clone()).await;
    assert!(second.lookup(1).await.is_some());
    first.append(3).await.unwrap();
    let refused = second.append(4).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "second-writer"),
        "{refused}"
    );
    assert!(matches!(second.append(5).await, Err(Refusal::Stopped(_))), "it does not come back");
    assert!(second.lookup(1).await.is_some());
    assert_eq!(second.audit().await, 3);
    first.append(4).await.unwrap();
    assert_eq!(first.audit().await, 5);
    first.end();
    second.end();
}

#[tokio::test]
async fn damaged_records_are_found_before_anything_is_signed_on_top() {
    let world = grown_to(300).await;
    damage(&world, "tile/8/data/000").await;
    let mut world = world.killed().await;
    let refused = world.append(300).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "damaged"), "{refused}");
    world.end();
}

#[tokio::test]
async fn a_store_that_cannot_be_read_at_the_start_is_read_again() {
    let world = grown_to(3).await;
    world.blobs.fail_always(Operation::Open, Fault::Before(Failure::Io));
    let mut world = world.killed().await;
    eventually("a failure to read", || async { matches!(world.log.view().state, State::Failing(_)) }).await;
    world.blobs.heal();
    world.append(3).await.unwrap();
    assert_eq!(world.audit().await, 4);
    world.end();
}

#[tokio::test]
async fn a_store_that_fails_at_a_tile_at_the_start_is_not_taken_for_damaged() {
    let world = grown_to(300).await;
    // The newest head can be read, and then nothing more.
    world.blobs.hang_next(Operation::Open).release();
    world.blobs.fail_always(Operation::Open, Fault::Before(Failure::Io));
    let mut world = world.killed().await;
    eventually("a failure to read", || async { matches!(world.log.view().state, State::Failing(_)) }).await;
    world.blobs.heal();
    world.append(300).await.unwrap();
    assert_eq!(world.audit().await, 301);
    world.end();
}

#[tokio::test]
async fn the_two_heads_are_one_again_after_a_start() {
    // A crash came after the head was remembered, and before it was published.
    let mut world = grown_to(3).await;
    world.beside.fail_next(true);
    world.append(3).await.unwrap_err();
    let world = world.killed().await;
    signing(&world).await;
    assert_eq!(world.audit().await, 4);
    assert_eq!(world.file("latest").await.unwrap(), world.beside.head().unwrap());
    // What is beside the key was put back from a copy: what is published was signed after it.
    let mut world = world;
    let older = world.beside.head();
    world.append(4).await.unwrap();
    world.beside.put(older);
    let world = world.killed().await;
    signing(&world).await;
    assert_eq!(world.audit().await, 5);
    assert_eq!(world.file("latest").await.unwrap(), world.beside.head().unwrap());
    world.end();
}

async fn signing(world: &World) {
    eventually("the end of the start", || async { matches!(world.log.view().state, State::Signing) }).await;
}

/// Flips a bit in the middle of a file of the log.
async fn damage(world: &World, file: &str) {
    let mut bytes = world.file(file).await.unwrap().to_vec();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    put(world, file, bytes).await;
}

async fn put(world: &World, file: &str, bytes: Vec<u8>) {
    let key = store::Key::parse(&format!("modules/sumdb/{}/{file}", super::world::NAME)).unwrap();
    let (replace, strict) = (store::Publish::Replace, store::Durability::Strict);
    store::put(&world.blobs, &key, bytes.into(), replace, strict).await.unwrap();
}

#[tokio::test]
async fn of_a_backup_that_is_damaged_nothing_is_served() {
    let mut world = grown_to(300).await;
    let backup = world.copied(Arc::default()).await;
    damage(&backup, "tile/8/data/000").await;
    world.append(300).await.unwrap();
    let restored = World::over(backup.blobs.clone(), world.beside.clone());
    backup.end();
    for n in [0, 299] {
        let lookup = gomod::request::SumDbOperation::Lookup(super::world::nth(n));
        let refused = restored.log.read(&lookup).await.unwrap_err();
        assert!(matches!(refused, Refusal::Stopped(_)), "{refused}");
    }
    restored.end();
    world.end();
}

#[tokio::test]
async fn a_tile_that_rots_while_it_is_served_is_refused() {
    let world = grown_to(300).await.killed().await;
    signing(&world).await;
    damage(&world, "tile/8/data/000").await;
    for operation in [
        gomod::request::SumDbOperation::Lookup(super::world::nth(1)),
        gomod::request::SumDbOperation::Tile("8/data/000".into()),
        gomod::request::SumDbOperation::Tile("8/0/000".into()),
    ] {
        let refused = world.log.read(&operation).await.unwrap_err();
        assert!(matches!(refused, Refusal::Damaged { .. }), "{operation:?} {refused}");
    }
    assert!(world.lookup(299).await.is_some(), "the others are served");
    world.end();
}

#[tokio::test]
async fn two_histories_under_one_key_end_the_signing() {
    for (size, hash) in [(3, [7; 32]), (2, [7; 32])] {
        let world = grown_to(3).await;
        let other = sumdb::Tree { size, hash: sumdb::Hash(hash) };
        let note = sumdb::note::Note::new(other.to_string()).unwrap().signed(&super::world::signer());
        world.beside.put(Some(note.to_string().into_bytes()));
        let mut world = world.killed().await;
        let refused = world.append(3).await.unwrap_err();
        assert!(matches!(&refused, Refusal::Stopped(stopped) if stopped.as_str() == "forked"), "{refused}");
        assert_eq!(world.beside.head(), Some(note.to_string().into_bytes()), "the evidence is kept");
        world.end();
    }
}

#[tokio::test]
async fn what_was_read_and_never_proven_is_no_record() {
    let world = grown_to(300).await;
    let good = world.file("tile/8/data/000").await.unwrap();
    let text = String::from_utf8(good.to_vec()).unwrap();
    let (fifth, new) = (super::world::nth(5), super::world::nth(305));
    let forged = text.replace(
        &format!("{} {}", fifth.path.as_str(), fifth.version.as_str()),
        &format!("{} {}", new.path.as_str(), new.version.as_str()),
    );
    put(&world, "tile/8/data/000", forged.into_bytes()).await;
    // The head and that tile can be read, and then nothing more; then it is mended.
    for _ in 0..2 {
        world.blobs.hang_next(Operation::Open).release();
    }
    world.blobs.fail_always(Operation::Open, Fault::Before(Failure::Io));
    let mut world = world.killed().await;
    eventually("a failure to read", || async { matches!(world.log.view().state, State::Failing(_)) }).await;
    world.blobs.heal();
    put(&world, "tile/8/data/000", good.to_vec()).await;
    world.append(305).await.unwrap();
    assert_eq!(world.audit().await, 301);
    world.end();
}
