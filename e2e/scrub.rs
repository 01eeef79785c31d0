//! `larder scrub`: with the server off and on, for a person on a terminal and as JSON.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use testkit::ModuleFiles;
use testkit::upstream::Upstream;

use crate::larder::{Larder, run};

fn files() -> ModuleFiles {
    ModuleFiles::new("example.com/lib", "v1.0.0").padding(300_000)
}

/// Runs `larder scrub` over the data directory in `home`.
fn scrub(home: &Path, upstream: &str, more: &[&str]) -> Output {
    let data = home.join("data").display().to_string();
    let mut arguments = vec!["scrub", "--data", &data, "--upstream", upstream, "--sumdb", "off"];
    arguments.extend(more);
    run(home, &arguments)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn filled(home: &Path, upstream: &Upstream) -> Larder {
    let larder = Larder::over(&home.join("data"), &upstream.url());
    for kind in ["info", "mod", "zip"] {
        assert_eq!(larder.ask(&files().url(kind)).await.status, 200);
    }
    larder
}

fn rot(larder: &Larder) {
    let zip = larder.data(&format!("modules{}", files().url("zip")));
    let mut bytes = std::fs::read(&zip).unwrap();
    bytes[150_000] ^= 1;
    std::fs::write(zip, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_scrubs_heals_and_tells_what_it_found() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::of(&[files()]).await;
    let larder = filled(dir.path(), &upstream).await;
    let sound = scrub(dir.path(), "off", &[]);
    let text = stdout(&sound);
    assert_eq!(sound.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&sound.stderr));
    assert!(text.contains("read    3 files of 1 modules") && text.contains("broken  0"), "{text}");

    rot(&larder);
    let looked = scrub(dir.path(), "off", &["--no-heal"]);
    assert_eq!(looked.status.code(), Some(3), "{}", stdout(&looked));
    assert!(stdout(&looked).contains("Nothing was changed"), "{}", stdout(&looked));
    let other = scrub(dir.path(), "off", &["--module", "example.org"]);
    assert!(other.status.success() && stdout(&other).contains("of 0 modules"), "{}", stdout(&other));

    // The server asks its own upstream, whatever the command was given.
    let healed = scrub(dir.path(), "off", &["--json"]);
    assert_eq!(healed.status.code(), Some(0), "{}", stdout(&healed));
    let report: serde_json::Value = serde_json::from_slice(&healed.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["what"], &finding["outcome"]), (&"rotten".into(), &"healed".into()), "{report:#}");
    let evidence = larder.data(&format!("{}.body", finding["evidence"].as_str().unwrap()));
    assert_eq!(std::fs::read(evidence).unwrap().len(), files().zip().len());
    let hit = larder.ask(&files().url("zip")).await;
    assert_eq!(hit.header("x-larder-cache"), Some("hit"));
    assert!(hit.body == files().zip());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_command_opens_the_directory_itself() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::of(&[files()]).await;
    let mut larder = filled(dir.path(), &upstream).await;
    larder.kill9();
    rot(&larder);
    let broken = scrub(dir.path(), "off", &[]);
    let text = stdout(&broken);
    assert_eq!(broken.status.code(), Some(3), "{text}{}", String::from_utf8_lossy(&broken.stderr));
    for told in ["BROKEN", "v1.0.0.zip", "A broken file is refused"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let healed = scrub(dir.path(), &upstream.url(), &[]);
    assert_eq!(healed.status.code(), Some(0), "{}", stdout(&healed));
    larder.restart();
    assert!(larder.ask(&files().url("zip")).await.body == files().zip());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_what_is_found_is_shown_and_the_bar_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::of(&[files()]).await;
    let larder = filled(dir.path(), &upstream).await;
    rot(&larder);
    let (typed, binary) = (dir.path().join("typed"), env!("CARGO_BIN_EXE_larder"));
    let command = format!("exec {binary} scrub --data {}", larder.data("").display());
    // From util-linux: runs a command on a terminal, and ends as it ends (-e).
    let ended = Command::new("script")
        .args(["-q", "-f", "-e", "-c", &command, typed.to_str().unwrap()])
        .env_clear()
        .env("HOME", dir.path())
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let text = std::fs::read_to_string(&typed).unwrap();
    assert_eq!(ended.code(), Some(0), "{text}");
    assert!(text.contains("healed  1") && text.contains("evidence: evidence/"), "{text}");
}
