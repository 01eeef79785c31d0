//! Our own log as the only GOSUMDB: public and private modules and toolchains, each verified by the go command.

use std::path::Path;

use testkit::go::{self, Go};
use testkit::{ModuleFiles, Upstream};

use crate::database::Database;
use crate::larder::{self, Larder};
use crate::world::{self, GRAPH};

const NAME: &str = "sums.corp.example/go";
/// What the settings call private.
const PRIVATE: &str = "example.com/Upper,example.com/two";

/// Makes the keys; the verifier key is the GOSUMDB of everyone.
fn init(dir: &Path) -> String {
    let key = dir.join("log.key").display().to_string();
    let made = larder::run(dir, &["sumdb", "init", NAME, "--key", &key]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let verifier = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(verifier.starts_with(&format!("{NAME}+")) && !verifier.contains('\n'), "{verifier}");
    verifier
}

/// A company: one upstream for all, the public database, and a Larder whose log is the only GOSUMDB.
struct Company {
    dir: tempfile::TempDir,
    gosumdb: String,
    public: Database,
    upstream: Upstream,
    larder: Larder,
}

impl Company {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let gosumdb = init(dir.path());
        let toolchain = world::toolchain(dir.path()).await;
        let known: Vec<ModuleFiles> = world::modules().into_iter().chain([toolchain.clone()]).collect();
        let known: Vec<ModuleFiles> = known.into_iter().filter(|files| !is_private(files)).collect();
        let public = Database::start(dir.path(), &known).await;
        let upstream = world::upstream().await;
        upstream.serve(&toolchain);
        let (url, spec) = (upstream.url(), public.spec());
        let settings = [
            format!("private={PRIVATE}"),
            format!("route={PRIVATE}={url}"),
            format!("log.name={NAME}"),
            format!("log.key={}", dir.path().join("log.key").display()),
        ];
        let mut flags = vec!["--upstream", &url, "--sumdb", &spec];
        for setting in &settings {
            flags.extend(["--set", setting]);
        }
        let larder = Larder::start(&dir.path().join("data"), &flags);
        Self { dir, gosumdb, public, upstream, larder }
    }

    /// A developer's machine: nothing is set but GOPROXY and GOSUMDB.
    fn machine(&self, name: &str) -> Go {
        world::client(&self.dir.path().join(name), &self.larder.url()).sumdb(&self.gosumdb)
    }

    /// Operators see that the log signs, and how much.
    async fn shows_its_log(&self) {
        let data = self.larder.data("").display().to_string();
        let shown = larder::run(self.dir.path(), &["sumdb", "status", NAME, "--data", &data]);
        let text = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.status.code(), Some(0), "{text}");
        assert!(text.contains("signing") && text.contains(&self.gosumdb), "{text}");
        let numbers = self.larder.ask("/metrics").await.text();
        assert!(numbers.contains("larder_log_state{state=\"signing\"} 1"), "{numbers}");
        let records = numbers.lines().find_map(|line| line.strip_prefix("larder_log_records "));
        assert!(records.unwrap().parse::<u64>().unwrap() >= 3, "{numbers}");
    }

    /// The same machine after Larder has moved, with an empty module cache; what go has seen of the log it still knows.
    async fn again(&self, machine: &Go) -> Go {
        machine.run(&["clean", "-modcache"]).await.success();
        let _ = std::fs::remove_file(machine.work_dir().join("go.sum"));
        machine.clone().proxy(self.larder.url())
    }
}

fn is_private(files: &ModuleFiles) -> bool {
    PRIVATE.split(',').any(|prefix| files.path().starts_with(&format!("{prefix}/")))
}

