//! What is held stays right: over restarts, with the upstream gone, on a disk that rots, while freshness passes.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, cache_of, loaded_of};

fn small() -> ModuleFiles {
    ModuleFiles::new("example.com/M", "v1.0.0").file("m.go", "package m\n")
}

#[tokio::test]
async fn what_is_held_is_served_after_a_restart_with_the_upstream_gone() {
    let (one, two) = (small(), ModuleFiles::new("example.com/M", "v1.1.0").padding(400_000));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    proxy.fill(&two).await;
    let list = proxy.get(&one.list_url()).await.body;
    let latest = proxy.get(&one.latest_url()).await.body;
    let proxy = proxy.restart().await;
    upstream.stop().await;
    for files in [&one, &two] {
        for (kind, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
            let response = proxy.get(&files.url(kind)).await;
            assert_eq!(response.header("x-larder-cache"), Some("hit"));
            assert_eq!(response.body, bytes);
        }
    }
    assert_eq!(proxy.get(&one.list_url()).await.body, list);
    assert_eq!(proxy.get(&one.latest_url()).await.body, latest);
}

#[tokio::test]
async fn the_tree_on_disk_is_a_static_goproxy_and_lists_what_is_whole() {
    let (one, two) = (small(), ModuleFiles::new("example.com/M", "v1.1.0"));
    let upstream = Upstream::of(&[one.clone(), two.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&one).await;
    assert_eq!(proxy.get(&two.url("mod")).await.status, 200);
    let tree = |path: String| std::fs::read(proxy.data(&format!("modules{path}"))).unwrap();
    assert_eq!(tree(one.url("info")), one.info());
    assert_eq!(tree(one.url("mod")), one.mod_file());
    assert_eq!(tree(one.url("zip")), one.zip());
    assert_eq!(tree(one.list_url()), b"v1.0.0\n", "a version without its three files is listed");
    proxy.fill(&two).await;
    assert_eq!(tree(one.list_url()), b"v1.0.0\nv1.1.0\n");
}

#[tokio::test]
async fn a_list_goes_from_fresh_to_stale_to_old_and_outlives_its_source() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::over(&upstream);
    let path = small().list_url();
    assert_eq!(proxy.get(&path).await.header("x-larder-cache"), Some("miss"));
    proxy.clock().advance(Duration::from_secs(59));
    let fresh = proxy.get(&path).await;
    assert_eq!((fresh.header("x-larder-cache"), fresh.header("age")), (Some("hit"), Some("59")));
    assert_eq!(upstream.count(&path), 1, "asked again while fresh");
    upstream.serve(&ModuleFiles::new("example.com/M", "v1.1.0"));
    proxy.clock().advance(Duration::from_secs(2));
    let stale = proxy.get(&path).await;
    assert_eq!((stale.header("x-larder-cache"), stale.text().as_str()), (Some("stale"), "v1.0.0\n"));
    upstream.arrived(&path, 2).await;
    eventually("the refreshed list", || async { proxy.get(&path).await.text() == "v1.0.0\nv1.1.0\n" }).await;
    proxy.settled().await;
    upstream.serve(&ModuleFiles::new("example.com/M", "v1.2.0"));
    proxy.clock().advance(Duration::from_hours(1));
    let old = proxy.get(&path).await;
    assert_eq!(old.text(), "v1.0.0\nv1.1.0\nv1.2.0\n", "an old copy waits for its refresh");
    upstream.stop().await;
    proxy.clock().advance(Duration::from_hours(24));
    let orphaned = proxy.get(&path).await;
    assert_eq!((orphaned.status, orphaned.header("x-larder-cache")), (200, Some("stale")));
    assert_eq!(orphaned.header("age"), Some("86400"));
}

#[tokio::test]
async fn a_source_that_hangs_holds_up_an_old_list_for_two_seconds_and_once() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::over(&upstream);
    let path = small().list_url();
    assert_eq!(proxy.get(&path).await.status, 200);
    upstream.on(&path).hold();
    proxy.clock().advance(Duration::from_hours(1));
    for _ in 0..3 {
        assert_eq!(cache_of(&proxy.get(&path).await), format!("200 stale {}", upstream.address()));
    }
    assert_eq!(upstream.count(&path), 2);
    upstream.release();
}

