//! Private modules are served where the settings say, through every door, and nowhere else.

use std::net::SocketAddr;

use testkit::module::ModuleFiles;
use testkit::raw::{self, RawClient, Response};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

fn secret() -> ModuleFiles {
    ModuleFiles::new("corp.example/Secret", "v1.0.0")
}

fn open() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0")
}

/// Every way to ask for something of the module.
fn doors(files: &ModuleFiles) -> Vec<String> {
    let url = |kind| files.url(kind);
    let mut doors = vec![url("info"), url("mod"), url("zip"), files.list_url(), files.latest_url()];
    doors.push(files.url("info").replace("v1.0.0", "main"));
    doors.push(files.url("zip").replace("v1.0.0", "v1.9.9"));
    doors.push(format!("/cached-only{}", files.url("mod")));
    doors.push(files.url("mod").replace("corp", "%63orp"));
    doors.push(files.url("mod").replace("/@v", "/deeper/@v"));
    doors
}

async fn get_from(local: [u8; 4], address: SocketAddr, path: &str) -> Response {
    RawClient::connect_from(local, address).await.get(path).await
}

async fn served(more: &[(&str, &str)]) -> (Upstream, TestProxy) {
    let upstream = Upstream::of(&[secret(), open()]).await;
    let route = format!("corp.example={}", upstream.url());
    let mut settings = vec![("upstream", "off"), ("private", "corp.example"), ("route", &route)];
    settings.extend_from_slice(more);
    let settings: Vec<_> = settings.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let proxy = TestProxy::with(&settings);
    (upstream, proxy)
}

#[tokio::test]
async fn a_private_path_asked_for_from_elsewhere_is_forbidden_through_every_door() {
    let (upstream, proxy) = served(&[("access.private_from", "127.0.0.9")]).await;
    for held in [false, true] {
        let before = upstream.paths().len();
        for path in doors(&secret()) {
            let response = get_from([127, 0, 0, 1], proxy.address(), &path).await;
            let text = response.text();
            assert_eq!(response.status, 403, "held: {held}, {path}: {text}");
            assert!(text.contains("access.private_from"), "{text}");
            assert!(!text.contains("127.0.0.9"), "{text}");
            assert_eq!(response.header("cache-control"), Some("no-store"), "{path}");
            let head = raw::head(proxy.address(), &path).await;
            assert_eq!(head.status, 403, "HEAD {path}");
        }
        assert_eq!(upstream.paths().len(), before, "asked upstream for who may not know");
        for kind in ["info", "mod", "zip"] {
            let response = get_from([127, 0, 0, 9], proxy.address(), &secret().url(kind)).await;
            assert_eq!(response.status, 200, "{}", response.text());
        }
    }
    assert_eq!(proxy.get(&open().url("mod")).await.status, 404, "what is public stays as it was");
    proxy.stop().await;
}

