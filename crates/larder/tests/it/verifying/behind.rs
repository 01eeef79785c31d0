//! What came in before it could be compared with its record, and is compared behind the answers.

use std::path::Path;

use larder::clock::Clock;
use larder::jobs::import;
use larder::jobs::scrub::{Order, Outcome, Scrub, What};
use larder::jobs::verify::round;
use testkit::database::lookup_path;
use testkit::module::ModuleFiles;
use testkit::{Database, Upstream, eventually};

use super::{BY_RECORD, World, other, small, told};
use crate::proxy::TestProxy;

/// Writes versions as the go command keeps them.
fn tree(dir: &Path, versions: &[ModuleFiles]) {
    for files in versions {
        for (kind, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
            let path = dir.join(files.url(kind).trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

async fn import(proxy: &TestProxy, versions: &[ModuleFiles]) {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path(), versions);
    let report = import::run(proxy.pipeline(), source::Offer::of(dir.path()).unwrap(), |_| {}).await.unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
}

/// Waits until nothing is left to compare.
async fn compared(proxy: &TestProxy) {
    let pipeline = proxy.pipeline();
    eventually("nothing left to compare", || async { pipeline.unproven().count()[0] == 0 }).await;
}

fn whole() -> Order {
    Order { only: None, heal: true, bytes_per_s: 0, after: None }
}

#[tokio::test]
async fn what_is_imported_is_served_at_once_and_vouched_for_behind_that() {
    let files = small();
    let world = World::of(std::slice::from_ref(&files)).await;
    let lookup = lookup_path(files.path(), files.version());
    world.database.on(&lookup).hold();
    import(&world.proxy, std::slice::from_ref(&files)).await;
    assert_eq!(told(&world.proxy.get(&files.url("zip")).await), (200, "import".to_owned()));
    world.database.held(&lookup, 1).await;
    world.database.release();
    compared(&world.proxy).await;
    for kind in ["mod", "zip"] {
        assert_eq!(told(&world.proxy.get(&files.url(kind)).await), (200, BY_RECORD.to_owned()), "{kind}");
    }
    assert_eq!(world.database.count(&lookup), 1);
    assert!(world.upstream.paths().is_empty(), "nothing is fetched for it: {:?}", world.upstream.paths());
    world.proxy.stop().await;
}

#[tokio::test]
async fn an_import_that_contradicts_its_record_is_set_aside_and_fetched_anew() {
    let files = small();
    let world = World::of(std::slice::from_ref(&files)).await;
    import(&world.proxy, &[other(&files)]).await;
    let right = || async {
        let zip = world.proxy.get(&files.url("zip")).await;
        zip.body == files.zip() && told(&zip).1 == BY_RECORD
    };
    eventually("the right zip", right).await;
    compared(&world.proxy).await;
    assert_eq!(world.proxy.get(&files.url("mod")).await.body, files.mod_file());
    let notes = world.evidence();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes.iter().all(|note| note["found_by"] == "record" && note["witness"]["answer"].is_string()));
    // What was recorded first no longer binds, and the manifest is no contradiction.
    let scrub = Scrub::new(world.proxy.pipeline().clone(), None, Clock::manual());
    let report = scrub.run(whole(), |_| {}).await.unwrap();
    assert_eq!((report.broken, report.agreed), (0, 1), "{:?}", report.findings);
    drop(scrub);
    world.proxy.stop().await;
}

#[tokio::test]
async fn what_was_let_in_during_an_outage_is_compared_when_it_is_over() {
    let (right, wrong) = (small(), ModuleFiles::new("example.com/wrong", "v1.0.0"));
    let world = World::with(&[right.clone(), wrong.clone()], &[("verify.unreachable", "hold")]).await;
    world.database.stop().await;
    world.upstream.serve(&other(&wrong));
    for files in [&right, &wrong] {
        assert_eq!(world.proxy.get(&files.url("zip")).await.status, 200);
    }
    assert_eq!(world.proxy.pipeline().unproven().count(), [2, 0]);
    let pipeline = world.proxy.pipeline();
    assert_eq!(round(pipeline).await.unwrap().untold, 2, "the outage lasts");
    let status = world.proxy.get("/api/v1/status").await.text();
    assert!(status.contains(r#""unproven":{"waiting":2,"unrecorded":0}"#), "{status}");
    world.database.restart().await;
    world.upstream.serve(&wrong);
    world.proxy.clock().advance(std::time::Duration::from_mins(2));
    let done = round(pipeline).await.unwrap();
    assert_eq!((done.vouched, done.contradicted, done.untold), (1, 1, 0));
    for files in [&right, &wrong] {
        let zip = world.proxy.get(&files.url("zip")).await;
        assert_eq!((told(&zip).1.as_str(), &zip.body[..]), (BY_RECORD, &files.zip()[..]));
    }
    world.proxy.stop().await;
}

#[tokio::test]
async fn what_is_held_from_before_is_vouched_for_after_a_start_with_a_database() {
    let files = small();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let database = Database::start().await;
    database.record(&files);
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", "off")]);
    for kind in ["mod", "zip"] {
        proxy.get(&files.url(kind)).await;
        assert_eq!(told(&proxy.get(&files.url(kind)).await).1, "first-seen");
    }
    let proxy = proxy.restart_with("sumdb", &database.spec()).await;
    let vouched = || async { told(&proxy.get(&files.url("zip")).await).1 == BY_RECORD };
    eventually("the record", vouched).await;
    let proxy = proxy.restart().await;
    database.forget();
    assert_eq!(told(&proxy.get(&files.url("mod")).await).1, BY_RECORD);
    compared(&proxy).await;
    assert!(database.paths().is_empty(), "it was asked again: {:?}", database.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn a_scrub_compares_everything_again_and_tells_what_nobody_vouches_for() {
    let (right, unknown) = (small(), ModuleFiles::new("example.com/unknown", "v1.0.0"));
    let world = World::of(std::slice::from_ref(&right)).await;
    import(&world.proxy, &[other(&right), unknown.clone()]).await;
    let pipeline = world.proxy.pipeline();
    eventually("the version that is on record nowhere", || async { pipeline.unproven().count() == [0, 1] })
        .await;
    assert_eq!(
        told(&world.proxy.get(&unknown.url("zip")).await),
        (200, "import".to_owned()),
        "served meanwhile"
    );
    let scrub = Scrub::new(pipeline.clone(), None, Clock::manual());
    let report = scrub.run(Order { heal: false, ..whole() }, |_| {}).await.unwrap();
    assert_eq!((report.agreed, report.unproven, report.broken), (1, 1, 0), "{:?}", report.findings);
    assert_eq!(report.findings[0].what, What::Unrecorded);
    assert!(matches!(&report.findings[0].outcome, Outcome::Unproven { why } if why.contains("private")));
    drop(scrub);
    world.proxy.stop().await;
}

#[tokio::test]
async fn a_scrub_while_the_database_is_away_tells_what_is_held_unverified_and_breaks_nothing() {
    let files = small();
    let world = World::with(std::slice::from_ref(&files), &[("verify.unreachable", "hold")]).await;
    world.database.stop().await;
    assert_eq!(world.proxy.get(&files.url("zip")).await.status, 200);
    let scrub = Scrub::new(world.proxy.pipeline().clone(), None, Clock::manual());
    let report = scrub.run(whole(), |_| {}).await.unwrap();
    assert_eq!((report.agreed, report.unproven, report.broken), (0, 1, 0), "{:?}", report.findings);
    assert_eq!(report.findings[0].what, What::Unverified);
    assert_eq!(told(&world.proxy.get(&files.url("zip")).await), (200, "unverified".to_owned()));
    drop(scrub);
    world.proxy.stop().await;
}
