//! Push events: who may send them, and what becomes of them.

mod repositories;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::{RawClient, Response};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

const SECRET: &str = "it is a secret";

fn files(path: &str, version: &str) -> ModuleFiles {
    ModuleFiles::new(path, version).file("m.go", "package m\n")
}

fn lib(version: &str) -> ModuleFiles {
    files("git.corp.example/team/Lib", version)
}

/// HMAC-SHA256 in hexadecimal digits, made apart from the product's.
fn signed(secret: &str, body: &str) -> String {
    let mut key = [0_u8; 64];
    key[..secret.len()].copy_from_slice(secret.as_bytes());
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36), body.as_bytes().to_vec()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    outer.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

async fn send(proxy: &TestProxy, fields: &[(&str, &str)], body: &str) -> Response {
    let mut client = RawClient::connect(proxy.address()).await;
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (address, fields, length) = (proxy.address(), fields.concat(), body.len());
    let head =
        format!("POST /hooks/push HTTP/1.1\r\nHost: {address}\r\n{fields}Content-Length: {length}\r\n\r\n");
    let text = head + body;
    // Some are refused before the body is read.
    client.send_if_open(text.as_bytes()).await;
    let head = client.read_head().await;
    let (body, complete) = client.read_body(&head).await;
    Response { status: head.status, headers: head.headers, body, complete }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn push(proxy: &TestProxy, body: &Value) -> Response {
    let body = body.to_string();
    let signature = format!("sha256={}", signed(SECRET, &body));
    send(proxy, &[JSON, ("X-Hub-Signature-256", &signature)], &body).await
}

fn parsed(response: &Response) -> Value {
    assert_eq!(response.status, 202, "{}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

/// A payload as GitHub sends it, of the repository of [`lib`].
fn github(nonce: &str) -> Value {
    json!({
        "ref": "refs/tags/v1.1.0",
        "after": nonce,
        "repository": {
            "full_name": "team/Lib",
            "html_url": "https://git.corp.example/team/Lib",
            "clone_url": "https://git.corp.example/team/Lib.git",
            "ssh_url": "git@git.corp.example:team/Lib.git",
            "owner": {"html_url": "https://git.corp.example/team", "login": "team"},
        },
        "sender": {"html_url": "https://git.corp.example/other"},
    })
}

/// A proxy that takes push events, over an upstream with some modules, whose lists have been asked for.
async fn knowing() -> (Upstream, TestProxy, tempfile::TempDir) {
    let all = [
        lib("v1.0.0"),
        files("git.corp.example/team/Lib/sub", "v0.1.0"),
        files("git.corp.example/team/Library", "v1.0.0"),
    ];
    let upstream = Upstream::of(&all).await;
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (url, secret) = (upstream.url(), secret.display().to_string());
    let proxy = TestProxy::with(&[("upstream", &url), ("hook.secret", &secret)]);
    for files in &all {
        assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    }
    (upstream, proxy, dir)
}

#[tokio::test]
async fn a_pushed_tag_is_seen_at_once_in_all_modules_of_the_repository_and_no_others() {
    let (upstream, proxy, _dir) = knowing().await;
    let (new, deep) = (lib("v1.1.0"), files("git.corp.example/team/Lib/deep", "v1.0.0"));
    assert_eq!(proxy.get(&new.url("info")).await.status, 404);
    assert_eq!(proxy.get(&deep.url("mod")).await.status, 404);
    upstream.serve(&new);
    upstream.serve(&deep);
    let known = upstream.paths().len();
    assert_eq!(proxy.get(&new.list_url()).await.text(), "v1.0.0\n", "fresh is not asked again");
    let told = parsed(&push(&proxy, &github("1")).await);
    let modules =
        ["git.corp.example/team/Lib", "git.corp.example/team/Lib/deep", "git.corp.example/team/Lib/sub"];
    assert_eq!(told["modules"], json!(modules), "{told}");
    assert_eq!(
        (&told["repeated"], &told["asked"]),
        (&json!(false), &json!(2)),
        "two lists are known: {told}"
    );
    assert!(told["forgotten"].as_u64() >= Some(2), "{told}");
    eventually("the new tag in the list", || async {
        proxy.get(&new.list_url()).await.text() == "v1.0.0\nv1.1.0\n"
    })
    .await;
    assert_eq!(proxy.get(&new.url("info")).await.status, 200);
    assert_eq!(proxy.get(&deep.url("mod")).await.status, 200);
    let asked = upstream.paths().split_off(known);
    assert!(!asked.iter().any(|path| path.contains("ibrary")), "{asked:?}");
    eventually("the time in the numbers", || async {
        proxy.get("/metrics").await.text().contains("larder_push_visible_seconds_count 1")
    })
    .await;
    assert!(proxy.get("/metrics").await.text().contains("larder_pushes_total{outcome=\"known\"} 1"));
    proxy.stop().await;
}

#[tokio::test]
async fn events_of_all_hosts_are_understood_and_their_signatures_checked() {
    let (_upstream, proxy, _dir) = knowing().await;
    let gitlab = json!({
        "object_kind": "tag_push",
        "project": {
            "web_url": "https://git.corp.example/team/Lib",
            "git_ssh_url": "git@git.corp.example:team/Lib.git",
            "git_http_url": "https://git.corp.example/team/Lib.git",
        },
        "repository": {"name": "Lib", "homepage": "https://git.corp.example/team/Lib"},
    });
    let gitea = json!({
        "repository": {"clone_url": "https://git.corp.example/team/Lib.git", "ssh_url": "ssh://git@git.corp.example:2222/team/Lib.git"},
        "commits": [],
    });
    let bitbucket = json!({
        "push": {"changes": []},
        "repository": {
            "full_name": "team/Lib",
            "links": {"html": {"href": "https://git.corp.example/team/Lib"}, "avatar": {"href": "https://x.example/a"}},
        },
    });
    let data_center = json!({
        "eventKey": "repo:refs_changed",
        "repository": {"slug": "lib", "links": {"clone": [{"href": "ssh://git@git.corp.example:7999/team/Lib.git", "name": "ssh"}]}},
    });
    for (payload, header, prefix) in [
        (github("a"), "X-Hub-Signature-256", "sha256="),
        (gitea.clone(), "X-Gitea-Signature", ""),
        (gitea, "X-Forgejo-Signature", ""),
        (bitbucket, "X-Hub-Signature", "sha256="),
        (data_center, "X-Hub-Signature", "sha256="),
        (gitlab, "X-Gitlab-Token", "token"),
    ] {
        // So that no event is the same as another.
        let body = format!("{payload}{}", " ".repeat(header.len()));
        let signature = |secret: &str, body: &str| match prefix {
            "token" => secret.to_owned(),
            _ => format!("{prefix}{}", signed(secret, body)),
        };
        let forged = send(&proxy, &[JSON, (header, &signature("it is a guess!", &body))], &body).await;
        assert_eq!(forged.status, 401, "{header}: {}", forged.text());
        let told = parsed(&send(&proxy, &[JSON, (header, &signature(SECRET, &body))], &body).await);
        assert_eq!(told["modules"][0], "git.corp.example/team/Lib", "{header}: {told}");
        if prefix != "token" {
            let other = send(&proxy, &[JSON, (header, &signature(SECRET, &body))], &(body + " ")).await;
            assert_eq!(other.status, 401, "{header}: the signature is of another payload");
        }
    }
    proxy.settled().await;
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_not_json_or_too_large_is_refused_and_asks_nobody() {
    let (upstream, proxy, _dir) = knowing().await;
    let asked = upstream.paths().len();
    let body = github("b").to_string();
    let right = format!("sha256={}", signed(SECRET, &body));
    let large = " ".repeat((1 << 20) + 1);
    for (status, fields, body) in [
        (401, vec![JSON], body.as_str()),
        (401, vec![JSON, ("X-Hub-Signature-256", "sha256=00")], &body),
        (401, vec![JSON, ("X-Hub-Signature", "sha1=0000000000000000000000000000000000000000")], &body),
        (401, vec![JSON, ("X-Gitlab-Token", "")], &body),
        (401, vec![JSON, ("X-Gitlab-Token", "it is a secre")], &body),
        (
            415,
            vec![("Content-Type", "application/x-www-form-urlencoded"), ("X-Hub-Signature-256", &right)],
            &body,
        ),
        (413, vec![JSON, ("X-Hub-Signature-256", &right)], &large),
        (400, vec![JSON, ("X-Gitlab-Token", SECRET)], "{\"repository\": "),
        (400, vec![JSON, ("X-Gitlab-Token", SECRET)], "\"text\""),
    ] {
        let response = send(&proxy, &fields, body).await;
        assert_eq!(response.status, status, "{fields:?}: {}", response.text());
        assert!(
            !response.text().contains(SECRET) && !response.text().contains("corp"),
            "{}",
            response.text()
        );
    }
    let get = proxy.get("/hooks/push").await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let unknown = parsed(
        &push(&proxy, &json!({"repository": {"clone_url": "https://git.corp.example/un/known.git"}})).await,
    );
    assert_eq!(unknown["modules"], json!([]));
    for odd in [json!({}), json!({"repository": null}), json!({"repository": {"clone_url": "%%%", "url": 7}})]
    {
        assert_eq!(push(&proxy, &odd).await.status, 202, "{odd}");
    }
    assert_eq!(upstream.paths().len(), asked);
    proxy.stop().await;
    let closed = TestProxy::with(&[("upstream", "off")]);
    assert_eq!(push(&closed, &github("c")).await.status, 404);
    closed.stop().await;
}

#[tokio::test]
async fn the_same_event_twice_asks_once() {
    let (upstream, proxy, _dir) = knowing().await;
    assert_eq!(parsed(&push(&proxy, &github("d")).await)["repeated"], false);
    proxy.settled().await;
    eventually("the end of asking", || async {
        proxy.get("/metrics").await.text().contains("larder_push_visible_seconds_count 1")
    })
    .await;
    let asked = upstream.paths().len();
    assert_eq!(parsed(&push(&proxy, &github("d")).await)["repeated"], true);
    proxy.settled().await;
    assert_eq!(upstream.paths().len(), asked);
    proxy.clock().advance(Duration::from_secs(61));
    assert_eq!(parsed(&push(&proxy, &github("d")).await)["repeated"], false, "sent again by hand");
    proxy.stop().await;
}
