//! A database that is away, does not know a version, or lies: nothing unverified gets in, and nothing is told as absent.

use testkit::database::{Lie, lookup_path};
use testkit::module::ModuleFiles;

use super::{BY_RECORD, World, large, small, told};

#[tokio::test]
async fn while_the_database_is_away_nothing_new_gets_in_and_what_is_held_is_served() {
    let (held, new) = (small(), ModuleFiles::new("example.com/new", "v1.0.0"));
    let world = World::of(&[held.clone(), new.clone()]).await;
    assert_eq!(world.proxy.get(&held.url("zip")).await.status, 200);
    world.database.stop().await;
    for kind in ["mod", "zip"] {
        let refused = world.proxy.get(&new.url(kind)).await;
        assert_eq!(refused.status, 503, "{kind}: {}", refused.text());
        assert!(refused.header("retry-after").is_some(), "{kind}");
        let text = refused.text();
        assert!(text.contains("localhost.localdev/sumdb") && text.contains("verify.unreachable"), "{text}");
    }
    assert_eq!(world.proxy.get(&held.url("zip")).await.status, 200, "what is held and verified goes on");
    world.database.restart().await;
    world.proxy.clock().advance(std::time::Duration::from_mins(2));
    assert_eq!(world.proxy.get(&new.url("zip")).await.status, 200, "refused for no longer than the outage");
    world.proxy.stop().await;
}

#[tokio::test]
async fn what_is_let_in_during_an_outage_says_so() {
    for files in [small(), large()] {
        let world = World::with(std::slice::from_ref(&files), &[("verify.unreachable", "hold")]).await;
        world.database.stop().await;
        for (kind, bytes) in [("mod", files.mod_file()), ("zip", files.zip())] {
            let answer = world.proxy.get(&files.url(kind)).await;
            assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
            assert_eq!(answer.body, bytes, "{kind}");
            assert_eq!(
                told(&world.proxy.get(&files.url(kind)).await),
                (200, "unverified".to_owned()),
                "{kind}"
            );
        }
        let metrics = world.proxy.get("/metrics").await.text();
        assert!(metrics.contains("larder_verified_total{result=\"unverified\"} 2\n"), "{metrics}");
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn a_version_that_the_database_does_not_know_is_forbidden_and_not_fetched_to_its_end() {
    for files in [small(), large()] {
        let world = World::of(std::slice::from_ref(&files)).await;
        let lookup = lookup_path(files.path(), files.version());
        world.database.on(&lookup).status_text(404, "not found: no such commit 1234");
        let go_mod = world.proxy.get(&files.url("mod")).await;
        assert_eq!(go_mod.status, 403, "{}", go_mod.text());
        let text = go_mod.text();
        for part in ["example.com/m@v1.0.0", "localhost.localdev/sumdb", "no such commit 1234", "GONOSUMDB"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // It never ends: who waited for the end would wait for ever.
        world.upstream.on(&files.url("zip")).stall_after(100_000.min(files.zip().len() / 2));
        let zip = world.proxy.get(&files.url("zip")).await;
        assert!(zip.status == 403 || !zip.complete, "{}", zip.status);
        world.later();
        assert_eq!(world.proxy.get(&files.url("zip")).await.status, 403);
        world.proxy.settled().await;
        world.upstream.release();
        let missing = world.proxy.get("/example.com/none/@v/v1.0.0.zip").await;
        assert_eq!(missing.status, 404, "what no source has is absent, whatever the database says");
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn a_404_of_the_database_that_shows_a_passing_cause_is_an_outage() {
    let files = small();
    let world = World::of(std::slice::from_ref(&files)).await;
    let lookup = lookup_path(files.path(), files.version());
    world.database.on(&lookup).status_text(404, "not found: fetch timed out");
    let answer = world.proxy.get(&files.url("zip")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    world.database.heal(&lookup);
    world.later();
    assert_eq!(world.proxy.get(&files.url("zip")).await.status, 200);
    world.proxy.stop().await;
}

#[tokio::test]
async fn a_database_that_lies_lets_nothing_in_also_where_an_outage_would() {
    for setting in ["refuse", "hold"] {
        let files = small();
        let world = World::with(std::slice::from_ref(&files), &[("verify.unreachable", setting)]).await;
        world.database.tell(&[Lie::BadSignature]);
        for kind in ["mod", "zip"] {
            let answer = world.proxy.get(&files.url(kind)).await;
            assert_eq!(answer.status, 502, "{setting}, {kind}: {}", answer.text());
        }
        world.database.be_honest();
        world.later();
        for kind in ["mod", "zip"] {
            assert_eq!(world.proxy.get(&files.url(kind)).await.status, 200, "{setting}, {kind}");
            assert_eq!(told(&world.proxy.get(&files.url(kind)).await).1, BY_RECORD, "{setting}, {kind}");
        }
        world.proxy.stop().await;
    }
}

/// A version that breaks a rule wherever it comes from: no go command takes it.
fn broken(padding: usize) -> ModuleFiles {
    small().file("sub/go.mod", "module example.com/m/sub\n").padding(padding)
}

#[tokio::test]
async fn what_is_on_record_and_breaks_the_module_rules_is_unusable_and_not_the_fault_of_its_source() {
    for padding in [10, 600_000] {
        let files = broken(padding);
        let world = World::of(std::slice::from_ref(&files)).await;
        assert_eq!(world.proxy.get(&files.url("mod")).await.status, 200);
        let first = world.proxy.get(&files.url("zip")).await;
        assert!(if padding > 65_536 { !first.complete } else { first.status == 404 }, "{}", first.status);
        for after in [0, 61] {
            world.proxy.clock().advance(std::time::Duration::from_secs(after));
            let answer = world.proxy.get(&files.url("zip")).await;
            let text = answer.text();
            assert_eq!(answer.status, 404, "{text}");
            for part in
                ["not found: example.com/m@v1.0.0 (zip)", "sub/go.mod", "not in module root", "localhost"]
            {
                assert!(text.contains(part), "{part}: {text}");
            }
            assert_eq!(answer.header("cache-control").unwrap(), "public, max-age=60");
        }
        assert_eq!(world.upstream.count(&files.url("zip")), 2, "it is remembered for a minute");
        assert!(world.evidence().is_empty(), "nobody has lied");
        let metrics = world.proxy.get("/metrics").await.text();
        assert!(metrics.contains("larder_verified_total{result=\"refused\"} 2\n"), "{metrics}");
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn what_breaks_the_module_rules_is_its_sources_fault_where_no_record_says_otherwise() {
    let files = broken(10);
    let (uncovered, other) = ([("gonosumdb", "example.com")], small());
    let worlds = [
        World::with(std::slice::from_ref(&files), &uncovered).await,
        World::of(std::slice::from_ref(&other)).await,
    ];
    for world in worlds {
        world.upstream.serve(&files);
        let answer = world.proxy.get(&files.url("zip")).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert!(answer.text().contains("sub/go.mod"), "{}", answer.text());
        world.proxy.stop().await;
    }
}
