//! Reading the configuration again: what changes at once, what does not, and what a mistake leaves as it was.

use std::time::Duration;

use testkit::module::ModuleFiles;
use testkit::raw::{self, RawClient};
use testkit::upstream::Upstream;

use crate::admin::{call, read};
use crate::proxy::TestProxy;

fn small() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0")
}

fn secret() -> ModuleFiles {
    ModuleFiles::new("corp.example/secret", "v1.0.0")
}

fn over(upstream: &Upstream, more: &str) -> String {
    format!("upstream = \"{}\"\n{more}\n", upstream.url())
}

#[tokio::test]
async fn a_reload_puts_settings_in_force_and_names_them() {
    let (old, new) = (Upstream::start().await, Upstream::of(&[small()]).await);
    let proxy = TestProxy::with_file(&over(&old, ""));
    assert_eq!(proxy.get(&small().url("mod")).await.status, 404);
    let report = proxy.reload(&over(&new, "[cache]\nimmutable = \"1m\"\nfresh = \"30s\"")).await;
    let keys: Vec<_> = report.applied.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["upstream", "cache.fresh", "cache.immutable"]);
    let fresh = &report.applied[1];
    assert_eq!((fresh.before.as_str(), fresh.now.as_str()), ("1m", "30s"));
    let served = proxy.get(&small().url("mod")).await;
    assert_eq!((served.status, served.header("cache-control")), (200, Some("public, max-age=60")));
    let list = proxy.get(&small().list_url()).await;
    assert_eq!((list.status, list.header("cache-control")), (200, Some("public, max-age=30")));
    proxy.clock().advance(Duration::from_secs(40));
    assert_eq!(proxy.get(&small().list_url()).await.header("x-larder-cache"), Some("stale"));
    assert_eq!(proxy.app().reloader().state().reloads, 1);
    proxy.stop().await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_settings_and_says_file_line_and_reason() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::with_file(&over(&upstream, "private = [\"corp.example\"]"));
    let began = proxy.app().reloader().state();
    proxy.clock().advance(Duration::from_mins(1));
    let report = proxy.reload("upstream = \"off\"\n\n[cache]\nfresh = \"soon\"\nstall = \"1m\"").await;
    assert!(report.applied.is_empty());
    assert_eq!(report.mistakes.len(), 2, "{:?}", report.mistakes);
    assert!(report.mistakes[0].contains("larder.toml:4: cache.fresh: "), "{:?}", report.mistakes);
    assert!(report.mistakes[1].contains("larder.toml:5: "), "{:?}", report.mistakes);
    assert_eq!(proxy.get(&small().url("mod")).await.status, 200);
    assert_eq!(proxy.get(&secret().url("mod")).await.status, 403);
    let state = proxy.app().reloader().state();
    let broken = state.broken.unwrap();
    assert_eq!((state.failures, state.read_at, broken.mistakes), (1, began.read_at, report.mistakes));

    proxy.clock().advance(Duration::from_mins(1));
    proxy.reload("upstream = 7").await;
    let still = proxy.app().reloader().state().broken.unwrap();
    assert_eq!(still.since, broken.since, "broken since the first mistake");
    proxy.reload(&over(&upstream, "")).await;
    let state = proxy.app().reloader().state();
    assert_eq!((state.broken, state.reloads, state.failures), (None, 1, 2));
}

#[tokio::test]
async fn a_file_that_is_gone_or_empty_declares_nothing_public() {
    let upstream = Upstream::of(&[secret()]).await;
    let text = over(&upstream, "private = [\"corp.example\"]");
    let proxy = TestProxy::with_file(&text);
    let report = proxy.reload(" \n").await;
    assert!(report.mistakes[0].contains("empty"), "{report:?}");
    assert_eq!(proxy.get(&secret().url("mod")).await.status, 403);
    let file = proxy.app().reloader().state().file.unwrap();
    std::fs::remove_file(&file).unwrap();
    let report = proxy.app().reloader().reload().await;
    assert!(report.mistakes[0].contains(&file), "{report:?}");
    assert_eq!(proxy.get(&secret().url("mod")).await.status, 403);
    assert!(upstream.paths().is_empty(), "{:?}", upstream.paths());
}

