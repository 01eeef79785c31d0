//! The commands that ask others themselves, as a shell sees them.

use std::path::Path;
use std::process::{Command, Output};

use testkit::database::{History, synthetic_text};
use testkit::{Database, ModuleFiles};

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

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_what_differs_and_where() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::start().await;
    let lib = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib\n");
    let secret = ModuleFiles::new("corp.example/secret", "v1.0.0");
    database.record(&lib);
    let sums = format!("{}{}", secret.sum_lines(), lib.sum_lines());
    std::fs::write(home.path().join("go.sum"), &sums).unwrap();
    let (spec, private) = (database.spec(), "corp.example");
    let same = larder(home.path(), &["verify", "--sumdb", &spec, "--private", private]);
    assert_eq!((same.status.code(), stderr(&same)), (Some(0), String::new()));
    let text = stdout(&same);
    for words in ["looked at  go.sum\n", "same       2\n", "private    2, not compared", "all is the same"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(database.paths().iter().all(|path| !path.contains("corp")));
    // The same said by Go's own variables.
    let mut by_go = Command::new(env!("CARGO_BIN_EXE_larder"));
    by_go.arg("verify").env_clear().env("HOME", home.path()).current_dir(home.path());
    let by_go = by_go.env("GOSUMDB", &spec).env("GONOSUMDB", "corp.example").output().unwrap();
    assert_eq!((by_go.status.code(), stdout(&by_go)), (Some(0), text));

    let unknown = larder(home.path(), &["verify", "--sumdb", &spec]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stdout(&unknown).contains("declare the module private"), "{}", stdout(&unknown));

    let forged = sums.replace(&lib.zip_h1(), &secret.zip_h1());
    std::fs::write(home.path().join("go.sum"), forged).unwrap();
    let differs = larder(home.path(), &["verify", "--sumdb", &spec, "--private", private]);
    assert_eq!(differs.status.code(), Some(3));
    let text = stdout(&differs);
    let told = format!(
        "\ndiffer  go.sum:3  example.com/lib@v1.0.0 zip\n    here      {}\n    database  {}\n",
        secret.zip_h1(),
        lib.zip_h1()
    );
    assert!(text.contains(&told), "{text}");
    let json = larder(home.path(), &["verify", "--sumdb", &spec, "--private", private, "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&report["verdict"], &finding["kind"]), (&"differs".into(), &"differs".into()));
    assert_eq!((&finding["line"], &finding["of"]), (&3.into(), &"zip".into()));
    assert_eq!(finding["database"], lib.zip_h1());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_shown_and_proven() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::start().await;
    let lib = ModuleFiles::new("example.com/Lib", "v1.0.0").file("lib.go", "package lib\n");
    database.grow(300);
    let id = database.record(&lib);
    database.grow(519);
    let ask = |command: &str, more: &[&str]| {
        let args = ["sumdb", command, "example.com/Lib@v1.0.0", "--sumdb", &database.spec()];
        larder(home.path(), &[&args, more].concat())
    };
    let shown = ask("show", &[]);
    assert_eq!((shown.status.code(), stderr(&shown)), (Some(0), String::new()));
    for words in [lib.zip_h1(), lib.mod_h1(), id.to_string(), "tree of 519 records".to_owned()] {
        assert!(stdout(&shown).contains(&words), "{words}\n{}", stdout(&shown));
    }
    let proof = stdout(&ask("prove", &[]));
    assert!(
        proof.starts_with("c2sp.org/tlog-proof@v1\nextra ") && proof.ends_with(&database.head(519)),
        "{proof}"
    );
    let json: serde_json::Value = serde_json::from_slice(&ask("prove", &["--json"]).stdout).unwrap();
    assert_eq!((&json["index"], &json["record"]), (&id.into(), &lib.sum_lines().into()));
    assert!(proof.contains(json["proof"][3].as_str().unwrap()));

    let lookup = "/lookup/example.com/!lib@v1.0.0";
    for (status, code) in [(404, 1), (503, 1)] {
        database.on(lookup).status(status);
        assert_eq!(ask("show", &[]).status.code(), Some(code));
    }
    let answer = String::from_utf8(database.says(lookup).unwrap().to_vec()).unwrap();
    database.on(lookup).bytes(answer.replacen("h1:", "h1:A", 1));
    let lie = ask("prove", &[]);
    assert_eq!((lie.status.code(), stdout(&lie)), (Some(3), String::new()));
    assert!(stderr(&lie).contains("is not to be believed\n  because: record 300 is not the one in the tree"));
    assert_eq!(larder(home.path(), &["sumdb", "show", "example.com/Lib"]).status.code(), Some(2));
    assert_eq!(
        larder(home.path(), &["sumdb", "show", "a.example/b@v1.0.0", "--sumdb", "off"]).status.code(),
        Some(2)
    );
}
