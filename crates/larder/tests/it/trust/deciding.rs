//! What an operator sees of the databases, and decides.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::database::{History, lookup_path, synthetic_text};
use testkit::{Database, eventually};

use super::{below, hello, reached};
use crate::proxy::TestProxy;

fn larder(data: &Path, spec: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(arguments)
        .args(["--data", &data.display().to_string(), "--sumdb", spec])
        .env_clear()
        .env("HOME", data)
        .output()
        .unwrap()
}

async fn run(proxy: &TestProxy, spec: &str, arguments: &[&str]) -> (i32, String) {
    let (data, spec) = (proxy.data(""), spec.to_owned());
    let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
    let done = tokio::task::spawn_blocking(move || {
        larder(&data, &spec, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let done = done.await.unwrap();
    (done.status.code().unwrap(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
}

/// A database that has forked, and a Larder that has seen it.
async fn forked() -> (Database, TestProxy) {
    let (database, proxy) = reached().await;
    assert_eq!(proxy.get(&below(&lookup_path("example.com/Hello", "v1.0.0"))).await.status, 200);
    proxy.settled().await;
    let mut other = History::default();
    for id in 0..500 {
        other.push(&synthetic_text(id, "another past"));
    }
    other.push(&hello().sum_lines());
    database.rewrite(other);
    assert_eq!(proxy.get(&below(&lookup_path("example.com/synthetic", "v0.0.7"))).await.status, 502);
    (database, proxy)
}

#[tokio::test]
async fn the_status_tells_what_is_known_of_a_database_with_and_without_a_server() {
    let (database, proxy) = reached().await;
    let spec = database.spec();
    let (exit, text) = run(&proxy, &spec, &["sumdb", "status"]).await;
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("localhost.localdev/sumdb  00000c67  asked"), "{text}");
    assert_eq!(proxy.get(&below(&lookup_path("example.com/Hello", "v1.0.0"))).await.status, 200);
    eventually("what was proven to be kept", || async {
        let (_, text) = run(&proxy, &spec, &["sumdb", "status", "--json"]).await;
        let told: Value = serde_json::from_str(&text).unwrap();
        told["databases"][0]["lookups"] == 1 && told["databases"][0]["tiles"] == 2
    })
    .await;
    let (exit, text) = run(&proxy, &spec, &["sumdb", "status", "sum.example.com"]).await;
    assert_eq!(exit, 2, "{text}");
    let dir = proxy.leave().await;
    let told = larder(&dir.path().join("data"), &spec, &["sumdb", "status", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["databases"][0]["tree"]["size"], 301, "{told}");
    assert_eq!(told["databases"][0]["lookups"], 1);
}

#[tokio::test]
async fn a_closed_database_is_shown_wherever_somebody_looks() {
    let (database, proxy) = forked().await;
    let (exit, text) = run(&proxy, &database.spec(), &["sumdb", "status"]).await;
    assert_eq!(exit, 4, "{text}");
    for word in ["CLOSED", "two histories", "evidence/sumdb/localhost.localdev/sumdb/", "larder sumdb accept"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    let (exit, text) = run(&proxy, &database.spec(), &["status"]).await;
    assert!(exit == 4 && text.contains("localhost.localdev/sumdb is closed"), "{text}");
    let proxy = proxy.restart().await;
    eventually("the number of a closed database", || async {
        let numbers = proxy.get("/metrics").await.text();
        numbers.contains("larder_sumdb_closed{sumdb=\"localhost.localdev/sumdb\"} 1")
    })
    .await;
}

#[tokio::test]
async fn what_an_operator_accepts_is_forgotten_and_the_next_tree_is_believed() {
    let (database, proxy) = forked().await;
    let lookup = lookup_path("example.com/Hello", "v1.0.0");
    let (exit, text) = run(&proxy, &database.spec(), &["sumdb", "accept", &database.name()]).await;
    assert_eq!(exit, 0, "{text}");
    for word in ["301 records", "501 records", "1 lookups and 2 tiles", "evidence/sumdb/"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let new = proxy.get(&below(&lookup)).await;
    assert!(new.body == database.says(&lookup).unwrap(), "{}", new.text());
    let (exit, text) = run(&proxy, &database.spec(), &["sumdb", "accept", &database.name()]).await;
    assert!(exit == 1 && text.contains("is not closed"), "{exit} {text}");
    // It is durable: after a restart the accepted history is the one that is known.
    let proxy = proxy.restart().await;
    let (exit, text) = run(&proxy, &database.spec(), &["sumdb", "status", "--json"]).await;
    assert!(exit == 0 && text.contains("\"size\":501"), "{exit} {text}");
    proxy.stop().await;
}

#[tokio::test]
async fn without_a_server_a_database_is_accepted_in_its_directory() {
    let (database, proxy) = forked().await;
    let dir = proxy.leave().await;
    let data = dir.path().join("data");
    let done = larder(&data, &database.spec(), &["sumdb", "accept", &database.name()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!data.join("meta/sumdb/localhost.localdev/sumdb/00000c67/closed").exists());
    assert!(!data.join("meta/sumdb/localhost.localdev/sumdb/00000c67/head").exists());
    assert!(data.join("evidence/sumdb/localhost.localdev/sumdb").exists());
}
