//! The protocol as a client sees it: bytes, statuses, headers, and what never reaches a source.

use testkit::module::ModuleFiles;
use testkit::raw::{self, h2c};
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, cache_of};

fn hello() -> ModuleFiles {
    ModuleFiles::new("example.com/Hello", "v1.0.0").file("hello.go", "package hello\n")
}

#[tokio::test]
async fn files_of_a_version_are_served_as_they_came_and_then_from_here() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let name = upstream.address().to_string();
    for (kind, bytes, mime) in [
        ("info", files.info(), "application/json"),
        ("mod", files.mod_file(), "text/plain; charset=utf-8"),
        ("zip", files.zip(), "application/zip"),
    ] {
        let cold = proxy.get(&files.url(kind)).await;
        assert_eq!(cache_of(&cold), format!("200 miss {name}"), "{}", cold.text());
        assert_eq!(cold.body, bytes);
        assert!(cold.complete);
        let warm = proxy.get(&files.url(kind)).await;
        assert_eq!(cache_of(&warm), format!("200 hit {name}"));
        assert_eq!(warm.body, bytes);
        assert_eq!(warm.header("content-type"), Some(mime));
        assert_eq!(warm.header("cache-control"), Some("public, max-age=10800"));
        assert_eq!(warm.header("age"), Some("0"));
        assert_eq!(warm.header("accept-ranges"), Some("bytes"));
        assert!(warm.header("etag").is_some() && warm.header("x-request-id").is_some());
        assert_eq!(upstream.count(&files.url(kind)), 1);
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_mod_costs_a_mod_and_never_the_zip() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    assert_eq!(upstream.paths(), [files.url("mod")]);
}