#[tokio::test]
async fn private_modules_are_served_at_their_listeners_and_under_their_names_only() {
    let listeners = "127.0.0.1:0,127.0.0.2:0";
    let more = [
        ("listen", listeners),
        ("access.private_on", "127.0.0.2:0"),
        ("access.private_hosts", "go.corp.example"),
    ];
    let (_upstream, proxy) = served(&more).await;
    let [outer, inner] = proxy.app().addresses()[..] else { panic!("two listeners") };
    let ask = async |at: SocketAddr, host: &str| {
        raw::request(at, "GET", &secret().url("mod"), &[("Host", host)]).await
    };
    assert_eq!(ask(inner, "go.corp.example").await.status, 200);
    assert_eq!(ask(inner, "GO.corp.example:4711").await.status, 200);
    for (at, host, setting) in [
        (outer, "go.corp.example", "access.private_on"),
        (inner, "proxy.example", "access.private_hosts"),
        (outer, "proxy.example", "access.private_on"),
    ] {
        let response = ask(at, host).await;
        assert_eq!(response.status, 403, "{host}");
        assert!(response.text().contains(setting), "{}", response.text());
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_server_in_front_speaks_for_its_clients_if_it_is_listed() {
    let more = [("access.private_from", "10.0.0.0/8"), ("access.proxies", "127.0.0.1")];
    let (_upstream, proxy) = served(&more).await;
    let ask = async |forwarded: &str| {
        proxy.get_with(&secret().url("mod"), &[("X-Forwarded-For", forwarded)]).await.status
    };
    assert_eq!(ask("10.1.2.3").await, 200);
    assert_eq!(ask("203.0.113.7").await, 403);
    assert_eq!(ask("10.1.2.3, 203.0.113.7").await, 403, "what a client writes itself counts for nothing");
    let path = secret().url("mod");
    let mut stranger = RawClient::connect_from([127, 0, 0, 5], proxy.address()).await;
    stranger
        .send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n").as_bytes())
        .await;
    assert_eq!(stranger.read_head().await.status, 403, "not listed, not believed");
    proxy.stop().await;
}

#[tokio::test]
async fn a_reload_moves_the_wall_at_once() {
    let upstream = Upstream::of(&[secret()]).await;
    let text = |from: &str| {
        let route = format!("[[route]]\nmatch = [\"corp.example\"]\nupstream = \"{}\"\n", upstream.url());
        format!(
            "upstream = \"off\"\nprivate = [\"corp.example\"]\n{route}[access]\nprivate_from = [\"{from}\"]\n"
        )
    };
    let proxy = TestProxy::with_file(&text("127.0.0.1"));
    assert_eq!(proxy.get(&secret().url("zip")).await.status, 200);
    let report = proxy.reload(&text("127.0.0.9")).await;
    assert!(report.mistakes.is_empty(), "{:?}", report.mistakes);
    assert_eq!(proxy.get(&secret().url("zip")).await.status, 403);
    proxy.stop().await;
}

#[tokio::test]
async fn records_of_private_modules_in_our_own_log_are_behind_the_same_wall() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("log.key");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["sumdb", "init", "sum.corp.example", "--key", key.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success());
    let more = [
        ("access.private_from", "127.0.0.9"),
        ("log.name", "sum.corp.example"),
        ("log.key", key.to_str().unwrap()),
    ];
    let (_upstream, proxy) = served(&more).await;
    let lookup = format!("/sumdb/sum.corp.example/lookup{}", secret().url("mod").replace("/@v/", "@"));
    let lookup = lookup.trim_end_matches(".mod");
    let records = "/sumdb/sum.corp.example/tile/8/data/000.p/1";
    assert_eq!(
        get_from([127, 0, 0, 1], proxy.address(), lookup).await.status,
        403,
        "and nothing was recorded"
    );
    assert_eq!(get_from([127, 0, 0, 9], proxy.address(), records).await.status, 404);
    assert_eq!(get_from([127, 0, 0, 9], proxy.address(), lookup).await.status, 200);
    assert_eq!(get_from([127, 0, 0, 9], proxy.address(), records).await.status, 200);
    for (path, status) in [
        (lookup, 403),
        (records, 403),
        // What a client needs to prove its own records names nobody.
        ("/sumdb/sum.corp.example/tile/8/0/000.p/1", 200),
        ("/sumdb/sum.corp.example/latest", 200),
        ("/sumdb/sum.corp.example/supported", 200),
    ] {
        assert_eq!(get_from([127, 0, 0, 1], proxy.address(), path).await.status, status, "{path}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_host_of_our_own_says_where_its_repositories_are_and_to_whom_it_should() {
    let more = [
        (
            "vanity",
            "corp.example/lib=git https://code.example/team/lib.git;example.com/open=https://code.example/open",
        ),
        ("access.private_from", "127.0.0.9"),
    ];
    let (_upstream, proxy) = served(&more).await;
    let ask = async |local: [u8; 4], host: &str, path: &str| {
        let mut client = RawClient::connect_from(local, proxy.address()).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        let head = client.read_head().await;
        let (body, _) = client.read_body(&head).await;
        (head.status, String::from_utf8(body).unwrap())
    };
    let (inside, outside) = ([127, 0, 0, 9], [127, 0, 0, 1]);
    for path in ["/lib?go-get=1", "/lib/sub/v2?x=y&go-get=1"] {
        let (status, page) = ask(inside, "corp.example:443", path).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("corp.example/lib git https://code.example/team/lib.git"), "{page}");
        let (status, page) = ask(outside, "corp.example", path).await;
        assert_eq!(status, 403, "{page}");
        assert!(!page.contains("code.example"), "{page}");
    }
    assert_eq!(ask(outside, "example.com", "/open?go-get=1").await.0, 200);
    for (host, path) in
        [("example.com", "/other?go-get=1"), ("example.com", "/open"), ("<b>", "/open?go-get=1")]
    {
        assert_ne!(ask(outside, host, path).await.0, 200, "{host}{path}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_private_repository_that_may_not_be_asked_is_forbidden_not_absent() {
    // A client that is told of an absence goes on to the next of its proxies, with the name.
    let settings = [
        ("upstream", "off"),
        ("private", "corp.example"),
        ("gonoproxy", "corp.example"),
        ("vanity", "corp.example/r=file:///nowhere/r,open.example/r=file:///nowhere/r"),
        ("route", "open.example=direct"),
    ];
    let proxy = TestProxy::with(&settings);
    for path in ["@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"] {
        let closed = proxy.get(&format!("/corp.example/r/{path}")).await;
        let text = closed.text();
        assert_eq!(closed.status, 403, "{path}: {text}");
        assert_eq!(text.matches("network.schemes").count(), 1, "{path}: {text}");
        assert_eq!(proxy.get(&format!("/open.example/r/{path}")).await.status, 404, "as go says: {path}");
    }
    proxy.stop().await;
}
