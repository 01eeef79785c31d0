//! A log of our own as files alone: what a mirror, or any web server, gives to the go command.

use std::path::Path;
use std::process::Command;

use testkit::eventually;
use testkit::go;

use crate::database::{Database, NAME as PUBLIC};
use crate::larder::Larder;
use crate::world;

const NAME: &str = "sum.corp.example";
const PRIVATE: &str = "example.com/two,example.com/pseudo";

/// Makes a key; what clients set.
fn key_at(key: &Path) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["sumdb", "init", NAME, "--key", key.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn what_a_log_has_written_is_enough_without_any_server() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let is_private = |path: &str| PRIVATE.split(',').any(|private| path.starts_with(private));
    let public: Vec<_> = world::modules().into_iter().filter(|files| !is_private(files.path())).collect();
    let database = Database::start(dir.path(), &public).await;
    let upstream = world::upstream().await;
    let key = dir.path().join("log.key");
    let verifier = key_at(&key);
    let settings = [
        format!("log.name={NAME}"),
        format!("log.key={}", key.display()),
        format!("route={PRIVATE}={}", upstream.url()),
    ];
    let mut flags = vec!["--private".to_owned(), PRIVATE.to_owned()];
    flags.extend(["--upstream".to_owned(), upstream.url(), "--sumdb".to_owned(), database.spec()]);
    flags.extend(settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut larder = Larder::start(&dir.path().join("data"), &flags);
    let client =
        |name: &str, proxy: &str| world::client(&dir.path().join(name), proxy).sumdb(verifier.as_str());
    client("first", &larder.url()).run(&["mod", "download"]).await.success();
    let asked = database.asked().concat();
    assert!(asked.contains("/lookup/example.com/!upper/!lib@v1.2.0"), "{asked}");
    assert!(!asked.contains("example.com/two") && !asked.contains("example.com/pseudo"), "{asked}");
    let seen = upstream.paths();
    assert!(!seen.iter().any(|path| path.contains(NAME)), "our own name has left: {seen:?}");
    // After the process was killed, from what it has kept.
    larder.restart();
    client("second", &larder.url()).run(&["mod", "download"]).await.success();
    assert!(!database.asked().concat().contains("/lookup/"), "all of it has a record");
    let other = larder.ask(&format!("/sumdb/{PUBLIC}/supported")).await;
    assert_eq!(other.status, 200, "the public database is still passed on");
    // From the files alone, without any server.
    let lookups = larder.data(&format!("modules/sumdb/{NAME}/lookup"));
    let needed = world::modules().iter().filter(|files| world::in_graph(files)).count();
    eventually("the files of all lookups", || async {
        let found = Command::new("find").arg(&lookups).args(["-type", "f"]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count() >= needed
    })
    .await;
    let tree = format!("file://{}", larder.data("modules").display());
    larder.kill9();
    client("third", &tree).run(&["mod", "download"]).await.success();
}
