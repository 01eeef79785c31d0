//! The real binary with its own defaults against the public mirror and checksum database: `scripts/test public`.
//!
//! Apart from everything else, since it needs a network and takes minutes: real projects, cold, warm and offline, with
//! the times of the go command without Larder beside them. Bounded: each project is downloaded twice from the mirror.
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

async fn passes(module: &str, version: &str) {
    let dir = tempfile::tempdir().unwrap();
    let below = |name: &str| dir.path().join(name);
    let flags = network_flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let larder = Larder::start(&below("data"), &flags);
    let go_mod = larder.ask(&format!("/{module}/@v/{version}.mod")).await;
    assert_eq!(go_mod.status, 200, "{}", go_mod.text());
    let go_mod = go_mod.text();
    larder.requests().await;

    // Larder first: whatever the mirror warms up for the second is to the advantage of the other.
    let cold = client(&below("cold"), &larder.url(), &go_mod);
    let (cold_time, sums) = download(&cold).await;
    let log = larder.requests().await;
    let lookups = count(&log, "GET sumdb/sum.golang.org/lookup/");
    assert!(lookups > 0, "nothing was verified through Larder");
    let (zips, mods) = (count(&log, ".zip\""), count(&log, ".mod\""));

    let straight = client(&below("straight"), "https://proxy.golang.org", &go_mod);
    let (straight_time, straight_sums) = download(&straight).await;
    assert_eq!(sums, straight_sums, "go.sum differs from what go writes without Larder");

    // From here on go.sum alone decides: lookups are passed on to the database and would not be answered from here.
    let warm = client(&below("warm"), &larder.url(), &go_mod).sumdb("off");
    warm.write("go.sum", &sums);
    let (warm_time, _) = download(&warm).await;
    for line in larder.requests().await {
        assert!(line.contains("\"status\":200") && line.contains("\"hit\""), "not from what is held: {line}");
    }

    let larder = larder.restart_with(&["--upstream", "off", "--sumdb", "off"]).await;
    let offline = client(&below("offline"), &larder.url(), &go_mod).sumdb("off");
    offline.write("go.sum", &sums);
    let (offline_time, _) = download(&offline).await;
    println!(
        "public: {module}@{version}: {zips} zips, {mods} mods, {lookups} lookups; cold {cold_time:.1?}, straight \
         {straight_time:.1?}, warm {warm_time:.1?}, without upstream {offline_time:.1?}"
    );
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