#[tokio::test]
async fn settings_from_which_a_part_cannot_be_built_change_nothing() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let report = proxy.reload("upstream = \"off\"\n[network]\nca_file = \"/nowhere/ca.pem\"").await;
    assert!(report.mistakes[0].contains("/nowhere/ca.pem"), "{report:?}");
    assert_eq!(proxy.get(&small().url("mod")).await.status, 200);
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_left_as_it_is() {
    let upstream = Upstream::of(&[small()]).await;
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let report = proxy.reload(&over(&upstream, "path_prefix = \"/goproxy\"\n[cache]\nfresh = \"20s\"")).await;
    let keys = |changes: &[larder::config::Change]| -> Vec<String> {
        changes.iter().map(|change| change.key.clone()).collect()
    };
    assert_eq!(
        (keys(&report.applied), keys(&report.needs_restart)),
        (vec!["cache.fresh".into()], vec!["path_prefix".into()])
    );
    assert_eq!(proxy.get(&small().url("mod")).await.status, 200);
    // It waits for the restart also when something else is reloaded, and no more when it is taken back.
    let report = proxy.reload(&over(&upstream, "path_prefix = \"/goproxy\"")).await;
    assert_eq!(keys(&report.needs_restart), ["path_prefix"]);
    assert_eq!(keys(&proxy.app().reloader().state().needs_restart), ["path_prefix"]);
    assert!(proxy.reload(&over(&upstream, "")).await.needs_restart.is_empty());
}

#[tokio::test]
async fn how_many_may_connect_changes_at_once() {
    let files = small().padding(900_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).stall_after(300_000);
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let mut busy = RawClient::connect(proxy.address()).await;
    busy.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    assert_eq!(busy.read_head().await.status, 200);
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    proxy.reload(&over(&upstream, "[limits]\nconnections = 1")).await;
    let refused = proxy.get(&files.list_url()).await;
    assert!(refused.status == 503 && refused.text().contains("limits.connections"), "{}", refused.text());
    proxy.reload(&over(&upstream, "")).await;
    assert_eq!(proxy.get(&files.list_url()).await.status, 200);
    drop(busy);
    upstream.release();
    proxy.stop().await;
}

#[tokio::test]
async fn how_many_may_wait_changes_at_once() {
    let upstream = Upstream::of(&[small()]).await;
    upstream.on(&small().url("zip")).hold();
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let (address, path) = (proxy.address(), small().url("zip"));
    let waits = tokio::spawn(async move { raw::get(address, &path).await });
    upstream.held(&small().url("zip"), 1).await;
    proxy.reload(&over(&upstream, "[limits]\nwaiting = 1")).await;
    let refused = proxy.get(&small().url("mod")).await;
    assert!(refused.status == 503 && refused.text().contains("limits.waiting is 1"), "{}", refused.text());
    proxy.reload(&over(&upstream, "")).await;
    assert_eq!(proxy.get(&small().url("mod")).await.status, 200);
    upstream.release();
    assert_eq!(waits.await.unwrap().status, 200);
    proxy.stop().await;
}

#[tokio::test]
async fn no_password_is_in_a_report() {
    let proxy = TestProxy::with_file("upstream = \"https://me:hunter2@proxy.example\"");
    let report = proxy.reload("upstream = \"https://me:hunter3@proxy.example\"").await;
    assert_eq!(report.applied.len(), 1);
    assert!(!format!("{report:?}").contains("hunter"), "{report:?}");
    let report = proxy.reload("upstream = \"https://me:hunter4@other.example\"").await;
    assert_eq!(report.applied.len(), 1);
    assert!(!format!("{report:?}").contains("hunter"), "{report:?}");
}

#[tokio::test]
async fn a_module_that_becomes_private_is_not_named_to_the_next_source() {
    let (first, second) = (Upstream::start().await, Upstream::of(&[secret()]).await);
    let both = format!("upstream = \"{}|{}\"\n", first.url(), second.url());
    let proxy = TestProxy::with_file(&both);
    first.on("*").hold();
    let address = proxy.address();
    let paths = [secret().list_url(), secret().latest_url(), secret().url("info"), secret().url("zip")];
    let asked = paths.map(|path| (path.clone(), tokio::spawn(async move { raw::get(address, &path).await })));
    for (path, _) in &asked {
        first.held(path, 1).await;
    }
    let report = proxy.reload(&format!("{both}private = [\"corp.example\"]")).await;
    assert!(report.mistakes.is_empty(), "{report:?}");
    for (path, asked) in asked {
        let answer = asked.await.unwrap();
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    first.release();
    proxy.settled().await;
    assert!(second.paths().is_empty(), "a private name left the house: {:?}", second.paths());
    proxy.stop().await;
}

#[tokio::test]
async fn who_waits_for_a_module_that_becomes_private_gets_it_from_its_own_source() {
    let (public, own) = (Upstream::start().await, Upstream::of(&[secret()]).await);
    let proxy = TestProxy::with_file(&over(&public, ""));
    public.on("*").hold();
    let (address, path) = (proxy.address(), secret().url("mod"));
    let asked = tokio::spawn(async move { raw::get(address, &path).await });
    public.held(&secret().url("mod"), 1).await;
    let route = format!("[[route]]\nmatch = [\"corp.example\"]\nupstream = \"{}\"", own.url());
    proxy.reload(&over(&public, &format!("private = [\"corp.example\"]\n{route}"))).await;
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("private, no-store")));
    public.release();
    proxy.stop().await;
}

