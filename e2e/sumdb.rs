//! Checksum databases: a real one, of Go's own code, reached through Larder; and what is told of a forged module.
//!
//! Toolchains come here too: the go command takes none without a record in a checksum database.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::go::{self, Go};
use testkit::{ModuleFiles, Upstream};

use crate::larder::Larder;
use crate::world;

/// The published pair of keys for tests (`cmd/go/proxy_test.go`).
const KEY: &str = "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6";
const SIGNER: &str =
    "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk";
const NAME: &str = "localhost.localdev/sumdb";

/// A running checksum database. Dropped, it is gone.
struct Database {
    child: Child,
    url: String,
    records: PathBuf,
}

impl Database {
    /// Builds it below `dir` from the sources that the go command brings along, and starts it with these records.
    async fn start(dir: &Path, records: &str) -> Self {
        let builder = Go::new(&dir.join("sumdb")).env("GOFLAGS", "-mod=mod").env("CGO_ENABLED", "0");
        let builder = builder.env("GOCACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/gocache"));
        let goroot = builder.run(&["env", "GOROOT"]).await.success().trim().to_owned();
        let vendored = Path::new(&goroot).join("src/cmd/vendor/golang.org/x/mod");
        copy(&vendored, &builder.work_dir().join("xmod"));
        builder.write("xmod/go.mod", "module golang.org/x/mod\n\ngo 1.24\n");
        builder.write("main.go", include_str!("testdata/sumdb/main.go"));
        builder.write(
            "go.mod",
            "module sumdb\n\ngo 1.24\n\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./xmod\n",
        );
        builder.run(&["build", "-o", "sumdb", "."]).await.success();
        builder.write("records", records);
        let records = builder.work_dir().join("records");
        let mut child = Command::new(builder.work_dir().join("sumdb"))
            .arg(SIGNER)
            .arg(&records)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned(), records }
    }

    /// The `--sumdb` of a Larder that passes it on.
    fn spec(&self) -> String {
        format!("{KEY} {}", self.url)
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.stop();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn records(of: &[ModuleFiles]) -> String {
    of.iter().map(ModuleFiles::sum_lines).collect()
}

/// The toolchain that a go command on this machine asks for: a script that says its name, and the places where the go
/// command sets the permission to execute (cmd/go/internal/toolchain `Exec`).
async fn toolchain(dir: &Path) -> ModuleFiles {
    let env = Go::new(&dir.join("env")).run(&["env", "GOOS", "GOARCH"]).await;
    let platform = env.success().trim().replace('\n', "-");
    ModuleFiles::new("golang.org/toolchain", &format!("v0.0.1-go1.99.9.{platform}"))
        .without_go_mod()
        .file("bin/go", "#!/bin/sh\necho \"go version go1.99.9 made for this test: $*\"\n")
        .file("bin/gofmt", "")
        .file("pkg/tool/compile", "")
        .file("lib/go_linux_amd64_exec", "")
}

#[tokio::test]
async fn ordinary_modules_are_verified_through_larder() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let database = Database::start(dir.path(), &records(&world::modules())).await;
    let upstream = world::upstream().await;
    let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    let go = world::client(&dir.path().join("client"), &larder.url()).sumdb(KEY);
    go.run(&["mod", "download"]).await.success();
    let asked = larder.requests().await.concat();
    for path in ["lookup/example.com/!upper/!lib@v1.2.0", "tile/8/0/"] {
        assert!(asked.contains(&format!("GET sumdb/{NAME}/{path}")), "{path} was not asked for: {asked}");
    }
    let seen = upstream.paths();
    assert!(!seen.iter().any(|path| path.starts_with("/sumdb/")), "the upstream was asked too: {seen:?}");
}

#[tokio::test]
async fn a_forged_module_is_a_security_error() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let genuine = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib\n");
    let forged = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib // and more\n");
    let database = Database::start(dir.path(), &genuine.sum_lines()).await;
    let upstream = Upstream::of(&[forged]).await;
    let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    let go = world::client(&dir.path().join("client"), &larder.url()).sumdb(KEY);
    let refused = go.run(&["mod", "download", "example.com/lib@v1.0.0"]).await;
    assert!(!refused.ok);
    // Where Larder verifies what it fetches, it refuses the zip itself, before the go command can.
    let by_go = refused.stderr.contains("SECURITY ERROR");
    let by_larder = refused.stderr.contains("502 Bad Gateway");
    assert!(by_go || by_larder, "{}", refused.stderr);
}

#[tokio::test]
async fn a_version_that_the_database_does_not_know_is_told_in_its_words() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let database = Database::start(dir.path(), "").await;
    let upstream = world::upstream().await;
    let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    let go = world::client(&dir.path().join("client"), &larder.url()).sumdb(KEY);
    let asked = go.run(&["mod", "download", "example.com/Upper/Lib@v1.2.0"]).await;
    assert!(!asked.ok && asked.stderr.contains("404 Not Found"), "{}", asked.stderr);
    std::fs::write(&database.records, records(&world::modules())).unwrap();
    let now = || async { go.run(&["mod", "download", "example.com/Upper/Lib@v1.2.0"]).await.ok };
    testkit::eventually("the record that was added", now).await;
}

#[tokio::test]
async fn go_switches_to_a_toolchain_that_came_through_larder() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let toolchain = toolchain(dir.path()).await;
    let mut known = world::modules();
    known.push(toolchain.clone());
    let mut database = Database::start(dir.path(), &records(&known)).await;
    let upstream = Upstream::of(std::slice::from_ref(&toolchain)).await;
    let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    for (client, state) in [("first", "miss"), ("second", "hit")] {
        larder.requests().await;
        let go = world::client(&dir.path().join(client), &larder.url()).sumdb(KEY);
        let version = go.env("GOTOOLCHAIN", "go1.99.9").run(&["version"]).await;
        assert_eq!(version.success(), "go version go1.99.9 made for this test: version\n");
        let asked = larder.requests().await;
        let zip = asked.iter().find(|line| line.contains(".zip\"")).unwrap();
        assert!(zip.contains(&format!("\"{state}\"")), "{zip}");
    }
    let by_file =
        world::client(&dir.path().join("by-file"), &larder.url()).sumdb(KEY).env("GOTOOLCHAIN", "auto");
    by_file.write("go.mod", "module example.com/main\n\ngo 1.99\n\ntoolchain go1.99.9\n");
    let version = by_file.run(&["version"]).await;
    assert_eq!(version.success(), "go version go1.99.9 made for this test: version\n");
    database.stop();
}
