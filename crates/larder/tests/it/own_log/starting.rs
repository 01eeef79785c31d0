//! What a server with a log of its own is started with, and what keeps it from starting; and a whole server with one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use larder::app::{self, Start};
use larder::config::{FlagValue, Reading};
use sumdb::record::LookupAnswer;
use sumdb::{Client, Signer, Verifier};
use testkit::{ModuleFiles, Upstream, eventually};

use super::world::{NAME, module};
use crate::proxy::TestProxy;

/// The binary in an environment of its own.
fn larder(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).env_clear().env("HOME", home).current_dir(home).output().unwrap()
}

/// Makes a key, as a shell would.
pub(super) fn key_in(dir: &Path) -> (PathBuf, Verifier) {
    let key = dir.join("log.key");
    let made = larder(dir, &["sumdb", "init", NAME, "--key", key.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let printed = String::from_utf8(made.stdout).unwrap();
    (key, Verifier::parse(printed.strip_suffix('\n').unwrap()).unwrap())
}

#[test]
fn a_key_pair_is_made_once_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (key, verifier) = key_in(dir.path());
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&key).unwrap();
    assert_eq!(Signer::parse(text.trim_end()).unwrap().verifier(), &verifier);
    let again = larder(dir.path(), &["sumdb", "init", NAME, "--key", "log.key"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stdout.is_empty() && String::from_utf8_lossy(&again.stderr).contains("never written over"));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), text);
    for (args, exit, words) in [
        (vec!["sum.golang.org", "--key", "x"], 2, "sum.corp.example.com"),
        (vec!["not a name", "--key", "x"], 2, "sum.corp.example.com"),
        (vec!["localhost+x", "--key", "x"], 2, "sum.corp.example.com"),
        (vec![NAME], 2, "--key"),
        (vec![NAME, "--key", "env:KEY"], 1, "variable"),
        (vec![NAME, "--key", "nowhere/log.key"], 1, "nowhere/log.key could not be written"),
        (vec![NAME, "--key", "data/log.key", "--data", "data"], 1, "in the data directory"),
        (vec![NAME, "--key", "link/log.key", "--data", "data"], 1, "in the data directory"),
    ] {
        std::fs::create_dir_all(dir.path().join("data")).unwrap();
        let _ = std::os::unix::fs::symlink("data", dir.path().join("link"));
        let refused = larder(dir.path(), &[&["sumdb", "init"], args.as_slice()].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(exit), "{args:?} {said}");
        assert!(refused.stdout.is_empty() && said.contains(words), "{args:?} {said}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("data")).unwrap().count(), 0);
}

fn reading(data: &Path, settings: &[(&str, &str)], variable: Option<&str>) -> Reading {
    let mut all = vec![("data", data.to_str().unwrap()), ("listen", "127.0.0.1:0"), ("sumdb", "off")];
    all.extend(settings);
    let flag = |(key, value): &(&str, &str)| FlagValue {
        flag: "--set".to_owned(),
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let environment = variable.iter().map(|value| ("LOG_KEY".to_owned(), (*value).to_owned())).collect();
    Reading { flags: all.iter().map(flag).collect(), environment, ..Reading::default() }
}

/// Why a server with these settings does not start.
pub(super) fn refused(data: &Path, settings: &[(&str, &str)], variable: Option<&str>) -> String {
    let loaded = match reading(data, settings, variable).load() {
        Ok(loaded) => loaded,
        Err(mistakes) => return mistakes.to_string(),
    };
    app::start(loaded, Start::default()).map(drop).map_err(|error| format!("{error:#}")).unwrap_err()
}

#[tokio::test]
async fn a_key_or_a_place_that_cannot_be_used_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (key, _) = key_in(dir.path());
    let text = std::fs::read_to_string(&key).unwrap();
    let key = key.to_str().unwrap();
    let with = |settings: &[(&str, &str)], variable| refused(&data, settings, variable);
    let named = ("log.name", NAME);
    let inside = data.join("log.key");
    for (said, words) in [
        (with(&[named], None), vec!["log.name", "larder sumdb init"]),
        (with(&[("log.key", key)], None), vec!["log.key", "log.name"]),
        (with(&[named, ("log.key", "env:LOG_KEY")], None), vec!["log.key", "LOG_KEY", "not set"]),
        (with(&[named, ("log.key", "env:LOG_KEY")], Some(&text)), vec!["log.key", "log.state"]),
        (with(&[named, ("log.key", inside.to_str().unwrap())], None), vec!["log.key", "data directory"]),
        (
            with(&[named, ("log.key", key), ("log.state", inside.to_str().unwrap())], None),
            vec!["log.state", "data directory"],
        ),
        (with(&[("log.name", "sum.other.example.com"), ("log.key", key)], None), vec!["log.key", NAME]),
        (with(&[("log.name", "sum.golang.org"), ("log.key", key)], None), vec!["log.name"]),
        (
            with(&[named, ("log.key", key), ("log.state", "/nowhere/at/all/state")], None),
            vec!["log.state", "/nowhere/at/all/state", "can be written"],
        ),
        (
            with(&[named, ("log.key", "env:LOG_KEY"), ("log.state", "/tmp/x")], Some("PRIVATE+KEY+x")),
            vec!["log.key", "no signer key"],
        ),
    ] {
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        assert!(!said.contains(text.trim_end()), "{said}");
    }
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o604)).unwrap();
    assert!(with(&[named, ("log.key", key)], None).contains("chmod"));
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    // A log that another key has signed.
    let latest = data.join("modules/sumdb").join(NAME);
    std::fs::create_dir_all(&latest).unwrap();
    std::fs::write(latest.join("latest"), "go.sum database tree\n1\nAAAA\n\n— x AAAA\n").unwrap();
    let said = with(&[named, ("log.key", key)], None);
    assert!(said.contains("log.key") && said.contains("does not fit"), "{said}");
}

