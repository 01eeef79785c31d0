//! The real binary with its own defaults against the public mirror and checksum database: `scripts/test public`.
//!
//! Apart from everything else, since it needs a network and takes minutes: real projects, verified by the public checksum
//! database, cold, warm and offline, with the times of the go command without Larder beside them; the same by a log of
//! our own; and the database itself, audited. Bounded: each project is downloaded twice from the mirror.
//! The go command unpacks some gigabytes below `TMPDIR`; on a file system in memory its own work disturbs least.

#![expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall fail")]
#![expect(
    dead_code,
    reason = "the started binary is shared with the suite on loopback, which uses all of it"
)]

mod larder;

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::go::{self, Go};

use larder::Larder;

/// A project of some size, and one of more than twice that; neither replaces modules by local directories.
const PROJECTS: [(&str, &str); 2] =
    [("github.com/gohugoio/hugo", "v0.150.0"), ("github.com/aquasecurity/trivy", "v0.65.0")];

/// How this machine reaches the network, as flags for Larder.
fn network_flags() -> Vec<String> {
    let flag = |(variable, key): (&str, &str)| {
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
        Some(["--set".to_owned(), format!("network.{key}={value}")])
    };
    [("HTTPS_PROXY", "https_proxy"), ("SSL_CERT_FILE", "ca_file")]
        .into_iter()
        .filter_map(flag)
        .flatten()
        .collect()
}

/// A go command with an empty module cache in a project, without the project's `go.sum`.
fn client(dir: &Path, proxy: &str, go_mod: &str) -> Go {
    let mut go = Go::new(dir).proxy(proxy).sumdb("sum.golang.org");
    for variable in ["HTTPS_PROXY", "SSL_CERT_FILE"] {
        if let Ok(value) = std::env::var(variable) {
            go = go.env(variable, value);
        }
    }
    go.write("go.mod", go_mod);
    go
}

/// How long the download took, and the `go.sum` that it left. What was unpacked is removed again.
async fn download(go: &Go) -> (Duration, String) {
    let begun = Instant::now();
    go.run(&["mod", "download"]).await.success();
    let took = begun.elapsed();
    std::fs::remove_dir_all(go.mod_cache()).unwrap();
    (took, std::fs::read_to_string(go.work_dir().join("go.sum")).unwrap())
}

/// What the log says of how requests were answered.
fn count(log: &[String], words: &str) -> usize {
    log.iter().filter(|line| line.contains(words)).count()
}

/// Larder over a data directory, and where clients of one project are.
struct Project {
    dir: tempfile::TempDir,
    go_mod: String,
    /// The `go.sum` that go writes without Larder.
    sums: String,
}

impl Project {
    fn client(&self, name: &str, larder: &Larder) -> Go {
        client(&self.dir.path().join(name), &larder.url(), &self.go_mod)
    }

    /// A download by a client that knows nothing and verifies all: nobody but Larder is asked, and nothing anew.
    async fn passes_from_what_is_held(&self, name: &str, larder: &Larder) -> Duration {
        larder.requests().await;
        let (took, sums) = download(&self.client(name, larder)).await;
        assert_eq!(sums, self.sums, "go.sum differs from what go writes without Larder");
        for line in larder.requests().await {
            let is_held = line.contains("\"hit\"") || line.contains("/supported");
            assert!(line.contains("\"status\":200") && is_held, "not from what is held: {line}");
        }
        took
    }

    /// The same project with a log of our own as the only GOSUMDB, over what is held.
    async fn passes_with_our_own_log(&self, larder: Larder) -> (Larder, Duration) {
        let key = self.dir.path().join("log.key").display().to_string();
        let made = larder::run(self.dir.path(), &["sumdb", "init", "sums.corp.example", "--key", &key]);
        assert!(made.status.success(), "{made:?}");
        let verifier = String::from_utf8(made.stdout).unwrap();
        let key = format!("log.key={key}");
        let flags = ["--upstream", "off", "--set", "log.name=sums.corp.example", "--set", &key];
        let larder = larder.restart_with(&flags).await;
        let go = self.client("own-log", &larder).sumdb(verifier.trim());
        let (took, sums) = download(&go).await;
        assert_eq!(sums, self.sums, "go.sum differs from what go writes without Larder");
        (larder, took)
    }
}

async fn passes(module: &str, version: &str) {
    let dir = tempfile::tempdir().unwrap();
    let flags = network_flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let larder = Larder::start(&dir.path().join("data"), &flags);
    let go_mod = larder.ask(&format!("/{module}/@v/{version}.mod")).await;
    assert_eq!(go_mod.status, 200, "{}", go_mod.text());
    let mut project = Project { dir, go_mod: go_mod.text(), sums: String::new() };
    larder.requests().await;

    // Larder first: whatever the mirror warms up for the second is to the advantage of the other.
    let (cold, sums) = download(&project.client("cold", &larder)).await;
    let log = larder.requests().await;
    let [zips, mods, lookups] =
        [".zip\"", ".mod\"", "GET sumdb/sum.golang.org/lookup/"].map(|words| count(&log, words));
    assert!(lookups > 0, "nothing was verified through Larder");
    let straight = client(&project.dir.path().join("straight"), "https://proxy.golang.org", &project.go_mod);
    let (straight, straight_sums) = download(&straight).await;
    assert_eq!(sums, straight_sums, "go.sum differs from what go writes without Larder");
    project.sums = sums;

    let warm = project.passes_from_what_is_held("warm", &larder).await;
    let larder = larder.restart_with(&["--upstream", "off"]).await;
    let offline = project.passes_from_what_is_held("offline", &larder).await;
    let (larder, own_log) = project.passes_with_our_own_log(larder).await;
    verified(&project, &larder);
    println!(
        "public: {module}@{version}: {zips} zips, {mods} mods, {lookups} lookups; cold {cold:.1?}, straight \
         {straight:.1?}, warm {warm:.1?}, without upstream {offline:.1?}, by our own log {own_log:.1?}"
    );
}

/// `larder verify` of the project's `go.sum`, against the public database and what this Larder holds.
fn verified(project: &Project, larder: &Larder) {
    let file = project.dir.path().join("go.sum");
    std::fs::write(&file, &project.sums).unwrap();
    let verified = larder::run(
        project.dir.path(),
        &["verify", file.to_str().unwrap(), "--proxy", &larder.url(), "--sumdb", "sum.golang.org"],
    );
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_projects_pass_cold_warm_and_without_upstream() {
    if !go::available() {
        return;
    }
    for (module, version) in PROJECTS {
        passes(module, version).await;
    }
}

#[test]
fn the_public_database_keeps_to_its_word() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state").display().to_string();
    let database = "https://proxy.golang.org/sumdb/sum.golang.org";
    let mut arguments =
        vec!["sumdb", "audit", database, "--state", &state, "--records", "2000", "--lookups", "8"];
    let flags = network_flags();
    arguments.extend(flags.iter().map(String::as_str));
    // Twice: the second visit continues the first.
    for visit in 0..2 {
        let audited = larder::run(dir.path(), &arguments);
        assert_eq!(audited.status.code(), Some(0), "visit {visit}: {audited:?}");
        println!("{}", String::from_utf8_lossy(&audited.stdout));
    }
}