#[tokio::test]
async fn a_list_is_filtered_and_sorted_and_an_empty_one_is_not_an_absence() {
    let upstream = Upstream::start().await;
    upstream.put(
        "/example.com/m/@v/list",
        "v1.10.0\r\nv1.2.0 2026-01-01T00:00:00Z\nv2.0.0\nv1.2\n\njunk\nv0.0.0-20260101000000-0123456789ab\nv2.0.0+incompatible\nv1.2.0\n",
    );
    upstream.put("/example.com/none/@v/list", "");
    let proxy = TestProxy::over(&upstream);
    let list = proxy.get("/example.com/m/@v/list").await;
    assert_eq!(list.text(), "v1.2.0\nv1.10.0\nv2.0.0+incompatible\n");
    assert_eq!(list.header("cache-control"), Some("public, max-age=60"));
    let empty = proxy.get("/example.com/none/@v/list").await;
    assert_eq!((empty.status, empty.text().as_str()), (200, ""));
    let absent = proxy.get("/example.com/absent/@v/list").await;
    assert_eq!(absent.status, 404);
    assert!(absent.text().starts_with("not found: "), "{}", absent.text());
    assert_eq!(absent.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(absent.header("cache-control").unwrap().starts_with("public, max-age=60"));
}

#[tokio::test]
async fn latest_and_queries_name_a_version() {
    let upstream = Upstream::of(&[hello()]).await;
    upstream.put("/example.com/!hello/@v/main.info", r#"{"Version":"v1.0.1-0.20260102030405-0123456789ab"}"#);
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get("/example.com/!hello/@latest").await.body, hello().info());
    let main = proxy.get("/example.com/!hello/@v/main.info").await;
    assert_eq!(main.text(), r#"{"Version":"v1.0.1-0.20260102030405-0123456789ab"}"#);
    assert_eq!(main.header("cache-control"), Some("public, max-age=60"));
}

#[tokio::test]
async fn a_latest_that_no_source_names_is_chosen_from_the_list_without_the_retracted() {
    let retracting = ModuleFiles::new("example.com/m", "v1.2.0")
        .go_mod("module example.com/m\n\ngo 1.21\n\nretract [v1.1.0, v1.2.0]\n");
    let versions = [
        ModuleFiles::new("example.com/m", "v1.0.0"),
        ModuleFiles::new("example.com/m", "v1.1.0"),
        retracting,
    ];
    let upstream = Upstream::of(&versions).await;
    upstream.withdraw("/example.com/m/@latest");
    let proxy = TestProxy::over(&upstream);
    let latest = proxy.get("/example.com/m/@latest").await;
    assert_eq!(latest.text(), String::from_utf8_lossy(&versions[0].info()));
}

#[tokio::test]
async fn escapes_are_undone_once_and_malformed_paths_reach_no_source() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for (path, status) in [
        ("/example.com/%21hello/@v/v1.0.0.info", 200),
        ("/example.com/!hello/@v/v1.0.0.info", 200),
        ("/example.com/Hello/@v/v1.0.0.info", 404),
        ("/example.com/%2521hello/@v/v1.0.0.info", 404),
        ("/example.com/%zzhello/@v/v1.0.0.info", 400),
        ("/example.com/%00hello/@v/v1.0.0.info", 400),
        ("/example.com%2f!hello/@v/v1.0.0.info", 400),
        ("/example.com/../!hello/@v/v1.0.0.info", 404),
        ("/example.com//!hello/@v/v1.0.0.info", 404),
        ("/example.com/!hello/@v/v1.0.0.info/", 404),
        ("/example.com/!hello/@v/../../etc.info", 404),
        ("/example.com/!hello/@v/v1.0.zip", 404),
        ("/example.com/!hello/@v/v2.0.0.zip", 404),
        ("/example.com/!hello/@v/latest.info", 404),
        ("/example.com/!hello", 404),
        ("/favicon.ico", 404),
        ("/sumdb/unknown.example/latest", 404),
        ("/sumdb/sum.golang.org/tile/8/0/1", 400),
    ] {
        let response = proxy.get(path).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        if status == 404 {
            assert!(response.text().starts_with("not found: "), "{path}: {}", response.text());
        }
    }
    assert_eq!(upstream.paths(), [files.url("info")]);
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for _cold_then_warm in 0..2 {
        for kind in ["info", "mod", "zip"] {
            let head = raw::head(proxy.address(), &files.url(kind)).await;
            let get = proxy.get(&files.url(kind)).await;
            assert_eq!((head.status, head.body.len()), (200, 0));
            assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{kind}");
        }
    }
    assert_eq!(raw::head(proxy.address(), "/example.com/absent/@v/list").await.status, 404);
    let posted = raw::request(proxy.address(), "POST", &files.url("zip"), &[]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn held_files_answer_conditions_and_ranges() {
    let files = ModuleFiles::new("example.com/big", "v1.0.0").padding(700_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let whole = files.zip();
    assert_eq!(proxy.get(&files.url("zip")).await.body, whole);
    let warm = proxy.get(&files.url("zip")).await;
    let etag = warm.header("etag").unwrap().to_owned();
    let fresh = proxy.get_with(&files.url("zip"), &[("If-None-Match", &etag)]).await;
    assert_eq!((fresh.status, fresh.body.len(), fresh.header("etag")), (304, 0, Some(etag.as_str())));
    for (first, last) in [(0, 0), (5, 70_000), (262_143, 262_144), (699_000, 700_100)] {
        let range = format!("bytes={first}-{last}");
        let part = proxy.get_with(&files.url("zip"), &[("Range", &range), ("If-Range", &etag)]).await;
        assert_eq!(part.status, 206);
        assert_eq!(part.body, whole[first..=last], "{range}");
        let expected = format!("bytes {first}-{last}/{}", whole.len());
        assert_eq!(part.header("content-range"), Some(expected.as_str()));
    }
    let outside = format!("bytes={}-", whole.len());
    assert_eq!(proxy.get_with(&files.url("zip"), &[("Range", &outside)]).await.status, 416);
    let stale = proxy.get_with(&files.url("zip"), &[("Range", "bytes=0-1"), ("If-Range", "\"x\"")]).await;
    assert_eq!((stale.status, stale.body.len()), (200, whole.len()));
}

#[tokio::test]
async fn what_is_not_held_is_not_fetched_when_the_client_forbids_it() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    let refused = proxy.get_with(&files.url("mod"), &[("Disable-Module-Fetch", "true")]).await;
    assert_eq!((refused.status, refused.header("cache-control")), (404, Some("no-store")));
    assert_eq!(refused.header("vary"), Some("Disable-Module-Fetch, Accept"));
    assert_eq!(proxy.get(&format!("/cached-only{}", files.url("mod"))).await.status, 404);
    assert!(upstream.paths().is_empty());
    assert_eq!(proxy.get_with(&files.url("mod"), &[("Disable-Module-Fetch", "false")]).await.status, 200);
    assert_eq!(proxy.get(&format!("/cached-only{}", files.url("mod"))).await.body, files.mod_file());
}

#[tokio::test]
async fn the_fixed_pages_answer_and_the_path_prefix_moves_everything() {
    let files = hello();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("path_prefix", "/goproxy")]);
    for path in ["/goproxy/healthz", "/goproxy/readyz", "/goproxy/version", "/goproxy/robots.txt"] {
        assert_eq!(proxy.get(path).await.status, 200, "{path}");
    }
    assert_eq!(proxy.get(&format!("/goproxy{}", files.url("info"))).await.body, files.info());
    assert_eq!(proxy.get(&files.url("info")).await.status, 404);
    assert_eq!(proxy.get("/goproxyx/healthz").await.status, 404);
    let home = proxy.get("/goproxy/").await.text();
    assert!(home.contains(&format!("GOPROXY=http://{}/goproxy", proxy.address())), "{home}");
    assert!(home.contains("1 module requests since the start"), "{home}");
}

#[tokio::test]
async fn a_request_id_of_the_client_is_kept_when_it_is_harmless() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let kept = proxy.get_with("/healthz", &[("X-Request-Id", "abc-1.2_3")]).await;
    assert_eq!(kept.header("x-request-id"), Some("abc-1.2_3"));
    let made = proxy.get_with("/healthz", &[("X-Request-Id", "bad id;")]).await;
    assert_ne!(made.header("x-request-id"), Some("bad id;"));
}

