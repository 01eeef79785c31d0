//! Checksum databases: a real one, of Go's own code, reached through Larder; and what is told of a forged module.
//!
//! Toolchains come here too: the go command takes none without a record in a checksum database.

use testkit::go::{self, Go};
use testkit::{ModuleFiles, Upstream};

use crate::database::{Database, KEY, NAME};
use crate::larder::Larder;
use crate::world;

/// Larder in front of a database of Go's own code and of an upstream. What is dropped first stands first.
struct Front {
    larder: Larder,
    database: Database,
    upstream: Upstream,
    dir: tempfile::TempDir,
}

impl Front {
    /// In front of a database that knows of these versions.
    async fn of(known: &[ModuleFiles], upstream: Upstream) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::start(dir.path(), known).await;
        let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
        let larder = Larder::start(&dir.path().join("data"), &flags);
        Self { larder, database, upstream, dir }
    }

    /// A new client of this name, with this GOSUMDB.
    fn client(&self, name: &str, sumdb: &str) -> Go {
        world::client(&self.dir.path().join(name), &self.larder.url()).sumdb(sumdb)
    }
}

#[tokio::test]
async fn ordinary_modules_are_verified_through_larder() {
    if !go::available() {
        return;
    }
    let front = Front::of(&world::modules(), world::upstream().await).await;
    let go = front.client("client", KEY);
    go.run(&["mod", "download"]).await.success();
    let asked = front.larder.requests().await.concat();
    for path in ["lookup/example.com/!upper/!lib@v1.2.0", "tile/8/0/"] {
        assert!(asked.contains(&format!("GET sumdb/{NAME}/{path}")), "{path} was not asked for: {asked}");
    }
    let seen = front.upstream.paths();
    assert!(!seen.iter().any(|path| path.starts_with("/sumdb/")), "the upstream was asked too: {seen:?}");
}

#[tokio::test]
async fn a_database_named_with_our_address_is_asked_there() {
    if !go::available() {
        return;
    }
    let front = Front::of(&world::modules(), world::upstream().await).await;
    // With an address go leaves out `supported`, and writes `%21` for the `!` of an escaped letter.
    let spec = format!("{KEY} {}/sumdb/{NAME}", front.larder.url());
    let go = world::client(&front.dir.path().join("client"), &front.upstream.url()).sumdb(spec);
    go.run(&["mod", "download"]).await.success();
    let asked = front.larder.requests().await.concat();
    assert!(asked.contains(&format!("GET sumdb/{NAME}/lookup/example.com/!upper/!lib@v1.2.0")), "{asked}");
    assert!(!asked.contains("supported") && !asked.contains(".zip"), "{asked}");
}

#[tokio::test]
async fn of_two_databases_whose_names_begin_alike_each_answers_for_itself() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = ("sums.example", "sums.example/more/of");
    let first = Database::named(&dir.path().join("first"), &world::modules(), first).await;
    let second = Database::named(&dir.path().join("second"), &world::modules(), second).await;
    let upstream = world::upstream().await;
    let (specs, url) = ([first.spec(), second.spec()], upstream.url());
    let flags = ["--upstream", &url, "--sumdb", &specs[0], "--sumdb", &specs[1]];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    for (client, database, other) in [("a", &second, &first), ("b", &first, &second)] {
        other.asked();
        let go = world::client(&dir.path().join(client), &larder.url()).sumdb(database.key());
        go.run(&["mod", "download"]).await.success();
        assert!(database.asked().concat().contains("/lookup/example.com/!upper/!lib@v1.2.0"));
    }
}

#[tokio::test]
async fn go_gets_tidies_and_verifies_with_a_database_through_larder() {
    if !go::available() {
        return;
    }
    let front = Front::of(&world::modules(), world::upstream().await).await;
    let go = front.client("client", KEY);
    go.write("go.mod", "module example.com/main\n\ngo 1.21\n");
    go.write("main.go", "package main\n\nimport _ \"example.com/chain\"\n\nfunc main() {}\n");
    go.run(&["get", "example.com/two/v2@latest", "example.com/Upper/Lib@stable"]).await.success();
    go.run(&["mod", "tidy"]).await.success();
    assert_eq!(go.run(&["mod", "verify"]).await.success(), "all modules verified\n");
    let sums = std::fs::read_to_string(go.work_dir().join("go.sum")).unwrap();
    let chain = world::modules().into_iter().find(|files| files.path() == "example.com/chain").unwrap();
    assert!(sums.contains(&chain.sum_lines()), "{sums}");
    go.run(&["install", "example.com/tool@v0.1.0"]).await.success();
    assert!(front.database.asked().contains(&"/lookup/example.com/tool@v0.1.0".to_owned()));
}

