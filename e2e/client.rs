//! The go command as a client: cold, warm, without upstream; every form of question it has.

use std::path::Path;

use testkit::Upstream;
use testkit::go::{self, Go};

use crate::larder::Larder;
use crate::world::{self, GRAPH};

const LIB: &str = "example.com/Upper/Lib";

/// Everything the go command may ask of a proxy, with answers that do not depend on where they come from.
async fn works_for(go: &Go) {
    go.run(&["mod", "download"]).await.success();
    assert_eq!(go.run(&["list", "-m", "all"]).await.success(), GRAPH);
    for files in world::modules() {
        let wanted = format!("{}@{}", files.path(), files.version());
        let download = go.run(&["mod", "download", "-json", &wanted]).await;
        download.success();
        assert_eq!(download.json_field("Sum"), Some(files.zip_h1().as_str()), "{wanted}");
        assert_eq!(download.json_field("GoModSum"), Some(files.mod_h1().as_str()), "{wanted}");
    }
    let versions = go.run(&["list", "-m", "-versions", LIB]).await;
    assert_eq!(versions.success(), format!("{LIB} v1.0.0 v1.2.0 v1.10.0-beta.1\n"));
    let retracted = go.run(&["list", "-m", "-retracted", "-versions", LIB]).await;
    assert_eq!(retracted.success(), format!("{LIB} v1.0.0 v1.2.0 v1.3.0 v1.10.0-beta.1\n"));
    for (asked, found) in [
        ("example.com/Upper/Lib@latest", "v1.2.0"),
        ("example.com/Upper/Lib@v1.0", "v1.0.0"),
        ("example.com/Upper/Lib@stable", "v1.2.0"),
        ("example.com/two/v2@latest", "v2.1.0"),
        ("example.com/pre@latest", "v1.0.0-rc.1"),
        ("example.com/old@latest", "v3.0.0+incompatible"),
    ] {
        let (path, _) = asked.split_once('@').unwrap();
        assert_eq!(go.run(&["list", "-m", asked]).await.success(), format!("{path} {found}\n"), "{asked}");
    }
}

/// Cold, then warm for another machine, then for a third with the upstream gone.
async fn works_everywhere(dir: &Path, upstream: &str) {
    let larder = Larder::over(&dir.join("data"), upstream);
    let cold = world::client(&dir.join("cold"), &larder.url());
    works_for(&cold).await;
    let sums = std::fs::read_to_string(cold.work_dir().join("go.sum")).unwrap();
    for files in world::modules().iter().filter(|files| world::in_graph(files)) {
        assert!(sums.contains(&files.sum_lines()), "{sums}");
    }
    larder.requests().await;
    works_for(&world::client(&dir.join("warm"), &larder.url())).await;
    for line in larder.requests().await {
        assert!(!line.contains("\"miss\"") && line.contains("\"status\":200"), "asked again: {line}");
    }

    let larder = larder.restart_with(&["--upstream", "off", "--sumdb", "off"]).await;
    let offline = world::client(&dir.join("offline"), &larder.url());
    offline.write("go.sum", &sums);
    works_for(&offline).await;
}

#[tokio::test]
async fn go_works_through_larder_over_a_proxy() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    works_everywhere(dir.path(), &world::upstream().await.url()).await;
}

#[tokio::test]
async fn go_works_through_larder_over_a_tree_of_files() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    world::write_tree(&dir.path().join("tree"));
    works_everywhere(dir.path(), &format!("file://{}", dir.path().join("tree").display())).await;
}

#[tokio::test]
async fn go_works_through_larder_over_a_module_cache_that_go_has_filled() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let filled = world::filled_by_go(dir.path()).await;
    // What a module cache does not have: what a branch means, and the newest of what has no tags.
    std::fs::write(filled.join("example.com/!upper/!lib/@v/stable.info"), world::ORIGIN).unwrap();
    works_everywhere(&dir.path().join("file"), &format!("file://{}", filled.display())).await;
    let upstream = world::serving(&filled).await;
    works_everywhere(&dir.path().join("http"), &upstream.url()).await;
}

#[tokio::test]
async fn the_info_of_a_version_is_passed_on_with_its_origin() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = world::upstream().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    for asked in ["example.com/Upper/Lib@v1.2.0", "example.com/Upper/Lib@stable"] {
        let go = world::client(&dir.path().join(asked), &larder.url());
        let download = go.run(&["mod", "download", "-json", asked]).await;
        let shown = download.success();
        for words in [r#""Ref": "refs/tags/v1.2.0""#, r#""URL": "https://example.com/upper""#] {
            assert!(shown.contains(words), "{shown}");
        }
        let info = download.json_field("Info").unwrap();
        assert_eq!(std::fs::read_to_string(info).unwrap(), world::ORIGIN);
    }
}

#[tokio::test]
async fn go_gets_versions_and_branches_and_installs_commands() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = world::upstream().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let go = world::client(dir.path(), &larder.url());
    go.write("go.mod", "module example.com/main\n\ngo 1.21\n");
    for (asked, line) in [
        ("example.com/Upper/Lib@latest", "example.com/Upper/Lib v1.2.0"),
        ("example.com/pseudo@main", "example.com/pseudo v0.0.0-20260102030405-0123456789ab"),
        ("example.com/Upper/Lib@v1.0.0", "example.com/Upper/Lib v1.0.0"),
        ("example.com/old@latest", "example.com/old v3.0.0+incompatible"),
        ("example.com/two/v2", "example.com/two/v2 v2.1.0"),
    ] {
        go.run(&["get", asked]).await.success();
        let text = std::fs::read_to_string(go.work_dir().join("go.mod")).unwrap();
        assert!(text.contains(line), "{asked}: {text}");
    }
    let warned = go.run(&["list", "-m", "-u", "-json", "example.com/Upper/Lib@v1.3.0"]).await;
    assert!(warned.success().contains("made by mistake"), "{warned:?}");

    go.run(&["install", "example.com/tool@v0.1.0"]).await.success();
    let made = std::process::Command::new(dir.path().join("gopath/bin/tool")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&made.stderr), "made by example.com/tool\n");
}

#[tokio::test]
async fn the_tree_on_disk_is_a_goproxy_of_its_own() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = world::upstream().await;
    let mut larder = Larder::over(&dir.path().join("data"), &upstream.url());
    world::client(&dir.path().join("first"), &larder.url()).run(&["mod", "download"]).await.success();
    larder.terminate();
    assert_eq!(larder.ended().await.code(), Some(0));

    let go =
        world::client(&dir.path().join("second"), &format!("file://{}", larder.data("modules").display()));
    go.run(&["mod", "download"]).await.success();
    assert_eq!(go.run(&["list", "-m", "all"]).await.success(), GRAPH);
    assert_eq!(go.run(&["list", "-m", "-versions", LIB]).await.success(), format!("{LIB} v1.2.0\n"));
}

#[tokio::test]
async fn go_names_what_is_missing_in_our_words() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let go = world::client(dir.path(), &larder.url());
    let missing = go.run(&["mod", "download", "example.com/absent@v1.0.0"]).await;
    assert!(!missing.ok);
    for words in ["404 Not Found", "server response:", "not found: example.com/absent@v1.0.0", "request id: "]
    {
        assert!(missing.stderr.contains(words), "{}", missing.stderr);
    }
}
