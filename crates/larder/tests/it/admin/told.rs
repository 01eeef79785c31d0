//! Failures as text, as JSON and as a page.

use serde_json::Value;
use testkit::module::ModuleFiles;
use testkit::raw::{self, Response};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[31m\u{202e}\"' &amp;";

async fn as_text(proxy: &TestProxy, path: &str) -> Response {
    proxy.get(path).await
}

async fn as_json(proxy: &TestProxy, path: &str) -> (Response, Value) {
    let response = proxy.get_with(path, &[("Accept", "application/json")]).await;
    assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
    let mut told: Value = serde_json::from_slice(&response.body).unwrap();
    (response, told["error"].take())
}

async fn as_page(proxy: &TestProxy, path: &str) -> Response {
    proxy.get_with(path, &[("Accept", BROWSER)]).await
}

#[tokio::test]
async fn a_failure_has_one_status_and_three_forms() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("private", "corp.example")]);
    upstream.on("/example.com/down/@v/list").status(500);
    upstream.on("/example.com/gone/@v/list").status(410);
    for (path, status, class) in [
        ("/example.com/absent/@v/v1.0.0.zip", 404, "absent"),
        ("/example.com/gone/@v/list", 410, "withdrawn"),
        ("/example.com/down/@v/list", 503, "unavailable"),
        ("/corp.example/secret/@v/list", 403, "denied"),
        ("/nodot/@v/list", 404, "absent"),
        ("/example.com/m%zz/@v/list", 400, "malformed"),
        ("/nothing", 404, "absent"),
    ] {
        let text = as_text(&proxy, path).await;
        let (json, told) = as_json(&proxy, path).await;
        let page = as_page(&proxy, path).await;
        let statuses = [text.status, json.status, page.status];
        assert_eq!((statuses, told["status"].as_u64()), ([status; 3], Some(status.into())), "{path} {told}");
        assert_eq!(
            (told["class"].as_str(), text.text().lines().next()),
            (Some(class), told["what"].as_str())
        );
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        for response in [&text, &json, &page] {
            assert_eq!(response.header("vary"), Some("Accept"), "{path}");
            let id = response.header("x-request-id").unwrap();
            assert!(response.text().contains(id), "{path}: {}", response.text());
        }
        let caching = |response: &Response| response.header("cache-control").map(str::to_owned);
        assert_eq!((caching(&json), caching(&page)), (caching(&text), caching(&text)), "{path}");
        let again = |response: &Response| response.header("retry-after").map(str::to_owned);
        assert_eq!((again(&json), again(&page)), (again(&text), again(&text)), "{path}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn json_names_module_version_reasons_and_what_to_do() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    two.on("*").status_text(503, "maintenance until noon");
    let proxy = TestProxy::with(&[("upstream", &format!("{},{}", one.url(), two.url()))]);
    let (response, told) = as_json(&proxy, "/example.com/!m/@v/v1.2.3.zip").await;
    assert_eq!((&told["module"], &told["version"]), (&"example.com/M".into(), &"v1.2.3".into()), "{told}");
    let why: Vec<&str> = told["why"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(why.iter().any(|line| line.contains("maintenance until noon")), "{told}");
    assert!(told["what_to_do"].as_str().unwrap().contains("not an absence"), "{told}");
    assert_eq!(told["retry_after_s"].to_string(), response.header("retry-after").unwrap());
    assert_eq!(told["request_id"].as_str(), response.header("x-request-id"));
    let (_, told) = as_json(&proxy, "/example.com/!m/@v/main.info").await;
    assert_eq!(told["version"], "main");
    let (_, told) = as_json(&proxy, "/example.com/!m/@v/list").await;
    assert_eq!(told.get("version"), None);
    proxy.stop().await;
}

#[tokio::test]
async fn the_go_command_curl_and_the_unsure_read_text() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let path = "/example.com/m/@v/list";
    let plain = as_text(&proxy, path).await.text();
    for accept in ["*/*", "", "image/webp", "text/plain, application/json;q=0.9"] {
        let response = proxy.get_with(path, &[("Accept", accept), ("X-Request-Id", "a")]).await;
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"), "{accept}");
        assert_eq!(response.text().lines().next(), plain.lines().next());
    }
    proxy.stop().await;
}

#[tokio::test]
async fn nothing_from_outside_is_executed_in_a_browser() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::start().await;
    upstream.on(&files.url("mod")).status_text(404, HOSTILE);
    let proxy = TestProxy::over(&upstream);
    let odd = "/example.com/m/@v/%3Cscript%3Ealert(1)%3C/script%3E.info";
    let sneaky = "/example.com/m/@v/%3Cb%20onclick=x%3E%22'.info";
    for path in [&*files.url("mod"), odd, sneaky, "/%3Cscript%3Ealert(1)", "/%3Csvg/onload=alert(1)%3E"] {
        let page = as_page(&proxy, path).await;
        assert!(page.status >= 400, "{path}");
        let text = page.text();
        for mark in ["<script", "<img", "<svg", "<b ", "onerror=alert(2)>", "\u{1b}", "\u{202e}"] {
            assert!(!text.contains(mark), "{path}: {mark}\n{text}");
        }
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "sandbox"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("script-src"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        let (json, told) = as_json(&proxy, path).await;
        assert!(!json.text().chars().any(|letter| letter == '\u{202e}' || letter == '\u{1b}'), "{told}");
    }
    let page = as_page(&proxy, &files.url("mod")).await.text();
    assert!(page.contains("&lt;script&gt;alert(1)"), "the reason is not shown: {page}");
    proxy.stop().await;
}

#[tokio::test]
async fn a_private_name_is_told_no_more_in_one_form_than_in_another() {
    let (upstream, own) = (Upstream::start().await, Upstream::start().await);
    let route = format!("corp.example/own={}", own.url());
    let settings = [("upstream", &*upstream.url()), ("private", "corp.example"), ("route", &route)];
    let proxy = TestProxy::with(&settings);
    let path = "/corp.example/own/secret/@v/list";
    for response in [as_text(&proxy, path).await, as_json(&proxy, path).await.0, as_page(&proxy, path).await]
    {
        assert_eq!((response.status, response.header("cache-control")), (404, Some("no-store")));
    }
    let path = "/corp.example/secret/@v/list";
    for response in [as_json(&proxy, path).await.0, as_page(&proxy, path).await] {
        assert_eq!((response.status, response.header("cache-control")), (403, Some("no-store")));
        assert!(!response.text().contains(&upstream.url()), "{}", response.text());
    }
    assert!(upstream.requests().is_empty());
    proxy.stop().await;
}

#[tokio::test]
async fn every_form_is_bounded() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let mut chain = Vec::new();
    let mut upstreams = Vec::new();
    for _ in 0..6 {
        let upstream = Upstream::start().await;
        upstream.on(&files.url("mod")).status_text(500, &"é<&".repeat(100_000));
        chain.push(upstream.url());
        upstreams.push(upstream);
    }
    let proxy = TestProxy::with(&[("upstream", &chain.join("|"))]);
    let text = as_text(&proxy, &files.url("mod")).await;
    assert!((300..=648).contains(&text.body.len()), "{} bytes", text.body.len());
    assert!(as_json(&proxy, &files.url("mod")).await.0.body.len() < 16 * 1024);
    assert!(as_page(&proxy, &files.url("mod")).await.body.len() < 32 * 1024);
    proxy.stop().await;
}

#[tokio::test]
async fn head_has_the_length_of_the_form_that_get_would_have() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for accept in ["*/*", "application/json", BROWSER] {
        let fields = [("Accept", accept), ("X-Request-Id", "same")];
        let get = proxy.get_with("/example.com/m/@v/list", &fields).await;
        let head = raw::request(proxy.address(), "HEAD", "/example.com/m/@v/list", &fields).await;
        assert_eq!(head.header("content-length").unwrap(), get.body.len().to_string(), "{accept}");
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")));
    }
    proxy.stop().await;
}
