//! The commands that ask others themselves, as a shell sees them.

use std::path::Path;
use std::process::{Command, Output};

use testkit::Database;
use testkit::database::{History, synthetic_text};

/// The binary in an environment of its own, run to its end.
fn larder(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).env_clear().env("HOME", home).current_dir(home).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_says_how_it_ended_by_its_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::of(History::synthetic(519)).await;
    let audit = |more: &[&str]| larder(home.path(), &[&["sumdb", "audit", &database.spec()], more].concat());
    let fine = audit(&[]);
    assert_eq!((fine.status.code(), stderr(&fine)), (Some(0), String::new()));
    let text = stdout(&fine);
    let head = ".local/state/larder/sumdb/localhost.localdev_sumdb/00000c67/head";
    for words in ["localhost.localdev/sumdb, asked at 127.0.0.1:", "519 records", head, "all is in order"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert_eq!(std::fs::read_to_string(home.path().join(head)).unwrap(), database.head(519));

    let mut other = History::default();
    for id in 0..700 {
        other.push(&synthetic_text(id, " otherwise"));
    }
    let forked = Database::of(other).await;
    let fork = larder(home.path(), &["sumdb", "audit", &forked.spec()]);
    assert_eq!(fork.status.code(), Some(3));
    let text = stdout(&fork);
    for words in ["WRONG", "  fork  latest", "SECURITY ERROR", "proof of misbehavior:", "head.fork"] {
        assert!(text.contains(words), "{words}\n{text}");
    }

    database.stop().await;
    let down = audit(&[]);
    assert_eq!(down.status.code(), Some(1));
    assert!(stdout(&down).contains("It ended early: latest could not be had"), "{}", stdout(&down));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_json_for_scripts() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::of(History::synthetic(700)).await;
    database.on("/tile/8/data/001").status(404);
    let (key, address) = (database.verifier().to_string(), database.url());
    let args = ["sumdb", "audit", &address, "--key", &key, "--state", "mine", "--all", "--json"];
    let output = larder(home.path(), &args);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["verdict"], &report["wrong"], &report["records"]),
        (&"wrong".into(), &1.into(), &444.into())
    );
    assert_eq!(report["findings"][0]["kind"], "missing");
    assert_eq!(report["findings"][0]["place"], "tile/8/data/001");
    assert!(!home.path().join("mine").exists());
    database.heal("/tile/8/data/001");
    let output = larder(home.path(), &args);
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["state"]), (&"fine".into(), &"mine".into()));
}

#[test]
fn a_database_that_is_not_known_is_a_mistake_of_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("mine"), "no tree\n").unwrap();
    for (args, why) in [
        (vec!["https://sum.corp.example.com"], "add --key NAME+HASH+KEY"),
        (vec!["sum.corp.example.com"], "because: invalid GOSUMDB"),
        (vec!["sum.golang.org", "--key", "x"], "--key is for an address alone"),
        (vec!["sum.golang.org", "--state", "mine"], "mine is not the state of sum.golang.org"),
        (vec!["sum.golang.org", "--all", "--records", "3"], "cannot be used with"),
        (vec!["sum.golang.org", "--set", "timeout=3"], "the configuration has a mistake"),
    ] {
        let output = larder(home.path(), &[&["sumdb", "audit"], args.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(why), "{args:?}: {}", stderr(&output));
    }
}