/// A server with a log of its own, over an upstream of private modules.
pub(super) fn server(dir: &Path, upstream: &Upstream) -> (TestProxy, Verifier) {
    let (key, verifier) = key_in(dir);
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("route", &format!("corp.example.com={}", upstream.url())),
        ("private", "corp.example.com"),
        ("sumdb", "off"),
        ("log.name", NAME),
        ("log.key", key.to_str().unwrap()),
    ]);
    (proxy, verifier)
}

fn lookup(files: &ModuleFiles) -> String {
    let module = module(files.path(), files.version());
    format!("/sumdb/{NAME}/lookup/{}@{}", module.path.escape(), module.version.escape())
}

#[tokio::test]
async fn a_private_module_is_brought_verified_recorded_and_answered_for_ever() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let files = ModuleFiles::new("corp.example.com/Team/lib", "v1.0.0").padding(200_000);
    upstream.serve(&files);
    let (proxy, verifier) = server(dir.path(), &upstream);
    let supported = proxy.get(&format!("/sumdb/{NAME}/supported")).await;
    assert_eq!(supported.status, 200);
    let answer = proxy.get(&lookup(&files)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("private, no-store")));
    let parsed = LookupAnswer::parse(&answer.body).unwrap();
    assert_eq!(parsed.record.text(), files.sum_lines());
    Client::new(verifier.clone(), &parsed.note).unwrap();
    assert_eq!(proxy.get(&files.url("zip")).await.header("x-larder-cache"), Some("hit"));
    // With the source gone, and after a restart.
    upstream.withdraw(&files.url("zip"));
    upstream.withdraw(&files.url("mod"));
    let again = proxy.get(&lookup(&files)).await;
    assert_eq!((again.status, again.header("x-larder-cache")), (200, Some("hit")));
    let proxy = proxy.restart().await;
    assert_eq!(proxy.get(&lookup(&files)).await.body, answer.body);
    let latest = proxy.get(&format!("/sumdb/{NAME}/latest")).await;
    assert_eq!(latest.body, parsed.note);
    let tile = proxy.get(&format!("/sumdb/{NAME}/tile/8/data/000.p/1")).await;
    assert_eq!((tile.status, tile.header("cache-control")), (200, Some("private, no-store")));
    assert_eq!(proxy.get(&format!("/sumdb/{NAME}/tile/8/0/000.p/2")).await.status, 404);
    assert!(!upstream.paths().iter().any(|path| path.contains("sumdb")), "{:?}", upstream.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn what_a_source_denies_or_cannot_say_is_not_recorded() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let files = ModuleFiles::new("corp.example.com/lib", "v1.0.0");
    let (proxy, _) = server(dir.path(), &upstream);
    assert_eq!(proxy.get(&lookup(&files)).await.status, 404, "the source says so");
    let second = ModuleFiles::new("corp.example.com/lib", "v1.1.0");
    upstream.serve(&second);
    upstream.on(&second.url("zip")).status(500);
    let outage = proxy.get(&lookup(&second)).await;
    assert!(matches!(outage.status, 502..=504), "{}", outage.status);
    let third =
        ModuleFiles::new("corp.example.com/lib", "v1.2.0").zip_prefix("corp.example.com/other@v1.2.0/");
    upstream.serve(&third);
    assert_eq!(proxy.get(&lookup(&third)).await.status, 502, "a zip that breaks the rules");
    let log = proxy.pipeline().log().unwrap().clone();
    eventually("the log", || async { log.view().size == Some(0) }).await;
    let held_only = proxy.get(&format!("/cached-only{}", lookup(&second))).await;
    assert_eq!(held_only.status, 404);
    drop(log);
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_recorded_binds_what_is_held_anew() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let files = ModuleFiles::new("corp.example.com/lib", "v1.0.0");
    upstream.serve(&files);
    let (proxy, _) = server(dir.path(), &upstream);
    assert_eq!(proxy.get(&lookup(&files)).await.status, 200);
    // All that is held is lost, but for the log; and the tag was moved.
    for lost in ["meta", "modules/corp.example.com"] {
        std::fs::remove_dir_all(proxy.data(lost)).unwrap();
    }
    let proxy = proxy.restart().await;
    let moved = ModuleFiles::new("corp.example.com/lib", "v1.0.0").file("moved.go", "package lib\n");
    upstream.serve(&moved);
    assert_eq!(proxy.get(&files.url("zip")).await.status, 502);
    upstream.serve(&files);
    proxy.clock().advance(std::time::Duration::from_secs(2));
    assert_eq!(proxy.get(&files.url("zip")).await.status, 200);
    proxy.stop().await;
}
