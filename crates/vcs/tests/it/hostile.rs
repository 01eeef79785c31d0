//! Servers and repositories that mean ill cost the command that met them, and nothing else.

mod pack;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testkit::eventually;
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Command, Jail, JailSettings, Limits, Operator, Reach, Tools};
use vcs::{Place, System, VcsError};

use crate::origin::Origin;

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools:/usr/bin:/bin");

/// A jail with the machine's own tools, or with a git that does what `SCRIPT` says.
struct Bench {
    dir: TempDir,
    jail: Jail,
}

impl Bench {
    fn new(path: &str, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jail = Jail::new(JailSettings {
            tools: Tools::find(path.as_ref()),
            environment: Operator::default(),
            limits,
            gate: Gate::open(GateSettings::new(|address| address.is_loopback())).unwrap(),
            dir: dir.path().join("jail"),
        });
        Self { jail: jail.unwrap(), dir }
    }

    fn git() -> Self {
        Self::new("/usr/local/bin:/usr/bin:/bin", Limits::default())
    }

    fn content(&self) -> Command {
        self.jail.command(System::Git, Reach::Content).unwrap().dir(self.dir.path())
    }

    fn transport(&self, origin: &Origin, args: &[&str]) -> Command {
        let place = Place::new(System::Git, &format!("http://{}/r", origin.address)).unwrap();
        let access = Access { schemes: vec!["http".to_owned()], ..Access::default() };
        let command = self.jail.command(System::Git, Reach::Network(&place, &access)).unwrap();
        command.dir(self.dir.path()).args(args).arg(place.url())
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let bench = Bench::git();
    let origin = Origin::start(|_, stream| drop(stream.read(&mut [0])));
    let command = bench.transport(&origin, &["ls-remote"]).deadline(Duration::from_millis(300));
    let fault = command.output(100).await;
    assert!(matches!(fault, Err(VcsError::Timeout { .. })), "{fault:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let bench = Bench::git();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n";
    let origin = Origin::start(move |_, stream| {
        let line = format!("003e{} refs/heads/{:07}\n", "0123456789".repeat(4), 1);
        let mut next = format!("{head}001e# service=git-upload-pack\n0000");
        while stream.write_all(next.as_bytes()).is_ok() {
            next = line.repeat(100);
        }
    });
    let fault = bench.transport(&origin, &["ls-remote"]).traffic(4 << 20).output(1 << 30).await;
    assert!(matches!(fault, Err(VcsError::TooLarge { max: 4_194_304, .. })), "{fault:?}");
}

#[tokio::test]
async fn a_pack_without_end_is_cut_before_it_fills_the_disk() {
    let bench = Bench::git();
    let origin = pack::endless();
    bench.content().args(["init", "-q", "--bare", "m"]).output(0).await.unwrap();
    let mirror = bench.dir.path().join("m");
    let command = bench.transport(&origin, &["fetch", "-q"]).arg("refs/heads/main");
    let fault = command.env("GIT_DIR", &mirror).bound(&mirror, 4 << 20).output(100).await;
    assert!(matches!(fault, Err(VcsError::TooLarge { max: 4_194_304, .. })), "{fault:?}");
}

#[tokio::test]
async fn a_file_without_end_is_cut() {
    let bench = Bench::new(TOOLS, Limits { file_bytes: 1 << 20, ..Limits::default() });
    let fault = bench.content().env("SCRIPT", "exec cat /dev/zero > f").arg("fetch").output(100).await;
    assert!(matches!(fault, Err(VcsError::TooLarge { max: 1_048_576, .. })), "{fault:?}");
    assert_eq!(fs::metadata(bench.dir.path().join("f")).unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn memory_and_processor_time_are_bounded() {
    let bench = Bench::new(TOOLS, Limits { cpu_s: 1, memory_bytes: 32 << 20, ..Limits::default() });
    let fault = bench.content().env("SCRIPT", "while :; do :; done").arg("fetch").output(100).await;
    assert!(matches!(fault, Err(VcsError::Timeout { .. })), "{fault:?}");
    // A shell that doubles a word until there is no room for it.
    let script = "a=aaaaaaaaaaaaaaaa; while :; do a=$a$a; done";
    let fault = bench.content().env("SCRIPT", script).arg("fetch").output(100).await;
    assert!(matches!(fault, Err(VcsError::Failed { .. })), "{fault:?}");
}

#[tokio::test]
async fn nothing_that_a_repository_names_is_run() {
    let bench = Bench::git();
    let ran = bench.dir.path().join("ran");
    let evil = format!("touch {}; cat", ran.display());
    bench.content().args(["init", "-q", "w"]).output(0).await.unwrap();
    let work = bench.dir.path().join("w");
    // As if somebody had got it in: our own mirrors have none of these.
    let mut config = fs::OpenOptions::new().append(true).open(work.join(".git/config")).unwrap();
    for (section, key) in [
        ("core", "fsmonitor"),
        ("core", "pager"),
        ("core", "askPass"),
        ("core", "sshCommand"),
        ("core", "gitProxy"),
        ("core", "alternateRefsCommand"),
        ("credential", "helper"),
        ("gpg", "program"),
    ] {
        writeln!(config, "[{section}]\n{key} = \"{evil}\"").unwrap();
    }
    let hooks = work.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-checkout", "pre-commit", "post-commit", "reference-transaction", "fsmonitor-watchman"]
    {
        // A link, since a file that was written just now may not be started.
        std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/git"), hooks.join(hook))
            .unwrap();
    }
    let file = |name: &str, text: &str| {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(work.join(name))
            .unwrap()
            .write_all(text.as_bytes())
    };
    file(".gitattributes", "* filter=evil diff=evil merge=evil\n").unwrap();
    file("a", "a\n").unwrap();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=n", "-c", "user.email=e@example.com"];
        bench.content().dir(&work).env("SCRIPT", &evil).args(who).args(args).output(1 << 20)
    };
    for args in [
        &["status"][..],
        &["add", "."],
        &["commit", "-qm", "one"],
        &["log", "-p"],
        &["archive", "HEAD"],
        &["cat-file", "--filters", "HEAD:a"],
        &["checkout", "-qb", "two"],
    ] {
        git(args).await.unwrap();
        assert!(!ran.exists(), "{args:?}");
    }
    for url in [&format!("ext::{evil}"), "ssh://127.0.0.1/r", "git://127.0.0.1/r", "http://127.0.0.1:1/r"] {
        let fault = git(&["fetch", url]).await;
        assert!(matches!(fault, Err(VcsError::Failed { .. })), "{url}: {fault:?}");
        assert!(!ran.exists(), "{url}");
    }
}

/// Starts the program for tests.
#[expect(clippy::disallowed_methods, reason = "a test of the death of a process needs another process")]
fn child(args: &[&str]) -> Process {
    let mut process = Process::new(env!("CARGO_BIN_EXE_vcs-child"));
    process.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    process
}

fn runs(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

#[tokio::test]
async fn nothing_is_left_when_the_server_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    // Three generations, each of which says its id, and ignores what can be ignored.
    let ignores = "trap \"\" TERM INT HUP PIPE; echo $$";
    let waits = "while :; do sleep 1000; done";
    let script = format!(
        "export CHILD='{ignores}; {waits}'; export PARENT='{ignores}; sh -c \"$CHILD\" & {waits}'; \
         {ignores}; sh -c \"$PARENT\" & {waits}"
    );
    let jail = dir.path().join("jail");
    let mut server = child(&["server", jail.to_str().unwrap(), TOOLS, &script]).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().take(3);
    let pids: Vec<String> = lines.collect::<Result<_, _>>().unwrap();
    let different: std::collections::BTreeSet<&String> = pids.iter().collect();
    assert!(different.len() == 3 && pids.iter().all(|pid| runs(pid)), "{pids:?}");
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("all of the tree is gone", async || pids.iter().all(|pid| !runs(pid))).await;
}

#[test]
fn a_thousand_commands_leave_neither_zombies_nor_open_files() {
    let dir = tempfile::tempdir().unwrap();
    let jail = dir.path().join("jail");
    let output = child(&["soak", jail.to_str().unwrap(), TOOLS, "1000"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = said.trim().split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let ["children", before, after, "files", open, still] = words.as_slice() else { panic!("{said}") };
    // The one child is the warden.
    assert_eq!((*before, *after), ("1", "1"), "{said}");
    assert_eq!(open, still, "{said}");
}