#[tokio::test]
async fn of_modules_that_no_database_is_to_know_none_is_asked() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let public: Vec<_> =
        world::modules().into_iter().filter(|files| files.path() == "example.com/link").collect();
    let database = Database::start(dir.path(), &public).await;
    let upstream = world::upstream().await;
    let (spec, url) = (database.spec(), upstream.url());
    let route = format!("route=example.com/Upper={url}");
    let kept = ["--set", "private=example.com/Upper", "--set", &route, "--set", "gonosumdb=example.com/pre"];
    let flags = [["--upstream", &url, "--sumdb", &spec].as_slice(), &kept].concat();
    let larder = Larder::start(&dir.path().join("data"), &flags);
    let go = world::client(&dir.path().join("client"), &larder.url()).sumdb(KEY);
    let download = ["mod", "download", "example.com/Upper/Lib@v1.2.0", "example.com/pre@v1.0.0-rc.1"];
    // Their own setting says the same: go asks nobody.
    let told = go.clone().env("GONOSUMDB", "example.com/Upper,example.com/pre");
    told.run(&[&download[..], &["example.com/link@v0.3.0"]].concat()).await.success();
    // Theirs does not: Larder keeps the names to itself.
    for wanted in &download[2..] {
        let asking = go.elsewhere(&dir.path().join(wanted)).run(&["mod", "download", wanted]).await;
        assert!(!asking.ok && asking.stderr.contains("403 Forbidden"), "{}", asking.stderr);
    }
    let asked = database.asked();
    assert!(asked.contains(&"/lookup/example.com/link@v0.3.0".to_owned()), "{asked:?}");
    let left = asked.iter().find(|path| path.to_lowercase().contains("upper") || path.contains("pre@"));
    assert_eq!(left, None, "the name of a private module has left");
}

#[tokio::test]
async fn a_forged_module_is_refused_for_those_who_verify_and_those_who_do_not() {
    if !go::available() {
        return;
    }
    let genuine = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib\n");
    let forged = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib // and more\n");
    let front = Front::of(std::slice::from_ref(&genuine), Upstream::of(&[forged]).await).await;
    for sumdb in [KEY, "off"] {
        let go = front.client(sumdb, sumdb);
        let refused = go.run(&["mod", "download", "example.com/lib@v1.0.0"]).await;
        assert!(!refused.ok && refused.stderr.contains("502 Bad Gateway"), "{}", refused.stderr);
        assert!(refused.stderr.contains(&genuine.zip_h1()), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_public_version_that_the_database_does_not_know_is_refused_until_it_does() {
    if !go::available() {
        return;
    }
    let front = Front::of(&[], world::upstream().await).await;
    for sumdb in [KEY, "off"] {
        let go = front.client(sumdb, sumdb);
        let asked = go.run(&["mod", "download", "example.com/Upper/Lib@v1.2.0"]).await;
        assert!(!asked.ok, "a version without a record was let out");
        for words in ["403 Forbidden", "cannot be verified", NAME, "declare it private if it is yours"] {
            assert!(asked.stderr.contains(words), "{}", asked.stderr);
        }
    }
    front.database.learns(&world::modules());
    let go = front.client("now", KEY);
    let now = || async { go.run(&["mod", "download", "example.com/Upper/Lib@v1.2.0"]).await.ok };
    testkit::eventually("the record that was added", now).await;
}

#[tokio::test]
async fn a_database_out_of_order_is_an_outage_and_what_is_held_goes_on() {
    if !go::available() {
        return;
    }
    let front = Front::of(&world::modules(), world::upstream().await).await;
    let go = front.client("client", KEY);
    go.run(&["mod", "download", "example.com/chain@v1.0.0"]).await.success();
    front.database.faults("/lookup/ status 500\n");
    for sumdb in [KEY, "off"] {
        let go = front.client(sumdb, sumdb);
        let told = go.run(&["mod", "download", "example.com/pre@v1.0.0-rc.1"]).await;
        assert!(!told.ok && told.stderr.contains("503 Service Unavailable"), "{}", told.stderr);
        go.run(&["mod", "download", "example.com/chain@v1.0.0"]).await.success();
    }
    front.database.faults("");
    let again = || async { go.run(&["mod", "download", "example.com/pre@v1.0.0-rc.1"]).await.ok };
    testkit::eventually("a lookup that succeeds", again).await;
}

#[tokio::test]
async fn go_switches_to_a_toolchain_that_came_through_larder() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let toolchain = world::toolchain(dir.path()).await;
    let toolchain = std::slice::from_ref(&toolchain);
    let known = [world::modules(), toolchain.to_vec()].concat();
    let front = Front::of(&known, Upstream::of(toolchain).await).await;
    for (client, state) in [("first", "miss"), ("second", "hit")] {
        front.larder.requests().await;
        let go = front.client(client, KEY);
        let version = go.env("GOTOOLCHAIN", "go1.99.9").run(&["version"]).await;
        assert_eq!(version.success(), world::TOOLCHAIN_SAYS);
        let asked = front.larder.requests().await;
        let zip = asked.iter().find(|line| line.contains(".zip\"")).unwrap();
        assert!(zip.contains(&format!("\"{state}\"")), "{zip}");
    }
    by_file(&front.client("by-file", KEY)).await;
}

/// The toolchain that a `go.mod` names.
async fn by_file(go: &Go) {
    go.write("go.mod", "module example.com/main\n\ngo 1.99\n\ntoolchain go1.99.9\n");
    let version = go.clone().env("GOTOOLCHAIN", "auto").run(&["version"]).await;
    assert_eq!(version.success(), world::TOOLCHAIN_SAYS);
}
