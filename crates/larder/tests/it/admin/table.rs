//! The table of calls.

use testkit::upstream::Upstream;

use super::{call, read, sent};
use crate::proxy::TestProxy;

#[tokio::test]
async fn the_api_describes_its_calls() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let told = read(&proxy, "/api/v1/").await;
    let calls = told["calls"].as_array().unwrap();
    let import = calls.iter().find(|call| call["path"] == "/api/v1/import").unwrap();
    assert_eq!((import["method"].as_str(), import["on_socket_only"].as_bool()), (Some("POST"), Some(true)));
    for call in calls {
        assert!(call["what"].as_str().unwrap().ends_with('.'), "{call}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn an_unknown_call_says_what_exists_and_a_wrong_method_which_is_right() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let (status, body) = call(&proxy, "GET", "/api/v1/stats", "").await;
    assert_eq!(status, 404);
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    let calls: Vec<_> = told["error"]["calls"].as_array().unwrap().iter().map(|call| call.as_str()).collect();
    assert!(calls.contains(&Some("GET /api/v1/status")), "{told}");
    assert!(told["error"]["request_id"].is_string(), "{told}");
    for path in ["/api/v2/status", "/api/", "/api/v1", "/", "/example.com/m/@v/list"] {
        assert_eq!(call(&proxy, "GET", path, "").await.0, 404, "{path}");
    }
    let head = "POST /api/v1/status HTTP/1.1\nHost: ADDRESS\nContent-Type: application/json";
    let response = sent(&proxy, head, "{}").await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(call(&proxy, "GET", "/api/v1/import", "").await.0, 405);
    let options = sent(&proxy, "OPTIONS /api/v1/status HTTP/1.1\nHost: ADDRESS", "").await;
    assert!(options.status >= 400 && options.header("access-control-allow-origin").is_none());
    proxy.stop().await;
}

#[tokio::test]
async fn head_is_answered_as_get_without_its_body() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    let response = sent(&proxy, "HEAD /api/v1/ HTTP/1.1\nHost: ADDRESS", "").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert!(response.header("content-length").unwrap().parse::<u64>().unwrap() > 2);
    proxy.stop().await;
}

#[tokio::test]
async fn what_a_call_sends_is_bounded_and_checked() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::over(&upstream);
    for (body, text) in [
        (String::new(), "EOF"),
        ("[]".to_owned(), "could not be read"),
        ("{\"dirr\":\"/x\"}".to_owned(), "unknown field"),
        (format!("{{\"dir\":\"{}\"}}", "x".repeat(70_000)), "more than 65536 bytes"),
    ] {
        let (status, answer) = call(&proxy, "POST", "/api/v1/import", &body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains(text), "{answer}");
    }
    proxy.stop().await;
}
