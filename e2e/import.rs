//! Importing what the go command has already: with the server off and on, sound files and damaged ones.

use std::path::{Path, PathBuf};
use std::process::Output;

use testkit::ModuleFiles;
use testkit::go;

use crate::larder::{Larder, run};
use crate::world;

/// Runs `larder import`.
fn import(home: &Path, from: &Path, more: &[&str]) -> Output {
    let data = home.join("data").display().to_string();
    let mut arguments = vec!["import", "--data", &data, from.to_str().unwrap()];
    arguments.extend(more);
    run(home, &arguments)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that an import went well and adopted this many versions, or held them before.
#[track_caller]
fn assert_imported(output: &Output, adopted: usize, held_files: usize) {
    let (text, told) = (stdout(output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}{told}");
    assert!(text.contains(&format!("adopted  {adopted} zip, {adopted} mod, {adopted} info")), "{text}");
    assert!(text.contains(&format!("held     {held_files} before")), "{text}");
    assert!(text.contains("refused  0"), "{text}");
}

/// Everything is served, with no source at all, as the go command had it.
async fn assert_serves_all(larder: &Larder, cache: &Path) {
    for files in world::modules() {
        for kind in ["info", "mod", "zip"] {
            let url = files.url(kind);
            let served = larder.ask(&url).await;
            assert_eq!(served.status, 200, "{url}: {}", served.text());
            let had = std::fs::read(cache.join(url.trim_start_matches('/'))).unwrap();
            assert!(served.body == had, "{url} is not what go had");
        }
    }
}

async fn go_works(larder: &Larder, dir: &Path) {
    let go = world::client(dir, &larder.url());
    go.run(&["mod", "download"]).await.success();
    assert_eq!(go.run(&["list", "-m", "all"]).await.success(), world::GRAPH);
}

#[tokio::test]
async fn a_module_cache_is_imported_while_the_server_is_off() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = world::filled_by_go(dir.path()).await;
    let count = world::modules().len();
    // The module cache itself is found in the directory that GOMODCACHE names.
    assert_imported(&import(dir.path(), &dir.path().join("filler/modcache"), &[]), count, 0);
    assert_imported(&import(dir.path(), &cache, &[]), 0, 3 * count);
    let larder = Larder::over(&dir.path().join("data"), "off");
    assert_serves_all(&larder, &cache).await;
    go_works(&larder, &dir.path().join("client")).await;
}

#[tokio::test]
async fn a_module_cache_is_imported_by_the_server_that_runs() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = world::filled_by_go(dir.path()).await;
    let count = world::modules().len();
    let larder = Larder::over(&dir.path().join("data"), "off");
    let absent = larder.ask("/example.com/!upper/!lib/@v/v1.2.0.info").await;
    assert_eq!(absent.status, 404, "{}", absent.text());
    assert_imported(&import(dir.path(), &cache, &[]), count, 0);
    assert_imported(&import(dir.path(), &cache, &[]), 0, 3 * count);
    assert_serves_all(&larder, &cache).await;
    go_works(&larder, &dir.path().join("client")).await;
}

/// What a report says of one file.
#[derive(Debug)]
struct Damaged {
    file: String,
    why: &'static str,
}

/// Damages files of the cache in the ways that disks, crashes and people do.
fn damage(cache: &Path) -> Vec<Damaged> {
    let at = |files: &ModuleFiles, kind: &str| {
        let name = files.url(kind).trim_start_matches('/').to_owned();
        (cache.join(&name), name)
    };
    let modules = world::modules();
    let named = |path: &str, version: &str| {
        modules.iter().find(|files| files.path() == path && files.version() == version).unwrap()
    };
    let mut damaged = Vec::new();
    let mut add = |(path, file): (PathBuf, String), content: Vec<u8>, why| {
        std::fs::write(path, content).unwrap();
        damaged.push(Damaged { file, why });
    };
    // A crash after the file was made and before its content reached the disk.
    let chain = named("example.com/chain", "v1.0.0");
    add(at(chain, "mod"), vec![0; chain.mod_file().len()], "NUL");
    let pre = named("example.com/pre", "v1.0.0-rc.1");
    add(at(pre, "info"), Vec::new(), "JSON");
    let link = named("example.com/link", "v0.3.0");
    add(at(link, "zip"), link.zip()[..link.zip().len() / 2].to_vec(), "zip");
    let lib = named("example.com/Upper/Lib", "v1.0.0");
    add(at(lib, "info"), br#"{"Version":"v1.0.1","Time":"2026-01-02T03:04:05Z"}"#.to_vec(), "v1.0.1");
    let (two, other) = (named("example.com/two/v2", "v2.0.0"), named("example.com/two/v2", "v2.1.0"));
    add(at(two, "zip"), other.zip().to_vec(), "v2.0.0");
    let old = named("example.com/old", "v3.0.0+incompatible");
    let (_, zip) = at(old, "zip");
    std::fs::write(cache.join(zip.replace(".zip", ".ziphash")), link.zip_h1()).unwrap();
    damaged.push(Damaged { file: zip, why: ".ziphash" });
    for (file, why) in [
        ("example.com/Raw/@v/v1.0.0.mod", "upper"),
        ("example.com/odd/@v/v1.mod", "v1"),
        ("example.com/odd/@v/v2.0.0.zip", "v2"),
        ("example.com/odd/v2/@v/v1.0.0.mod", "v1"),
    ] {
        let path = cache.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "module example.com/odd\n").unwrap();
        // Where the name is impossible, the directory or the version is told.
        let told = if file.contains("Raw") { "example.com/Raw/@v" } else { file };
        let told = if file.contains("/v1.mod") {
            told
        } else {
            told.trim_end_matches(".zip").trim_end_matches(".mod")
        };
        damaged.push(Damaged { file: told.to_owned(), why });
    }
    damaged
}

