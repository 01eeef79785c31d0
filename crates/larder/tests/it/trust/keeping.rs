//! What was proven is kept, and serves when nobody can be asked; what the disk has changed is never served.

use std::path::{Path, PathBuf};

use testkit::database::lookup_path;
use testkit::{Database, ModuleFiles, Upstream};

use super::{below, reached};
use crate::proxy::TestProxy;

/// Everything that is kept of the database in the static tree.
fn kept(proxy: &TestProxy) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    let mut found = Vec::new();
    walk(&proxy.data("modules/sumdb/localhost.localdev/sumdb"), &mut found);
    found.sort();
    found
}

/// The paths of a client that looks something up: the lookup, and tiles of its tree and of older ones.
fn asked_by_clients(database: &Database) -> Vec<String> {
    let mut paths = vec![lookup_path("example.com/Hello", "v1.0.0")];
    for path in ["/tile/8/0/001.p/45", "/tile/8/0/001.p/9", "/tile/8/1/000.p/1"] {
        paths.push(path.to_owned());
    }
    assert_eq!(database.truth().size(), 301);
    paths
}

#[tokio::test]
async fn what_was_looked_up_is_answered_after_a_restart_without_asking_anybody() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    assert_eq!(proxy.get(&below("/tile/8/data/001.p/45")).await.status, 200);
    assert_eq!(proxy.get(&below(&lookup)).await.status, 200);
    let said: Vec<_> =
        asked_by_clients(&database).iter().map(|path| (path.clone(), database.says(path).unwrap())).collect();
    let latest = database.says("/latest").unwrap();
    let records = database.says("/tile/8/data/001.p/30").unwrap();
    drop(database);
    let proxy = proxy.restart().await;
    for (path, said) in said {
        let answer = proxy.get(&below(&path)).await;
        assert!(answer.body == said, "{path}: {}", answer.status);
    }
    assert!(proxy.get(&below("/latest")).await.body == latest);
    assert!(proxy.get(&below("/tile/8/data/001.p/30")).await.body == records);
    let unknown = proxy.get(&below(&lookup_path("example.com/unknown", "v1.0.0"))).await;
    assert_eq!(unknown.status, 503, "{}", unknown.text());
    proxy.stop().await;
}

#[tokio::test]
async fn lookups_of_every_age_go_on_when_the_tree_has_grown() {
    let database = Database::start().await;
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", &database.spec())]);
    let mut lookups = Vec::new();
    for size in [1, 3, 200, 256, 300, 511, 513, 700, 66_000] {
        database.grow(size - 1);
        let files = ModuleFiles::new(&format!("example.com/m{size}"), "v1.0.0");
        database.record(&files);
        let lookup = lookup_path(&format!("example.com/m{size}"), "v1.0.0");
        let answer = proxy.get(&below(&lookup)).await;
        assert_eq!(answer.status, 200, "{size}: {}", answer.text());
        lookups.push((lookup, answer.body));
    }
    drop(database);
    let proxy = proxy.restart().await;
    for (lookup, said) in &lookups {
        let answer = proxy.get(&below(lookup)).await;
        assert!(answer.body == *said, "{lookup}: {}", answer.text());
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_damaged_file_is_never_served_and_is_fetched_again() {
    let (database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let said = proxy.get(&below(&lookup)).await.body;
    let proxy = proxy.restart().await;
    let files = kept(&proxy);
    assert!(files.iter().any(|(path, _)| path.ends_with("supported")));
    let mut proxy = proxy;
    for (path, bytes) in files.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let mut damaged = bytes.clone();
        damaged[7] ^= 1;
        std::fs::write(path, &damaged).unwrap();
        proxy = proxy.restart().await;
        let answer = proxy.get(&below(&lookup)).await;
        assert_eq!(answer.body, said, "{}: {}", path.display(), answer.text());
        proxy = proxy.restart().await;
        assert!(std::fs::read(path).unwrap() == *bytes, "{}", path.display());
    }
    // And without the database it is refused.
    drop(database);
    let (path, bytes) = files.iter().find(|(path, _)| path.to_string_lossy().contains("tile")).unwrap();
    let mut damaged = bytes.clone();
    damaged[7] ^= 1;
    std::fs::write(path, &damaged).unwrap();
    let proxy = proxy.restart().await;
    assert_eq!(proxy.get(&below(&lookup)).await.status, 503);
}

#[tokio::test]
async fn the_widest_tile_is_kept_and_a_full_one_for_ever() {
    let (database, proxy) = reached().await;
    let names = |proxy: &TestProxy| {
        let tree = proxy.data("modules/sumdb/localhost.localdev/sumdb");
        let names =
            kept(proxy).into_iter().map(|(path, _)| path.strip_prefix(&tree).unwrap().display().to_string());
        names.filter(|name| name.starts_with("tile/")).collect::<Vec<_>>()
    };
    proxy.get(&below("/tile/8/0/001.p/9")).await;
    let mut proxy = proxy.restart().await;
    assert_eq!(names(&proxy), ["tile/8/0/001.p/45", "tile/8/1/000.p/1"]);
    for (size, kept) in [
        (400, ["tile/8/0/001.p/144", "tile/8/1/000.p/1"].as_slice()),
        (600, &["tile/8/0/001", "tile/8/0/002.p/88", "tile/8/1/000.p/2"]),
    ] {
        database.grow(size);
        proxy.clock().advance(std::time::Duration::from_secs(5));
        assert_eq!(proxy.get(&below("/latest")).await.status, 200);
        proxy = proxy.restart().await;
        assert_eq!(names(&proxy), kept);
    }
}

#[tokio::test]
async fn a_head_that_its_key_has_not_signed_closes_the_database() {
    let (_database, proxy) = reached().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    assert_eq!(proxy.get(&below(&lookup)).await.status, 200);
    let head = proxy.data("meta/sumdb/localhost.localdev/sumdb/00000c67/head");
    let mut damaged = std::fs::read(&head).unwrap();
    damaged[25] ^= 1;
    std::fs::write(&head, damaged).unwrap();
    let proxy = proxy.restart().await;
    assert_eq!(proxy.get(&below(&lookup)).await.status, 200);
    let refused = proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.7"))).await;
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("larder sumdb accept"), "{}", refused.text());
}

#[tokio::test]
async fn what_is_kept_is_a_tree_that_the_go_command_reads() {
    let (_database, proxy) = reached().await;
    assert_eq!(proxy.get(&below(&lookup_path("example.com/Hello", "v1.0.0"))).await.status, 200);
    let proxy = proxy.restart().await;
    let tree = proxy.data("modules/sumdb/localhost.localdev/sumdb");
    for name in ["supported", "lookup/example.com/!hello@v1.0.0", "tile/8/0/001.p/45", "tile/8/1/000.p/1"] {
        assert!(tree.join(name).is_file(), "{name}");
    }
}
