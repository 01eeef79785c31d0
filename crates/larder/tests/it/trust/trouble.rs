//! A database that says nothing, or nothing that a database says. (Statuses and broken answers: `misbehaving`.)

use std::time::Duration;

use testkit::database::{Trouble, lookup_path, synthetic_module};
use testkit::{Database, ModuleFiles, Upstream};

use crate::proxy::TestProxy;

/// Long enough for a sound answer on a busy machine, short enough to be waited for.
const PATIENCE: &str = "700ms";

/// A database of two tiles, a module beside it, and a Larder that knows the newest tree and holds the module.
struct Scene {
    database: Database,
    upstream: Upstream,
    files: ModuleFiles,
    proxy: TestProxy,
}

impl Scene {
    async fn new() -> Self {
        let files = ModuleFiles::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n");
        let database = Database::start().await;
        database.grow(300);
        database.record(&files);
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        let proxy = TestProxy::with(&[
            ("upstream", &upstream.url()),
            ("sumdb", &database.spec()),
            ("timeout.first_byte", PATIENCE),
            ("timeout.body_idle", PATIENCE),
            ("timeout.small_body", PATIENCE),
            ("timeout.lookup", PATIENCE),
        ]);
        proxy.fill(&files).await;
        let scene = Self { database, upstream, files, proxy };
        scene.assert_sound(280).await;
        scene
    }

    /// What is asked for of the database is there, and true.
    async fn assert_sound(&self, id: u64) {
        let path = lookup(id);
        let response = self.proxy.get(&ours(&path)).await;
        assert_eq!(response.status, 200, "{id}: {}", response.text());
        assert_eq!(response.body, self.database.says(&path).unwrap(), "{id}");
    }

    /// What is held, and other records, are there as ever.
    async fn assert_others_unharmed(&self, fresh: u64) {
        let asked = self.upstream.requests().len();
        self.proxy.fill(&self.files).await;
        assert_eq!(self.upstream.requests().len(), asked, "a held file was fetched");
        self.assert_sound(280).await;
        self.assert_sound(fresh).await;
    }
}

fn lookup(id: u64) -> String {
    let (module, version) = synthetic_module(id);
    lookup_path(module, &version)
}

fn ours(path: &str) -> String {
    format!("/sumdb/localhost.localdev/sumdb{path}")
}

#[tokio::test]
async fn a_database_that_stands_still_is_an_outage_in_time_and_holds_nobody_up() {
    for trouble in [Trouble::SilentHead, Trouble::SilentBody, Trouble::Dribble] {
        for (turn, stalled) in [lookup(5), "/tile/8/0/000".to_owned()].into_iter().enumerate() {
            let what = format!("{trouble:?} of {stalled}");
            let scene = Scene::new().await;
            trouble.on(scene.database.on(&stalled));
            let (address, path) = (scene.proxy.address(), ours(&lookup(5)));
            let asked = tokio::spawn(async move { testkit::raw::get(address, &path).await });
            scene.database.held(&stalled, 1).await;
            scene.assert_others_unharmed(290 + u64::try_from(turn).unwrap()).await;
            let response = asked.await.unwrap();
            assert!(matches!(response.status, 503 | 504), "{what}: {} {}", response.status, response.text());
            assert!(response.complete && response.header("retry-after").is_some(), "{what}");
            scene.database.heal(&stalled);
            scene.proxy.clock().advance(Duration::from_secs(61));
            scene.assert_sound(5).await;
            scene.proxy.stop().await;
        }
    }
}

#[tokio::test]
async fn a_newest_tree_that_does_not_come_is_the_one_that_is_known() {
    let scene = Scene::new().await;
    scene.proxy.clock().advance(Duration::from_secs(6));
    Trouble::SilentHead.on(scene.database.on("/latest"));
    let response = scene.proxy.get(&ours("/latest")).await;
    assert_eq!((response.status, response.text()), (200, scene.database.head(301)));
    scene.proxy.stop().await;
}

#[tokio::test]
async fn what_no_database_says_is_not_passed_on() {
    for trouble in [
        Trouble::Portal,
        Trouble::Empty,
        Trouble::NoContent,
        Trouble::RedirectToLoopback,
        Trouble::RedirectToMetadata,
        Trouble::TransientNotFound,
    ] {
        let scene = Scene::new().await;
        for path in ["/tile/8/0/000".to_owned(), "/tile/8/data/000".to_owned(), lookup(5)] {
            let what = format!("{trouble:?} of {path}");
            trouble.on(scene.database.on(&path));
            let response = scene.proxy.get(&ours(&path)).await;
            // Its own absence is the database's to tell, of a lookup alone.
            let is_its_word = trouble == Trouble::TransientNotFound && path == lookup(5);
            let is_right = matches!(response.status, 502..=504) || is_its_word && response.status == 404;
            assert!(is_right, "{what}: {} {}", response.status, response.text());
            assert!(!response.text().contains("Please log in"), "{what}: {}", response.text());
            scene.database.heal(&path);
            scene.proxy.clock().advance(Duration::from_secs(61));
            let response = scene.proxy.get(&ours(&path)).await;
            assert_eq!(response.status, 200, "{what}, then: {}", response.text());
            assert_eq!(response.body, scene.database.says(&path).unwrap(), "{what}, then");
        }
        scene.assert_others_unharmed(290).await;
        scene.proxy.stop().await;
    }
}
