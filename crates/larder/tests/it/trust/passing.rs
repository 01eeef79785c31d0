//! What a database says, passed on once it is proven.

use std::time::Duration;

use testkit::{Database, Upstream, database::lookup_path};

use super::{below, hello, reached};
use crate::proxy::{TestProxy, cache_of};

#[tokio::test]
async fn what_a_database_says_is_passed_on_byte_for_byte() {
    let (database, proxy) = reached().await;
    assert_eq!(proxy.get(&below("/supported")).await.status, 200);
    assert!(database.paths().is_empty(), "supported is answered here");
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let tiles = ["/tile/8/0/000", "/tile/8/0/001.p/45", "/tile/8/0/001.p/7", "/tile/8/1/000.p/1"];
    let records = ["/tile/8/data/000", "/tile/8/data/001.p/45", "/tile/8/data/001.p/2"];
    for path in [&*lookup, "/latest"].iter().chain(&tiles).chain(&records) {
        let response = proxy.get(&below(path)).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert!(response.body == database.says(path).unwrap(), "{path}");
    }
}

#[tokio::test]
async fn a_proven_answer_is_found_in_memory_from_then_on() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let first = proxy.get(&below(&lookup)).await;
    assert_eq!(cache_of(&first), "200 miss localhost.localdev/sumdb", "{}", first.text());
    assert_eq!(first.header("cache-control"), Some("public, max-age=86400"));
    database.forget();
    let again = proxy.get(&below(&lookup)).await;
    assert_eq!((cache_of(&again).as_str(), again.body), ("200 hit localhost.localdev/sumdb", first.body));
    let tile = proxy.get(&below("/tile/8/0/001.p/45")).await;
    assert_eq!(tile.status, 200);
    assert!(database.paths().is_empty(), "{:?}", database.paths());
}

#[tokio::test]
async fn an_upstream_that_supports_the_database_is_the_way_to_it() {
    let database = Database::start().await;
    database.record(&hello());
    let upstream = Upstream::start().await;
    database.mirror_on(&upstream);
    let key = database.verifier().to_string();
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", &key)]);
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let answer = proxy.get(&below(&lookup)).await;
    assert_eq!(answer.body, database.says(&lookup).unwrap(), "{}", answer.text());
    assert!(database.paths().is_empty(), "it was asked at its own address");
    assert_eq!(upstream.count(&below("/supported")), 1);
}

#[tokio::test]
async fn a_hundred_askers_make_one_lookup_and_one_download_of_each_tile() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    database.on(&lookup).hold();
    let address = proxy.address();
    let path = below(&lookup);
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { testkit::raw::get(address, &path).await.status })
        })
        .collect();
    database.held(&lookup, 1).await;
    database.release();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), 200);
    }
    let mut paths = database.paths();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "{:?}", database.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn lookups_of_many_modules_share_the_downloads_of_their_tiles() {
    let (database, proxy) = reached().await;
    let tile = "/tile/8/0/000";
    database.on(tile).hold();
    let address = proxy.address();
    let lookups: Vec<_> =
        (0..20).map(|id| lookup_path("example.com/synthetic", &format!("v0.0.{id}"))).collect();
    let asked: Vec<_> = lookups
        .iter()
        .map(|lookup| {
            let path = below(lookup);
            tokio::spawn(async move { testkit::raw::get(address, &path).await.status })
        })
        .collect();
    database.held(tile, 1).await;
    testkit::eventually("all lookups to be asked for", || async {
        lookups.iter().all(|lookup| database.count(lookup) == 1)
    })
    .await;
    database.release();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), 200);
    }
    for tile in [tile, "/tile/8/0/001.p/45", "/tile/8/1/000.p/1"] {
        assert_eq!(database.count(tile), 1, "{tile}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn the_word_of_a_database_that_it_has_no_record_is_passed_on() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/gone", "v1.0.0");
    database.on(&lookup).status_text(410, "not found: withdrawn");
    let gone = proxy.get(&below(&lookup)).await;
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains("withdrawn"), "{}", gone.text());
    let unknown = proxy.get(&below(&lookup_path("example.com/unknown", "v1.0.0"))).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[tokio::test]
async fn a_private_name_is_looked_up_nowhere() {
    let database = Database::start().await;
    let settings = [("sumdb", &*database.spec()), ("private", "corp.example/*"), ("gonosumdb", "b.example")];
    let proxy = TestProxy::with(&settings);
    for module in ["corp.example/x", "corp.example/!x", "b.example/y"] {
        let response = proxy.get(&below(&format!("/lookup/{module}@v1.0.0"))).await;
        assert_eq!(response.status, 403, "{module}: {}", response.text());
    }
    assert!(database.paths().is_empty(), "a private name left the house");
}

#[tokio::test]
async fn the_newest_tree_is_asked_for_when_what_is_known_is_five_seconds_old() {
    let (database, proxy) = reached().await;
    let first = proxy.get(&below("/latest")).await;
    assert_eq!(first.body, database.says("/latest").unwrap());
    database.grow(700);
    assert_eq!(proxy.get(&below("/latest")).await.body, first.body);
    proxy.clock().advance(Duration::from_secs(5));
    assert_eq!(proxy.get(&below("/latest")).await.body, database.says("/latest").unwrap());
    database.grow(800);
    database.on("/latest").status(503);
    proxy.clock().advance(Duration::from_secs(5));
    assert_eq!(proxy.get(&below("/latest")).await.text(), database.head(700));
}
