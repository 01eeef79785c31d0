//! Children: started, heard, and ended with everything that they started.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Reach, Secret, Sent, Tools};
use vcs::{Place, System, Trouble, VcsError};

/// A jail whose git is a shell script.
struct Bench {
    dir: TempDir,
    jail: Jail,
    script: String,
}

impl Bench {
    fn new(script: &str) -> Self {
        Self::with(script, Limits::default())
    }

    fn with(script: &str, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools:/usr/bin:/bin");
        let environment = Operator::choose([
            ("HOME".into(), "/operator".into()),
            ("SECRET".into(), "seen".into()),
            ("GIT_SSL_CAINFO".into(), "/operator/ca.pem".into()),
            ("GIT_ALLOW_PROTOCOL".into(), "https:ssh:ext".into()),
        ]);
        let jail = Jail::new(JailSettings {
            tools: Tools::find(path.as_ref()),
            environment,
            limits,
            gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
            dir: dir.path().join("jail"),
        });
        Self { dir, jail: jail.unwrap(), script: script.to_owned() }
    }

    fn content(&self) -> vcs::jail::Command {
        self.command(Reach::Content)
    }

    fn command(&self, reach: Reach<'_>) -> vcs::jail::Command {
        self.jail.command(System::Git, reach).unwrap().env("SCRIPT", &self.script)
    }
}

fn place() -> Place {
    Place::new(System::Git, "https://example.com/r").unwrap()
}

