//! The command line, as a shell sees it: output, exit codes.

use std::path::Path;
use std::process::{Command, Output};

/// The binary in an environment of its own: a home directory and nothing else.
fn larder(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).env_clear().env("HOME", home).current_dir(home);
    command
}

fn run(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    larder(home.path(), args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const COMMANDS: [&str; 12] = [
    "doctor",
    "explain",
    "serve",
    "config",
    "import",
    "status",
    "refresh",
    "invalidate",
    "verify",
    "sumdb",
    "version",
    "completions",
];

#[test]
fn larder_alone_prints_a_summary_without_colours() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for words in COMMANDS.iter().chain(&[
        "First steps:",
        "GOPROXY=http://127.0.0.1:3000 go mod download",
        "Exit codes:",
    ]) {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("reference"));
}

#[test]
fn the_help_of_each_command_teaches_with_examples() {
    for (args, words) in [
        (
            vec!["serve"],
            vec!["larder serve --listen :3000 --data /srv/larder", "go env -w GOPROXY=", "--set <KEY=VALUE>"],
        ),
        (vec!["config"], vec!["larder config check /etc/larder/larder.toml", "show", "check"]),
        (vec!["config", "show"], vec!["larder config show --json", "****", "--upstream <LIST>"]),
        (vec!["config", "check"], vec!["[FILE]", "All mistakes are told at once"]),
        (vec!["import"], vec!["$(go env GOMODCACHE)/cache/download", "3 something was refused"]),
        (vec!["status"], vec!["golang.org/x/text@master --json", "4 somebody should look at something"]),
        (vec!["refresh"], vec!["After a release", "the old copy stays"]),
        (vec!["invalidate"], vec!["never forgotten", "<MODULE[@VERSION]>"]),
        (vec!["verify"], vec!["larder verify \"$(go env GOMODCACHE)\"", "3 something differs", "[PATH]"]),
        (vec!["sumdb"], vec!["larder sumdb audit sum.golang.org", "audit", "show", "prove"]),
        (vec!["sumdb", "show"], vec!["golang.org/toolchain@", "<MODULE@VERSION>", "1 it has no record"]),
        (vec!["sumdb", "prove"], vec!["> text.tlog-proof", "tlog.CheckRecord", "C2SP"]),
        (
            vec!["sumdb", "audit"],
            vec!["https://proxy.golang.org/sumdb/sum.golang.org", "3 the database is wrong"],
        ),
        (vec!["version"], vec!["larder version --json"]),
        (vec!["completions"], vec!["larder completions fish >", "powershell"]),
    ] {
        let output = run(&[args.as_slice(), &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let text = stdout(&output);
        assert!(text.contains("Examples:"), "{args:?}");
        for words in words {
            assert!(text.contains(words), "{args:?} {words}\n{text}");
        }
        let wide = text.lines().find(|line| line.chars().count() > 115);
        assert_eq!(wide, None, "{args:?}");
    }
}

#[test]
fn mistakes_of_the_command_line_exit_2() {
    for args in [
        vec!["serv"],
        vec!["serve", "--upstraem", "off"],
        vec!["config", "show", "--set", "cache"],
        vec!["config"],
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn unknown_keys_exit_2_and_say_what_was_meant() {
    let output = run(&["config", "check", "--set", "upstraem=off"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "larder: the configuration has a mistake\n  \
         --set upstraem: unknown key `upstraem`; did you mean `upstream`?\n  \
         next: correct this, then `larder config check`\n"
    );
    let home = tempfile::tempdir().unwrap();
    let output = larder(home.path(), &["serve"]).env("LARDER_PRIVAT", "corp.example.com").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `LARDER_PRIVATE`?"));
}

#[test]
fn a_broken_file_is_told_whole_and_a_right_one_is_ok() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("larder.toml");
    std::fs::write(&path, "listen = [\"3000\"]\n[cache]\nfresh = \"5\"\n").unwrap();
    let output = larder(home.path(), &["config", "check", "larder.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.starts_with("larder: the configuration has 2 mistakes\n"), "{text}");
    assert!(
        text.contains("larder.toml:1: listen: ") && text.contains("larder.toml:3: cache.fresh: "),
        "{text}"
    );
    std::fs::write(&path, "listen = [\":3000\"]\n[cache]\nfresh = \"5s\"\n").unwrap();
    let output =
        larder(home.path(), &["config", "check", "larder.toml"]).env("LARDER_SUMDB", "off").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "OK: larder.toml (2 values), environment (1), flags (0), else defaults\n");
}

#[test]
fn the_file_is_the_named_one_else_the_users() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/larder");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("larder.toml"), "path_prefix = \"/users\"").unwrap();
    std::fs::write(home.path().join("by-variable.toml"), "path_prefix = \"/variable\"").unwrap();
    std::fs::write(home.path().join("by-flag.toml"), "path_prefix = \"/flag\"").unwrap();
    let prefix = |variable: Option<&str>, args: &[&str]| {
        let mut command = larder(home.path(), &[&["config", "show", "--json"], args].concat());
        command.envs(variable.map(|path| ("LARDER_CONFIG", path)));
        let json: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        json["path_prefix"]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(prefix(None, &[]), "/users");
    assert_eq!(prefix(Some("by-variable.toml"), &[]), "/variable");
    assert_eq!(prefix(Some("by-variable.toml"), &["--config", "by-flag.toml"]), "/flag");
    let output = larder(home.path(), &["serve", "--config", "absent.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("absent.toml: cannot be read"));
}

#[test]
fn everyday_flags_are_those_that_the_document_names() {
    let help = stdout(&run(&["serve", "--help"]));
    for key in larder::config::Keys::of_config().all() {
        let flag = format!("--{} <", key.name.replace(['.', '_'], "-"));
        assert_eq!(help.contains(&flag), key.has_flag, "{flag}");
    }
}

#[test]
fn everyday_flags_set_the_key_they_are_named_for() {
    for (flag, key, value) in [
        ("--listen", "listen", "127.0.0.1:1"),
        ("--data", "data", "/srv/larder"),
        ("--upstream", "upstream", "direct"),
        ("--sumdb", "sumdb", "off"),
        ("--private", "private", "corp.example.com"),
        ("--log-format", "log.format", "json"),
        ("--log-level", "log.level", "debug"),
    ] {
        let json: serde_json::Value =
            serde_json::from_slice(&run(&["config", "show", "--json", flag, value]).stdout).unwrap();
        let shown = &json[key]["value"];
        assert_eq!(shown.get(0).unwrap_or(shown), value, "{flag}");
        assert_eq!(json[key]["from"], format!("flag {flag}"));
    }
}

#[test]
fn show_prints_values_with_their_origin_and_no_password() {
    let args = [
        "--upstream",
        "https://me:hunter2@proxy.example",
        "--private",
        "a.example",
        "--private",
        "b.example",
    ];
    let table = stdout(&run(&[&["config", "show"], args.as_slice()].concat()));
    let row = |key: &str| {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("upstream"), ["upstream", "https://****@proxy.example", "flag --upstream"]);
    assert_eq!(row("private"), ["private", "a.example, b.example", "flag --private"]);
    assert_eq!(row("gonosumdb"), ["gonosumdb", "a.example, b.example", "as private"]);
    assert_eq!(row("cache.fresh"), ["cache.fresh", "1m", "default"]);
    let json = stdout(&run(&[&["config", "show", "--json"], args.as_slice()].concat()));
    assert!(!json.contains("hunter2"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["upstream"],
        serde_json::json!({"value": "https://****@proxy.example", "from": "flag --upstream"})
    );
    assert_eq!(json.as_object().unwrap().len(), larder::config::Keys::of_config().all().len());
}

#[test]
fn version_is_text_or_json() {
    let output = run(&["version"]);
    assert!(stdout(&output).starts_with(concat!("larder ", env!("CARGO_PKG_VERSION"))));
    let json: serde_json::Value = serde_json::from_slice(&run(&["version", "--json"]).stdout).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json.get("commit").is_some());
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn completions_mention_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&run(&["completions", shell]));
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
}