#[tokio::test]
async fn what_is_damaged_is_refused_by_name_and_reason_and_the_rest_imported() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = world::filled_by_go(dir.path()).await;
    let damaged = damage(&cache);
    // What is no module's file is passed over without a word.
    for file in ["cache.lock", "example.com/chain/@v/v1.0.0.lock", "example.com/chain/@v/list", "notes.txt"] {
        std::fs::write(cache.join(file), "anything").unwrap();
    }
    let report = import(dir.path(), &cache, &["--json"]);
    assert_eq!(report.status.code(), Some(3), "{}", String::from_utf8_lossy(&report.stderr));
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let refused = report["refused"].as_array().unwrap();
    for Damaged { file, why } in &damaged {
        let told =
            refused.iter().find(|refusal| refusal["file"].as_str().unwrap().starts_with(file.as_str()));
        let told = told.unwrap_or_else(|| panic!("{file} is not among the refused: {refused:#?}"));
        let reason = told["why"].as_str().unwrap().to_lowercase();
        assert!(reason.contains(&why.to_lowercase()), "{file}: {reason}");
    }
    assert_eq!(refused.len(), damaged.len(), "{refused:#?}");

    let larder = Larder::over(&dir.path().join("data"), "off");
    for files in world::modules() {
        for kind in ["info", "mod", "zip"] {
            let url = files.url(kind);
            let is_damaged = damaged.iter().any(|damaged| url.trim_start_matches('/') == damaged.file);
            let expected = if is_damaged { 404 } else { 200 };
            assert_eq!(larder.ask(&url).await.status, expected, "{url}");
        }
    }
    let again = import(dir.path(), &cache, &[]);
    let text = stdout(&again);
    assert_eq!(again.status.code(), Some(3), "{text}");
    assert!(text.contains("adopted  0 zip, 0 mod, 0 info"), "{text}");
    for Damaged { file, .. } in &damaged {
        assert!(text.contains(file.as_str()), "{file} is not named to the person: {text}");
    }
}

#[tokio::test]
async fn an_import_never_changes_what_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let first = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib\n");
    let other = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib // moved\n");
    testkit::Tree::write(&dir.path().join("first"), std::slice::from_ref(&first));
    testkit::Tree::write(&dir.path().join("other"), std::slice::from_ref(&other));
    assert_imported(&import(dir.path(), &dir.path().join("first"), &[]), 1, 0);
    let refused = import(dir.path(), &dir.path().join("other"), &[]);
    let text = stdout(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains(&first.zip_h1()) && text.contains(&other.zip_h1()), "{text}");
    let larder = Larder::over(&dir.path().join("data"), "off");
    assert!(larder.ask(&first.url("zip")).await.body == first.zip());
}

#[test]
fn a_name_or_a_reason_cannot_write_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let evil = dir.path().join("tree/example.com/\u{1b}[2J\u{202e}evil\r/@v");
    std::fs::create_dir_all(&evil).unwrap();
    std::fs::write(evil.join("v1.0.0.mod"), "module evil\n").unwrap();
    let wrong =
        ModuleFiles::new("example.com/two", "v1.0.0").zip_prefix("one@v1.0.0/").file("a.go", "package a\n");
    testkit::Tree::write(&dir.path().join("tree"), &[wrong]);
    let refused = import(dir.path(), &dir.path().join("tree"), &[]);
    let text = stdout(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text:?}");
    let wild = text.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
    assert_eq!(wild, None, "{text:?}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[2]), (5, "refused  2"), "one line for each: {text:?}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_fails_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let failed = import(dir.path(), &missing, &[]);
    assert_eq!(failed.status.code(), Some(1));
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(told.contains(missing.to_str().unwrap()) && told.contains("No such file"), "{told}");
}
