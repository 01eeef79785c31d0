//! `larder status`, `refresh` and `invalidate` against a running server.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

/// Runs a command against this server, as a script would.
async fn larder(proxy: &TestProxy, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).arg("--data").arg(proxy.data("")).env_clear();
    told(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn files(version: &str) -> ModuleFiles {
    ModuleFiles::new("example.com/M", version).file("m.go", "package m\n")
}

#[tokio::test]
async fn status_shows_the_server_and_exits_0_while_all_is_well() {
    let files = files("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.url("mod")).await;
    proxy.get(&files.url("mod")).await;
    proxy.clock().advance(Duration::from_hours(3));
    let (code, text, _) = larder(&proxy, &["status"]).await;
    assert_eq!(code, 0, "{text}");
    for words in [
        "ready, running for 3 h",
        &proxy.address().to_string(),
        "2: 1 from what is held (50.0 %), 1 fetched, 0 failed",
        "UPSTREAM",
        "asked",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| !line.ends_with(' ')), "{text:?}");
    let (code, json, _) = larder(&proxy, &["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &status["requests"]["hit_rate"]), (0, &0.5.into()), "{json}");
    assert!(status["store"]["free_bytes"].as_u64() > Some(0));
    proxy.stop().await;
}

#[tokio::test]
async fn status_exits_4_while_an_upstream_is_left_alone() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    upstream.stop().await;
    for patch in 0..20 {
        assert_eq!(proxy.get(&files(&format!("v1.0.{patch}")).url("mod")).await.status, 503);
    }
    let (code, text, _) = larder(&proxy, &["status"]).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("\n! the upstream 127.0.0.1:") && text.contains("left alone"), "{text}");
    proxy.stop().await;
}

#[tokio::test]
async fn status_exits_4_while_the_configuration_has_a_mistake() {
    let upstream = Upstream::start().await;
    let right = format!("upstream = \"{}\"\n", upstream.url());
    let proxy = TestProxy::with_file(&right);
    proxy.reload(&format!("{right}[cache]\nfresh = \"5\"\n")).await;
    let (code, text, _) = larder(&proxy, &["status"]).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("\n! the configuration has mistakes") && text.contains("larder.toml:3"), "{text}");
    proxy.reload(&right).await;
    assert_eq!(larder(&proxy, &["status"]).await.0, 0);
    proxy.stop().await;
}

#[tokio::test]
async fn status_shows_what_is_held_and_exits_4_while_the_store_is_out_of_order() {
    let (held, missed) = (files("v1.0.0"), files("v1.1.0"));
    let upstream = Upstream::of(&[held.clone(), missed.clone()]).await;
    let dir = tempfile::tempdir().unwrap();
    let (data, away) = (dir.path().join("data"), dir.path().join("away"));
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("data", &data.display().to_string())]);
    let status = async |data: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.arg("status").arg("--data").arg(data).env_clear();
        told(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
    };
    // What comes while a page is counted may be counted or not.
    eventually("the end of the count", || async { proxy.pipeline().cache().facts().is_counted }).await;
    for kind in ["mod", "zip"] {
        assert_eq!(proxy.get(&held.url(kind)).await.status, 200);
    }
    let (code, text, _) = status(&data).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(" in 2 files of 1 versions of 1 modules"), "{text}");
    // Its socket goes with it, and is reached there.
    std::fs::rename(&data, &away).unwrap();
    proxy.get(&missed.url("mod")).await;
    let (code, text, _) = status(&away).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("\n! the store is out of order (failing)"), "{text}");
    assert!(text.contains(" failing since 20"), "{text}");
}

