//! An outage is not an absence, an absence is not an outage, and neither says more than it should.

use std::time::Duration;

use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

#[tokio::test]
async fn the_absence_of_a_private_module_is_stored_by_nobody() {
    let upstream = Upstream::start().await;
    let route = format!("corp.example={}", upstream.url());
    let proxy = TestProxy::with(&[("upstream", "off"), ("private", "corp.example"), ("route", &route)]);
    for path in ["/corp.example/x/@v/list", "/corp.example/x/@v/v1.0.0.mod", "/corp.example/x/@latest"] {
        for _ in 0..2 {
            let response = proxy.get(path).await;
            assert_eq!(response.status, 404, "{path}: {}", response.text());
            let control = response.header("cache-control").unwrap();
            assert!(control.contains("no-store"), "{path}: {control}");
        }
    }
}

#[tokio::test]
async fn an_absence_is_offered_to_others_no_longer_than_it_is_remembered_here() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("cache.negative", "5s")]);
    for path in ["/example.com/x/@v/list", "/example.com/x/@v/v1.0.0.mod"] {
        for _ in 0..2 {
            let response = proxy.get(path).await;
            assert_eq!(response.header("cache-control"), Some("public, max-age=5"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_long_name_is_a_plain_absence() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let long = "a".repeat(300);
    let upper = "!a".repeat(200);
    for path in [
        format!("/example.com/{long}/@v/list"),
        format!("/example.com/{long}/@latest"),
        format!("/example.com/{long}/@v/v1.0.0.zip"),
        format!("/example.com/{upper}/@v/v1.0.0.mod"),
        format!("/example.com/m/@v/{long}.info"),
        format!("/example.com/m/@v/v1.0.0-{long}.info"),
        format!("/example.com/m/@v/v1.0.0-{long}.zip"),
        format!("/example.com/{}/@v/v1.0.0.mod", "ab/".repeat(1200)),
        format!("/example.com{}/@v/v1.0.0.mod", "/ab".repeat(1300)),
        format!("/example.com{}/@v/v1.0.0.mod", "/ab".repeat(1400)),
    ] {
        let response = proxy.get(&path).await;
        assert!(
            matches!(response.status, 404 | 414),
            "{} {}: {}",
            &path[..40],
            response.status,
            response.text()
        );
    }
}

#[tokio::test]
async fn a_long_name_that_a_source_has_is_not_told_as_absent() {
    // 250 letters fit a file name, with the extension they do not.
    let version = format!("v1.0.0-{}", "a".repeat(244));
    let files = ModuleFiles::new("example.com/m", &version);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["info", "mod", "zip"] {
        let response = proxy.get(&files.url(kind)).await;
        assert!(matches!(response.status, 200 | 404), "{}: {}", response.status, response.text());
        assert!(response.complete);
    }
}

#[tokio::test]
async fn a_recovered_source_is_seen_after_a_second() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["info", "mod", "zip"] {
        // The fetch and its retry.
        upstream.on(&files.url(kind)).status(500).times(2);
        assert_eq!(proxy.get(&files.url(kind)).await.status, 503);
        proxy.clock().advance(Duration::from_millis(1001));
        assert_eq!(proxy.get(&files.url(kind)).await.status, 200);
    }
}

#[tokio::test]
async fn an_absence_followed_by_an_outage_is_an_outage_and_the_other_way_round() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for path in [files.url("mod"), files.list_url(), files.latest_url()] {
        assert_eq!(proxy.get(&path).await.status, 404);
        upstream.on(&path).status(500);
        proxy.clock().advance(Duration::from_secs(61));
        assert_eq!(proxy.get(&path).await.status, 503, "{path}");
        upstream.on(&path).status(410);
        proxy.clock().advance(Duration::from_secs(2));
        assert_eq!(proxy.get(&path).await.status, 410, "{path}");
    }
}

#[tokio::test]
async fn a_latest_that_cannot_be_chosen_because_of_an_outage_is_no_absence() {
    let retracting =
        ModuleFiles::new("example.com/m", "v1.1.0").go_mod("module example.com/m\nretract v1.1.0\n");
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    for down in [files.list_url(), retracting.url("mod"), files.url("info")] {
        let upstream = Upstream::of(&[files.clone(), retracting.clone()]).await;
        upstream.withdraw(&files.latest_url());
        upstream.on(&down).status(500);
        let proxy = TestProxy::over(&upstream);
        for _ in 0..2 {
            let response = proxy.get(&files.latest_url()).await;
            assert_eq!(response.status, 503, "{down}: {}", response.text());
            proxy.clock().advance(Duration::from_secs(2));
        }
        upstream.heal(&down);

        assert_eq!(proxy.get(&files.latest_url()).await.body, files.info(), "{down}");
    }
}
