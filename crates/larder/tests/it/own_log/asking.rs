//! Who asks our own log for what, many at once.

use gomod::request::SumDbOperation;
use sumdb::Tile;
use sumdb::record::LookupAnswer;
use testkit::eventually;

use super::world::{World, nth, sums};

#[tokio::test]
async fn a_thousand_distinct_versions_get_a_thousand_records_in_few_batches() {
    let mut world = World::new();
    world.append_all(0..1000).await;
    assert_eq!(world.audit().await, 1000);
    world.mirrored().await;
    let tiles = world.keys().await.iter().filter(|key| key.as_str().contains("/tile/8/data/")).count();
    assert!(tiles < 20, "{tiles} tiles of records: what is asked for during a write goes into one batch");
    world.end();
}

#[tokio::test]
async fn a_thousand_who_ask_for_one_version_get_one_record() {
    let world = World::new();
    let asks = (0..1000).map(|_| world.log.append(nth(1), sums(1)));
    let answers = futures_util::future::join_all(asks).await;
    let ids = answers.iter().map(|answer| LookupAnswer::parse(answer.as_ref().unwrap()).unwrap().record.id());
    assert!(ids.into_iter().all(|id| id == 0));
    assert_eq!(world.audit().await, 1);
    world.end();
}

#[tokio::test]
async fn the_first_hashes_stay_whatever_is_offered_later() {
    let mut world = World::new();
    let first = world.append(1).await.unwrap();
    let second = world.log.append(nth(1), sums(2)).await.unwrap();
    let [first, second] = [first, second].map(|answer| LookupAnswer::parse(&answer).unwrap().record);
    assert_eq!(first, second);
    assert_eq!(world.log.record(&nth(1)).await.unwrap(), Some(sums(1)));
    assert_eq!(world.log.record(&nth(2)).await.unwrap(), None);
    assert_eq!(world.audit().await, 1);
    world.end();
}

#[tokio::test]
async fn a_tile_of_any_width_is_served_and_none_beyond_the_tree() {
    let mut world = World::new();
    assert_eq!(world.log.read(&SumDbOperation::Latest).await.unwrap(), None, "nothing was signed yet");
    world.append_all(0..700).await;
    world.mirrored().await;
    let world = world.killed().await;
    let read = async |tile: Tile| {
        let path = tile.to_string();
        let path = path.strip_prefix("tile/").unwrap();
        world.log.read(&SumDbOperation::Tile(path.into())).await.unwrap()
    };
    for (level, number, most) in [(Some(0), 0, 256), (Some(0), 1, 256), (Some(0), 2, 188), (Some(1), 0, 2)] {
        let widest = read(Tile::new(8, level, number, most).unwrap()).await.unwrap();
        for width in [1, 2, 100, 187] {
            let Some(tile) = Tile::new(8, level, number, width).filter(|_| width <= most) else { continue };
            assert_eq!(read(tile).await.unwrap(), widest.slice(..tile.size_bytes()), "{tile}");
        }
        let beyond = Tile::new(8, level, number, most + 1);
        if let Some(beyond) = beyond {
            assert_eq!(read(beyond).await, None, "{beyond}");
        }
    }
    let records = read(Tile::new(8, None, 2, 188).unwrap()).await.unwrap();
    let fewer = read(Tile::new(8, None, 2, 5).unwrap()).await.unwrap();
    assert!(records.starts_with(&fewer) && fewer.ends_with(b"\n\n"));
    for beyond in ["8/0/003", "8/1/000.p/3", "8/2/000.p/1", "8/data/003", "7/0/000", "8/data/002.p/189"] {
        assert_eq!(world.log.read(&SumDbOperation::Tile(beyond.into())).await.unwrap(), None, "{beyond}");
    }
    world.end();
}

#[tokio::test]
async fn tiles_that_have_become_full_leave_no_others_behind() {
    let mut world = World::new();
    for from in (0..300).step_by(50) {
        world.append_all(from..from + 50).await;
    }
    eventually("the end of tiles that were not full", || async {
        let keys = world.keys().await;
        let is_left = |key: &str| key.contains("/data/000.p/") || key.contains("/0/000.p/");
        !keys.iter().any(|key| is_left(key.as_str()))
    })
    .await;
    assert_eq!(world.audit().await, 300);
    world.end();
}

#[tokio::test]
async fn lookups_that_were_not_copied_before_a_crash_are_copied_after_it() {
    let mut world = World::new();
    world.append_all(0..10).await;
    world.mirrored().await;
    for n in [8, 9] {
        let file = format!("lookup/{}@{}", nth(n).path.escape(), nth(n).version);
        let key = store::Key::parse(&format!("modules/sumdb/{}/{file}", super::world::NAME)).unwrap();
        store::Blobs::remove(&world.blobs, &key, None).await.unwrap();
    }
    let world = world.killed().await;
    world.lookup(1).await.unwrap();
    world.mirrored().await;
    world.end();
}
