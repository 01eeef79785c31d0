//! `larder doctor`: tools that are there or missing, repositories that let us in or do not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs the command with this search path.
fn larder(home: &Path, path: &str, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).arg("--data").arg(home.join("data")).env_clear().env("HOME", home).env("PATH", path);
    let output = command.current_dir(home).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// A tool that says its version.
fn tool(dir: &Path, name: &str, script: &str) {
    let file = dir.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn tools_are_told_with_their_versions_and_what_needs_those_that_are_missing() {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("sh")).unwrap();
    let bin = bin.display().to_string();
    let (code, text) = larder(home.path(), &bin, &["doctor", "vcs"]);
    assert_eq!(code, 4, "git is needed: {text}");
    assert_eq!(text.matches("missing").count(), 5, "{text}");
    assert!(text.contains("GitHub"), "{text}");
    for upstream in ["https://proxy.example", "https://proxy.example,off,direct"] {
        let (code, text) = larder(home.path(), &bin, &["doctor", "vcs", "--upstream", upstream]);
        assert_eq!(code, 0, "nothing is direct: {text}");
    }
    tool(Path::new(&bin), "git", "echo git version 9.8.7");
    let (code, json) = larder(home.path(), &bin, &["doctor", "vcs", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["tools"][0]["version"]), (0, &"git version 9.8.7".into()), "{json}");
    assert_eq!(json["tools"][0]["file"], format!("{bin}/git"));
    let left = std::fs::read_dir(home.path().join("data/vcs")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "something was left behind");
}

#[test]
fn the_tool_of_a_module_is_told_with_the_rules_that_match_it() {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("sh")).unwrap();
    tool(&bin, "git", "echo git version 9.8.7");
    let bin = bin.display().to_string();
    let table = "vanity=corp.example/old=svn https://svn.corp.example/old";
    let doctor = |module: &str| {
        let args = ["doctor", "vcs", module, "--private", "corp.example", "--set", table];
        larder(home.path(), &bin, &args)
    };
    let (code, text) = doctor("corp.example/old/lib");
    assert_eq!(code, 4, "{text}");
    for words in ["svn is needed for this module", "`corp.example`", "https://svn.corp.example/old"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (code, text) = doctor("github.com/corp/lib");
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("is needed for this module"), "{text}");
    assert_eq!(larder(home.path(), &bin, &["doctor", "vcs", "not a module"]).0, 2);
}

#[test]
fn a_repository_that_cannot_be_asked_is_told_with_its_reason_and_without_secrets() {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("sh")).unwrap();
    tool(
        &bin,
        "git",
        "echo \"fatal: Authentication failed for 'https://me:hunter2@github.com/corp/lib/'\" >&2; exit 128",
    );
    let bin = format!("{}:/usr/bin:/bin", bin.display());
    std::fs::write(home.path().join("token"), "hunter2").unwrap();
    std::fs::set_permissions(home.path().join("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let credential =
        "credential=https://github.com name=github form=github token=./token match=github.com/corp";
    // Nobody is there: whoever would ask GitHub itself asks this machine.
    let nobody = "network.https_proxy=http://127.0.0.1:1";
    let args = [
        "doctor",
        "auth",
        "github.com/corp/lib",
        "--private",
        "github.com/corp",
        "--set",
        credential,
        "--set",
        nobody,
    ];
    let (code, text) = larder(home.path(), &bin, &args);
    assert_eq!(code, 1, "{text}");
    for words in
        ["https://github.com/corp/lib, whose top is github.com/corp/lib", "credential  github", "answer"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    let none = ["doctor", "auth", "example.com/m", "--upstream", "https://proxy.example"];
    let (code, text) = larder(home.path(), &bin, &none);
    assert!(code == 1 && text.contains("no repository is asked"), "{text}");
}