#[tokio::test]
async fn status_of_a_module_shows_states_and_versions() {
    let files = files("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let (code, text, _) = larder(&proxy, &["status", "example.com/M"]).await;
    assert!(code == 0 && text.contains("not loaded") && text.contains("no version is held"), "{text}");
    for kind in ["info", "mod", "zip"] {
        proxy.get(&files.url(kind)).await;
    }
    proxy.get(&files.list_url()).await;
    proxy.get("/example.com/!m/@v/main.info").await;
    proxy.clock().advance(Duration::from_secs(30));
    let (code, text, _) = larder(&proxy, &["status", "example.com/M"]).await;
    assert_eq!(code, 0, "{text}");
    for words in ["fresh", "1 version", "main", "absent", "asked again at 20", "v1.0.0", "info mod zip"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert_eq!(text.matches("30 s ago").count(), 3, "list, query and version: {text}");
    proxy.clock().advance(Duration::from_secs(40));
    let (_, text, _) = larder(&proxy, &["status", "example.com/M"]).await;
    assert!(text.contains("stale"), "{text}");
    let (code, text, _) = larder(&proxy, &["status", "example.com/M@v1.0.0"]).await;
    assert!(code == 0 && text.contains(&files.zip_h1()) && text.contains("first-seen"), "{text}");
    let (code, text, _) = larder(&proxy, &["status", "example.com/M@latest"]).await;
    assert!(code == 0 && text.contains("not loaded"), "{text}");
    let (code, text, _) = larder(&proxy, &["status", "example.com/M@feature#1 x"]).await;
    assert!(code == 0 && text.contains("not loaded"), "{text}");
    proxy.stop().await;
}

#[tokio::test]
async fn status_of_a_module_whose_last_try_failed_exits_4_and_says_why() {
    let files = files("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.list_url()).await;
    upstream.stop().await;
    proxy.clock().advance(Duration::from_mins(11));
    proxy.get(&files.list_url()).await;
    let (code, text, _) = larder(&proxy, &["status", "example.com/M"]).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("old") && text.contains("! list: the last try failed at 20"), "{text}");
    assert!(
        text.contains("(unavailable)") && text.contains("asked again by whoever wants it after"),
        "{text}"
    );
    proxy.stop().await;
}

#[tokio::test]
async fn refresh_shows_what_is_new_and_fails_when_the_source_does() {
    let (one, two) = (files("v1.0.0"), files("v1.1.0"));
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&one.list_url()).await;
    proxy.get(&one.latest_url()).await;
    upstream.serve(&two);
    let (code, text, _) = larder(&proxy, &["refresh", "example.com/M"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("new: v1.1.0") && text.contains("v1.0.0 -> v1.1.0"), "{text}");
    let (code, text, _) = larder(&proxy, &["refresh", "example.com/M", "--json"]).await;
    assert!(code == 0 && text.contains("\"outcome\":\"unchanged\""), "{text}");
    upstream.stop().await;
    let (code, text, _) = larder(&proxy, &["refresh", "example.com/M"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("failed, the old copy stays") && text.contains("  list: 127.0.0.1:"), "{text}");
    proxy.stop().await;
}

#[tokio::test]
async fn refresh_fails_too_when_only_what_is_held_is_left_to_answer_from() {
    let one = files("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["info", "mod", "zip"] {
        proxy.get(&one.url(kind)).await;
    }
    upstream.stop().await;
    let (code, text, _) = larder(&proxy, &["refresh", "example.com/M"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("made of what is held") && text.contains("  list: 127.0.0.1:"), "{text}");
    proxy.stop().await;
}

#[tokio::test]
async fn invalidate_says_what_was_forgotten_and_what_stays() {
    let one = files("v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&one)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&one.list_url()).await;
    proxy.get(&one.url("zip")).await;
    let (code, text, _) = larder(&proxy, &["invalidate", "example.com/M@v1.0.0"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("its zip is held and stays: "), "{text}");
    let (code, text, _) = larder(&proxy, &["invalidate", "example.com/M"]).await;
    assert_eq!((code, text.as_str()), (0, "example.com/M: forgot list; no absence or failure\n"));
    proxy.stop().await;
}

#[tokio::test]
async fn without_a_server_each_command_exits_1_and_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["status"][..],
        &["status", "example.com/m"],
        &["refresh", "example.com/m"],
        &["invalidate", "a.b/c"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let (code, _, text) =
            told(command.args(args).arg("--data").arg(home.path()).env_clear().output().unwrap());
        assert_eq!(code, 1, "{text}");
        assert!(text.starts_with("larder: no server answers at "), "{text}");
        assert!(text.contains("  next: start one with `larder serve`"), "{text}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    let (code, _, text) = told(command.args(["refresh", "nodot"]).env_clear().output().unwrap());
    assert!(code == 2 && text.contains("missing dot"), "{text}");
}

#[tokio::test]
async fn status_finds_the_server_also_when_the_file_has_a_mistake() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let file = proxy.data("../broken.toml");
    let data = proxy.data("");
    std::fs::write(&file, format!("data = {:?}\n[cache]\nfresh = \"5\"\n", data.display().to_string()))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(["status", "--config"]).arg(&file).env_clear();
    let (code, text, _) = told(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
    assert!(code == 0 && text.contains("ready"), "{code} {text}");
    proxy.stop().await;
}

/// What a server of another version might tell, if it let through what sources say.
const WILD: &str = "\u{1b}[2Jgone\u{202e}evil\u{7}\r\nlist  fresh\u{9b}31m";

/// Answers one call on a control socket, whatever is asked.
fn answer_once(dir: &std::path::Path, answer: &serde_json::Value) -> std::thread::JoinHandle<()> {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::os::unix::net::UnixListener::bind(dir.join("control.sock")).unwrap();
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{answer}");
    std::thread::spawn(move || {
        let mut call = BufReader::new(listener.accept().unwrap().0);
        let (mut line, mut length) = (String::new(), 0);
        while call.read_line(&mut line).unwrap() > 2 {
            if let Some(bytes) = line.strip_prefix("Content-Length: ") {
                length = bytes.trim().parse().unwrap();
            }
            line.clear();
        }
        call.read_exact(&mut vec![0; length]).unwrap();
        call.get_mut().write_all(answer.as_bytes()).unwrap();
    })
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    let known =
        json!({"state": "absent", "refreshing": false, "said": [WILD], "source": WILD, "version": WILD});
    let named = json!({"module": WILD, "private": false, "sources": [WILD]});
    let mut module = json!({"list": known, "latest": known, "queries": {WILD: known}, "versions": [], "versions_in_all": 0});
    module.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
    let failed = json!({"what": "query", "name": WILD, "outcome": "failed", "why": [WILD], "now": WILD});
    for (args, answer) in [
        (&["status", "example.com/M"], module),
        (&["refresh", "example.com/M"], json!({"module": WILD, "asked": [failed]})),
        (&["invalidate", "example.com/M"], json!({"module": WILD, "answers": [WILD], "troubles": 0})),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = answer_once(dir.path(), &answer);
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let output = command.args(args).arg("--data").arg(dir.path()).env_clear().output().unwrap();
        server.join().unwrap();
        let (_, text, errors) = told(output);
        assert!(text.contains("gone"), "{args:?} {text:?} {errors}");
        let is_wild = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!text.contains(is_wild), "{args:?} {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("list  fresh")), "a line is forged: {text:?}");
    }
}
