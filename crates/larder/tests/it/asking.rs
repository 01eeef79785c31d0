//! `larder explain --ask`: what sources say, step by step, as the server would ask them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::githost::{Fault, GitHost};
use testkit::module::ModuleFiles;
use testkit::recipe;
use testkit::upstream::Upstream;

const LIBRARY: &str = r"
handle git
git init
at 2026-01-02T03:04:05Z
git add lib.go
git commit -m one
git tag v1.0.0
git tag v1.1.0
-- lib.go --
package lib
";

struct World {
    home: TempDir,
    host: GitHost,
    pages: Upstream,
}

impl World {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        recipe::make(LIBRARY, &home.path().join("repositories/lib"));
        let host = GitHost::start(&home.path().join("repositories")).await;
        let pages = Upstream::start().await;
        let page = format!("<meta name=\"go-import\" content=\"page.example/lib git {}\">", host.url("lib"));
        pages.put("http://page.example/lib", page);
        Self { home, host, pages }
    }

    /// Runs `larder explain` with `--ask`; the exit code and what was printed.
    async fn explain(&self, args: &[&str]) -> (i32, String) {
        let settings = [
            format!("vanity=table.example/lib={}", self.host.url("lib")),
            "goinsecure=*.example".to_owned(),
            "network.allow=127.0.0.1".to_owned(),
            format!("network.http_proxy={}", self.pages.url()),
            "network.https_proxy=http://127.0.0.1:1".to_owned(),
            "network.no_proxy=127.0.0.1".to_owned(),
        ];
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.args(["explain", "--ask"]).args(args).args(settings).arg("--data").arg(self.data());
        command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    async fn steps(&self, args: &[&str]) -> (i32, Vec<Value>) {
        let (code, text) = self.explain(&[args, &["--json"]].concat()).await;
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        (code, told["asked"].as_array().unwrap().clone())
    }

    fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }
}

fn outline(steps: &[Value]) -> Vec<String> {
    let word = |step: &Value, name: &str| step[name].as_str().unwrap().to_owned();
    steps
        .iter()
        .map(|it| format!("{} {} {}", word(it, "source"), word(it, "what"), word(it, "outcome")))
        .collect()
}

fn left_behind(data: &Path) -> usize {
    std::fs::read_dir(data.join("vcs")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_repository_is_found_asked_and_told_step_by_step() {
    let world = World::new().await;
    let direct = ["direct repository ok", "direct refs ok", "direct version ok"];
    for module in ["table.example/lib@v1.1.0", "page.example/lib@main"] {
        let (code, steps) = world.steps(&[module, "--upstream", "direct"]).await;
        assert_eq!((code, outline(&steps)), (0, direct.map(str::to_owned).to_vec()), "{module}");
        assert!(steps[0]["said"][0].as_str().unwrap().ends_with("/lib"), "{steps:?}");
        assert_eq!(steps[1]["said"][0], "2 tags");
        assert!(
            steps[2]["said"][0].as_str().unwrap().starts_with("v1.1.0 of 2026-01-02T03:04:05Z"),
            "{steps:?}"
        );
        assert!(steps.iter().all(|step| step["took_ms"].as_u64().is_some()));
    }
    let (code, steps) = world.steps(&["page.example/lib", "--upstream", "direct"]).await;
    assert_eq!(code, 0);
    assert_eq!(outline(&steps)[2..], ["direct list ok", "direct version ok"]);
    assert_eq!(steps[2]["said"][0], "2 versions, the last v1.1.0");
    assert_eq!(left_behind(&world.data()), 0);
}

#[tokio::test]
async fn what_is_in_the_way_is_told_where_it_is() {
    let world = World::new().await;
    let (code, steps) = world.steps(&["table.example/lib@v9.9.9", "--upstream", "direct"]).await;
    assert_eq!((code, outline(&steps)[2].as_str()), (1, "direct version absent"));
    assert!(steps[2]["said"].to_string().contains("unknown revision v9.9.9"), "{steps:?}");
    world.host.fault(Fault::Status(403, "not you"));
    let (code, steps) = world.steps(&["table.example/lib@v1.0.0", "--upstream", "direct"]).await;
    assert_eq!(
        (code, outline(&steps)),
        (1, vec!["direct repository ok".into(), "direct refs failed".into()])
    );
    assert!(steps[1]["said"].to_string().contains("refused us"), "{steps:?}");
    world.pages.on("http://page.example/lib").status(500);
    let (code, steps) = world.steps(&["page.example/lib@v1.0.0", "--upstream", "direct"]).await;
    assert_eq!((code, outline(&steps)), (1, vec!["direct repository failed".into()]));
    let (code, text) = world.explain(&["other.example/lib", "--upstream", "off"]).await;
    assert!(code == 4 && !text.contains("ASKED FOR"), "{text}");
}

#[tokio::test]
async fn sources_are_asked_in_their_order_until_one_has_it_and_shown_in_columns() {
    let world = World::new().await;
    let files = ModuleFiles::new("example.com/m", "v1.0.0").file("m.go", "package m\n");
    let (empty, full) = (Upstream::start().await, Upstream::of(std::slice::from_ref(&files)).await);
    let list = format!("{},{},direct", empty.url(), full.url());
    let (code, text) = world.explain(&["example.com/m", "--upstream", &list]).await;
    assert_eq!(code, 0, "{text}");
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("SOURCE")).collect();
    assert_eq!(rows.len(), 7, "a heading, and for each absence its text below: {text}");
    let columns: Vec<usize> =
        ["ASKED", "OUTCOME", "TIME", "SAID"].map(|name| rows[0].find(name).unwrap()).to_vec();
    for row in rows.iter().filter(|row| !row.starts_with(' ')) {
        for at in &columns {
            assert!(row[..*at].ends_with("  ") && !row[*at..].starts_with(' '), "{text}");
        }
    }
    assert!(
        text.contains("1 versions, the last v1.0.0") || text.contains("1 version, the last v1.0.0"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours where nobody sees them");
}