#[tokio::test]
async fn http2_without_tls_is_spoken_on_the_same_port() {
    let files = ModuleFiles::new("example.com/big", "v1.0.0").padding(500_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for state in ["miss", "hit"] {
        let response = h2c::get(proxy.address(), &files.url("zip")).await;
        assert_eq!((response.status, response.header("x-larder-cache")), (200, Some(state)));
        assert!(response.complete && response.body == files.zip());
    }
}

#[tokio::test]
async fn a_private_module_goes_to_no_proxy_and_its_answer_into_no_cache() {
    let (public, private) = (Upstream::start().await, Upstream::start().await);
    let files = ModuleFiles::new("corp.example/x", "v1.0.0");
    private.serve(&files);
    public.serve(&files);
    let proxy = TestProxy::with(&[("upstream", &public.url()), ("private", "corp.example")]);
    for path in
        [files.list_url(), files.latest_url(), files.url("mod"), "/corp.example/!x/@v/list".to_owned()]
    {
        let response = proxy.get(&path).await;
        assert_eq!(response.status, 403, "{path}: {}", response.text());
        assert!(response.text().contains("route"), "{}", response.text());
    }
    assert!(public.paths().is_empty(), "a private name left the house");
}

#[tokio::test]
async fn the_page_tells_what_is_held_and_how_the_sources_do_by_name_only() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for _ in 0..2 {
        assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    }
    let home = proxy.get("/").await.text();
    let name = upstream.url().replace("http://", "");
    for words in ["(50.0 % were here)", "in 1 files of 1 modules", &format!("{name}: asked")] {
        assert!(home.contains(words), "{words}\n{home}");
    }
    upstream.stop().await;
    for patch in 1..20 {
        proxy.get(&format!("/example.com/m/@v/v1.0.{patch}.mod")).await;
    }
    let home = proxy.get("/").await.text();
    assert!(home.contains(&format!("{name}: left alone for now")), "{home}");
    proxy.stop().await;
}
