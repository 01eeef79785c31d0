//! Who may call.

use testkit::upstream::Upstream;

use super::{call, read, sent};
use crate::proxy::TestProxy;

const STATUS: &str = "/api/v1/status";

#[tokio::test]
async fn a_caller_on_this_machine_is_answered() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(STATUS).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.header("x-request-id").is_some());
    let told: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(told["state"], "ready");
    assert_eq!(read(&proxy, STATUS).await["state"], "ready");
    let port = proxy.address().port();
    for host in
        [format!("localhost:{port}"), format!("LocalHost:{port}"), "127.0.0.1".into(), "[::1]:80".into()]
    {
        let response = sent(&proxy, &format!("GET {STATUS} HTTP/1.1\nHost: {host}"), "").await;
        assert_eq!(response.status, 200, "{host}: {}", response.text());
    }
    let whole = format!("GET http://localhost:{port}{STATUS} HTTP/1.1\nHost: localhost:{port}");
    assert_eq!(sent(&proxy, &whole, "").await.status, 200);
    proxy.stop().await;
}

#[tokio::test]
async fn whoever_may_not_be_on_this_machine_is_refused_and_told_the_way() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for head in [
        // A name that was made to mean 127.0.0.1, the attack on servers that trust their loopback.
        format!("GET {STATUS} HTTP/1.1\nHost: attacker.example"),
        format!("GET {STATUS} HTTP/1.1\nHost: localhost.attacker.example"),
        format!("GET {STATUS} HTTP/1.1\nHost: 127.0.0.1.attacker.example:3000"),
        format!("GET {STATUS} HTTP/1.1\nHost: 10.0.0.1"),
        format!("GET {STATUS} HTTP/1.1\nHost: 0.0.0.0:3000"),
        format!("GET {STATUS} HTTP/1.1\nHost: "),
        format!("GET http://attacker.example{STATUS} HTTP/1.1\nHost: localhost"),
        format!("GET http://localhost{STATUS} HTTP/1.1\nHost: attacker.example"),
        // Passed on by a server on this machine.
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nX-Forwarded-For: 203.0.113.9"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nx-forwarded-proto: https"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nForwarded: for=203.0.113.9"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nVia: 1.1 edge"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nX-Real-IP: 203.0.113.9"),
        format!("GET {STATUS} HTTP/1.0\nHost: ADDRESS"),
        format!("GET {STATUS} HTTP/1.0\nConnection: close"),
        // Sent by a page of another site.
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nSec-Fetch-Site: cross-site"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nSec-Fetch-Site: same-site"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nOrigin: https://attacker.example"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nOrigin: null"),
        format!("GET {STATUS} HTTP/1.1\nHost: ADDRESS\nOrigin: http://localhost:1"),
        // Whatever is asked for, and however.
        "GET /api/v1/nothing HTTP/1.1\nHost: attacker.example".to_owned(),
        "GET /api/ HTTP/1.1\nHost: attacker.example".to_owned(),
        format!("HEAD {STATUS} HTTP/1.1\nHost: attacker.example"),
        "POST /api/v1/import HTTP/1.1\nHost: attacker.example\nContent-Type: application/json".to_owned(),
    ] {
        let response = sent(&proxy, &head, "").await;
        assert_eq!(response.status, 403, "{head}: {}", response.text());
        if !head.starts_with("HEAD") {
            let told: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert!(told["error"]["what_to_do"].as_str().unwrap().contains("control.sock"), "{told}");
            assert!(told["error"].get("calls").is_none(), "a stranger learns what exists: {told}");
        }
    }
    proxy.stop().await;
}

#[tokio::test]
async fn no_odd_spelling_of_the_path_is_a_call() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for path in [
        "//api/v1/status",
        "/./api/v1/status",
        "/x/../api/v1/status",
        "/api/./v1/status",
        "/api//v1/status",
        "/api/v1//status",
        "/%61pi/v1/status",
        "/api/v1/%73tatus",
        "/api%2fv1/status",
        "/API/v1/status",
        "/api",
        "/api/v1",
        "/api/v1/status/",
        "/api/v1/status/../status",
        "/cached-only/api/v1/status",
        "/api;x/v1/status",
    ] {
        let response = proxy.get(path).await;
        assert!(matches!(response.status, 400 | 404), "{path}: {} {}", response.status, response.text());
        assert!(!response.text().contains("running_s"), "{path}");
    }
    assert_eq!(proxy.get("/api/v1/status?x=1").await.status, 200);
    assert_eq!(upstream.requests().len(), 0, "a source was asked for something of ours");
    proxy.stop().await;
}

#[tokio::test]
async fn the_prefix_of_the_paths_is_that_of_the_calls_too() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("path_prefix", "/goproxy")]);
    assert_eq!(proxy.get("/goproxy/api/v1/status").await.status, 200);
    for path in ["/api/v1/status", "/goproxyapi/v1/status", "/goproxy//api/v1/status"] {
        assert_eq!(proxy.get(path).await.status, 404, "{path}");
    }
    // The socket has no prefix: nothing stands in front of it.
    assert_eq!(read(&proxy, STATUS).await["state"], "ready");
    proxy.stop().await;
}

#[tokio::test]
async fn the_operator_may_close_the_door_on_loopback() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("admin.loopback", "false")]);
    let response = proxy.get(STATUS).await;
    assert_eq!(response.status, 403);
    assert!(response.text().contains("admin.loopback"), "{}", response.text());
    assert_eq!(read(&proxy, STATUS).await["state"], "ready");
    proxy.stop().await;
}

#[tokio::test]
async fn a_call_that_changes_something_needs_a_type_that_no_foreign_page_can_send() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for kind in ["", "\nContent-Type: text/plain", "\nContent-Type: application/x-www-form-urlencoded"] {
        let head = format!("POST /api/v1/import HTTP/1.1\nHost: ADDRESS{kind}");
        let response = sent(&proxy, &head, "{\"dir\":\"/\"}").await;
        assert_eq!(response.status, 415, "{kind}: {}", response.text());
    }
    // Nor from this machine's other users: what brings content in is for the socket alone.
    let head = "POST /api/v1/import HTTP/1.1\nHost: ADDRESS\nContent-Type: application/json; charset=utf-8";
    let response = sent(&proxy, head, "{\"dir\":\"/nowhere\"}").await;
    assert_eq!(response.status, 403, "{}", response.text());
    let (status, body) = call(&proxy, "POST", "/api/v1/import", "{\"dir\":\"relative/nowhere\"}").await;
    assert_eq!(status, 200);
    assert!(body.contains("failed"), "{body}");
    proxy.stop().await;
}