#[tokio::test]
async fn an_absence_is_remembered_for_a_minute_and_not_longer() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let path = small().url("info");
    for _doubled_by_the_client in 0..2 {
        assert_eq!(proxy.get(&path).await.status, 404);
    }
    assert_eq!(upstream.count(&path), 1);
    upstream.serve(&small());
    proxy.clock().advance(Duration::from_secs(40));
    let known = proxy.get(&path).await;
    assert_eq!((known.status, known.header("cache-control")), (404, Some("public, max-age=20")));
    proxy.clock().advance(Duration::from_secs(21));
    assert_eq!(proxy.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_404_that_shows_a_passing_cause_is_not_remembered() {
    let upstream = Upstream::start().await;
    let path = small().url("info");
    upstream.on(&path).status_text(404, "not found: fetch timed out");
    let proxy = TestProxy::over(&upstream);
    let first = proxy.get(&path).await;
    assert_eq!((first.status, first.header("cache-control")), (404, Some("no-store")), "{}", first.text());
    upstream.heal(&path);
    upstream.serve(&small());
    assert_eq!(proxy.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_list_that_the_source_denies_consists_of_what_is_held() {
    let (upstream, proxy) = TestProxy::holding(&small()).await;
    upstream.withdraw(&small().list_url());
    upstream.withdraw(&small().latest_url());
    let list = proxy.get(&small().list_url()).await;
    assert_eq!((cache_of(&list).as_str(), list.text().as_str()), ("200 stale held", "v1.0.0\n"));
    assert_eq!(proxy.get(&small().latest_url()).await.body, small().info());
    upstream.stop().await;
    let proxy = proxy.restart().await;
    assert_eq!(proxy.get(&small().list_url()).await.text(), "v1.0.0\n", "with the source down");
}

#[tokio::test]
async fn rot_on_the_disk_is_found_never_served_whole_and_healed() {
    let files = ModuleFiles::new("example.com/big", "v1.0.0").padding(900_000);
    for kind in ["info", "mod", "zip"] {
        let (_upstream, proxy) = TestProxy::holding(&files).await;
        let right = proxy.get(&files.url(kind)).await.body;
        let path = proxy.data(&format!("modules{}", files.url(kind)));
        let proxy = proxy.restart().await;
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let response = proxy.get(&files.url(kind)).await;
        assert!(!response.complete || response.body == right, "{kind}: rotten bytes were served whole");
        let healed = proxy.get(&files.url(kind)).await;
        assert_eq!(healed.body, right, "{kind}");
        assert_eq!(std::fs::read(&path).unwrap(), right, "{kind}");
    }
}

#[tokio::test]
async fn a_file_changed_while_the_server_runs_is_found() {
    let files = ModuleFiles::new("example.com/big", "v1.0.0").padding(900_000);
    let (_upstream, proxy) = TestProxy::holding(&files).await;
    assert_eq!(proxy.get(&files.url("zip")).await.body, files.zip());
    let path = proxy.data(&format!("modules{}", files.url("zip")));
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"rot", 300_000).unwrap();
    let response = proxy.get(&files.url("zip")).await;
    assert!(!response.complete, "rotten bytes were served whole");
    assert_eq!(proxy.get(&files.url("zip")).await.body, files.zip());
}

#[tokio::test]
async fn a_torn_manifest_line_costs_one_fetch_and_nothing_else() {
    let (upstream, proxy) = TestProxy::holding(&small()).await;
    let manifest = proxy.data("meta/example.com/!m/@manifest");
    let proxy = proxy.restart().await;
    let text = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, &text[..text.len() - 20]).unwrap();
    proxy.fill(&small()).await;
    assert_eq!(upstream.count(&small().url("zip")), 2);
    let proxy = proxy.restart().await;
    upstream.stop().await;
    proxy.fill(&small()).await;
}

#[tokio::test]
async fn one_process_owns_a_data_directory() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let data = proxy.data("").display().to_string();
    let settings = [("listen".to_owned(), "127.0.0.1:0".to_owned()), ("data".to_owned(), data)];
    let config = loaded_of(&settings);
    let second = larder::app::start(config, larder::app::Start::default());
    let error = format!("{:#}", second.err().unwrap());
    assert!(error.contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test]
async fn switching_the_sources_off_is_no_denial_of_what_they_said() {
    let versions = [small(), ModuleFiles::new("example.com/M", "v1.1.0")];
    let upstream = Upstream::of(&versions).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&versions[0]).await;
    let list = proxy.get(&small().list_url()).await.body;
    let latest = proxy.get(&small().latest_url()).await.body;
    let mut proxy = proxy.restart_with("upstream", "off").await;
    for days in [0, 1, 30] {
        proxy.clock().advance(Duration::from_hours(24 * days));
        assert_eq!(proxy.get(&small().list_url()).await.body, list, "after {days} days");
        assert_eq!(proxy.get(&small().latest_url()).await.body, latest, "after {days} days");
        proxy.settled().await;
        proxy = proxy.restart().await;
    }
    let absent = proxy.get("/example.com/other/@v/list").await;
    assert_eq!((absent.status, absent.header("cache-control")), (404, Some("no-store")));
}

#[tokio::test]
async fn a_passing_404_does_not_take_the_place_of_a_known_list() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::over(&upstream);
    let list = proxy.get(&small().list_url()).await.body;
    upstream.on(&small().list_url()).status_text(404, "not found: fetch timed out");
    proxy.clock().advance(Duration::from_hours(1));
    assert_eq!(proxy.get(&small().list_url()).await.body, list);
}