#[tokio::test]
async fn a_download_of_a_module_that_becomes_private_is_cut() {
    let files = secret().padding(3_000_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).stall_after(2_000_000);
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    assert_eq!(client.read_head().await.status, 200);
    client.read_body_exactly(1_000_000).await;
    proxy.reload(&over(&upstream, "private = [\"corp.example\"]")).await;
    let (rest, _) = client.read_to_end().await;
    assert!(1_000_000 + rest.len() < files.zip().len());
    upstream.left(&files.url("zip"), 1).await;
    assert_eq!(proxy.get(&files.url("zip")).await.status, 403);
    upstream.release();
    proxy.stop().await;
}

#[tokio::test]
async fn a_lookup_that_must_not_leave_any_more_is_given_up() {
    let upstream = Upstream::start().await;
    let lookup = "/sumdb/sum.golang.org/lookup/corp.example/secret@v1.0.0";
    upstream.put("/sumdb/sum.golang.org/supported", "");
    upstream.on(lookup).hold();
    let proxy = TestProxy::with_file_and(&over(&upstream, ""), &[("sumdb", "sum.golang.org")]);
    let address = proxy.address();
    let asked = tokio::spawn(async move { raw::get(address, lookup).await });
    upstream.held(lookup, 1).await;
    proxy.reload(&over(&upstream, "gonosumdb = [\"corp.example\"]")).await;
    assert_eq!(asked.await.unwrap().status, 403);
    upstream.release();
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_held_of_a_module_that_becomes_private_stays_and_is_for_its_client_alone() {
    let upstream = Upstream::of(&[secret()]).await;
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let urls = [secret().url("mod"), secret().url("zip"), secret().list_url()];
    for url in &urls {
        assert!(proxy.get(url).await.header("cache-control").unwrap().starts_with("public"));
    }
    proxy.settled().await;
    proxy.reload(&over(&upstream, "private = [\"corp.example\"]")).await;
    upstream.forget();
    proxy.clock().advance(Duration::from_hours(3));
    for url in &urls {
        let answer = proxy.get(url).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("private, no-store")),
            "{url}"
        );
    }
    proxy.settled().await;
    assert!(upstream.paths().is_empty(), "a private name left the house: {:?}", upstream.paths());
}

#[tokio::test]
async fn a_failure_under_the_old_settings_is_not_remembered_under_the_new_ones() {
    let (dead, alive) = (Upstream::start().await, Upstream::of(&[small()]).await);
    dead.on("*").status(500);
    let proxy = TestProxy::with_file(&over(&dead, ""));
    assert_eq!(proxy.get(&small().url("mod")).await.status, 503);
    proxy.reload(&over(&alive, "")).await;
    assert_eq!(proxy.get(&small().url("mod")).await.status, 200);
}

#[tokio::test]
async fn the_api_reloads_and_says_which_configuration_is_in_force() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let file = proxy.app().reloader().state().file.unwrap();
    std::fs::write(&file, over(&upstream, "private = [\"corp.example\"]")).unwrap();
    let (status, told) = call(&proxy, "POST", "/api/v1/reload", "").await;
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("\"key\":\"private\""), "{told}");
    std::fs::write(&file, "private = 7").unwrap();
    let (status, told) = call(&proxy, "POST", "/api/v1/reload", "").await;
    assert_eq!(status, 409, "{told}");
    assert!(told.contains("larder.toml:1: private: "), "{told}");
    let configuration = read(&proxy, "/api/v1/status").await["configuration"].clone();
    assert_eq!((&configuration["file"], &configuration["reloads"]), (&file.into(), &1.into()));
    assert!(configuration["broken"]["since"].is_string(), "{configuration}");
    proxy.stop().await;
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_a_reload_halfway() {
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with_file(&over(&upstream, ""));
    let file = proxy.app().reloader().state().file.unwrap();
    std::fs::remove_file(&file).unwrap();
    // Reading it lasts until somebody has written it.
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut caller = RawClient::connect(proxy.address()).await;
    let head = "POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 0\r\n\r\n";
    caller.send(head.as_bytes()).await;
    let write = tokio::task::spawn_blocking(move || std::fs::File::options().write(true).open(file));
    let mut open = write.await.unwrap().unwrap();
    drop(caller);
    let counters = proxy.pipeline().counters().clone();
    testkit::eventually("the caller has left", || async { counters.in_flight() == 0 }).await;
    std::io::Write::write_all(&mut open, over(&upstream, "private = [\"corp.example\"]").as_bytes()).unwrap();
    drop(open);
    let reloader = proxy.app().reloader();
    testkit::eventually("the end of the reload", || async { reloader.state().reloads == 1 }).await;
    assert_eq!(proxy.get(&secret().url("mod")).await.status, 403);
    proxy.stop().await;
}