fn text(output: vcs::jail::Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a process with this id runs, and is no zombie.
fn runs(pid: &str) -> bool {
    fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

async fn gone(pid: &str) {
    let wait = async {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the process is still there");
}

#[tokio::test]
async fn a_command_of_the_content_kind_sees_nothing_of_the_operator() {
    let bench = Bench::new("env; echo \"args $*\"; umask; ulimit -c");
    let output = bench.content().arg("log").arg("--x").config("core.bare", "true").output(1 << 16).await;
    let said = text(output.unwrap());
    assert!(!said.contains("/operator"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
    for expected in
        ["LC_ALL=C", "GIT_ALLOW_PROTOCOL=\n", "args log --x", "0077", "core.bare", "core.hooksPath"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_command_of_the_transport_kind_sees_what_is_allowed() {
    let bench = Bench::new("env");
    let access = Access {
        schemes: ["https", "ssh", "http"].map(str::to_owned).to_vec(),
        credential: Some(Sent::Header { name: "X-Token".to_owned(), value: Secret::new("tooSecret") }),
        is_insecure: false,
    };
    let place = place();
    let command = bench.command(Reach::Network(&place, &access));
    let said = text(command.arg("fetch").output(1 << 16).await.unwrap());
    for expected in [
        "HOME=/operator\n",
        "GIT_SSL_CAINFO=/operator/ca.pem",
        // No helper, and so no way through the gate for ssh; and http is not among those that the operator allows to git.
        "GIT_ALLOW_PROTOCOL=https\n",
        "=http.https://example.com.extraHeader\n",
        "=X-Token: tooSecret\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("SECRET="), "{said}");
}

#[tokio::test]
async fn a_secret_for_a_host_that_cannot_be_read_is_not_sent_anywhere() {
    let bench = Bench::new("env");
    let secret = Sent::Header { name: "X-Token".to_owned(), value: Secret::new("tooSecret") };
    let access = Access { schemes: vec!["https".to_owned()], credential: Some(secret), is_insecure: false };
    for url in ["https://example.com\\.evil.example/r", "https://example.com:x/r", "https://example.com?/r"] {
        let place = Place::new(System::Git, url).unwrap();
        let refused = bench.jail.command(System::Git, Reach::Network(&place, &access));
        assert!(matches!(refused, Err(VcsError::Astray { .. })), "{url}");
        let open = Access { credential: None, ..access.clone() };
        assert!(bench.jail.command(System::Git, Reach::Network(&place, &open)).is_ok());
    }
}

#[tokio::test]
async fn a_fault_is_told_by_its_words_without_secrets() {
    let bench = Bench::new(
        "echo \"remote: s3cr3t-token\" >&2
         echo \"fatal: Authentication failed for 'https://me:pw@example.com/r/' in $PWD\" >&2; exit 128",
    );
    let data = bench.dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let command = bench.content().arg("fetch").dir(&data).hide("s3cr3t-token");
    let Err(VcsError::Failed { command, trouble, text }) = command.output(100).await else { panic!() };
    assert_eq!((command.as_str(), trouble), ("git fetch", Trouble::Auth));
    assert_eq!(text, "remote: ***\nfatal: Authentication failed for 'https://example.com/r/' in ***");
}

#[tokio::test]
async fn an_output_without_end_is_cut() {
    let bench = Bench::new("echo $$ > pid; exec cat /dev/zero");
    let output = bench.content().arg("show").dir(bench.dir.path()).output(1 << 20).await;
    assert!(matches!(output, Err(VcsError::TooLarge { max: 1_048_576, .. })), "{output:?}");
    gone(&fs::read_to_string(bench.dir.path().join("pid")).unwrap()).await;
}

#[tokio::test]
async fn the_deadline_ends_grandchildren_that_ignore_signals() {
    let bench = Bench::new(
        "sh -c 'trap \"\" TERM INT HUP; echo $$ > pid; while :; do sleep 100; done' & 
         while ! test -s pid; do :; done; wait",
    );
    let command = bench.content().arg("fetch").dir(bench.dir.path()).deadline(Duration::from_millis(500));
    let output = command.output(100).await;
    assert!(matches!(output, Err(VcsError::Timeout { .. })), "{output:?}");
    gone(&fs::read_to_string(bench.dir.path().join("pid")).unwrap()).await;
}

#[tokio::test]
async fn what_a_child_leaves_running_is_ended_with_it() {
    let bench = Bench::new("sleep 1000 & echo $! > pid; echo done");
    let output = bench.content().arg("gc").dir(bench.dir.path()).output(100).await;
    assert_eq!(text(output.unwrap()), "done\n");
    gone(&fs::read_to_string(bench.dir.path().join("pid")).unwrap()).await;
}

#[tokio::test]
async fn a_dropped_future_ends_its_child() {
    let bench = Bench::new("echo $$ > pid.new; mv pid.new pid; exec sleep 1000");
    let pid = bench.dir.path().join("pid");
    let output = bench.content().arg("fetch").dir(bench.dir.path()).output(100);
    tokio::select! {
        output = output => panic!("{output:?}"),
        () = async { while !pid.exists() { tokio::task::yield_now().await } } => {}
    }
    gone(&fs::read_to_string(pid).unwrap()).await;
}

#[tokio::test]
async fn a_stream_is_read_while_it_is_written() {
    let bench = Bench::new("echo one; exec cat /dev/zero");
    let mut stream = bench.content().arg("archive").stream().await.unwrap();
    let mut first = [0; 4];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one\n");
    stream.finish().unwrap();
    let bench = Bench::new("echo one; echo 'fatal: bad object x' >&2; exit 3");
    let mut stream = bench.content().arg("archive").stream().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let fault = stream.finish();
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Corrupt, .. })), "{fault:?}");
}

#[tokio::test]
async fn a_conversation_goes_both_ways() {
    let bench = Bench::new("while read -r line; do echo \"heard $line\"; done");
    let mut talk = bench.content().arg("cat-file").converse().await.unwrap();
    for word in ["one", "two"] {
        writeln!(talk, "{word}").unwrap();
        let mut answer = [0; 10];
        talk.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *format!("heard {word}\n").as_bytes());
    }
    talk.finish().unwrap();
}

#[tokio::test]
async fn whoever_waits_too_long_for_a_place_is_told() {
    let limits = Limits { content_children: 1, wait: Duration::from_millis(50), ..Limits::default() };
    let bench = Bench::with("exec sleep 1000", limits);
    let running = bench.content().arg("fetch").stream().await.unwrap();
    let crowded = bench.content().arg("fetch").output(1).await;
    assert!(matches!(crowded, Err(VcsError::Crowded { .. })), "{crowded:?}");
    drop(running);
    let place = place();
    let access = Access::default();
    // A place that uses the network is another one.
    let other = bench.command(Reach::Network(&place, &access));
    drop(other.arg("fetch").stream().await.unwrap());
}

#[tokio::test]
async fn a_missing_tool_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let jail = Jail::new(JailSettings {
        tools: Tools::find("relative:/nowhere".as_ref()),
        environment: Operator::default(),
        limits: Limits::default(),
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir: dir.path().join("jail"),
    })
    .unwrap();
    let fault = jail.command(System::Hg, Reach::Content);
    assert!(matches!(fault, Err(VcsError::NoTool { system: System::Hg })), "{fault:?}");
    assert_eq!(jail.tools().missing().count(), 4);
}

#[tokio::test]
async fn tools_say_which_they_are() {
    let bench = Bench::new("");
    let dir = bench.dir.path().join("other");
    let jail = Jail::new(JailSettings {
        tools: Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref()),
        environment: Operator::default(),
        limits: Limits::default(),
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir,
    })
    .unwrap();
    for system in System::ALL.into_iter().filter(|system| jail.tools().of(*system).is_some()) {
        let said = jail.version(system).await.unwrap();
        assert!(said.contains(|c: char| c.is_ascii_digit()), "{system}: {said}");
    }
    assert!(jail.version(System::Git).await.unwrap().starts_with("git version 2."));
}

#[tokio::test]
async fn a_stream_that_takes_too_long_is_told_as_that() {
    let bench = Bench::new("echo one; exec sleep 1000");
    let command = bench.content().arg("archive").deadline(Duration::from_millis(200));
    let mut stream = command.stream().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all, "one\n");
    let fault = stream.finish();
    assert!(matches!(fault, Err(VcsError::Timeout { .. })), "{fault:?}");
}
