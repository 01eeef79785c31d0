//! Private names, and names made to look like something else.

use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

#[tokio::test]
async fn a_name_that_no_checksum_database_may_hear_is_not_looked_up() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[
        ("upstream", &upstream.url()),
        ("gonosumdb", "corp.example/*,*.internal"),
        ("sumdb", "sum.golang.org"),
    ]);
    for name in [
        "corp.example/x@v1.0.0",
        "corp.example/!x@v1.0.0",
        "corp.example/x/y@v2.0.0%2Bincompatible",
        "git.internal/a@v1.0.0",
    ] {
        let response = proxy.get(&format!("/sumdb/sum.golang.org/lookup/{name}")).await;
        assert_eq!(response.status, 403, "{name}: {}", response.text());
    }
    assert!(upstream.paths().is_empty(), "a private name left the house: {:?}", upstream.paths());
}

#[tokio::test]
async fn no_spelling_of_a_private_name_leaves_the_house() {
    let public = Upstream::start().await;
    let private = "corp.example/secret,*.corp.example";
    let settings = [("upstream", &*public.url()), ("private", private), ("sumdb", "sum.golang.org")];
    let proxy = TestProxy::with(&settings);
    for module in [
        "corp.example/secret",
        "corp.example/!secret",
        "corp.example/!s!e!c!r!e!t/x/v2",
        "corp.example/%73ecret",
        "corp.example/%21secret",
        "git.corp.example/x",
        "GIT.corp.example/x",
        "!git.corp.example/x",
        "corp.example//secret",
        "./corp.example/secret",
        "corp.example/./secret",
        "corp.example/a/../secret",
        "corp.example%2fsecret",
        "cached-only/corp.example/secret",
    ] {
        for file in ["@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip", "@v/main.info"]
        {
            let response = proxy.get(&format!("/{module}/{file}")).await;
            assert!(matches!(response.status, 400 | 403 | 404), "{module}/{file}: {}", response.status);
            let _ = proxy.get(&format!("/sumdb/sum.golang.org/lookup/{module}@v1.0.0")).await;
        }
    }
    let left: Vec<_> = public.paths().into_iter().filter(|path| !path.ends_with("/supported")).collect();
    assert!(left.is_empty(), "a private name left the house: {left:?}");
}

#[tokio::test]
async fn a_private_module_with_a_route_never_reaches_the_public_source() {
    let (public, private) = (Upstream::start().await, Upstream::start().await);
    let files = ModuleFiles::new("corp.example/x", "v1.0.0");
    private.serve(&files);
    private.withdraw(&files.latest_url());
    let route = format!("corp.example={}", private.url());
    let proxy =
        TestProxy::with(&[("upstream", &public.url()), ("private", "corp.example"), ("route", &route)]);
    for path in [files.list_url(), files.latest_url(), files.url("info"), files.url("mod"), files.url("zip")]
    {
        let response = proxy.get(&path).await;
        assert_eq!(
            (response.status, response.header("cache-control")),
            (200, Some("private, no-store")),
            "{path}"
        );
    }
    for status in [404, 410, 500] {
        private.on("*").status(status);
        proxy.clock().advance(std::time::Duration::from_hours(2));
        for path in ["/corp.example/y/@v/list", "/corp.example/y/@latest", "/corp.example/y/@v/v1.0.0.zip"] {
            assert_ne!(proxy.get(path).await.status, 200);
        }
    }
    assert!(public.paths().is_empty(), "a private name left the house: {:?}", public.paths());
}