async fn works_for(go: &Go) {
    let downloaded = go.run(&["mod", "download", "-json"]).await;
    let downloaded = downloaded.success();
    for files in world::modules().iter().filter(|files| world::in_graph(files)) {
        assert!(downloaded.contains(&files.zip_h1()) && downloaded.contains(&files.mod_h1()), "{downloaded}");
    }
    assert_eq!(go.run(&["list", "-m", "all"]).await.success(), GRAPH);
    let version = go.clone().env("GOTOOLCHAIN", "go1.99.9").run(&["version"]).await;
    assert_eq!(version.success(), world::TOOLCHAIN_SAYS);
}

#[tokio::test]
async fn one_gosumdb_is_enough_for_public_and_private_modules_and_toolchains() {
    if !go::available() {
        return;
    }
    let mut company = Company::new().await;
    let first = company.machine("first");
    works_for(&first).await;
    let told = company.public.asked().concat().to_lowercase();
    assert!(
        told.contains("/lookup/example.com/link@v0.3.0") && told.contains("/lookup/golang.org/toolchain@")
    );
    let private = ["upper", "two"].into_iter().find(|name| told.contains(name));
    assert_eq!(private, None, "a private name was told to the public database: {told}");
    works_for(&company.machine("warm")).await;
    assert_eq!(company.public.asked(), Vec::<String>::new());
    company.shows_its_log().await;

    company.larder.terminate();
    assert_eq!(company.larder.ended().await.code(), Some(0));
    company.larder.restart();
    let first = company.again(&first).await;
    works_for(&first).await;
    // The log goes on growing where it was.
    first.run(&["mod", "download", "example.com/tool@v0.1.0"]).await.success();
    company.larder.restart();
    let first = company.again(&first).await;
    works_for(&first).await;

    company.public.stop();
    company.upstream.stop().await;
    works_for(&company.machine("all-gone")).await;
    company.larder.restart();
    works_for(&company.machine("all-gone-and-killed")).await;
    let first = company.again(&first).await;
    works_for(&first).await;
}

#[tokio::test]
async fn a_log_killed_while_clients_add_to_it_never_forks() {
    if !go::available() {
        return;
    }
    let mut company = Company::new().await;
    let machine = company.machine("machine");
    let versions = world::modules();
    for (at, files) in versions.iter().enumerate() {
        let wanted = format!("{}@{}", files.path(), files.version());
        let go = machine.clone().proxy(company.larder.url());
        let download = tokio::spawn(async move { go.run(&["mod", "download", &wanted]).await });
        if at % 2 == 0 {
            // In the middle of it: as soon as the first file is asked for.
            company.larder.logged(&format!("/@v/{}.", files.version())).await;
            company.larder.restart();
        }
        let ended = download.await.unwrap();
        assert!(!ended.stderr.contains("SECURITY ERROR"), "{}", ended.stderr);
        assert!(at % 2 == 0 || ended.ok, "{}", ended.stderr);
    }
    let machine = company.again(&machine).await;
    works_for(&machine).await;
}

#[tokio::test]
async fn what_the_public_database_has_otherwise_is_not_logged() {
    if !go::available() {
        return;
    }
    let company = Company::new().await;
    let forged =
        ModuleFiles::new("example.com/pre", "v1.0.0-rc.1").file("lib.go", "package pre // and more\n");
    for extension in ["mod", "zip"] {
        let bytes = if extension == "mod" { forged.mod_file() } else { forged.zip() };
        company.upstream.put(&forged.url(extension), bytes);
    }
    let go = company.machine("machine");
    let refused = go.run(&["mod", "download", "example.com/pre@v1.0.0-rc.1"]).await;
    assert!(!refused.ok && refused.stderr.contains("502 Bad Gateway"), "{}", refused.stderr);
    let genuine = world::modules().into_iter().find(|files| files.path() == "example.com/pre").unwrap();
    let logged = company.larder.ask(&format!("/sumdb/{NAME}/lookup/example.com/pre@v1.0.0-rc.1")).await;
    assert!(logged.status != 200 || logged.text().contains(&genuine.sum_lines()), "{}", logged.text());
}
