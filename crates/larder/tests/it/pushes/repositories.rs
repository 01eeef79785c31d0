//! What is pushed to a repository reaches all modules that are found there, by whatever way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::eventually;
use testkit::githost::GitHost;
use testkit::recipe;
use testkit::upstream::Upstream;

use super::{SECRET, parsed, push};
use crate::admin::{call, read};
use crate::proxy::TestProxy;

const LIBRARY: &str = r"
handle git
git init
at 2026-01-02T03:04:05Z
git add lib.go
git commit -m one
git tag v1.0.0
-- lib.go --
package lib
";

/// A module whose repository the operator's table names, one of which a page does, and one whose path does.
const BY_TABLE: &str = "/table.example/lib";
const BY_PAGE: &str = "/page.example/lib";
const BY_PATH: &str = "/path.example/team/lib.git";
const ALL: [&str; 3] = [BY_TABLE, BY_PAGE, BY_PATH];

/// Where the page of a module is asked for.
const PAGE: &str = "http://page.example/lib";

struct World {
    dir: TempDir,
    host: GitHost,
    /// Answers in place of all hosts that are asked over http.
    pages: Upstream,
    proxy: TestProxy,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        recipe::make(LIBRARY, &repository(dir.path(), "lib"));
        let host = GitHost::start(&dir.path().join("repositories")).await;
        let pages = Upstream::start().await;
        pages.put(PAGE, page(&host.url("team/lib")));
        let secret = dir.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = dir.path().join("gitconfig");
        let rewrite = format!("[url \"{}\"]\n\tinsteadOf = https://path.example/\n", host.url(""));
        std::fs::write(&config, rewrite).unwrap();
        let (secret, table) =
            (secret.display().to_string(), format!("table.example/lib={}", host.url("team/lib")));
        let settings = [
            ("upstream", "direct"),
            ("hook.secret", &secret),
            ("vanity", &table),
            ("goinsecure", "*.example"),
            ("network.allow", "127.0.0.1"),
            ("network.http_proxy", &pages.url()),
            ("network.https_proxy", "http://127.0.0.1:1"),
            ("network.no_proxy", "127.0.0.1"),
            // Whatever is seen is not seen because it has become old.
            ("vcs.remember", "1h"),
        ];
        let proxy =
            TestProxy::with_environment(&settings, &[("GIT_CONFIG_GLOBAL", &config.display().to_string())]);
        let world = Self { dir, host, pages, proxy };
        for module in ALL {
            assert_eq!(world.list(module).await, "v1.0.0\n", "{module}");
        }
        world
    }

    async fn list(&self, module: &str) -> String {
        let list = self.proxy.get(&format!("{module}/@v/list")).await;
        assert_eq!(list.status, 200, "{module}: {}", list.text());
        list.text()
    }

    fn tag(&self, name: &str, tag: &str) {
        recipe::make(&format!("git tag {tag}\n"), &repository(self.dir.path(), name));
        // What is under way began before.
        self.proxy.clock().advance(Duration::from_millis(1));
    }

    async fn push(&self, name: &str) -> Value {
        let urls = json!({
            "clone_url": self.host.url(&format!("team/{name}.git")),
            "html_url": format!("https://path.example/team/{name}"),
        });
        parsed(&push(&self.proxy, &json!({"repository": urls})).await)
    }

    async fn refresh(&self, module: &str) -> Value {
        let meant = json!({"module": &module[1..]}).to_string();
        let (status, text) = call(&self.proxy, "POST", "/api/v1/refresh", &meant).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn repository(dir: &Path, name: &str) -> PathBuf {
    dir.join("repositories/team").join(name)
}

fn page(url: &str) -> String {
    format!("<meta name=\"go-import\" content=\"page.example/lib git {url}\">")
}

#[tokio::test]
async fn a_pushed_tag_is_seen_at_once_however_the_repository_is_found() {
    let world = World::new().await;
    for module in ALL {
        assert_eq!(world.proxy.get(&format!("{module}/@v/v1.1.0.info")).await.status, 404, "{module}");
    }
    world.tag("lib", "v1.1.0");
    for module in ALL {
        assert_eq!(world.list(module).await, "v1.0.0\n", "fresh is not asked again: {module}");
    }
    let told = world.push("lib").await;
    for module in ALL {
        assert!(told["modules"].as_array().unwrap().contains(&module[1..].into()), "{module}: {told}");
        assert_eq!(world.proxy.get(&format!("{module}/@v/v1.1.0.info")).await.status, 200, "{module}");
        eventually("the new tag in the list", || async { world.list(module).await == "v1.0.0\nv1.1.0\n" })
            .await;
    }
    eventually("the time in the numbers", || async {
        world.proxy.get("/metrics").await.text().contains("larder_push_visible_seconds_count 1")
    })
    .await;
    world.proxy.stop().await;
}

#[tokio::test]
async fn a_module_that_moves_with_a_push_is_looked_for_again() {
    let world = World::new().await;
    recipe::make(LIBRARY, &repository(world.dir.path(), "moved"));
    world.tag("moved", "v1.5.0");
    world.pages.put(PAGE, page(&world.host.url("team/moved")));
    world.push("lib").await;
    eventually("the tags of the other repository", || async {
        world.list(BY_PAGE).await == "v1.0.0\nv1.5.0\n"
    })
    .await;
    world.tag("moved", "v1.6.0");
    let told = world.push("moved").await;
    assert_eq!(told["modules"], json!(["page.example/lib"]), "where it was found last");
    eventually("its new tag", || async { world.list(BY_PAGE).await == "v1.0.0\nv1.5.0\nv1.6.0\n" }).await;
    world.proxy.stop().await;
}

#[tokio::test]
async fn a_refresh_sees_the_tag_that_was_pushed_a_moment_ago() {
    let world = World::new().await;
    for (at, module) in ALL.iter().enumerate() {
        let (tag, asked) = (format!("v1.{}.0", at + 1), world.pages.count(PAGE));
        world.tag("lib", &tag);
        let told = world.refresh(module).await;
        let new = told["asked"][0]["new"].as_array().unwrap_or_else(|| panic!("{module}: {told}"));
        assert!(new.contains(&tag.as_str().into()), "{module}: {told}");
        assert!(world.list(module).await.ends_with(&format!("{tag}\n")), "{module}");
        assert_eq!(world.pages.count(PAGE) > asked, *module == BY_PAGE, "its page is asked for again");
    }
    world.proxy.stop().await;
}

#[tokio::test]
async fn what_asking_repositories_comes_to_is_told_in_numbers() {
    let world = World::new().await;
    world.pages.on("http://page.example/other").status(503);
    assert_eq!(world.proxy.get("/page.example/other/@v/list").await.status, 503);
    assert_eq!(world.proxy.get(&format!("{BY_TABLE}/@v/v1.0.0.zip")).await.status, 200);
    let text = world.proxy.get("/metrics").await.text();
    let number = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series}: {text}")).parse().unwrap()
    };
    for outcome in ["table", "path", "page", "failed"] {
        assert!(number(&format!("larder_discoveries_total{{outcome=\"{outcome}\"}}")) >= 1.0, "{outcome}");
    }
    assert!(number("larder_vcs_calls_total{system=\"git\",outcome=\"ok\"}") >= 2.0);
    assert!(number("larder_vcs_call_seconds_count{system=\"git\"}") >= 2.0);
    assert!(number("larder_vcs_bytes_total{system=\"git\"}") > 500.0);
    assert!(number("larder_vcs_copies_limit_bytes") >= number("larder_vcs_copies_bytes"));
    assert!(text.contains("\nlarder_vcs_waiting 0\n"));
    let status = read(&world.proxy, "/api/v1/status").await;
    assert_eq!(status["repositories"]["copies"], number("larder_vcs_copies"), "{status}");
    assert!(world.proxy.get("/").await.text().contains("Repositories"));
    world.proxy.stop().await;
}
