//! Every upstream gone, the checksum database among them: what is held goes on working for clients that verify it.

use std::path::Path;

use testkit::go::{self, Go};
use testkit::{ModuleFiles, Upstream};

use crate::database::{Database, KEY};
use crate::larder::Larder;
use crate::world::{self, GRAPH};

/// More records than fit two levels of tiles.
const OTHERS: usize = 70_000;

/// A new machine that verifies by way of Larder.
fn machine(dir: &Path, larder: &Larder) -> Go {
    world::client(dir, &larder.url()).sumdb(KEY)
}

/// Everything the main module needs, and a toolchain, each verified.
async fn works_for(go: &Go) {
    go.run(&["mod", "download"]).await.success();
    assert_eq!(go.run(&["list", "-m", "all"]).await.success(), GRAPH);
    let version = go.clone().env("GOTOOLCHAIN", "go1.99.9").run(&["version"]).await;
    assert_eq!(version.success(), world::TOOLCHAIN_SAYS);
}

/// What the main module needs, one after the other in processes of their own, last things first: so the client learns of
/// the trees in another order than Larder did.
async fn works_backwards_for(go: &Go) {
    for files in world::modules().iter().rev().filter(|files| world::in_graph(files)) {
        let wanted = format!("{}@{}", files.path(), files.version());
        let download = go.run(&["mod", "download", "-json", &wanted]).await;
        download.success();
        assert_eq!(download.json_field("Sum"), Some(files.zip_h1().as_str()), "{wanted}");
    }
}

/// A world that Larder has fetched all of, and a client from before.
struct World {
    dir: tempfile::TempDir,
    database: Database,
    upstream: Upstream,
    larder: Larder,
    first: Go,
}

impl World {
    /// The database grows with each lookup, as when the whole world uses it.
    async fn held() -> Self {
        Self::held_of(true).await
    }

    async fn held_of(grows: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let toolchain = world::toolchain(dir.path()).await;
        let known: Vec<ModuleFiles> = world::modules().into_iter().chain([toolchain.clone()]).collect();
        let database = if grows {
            Database::growing(dir.path(), &known, OTHERS).await
        } else {
            Database::large(dir.path(), &known, OTHERS).await
        };
        let upstream = world::upstream().await;
        upstream.serve(&toolchain);
        let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
        let larder = Larder::start(&dir.path().join("data"), &flags);
        let first = machine(&dir.path().join("first"), &larder);
        works_for(&first).await;
        Self { dir, database, upstream, larder, first }
    }

    fn machine(&self, name: &str) -> Go {
        machine(&self.dir.path().join(name), &self.larder)
    }

    async fn goes(&mut self) {
        self.database.stop();
        self.upstream.stop().await;
    }
}

#[tokio::test]
async fn what_is_held_is_verified_without_asking_anybody_again() {
    if !go::available() {
        return;
    }
    let world = World::held().await;
    world.database.asked();
    world.upstream.forget();
    works_for(&world.machine("second")).await;
    assert_eq!(world.database.asked(), Vec::<String>::new());
    assert_eq!(world.upstream.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn with_everything_gone_what_is_held_is_verified_by_new_clients() {
    if !go::available() {
        return;
    }
    let mut world = World::held().await;
    world.goes().await;
    works_for(&world.machine("after")).await;
    works_backwards_for(&world.machine("backwards")).await;
    world.larder.restart();
    works_for(&world.machine("after-a-kill")).await;
    works_backwards_for(&world.machine("backwards-after-a-kill")).await;
    // With the tree of the first client, whose caches of the database are lost.
    let first = world.first.clone().proxy(world.larder.url());
    first.run(&["clean", "-modcache"]).await.success();
    works_for(&first).await;
}

#[tokio::test]
async fn a_client_that_knows_a_newer_tree_is_brought_there_or_told_of_the_outage() {
    if !go::available() {
        return;
    }
    let mut world = World::held().await;
    let straight = world.machine("straight").sumdb(world.database.spec());
    straight.run(&["mod", "download", "example.com/tool@v0.1.0"]).await.success();
    // The same machine, from now on by way of Larder, which has not seen that tree.
    let go = straight.clone().sumdb(KEY);
    go.run(&["mod", "download", "example.com/chain@v1.0.0"]).await.success();
    straight.run(&["mod", "download", "example.com/link@v0.1.0"]).await.success();
    world.goes().await;
    // Its newest tree is all that it has left of the database, and nobody has the tiles of that.
    go.run(&["clean", "-modcache"]).await.success();
    let told = go.run(&["mod", "download", "example.com/old@v3.0.0+incompatible"]).await;
    assert!(!told.ok && told.stderr.contains("503 Service Unavailable"), "{}", told.stderr);
    assert!(!told.stderr.contains("SECURITY ERROR"), "{}", told.stderr);
}

#[tokio::test]
async fn the_tree_on_disk_is_a_mirror_of_the_database() {
    if !go::available() {
        return;
    }
    // Of a tile that is not full only the widths are files that were proven, so it is one tree that can be mirrored so.
    let mut world = World::held_of(false).await;
    world.goes().await;
    world.larder.terminate();
    assert_eq!(world.larder.ended().await.code(), Some(0));
    let tree = world.larder.data("modules");
    let by_file = world.machine("by-file").proxy(format!("file://{}", tree.display()));
    works_for(&by_file).await;
}
