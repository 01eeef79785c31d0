//! The fake checksum database: sound until told otherwise, in the eyes of the go command.

use testkit::database::{History, LIES, Speaker, TEST_SIGNER, lookup_path, synthetic_module};
use testkit::go::{self, Go};
use testkit::raw::get;
use testkit::{Database, ModuleFiles, Upstream};

fn hello(version: &str) -> ModuleFiles {
    ModuleFiles::new("example.com/Hello", version).file("hello.go", "package hello\n")
}

/// Sizes where hashes of the tree share tiles, and one where none do.
const SIZES: [u64; 5] = [512, 519, 700, 70_000, 131_077];

#[tokio::test]
async fn the_go_command_believes_it_at_every_size_and_while_it_grows() {
    if !go::available() {
        return;
    }
    let versions = ["v1.0.0", "v1.1.0", "v1.2.0"].map(hello);
    let modules = Upstream::of(&versions).await;
    let dir = tempfile::tempdir().unwrap();
    for size in SIZES {
        let database = Database::of(History::synthetic(size)).await;
        let go = Go::new(&dir.path().join(size.to_string()));
        let go = go.proxy(modules.url()).sumdb(database.spec());
        for files in &versions {
            database.record(files);
            let wanted = format!("{}@{}", files.path(), files.version());
            let download = go.run(&["mod", "download", "-json", &wanted]).await;
            download.success();
            assert_eq!(download.json_field("Sum"), Some(files.zip_h1().as_str()));
        }
        assert!(database.paths().iter().any(|path| path.starts_with("/tile/8/0/")));
    }
}

#[tokio::test]
async fn the_go_command_finds_it_below_a_proxy() {
    if !go::available() {
        return;
    }
    let (files, database) = (hello("v1.0.0"), Database::start().await);
    let proxy = Upstream::of(std::slice::from_ref(&files)).await;
    database.mirror_on(&proxy);
    database.record(&files);
    let dir = tempfile::tempdir().unwrap();
    let go = Go::new(dir.path()).proxy(proxy.url()).sumdb(database.verifier().to_string());
    go.run(&["mod", "download", "example.com/Hello@v1.0.0"]).await.success();
    assert_eq!(database.requests().len(), 0);
    assert_eq!(proxy.count("/sumdb/localhost.localdev/sumdb/lookup/example.com/!hello@v1.0.0"), 1);
}

#[tokio::test]
async fn what_it_does_not_have_is_absent() {
    let database = Database::of(History::synthetic(519)).await;
    let (module, version) = synthetic_module(518);
    let found = get(database.address(), &lookup_path(module, &version)).await;
    assert!(found.status == 200 && found.text().starts_with("518\nexample.com/synthetic v0.0.518 h1:"));
    assert!(found.text().contains("\n\ngo.sum database tree\n519\n"));
    for (path, status) in [
        ("/lookup/example.com/synthetic@v0.0.519", 404),
        ("/lookup/example.com/synthetic", 400),
        ("/tile/8/0/000", 200),
        ("/tile/8/0/000.p/255", 200),
        ("/tile/8/0/002.p/7", 200),
        ("/tile/8/0/002.p/8", 404),
        ("/tile/8/0/002", 404),
        ("/tile/8/1/000.p/2", 200),
        ("/tile/8/data/002.p/7", 200),
        ("/tile/8/data/003", 404),
        ("/tile/8/63/000", 404),
        ("/tile/8/0/000.p/256", 400),
        ("/supported", 404),
    ] {
        let answer = get(database.address(), path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(status == 200 || !answer.text().is_empty(), "{path}");
    }
    let tile = get(database.address(), "/tile/8/0/002.p/3").await;
    assert_eq!((tile.body.len(), tile.header("content-type")), (96, Some("application/octet-stream")));
}

#[tokio::test]
async fn it_comes_back_as_it_was_and_scripts_are_obeyed() {
    let database = Database::named("sum.example.com").await;
    assert!(database.spec().starts_with("sum.example.com+"));
    database.grow(3);
    let head = database.head(3);
    assert_eq!(get(database.address(), "/latest").await.text(), head);
    database.stop().await;
    database.restart().await;
    assert_eq!(get(database.address(), "/latest").await.text(), head);
    database.on("/latest").once().status(503);
    assert_eq!(get(database.address(), "/latest").await.status, 503);
    assert_eq!(database.says("/latest").unwrap(), head.as_bytes());
    assert_ne!(sumdb::Signer::parse(TEST_SIGNER).unwrap().verifier(), &database.verifier());
}

#[test]
fn a_history_has_the_trees_of_its_beginnings() {
    let (long, short) = (History::synthetic(700), History::synthetic(519));
    assert_eq!((long.root(519), short.size()), (short.root(519), 519));
    assert_ne!(long.root(700), long.root(699));
    let mut other = short.clone();
    let honest = other.text(5).to_owned();
    other.replace(5, "example.com/evil v1.0.0 h1:\n");
    assert_ne!(other.root(519), short.root(519));
    assert_eq!((other.id("example.com/evil", "v1.0.0"), other.root(5)), (Some(5), short.root(5)));
    other.replace(5, &honest);
    assert_eq!(other.root(519), short.root(519));
}

#[test]
fn every_lie_changes_what_is_said_and_only_where_it_should() {
    let signer = sumdb::Signer::parse(TEST_SIGNER).unwrap();
    // The forged history is longer, and its record of the module that is asked for is another.
    let mut forged = History::synthetic(70_001);
    forged.replace(69_999, "example.com/synthetic v0.0.69999 h1:evil\n");
    let mut speaker = Speaker::new(signer, History::synthetic(70_000));
    speaker.forged = forged.into();
    for lie in LIES {
        speaker.lies = vec![*lie];
        let (module, version) = synthetic_module(69_999);
        let paths = [
            "/latest",
            &lookup_path(module, &version),
            "/tile/8/0/273.p/112",
            "/tile/8/0/272",
            "/tile/8/1/001.p/17",
            "/tile/8/2/000.p/1",
        ];
        let changed: Vec<&str> = paths
            .into_iter()
            .filter(|path| {
                let (said, honest) = (speaker.answer(path).unwrap(), speaker.honest(path).unwrap());
                (said.status, said.body) != (honest.status, honest.body)
            })
            .collect();
        assert!(!changed.is_empty(), "{lie:?}");
        let is_of_tiles = format!("{lie:?}").starts_with("Tile");
        assert!(
            !is_of_tiles || changed.iter().all(|path| path.starts_with("/tile/")),
            "{lie:?}: {changed:?}"
        );
    }
}
