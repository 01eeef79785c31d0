//! The log of a real process: one line an event, whatever was sent to it, and never in the way of serving.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::{self, RawClient};
use testkit::upstream::Upstream;

use super::numbers::Numbers;

/// A server in a process of its own, whose log is read by the test.
struct Process {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Process {
    fn start(upstream: &str, format: &str) -> Self {
        Self::start_with(upstream, format, &[])
    }

    fn start_with(upstream: &str, format: &str, settings: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--upstream",
                upstream,
                "--sumdb",
                "off",
                "--log-format",
                format,
            ])
            .env_clear()
            .env("HOME", home.path())
            .envs(settings.iter().copied())
            // Of another program's making: it must change nothing.
            .env("RUST_LOG", "trace")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready on ") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
        }
        let rest = line.split("ready on ").nth(1).unwrap();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap();
        let address = rest[..end].parse().unwrap();
        Self { child, log, address, _home: home }
    }

    fn signal(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Stops it; all the rest of its log.
    fn end(mut self) -> String {
        self.signal();
        let mut rest = Vec::new();
        self.log.read_to_end(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        String::from_utf8(rest).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What would end a line, begin one, close a JSON string, or act on a terminal or a reader.
const HOSTILE: &str = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n00:00:00 ERROR forged \u{1b}[2J\u{9b}31m\
                       \u{202e}gpj\u{2066}\u{200b}\u{feff}\u{7f}\u{8}\"},{\"a\":\"";

fn is_harmful(c: char) -> bool {
    c != '\n' && (c.is_control() || "\u{200b}\u{202e}\u{2066}\u{feff}".contains(c))
}

/// Sends requests that try to write into the log; how many of them are requests at all.
async fn attack(address: SocketAddr, files: &ModuleFiles) -> usize {
    let long = "y".repeat(3000);
    let heads = [
        "GET /a%0a%0d%1b[2J%e2%80%ae{\"x\" HTTP/1.1\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\n"),
        "GET /ok HTTP/1.1\r\nx-request-id: a\",\"level\":\"ERROR\r\n".to_owned(),
        format!("GET /ok HTTP/1.1\r\nx-request-id: {long}\r\n"),
        "GET /ok HTTP/1.1\r\nuser-agent: a\",\"level\":\"ERROR\",\"b\":\"\\\r\n".to_owned(),
        format!("GET /ok HTTP/1.1\r\nuser-agent: {long}{long}\r\n"),
        format!("GET {} HTTP/1.1\r\n", files.url("mod")),
        format!("GET {} HTTP/1.1\r\n", files.url("info")),
        format!("GET {} HTTP/1.1\r\n", files.url("zip")),
    ];
    let whole = heads.len();
    let mut raw: Vec<Vec<u8>> = heads.into_iter().map(String::into_bytes).collect();
    // Some of these are refused before they are requests; what matters is that none writes a line of its own.
    raw.push("GET /\u{9b}31m\u{202e} HTTP/1.1\r\n".into());
    raw.push(b"GET /ok HTTP/1.1\r\nuser-agent: \xff\xfe\x9b31m\r\n".to_vec());
    raw.push(b"GET /ok HTTP/1.1\r\nx-request-id: \x1b[2J\r\n".to_vec());
    raw.push(b"BREW\x1b /ok HTTP/1.1\r\n".to_vec());
    for head in raw {
        let mut client = RawClient::connect(address).await;
        client.send(&[&head[..], b"host: x\r\nconnection: close\r\n\r\n"].concat()).await;
        client.read_to_end().await;
    }
    whole
}

async fn hostile_upstream(files: &ModuleFiles) -> Upstream {
    let upstream = Upstream::of(std::slice::from_ref(files)).await;
    upstream.on(&files.url("mod")).status_text(503, HOSTILE);
    let info = serde_json::json!({ "Version": HOSTILE, "Time": HOSTILE }).to_string();
    upstream.on(&files.url("info")).bytes(info);
    let odd = ModuleFiles::new("example.com/hello", "v1.0.0").file("a\u{1b}[2J\n\u{202e}.go", "package a\n");
    upstream.on(&files.url("zip")).bytes(odd.zip());
    upstream
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_outside_can_forge_a_line_of_json() {
    let files = ModuleFiles::new("example.com/hello", "v1.0.0").file("a.go", "package a\n");
    let upstream = hostile_upstream(&files).await;
    let process = Process::start(&upstream.url(), "json");
    let whole = attack(process.address, &files).await;
    let log = process.end();
    let mut requests = 0;
    for line in log.lines() {
        assert!(line.len() < 8192 && !line.contains(is_harmful), "{line}");
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["timestamp"].is_string() && line["message"].is_string(), "{line}");
        assert_ne!(line["message"], "forged");
        assert_eq!(line.get("a"), None);
        if line["status"].is_number() {
            requests += 1;
            assert_eq!(line["level"], "INFO", "{line}");
            assert!(line["id"].as_str().unwrap().len() <= 64, "{line}");
            assert_eq!(line["peer"], "127.0.0.1");
        }
    }
    assert!(requests >= whole && requests <= whole + 4, "{requests}: {log}");
    assert!(log.contains("forged"), "the texts of the upstream are told: {log}");
    let of = |kind: &str| {
        let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut lines = lines.filter(|line| line["file.kind"] == kind);
        (lines.next().unwrap(), lines.next())
    };
    let (refused, none) = of("zip");
    assert_eq!(none, None, "one line a request");
    assert_eq!(refused["module.path"], "example.com/hello");
    assert_eq!(refused["module.version"], "v1.0.0");
    assert_eq!(refused["error.class"], "corrupt");
    assert_eq!(refused["status"], 502);
    assert_eq!(of("mod").0["error.class"], "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_outside_can_forge_a_line_for_people() {
    let files = ModuleFiles::new("example.com/hello", "v1.0.0").file("a.go", "package a\n");
    let upstream = hostile_upstream(&files).await;
    let process = Process::start(&upstream.url(), "text");
    attack(process.address, &files).await;
    for line in process.end().lines() {
        assert!(line.len() < 8192 && !line.contains(is_harmful), "{line}");
        let (time, rest) = line.split_at(8);
        assert!(time != "00:00:00" || !rest.contains("forged"), "{line}");
        assert!(time.bytes().all(|b| b.is_ascii_digit() || b == b':') && rest.starts_with(' '), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let upstream = Upstream::start().await;
    let mut process = Process::start(&upstream.url(), "json");
    let lost = || async {
        let text = raw::get(process.address, "/metrics").await.text();
        Numbers::parse(&text).count("larder_log_lines_lost_total")
    };
    let request = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "z".repeat(900));
    let mut client = RawClient::connect(process.address).await;
    let mut sent = 0;
    while lost().await == 0 {
        assert!(sent < 50_000, "no line was lost although nobody reads");
        for _ in 0..500 {
            client.send(request.as_bytes()).await;
            let head = client.read_head().await;
            assert_eq!(head.status, 404);
            client.read_body(&head).await;
        }
        sent += 500;
    }
    process.signal();
    let mut ended = None;
    eventually("the end of the process", || {
        ended = process.child.try_wait().unwrap();
        let is_over = ended.is_some();
        async move { is_over }
    })
    .await;
    assert!(ended.unwrap().success());
}

/// What may be asked of a private module, rightly and wrongly.
const PRIVATE: [&str; 11] = [
    "/corp.example/!secret/@v/v1.2.3.info",
    "/corp.example/!secret/@v/v1.2.3.mod",
    "/corp.example/!secret/@v/v1.2.3.zip",
    "/corp.example/!secret/@v/list",
    "/corp.example/!secret/@latest",
    "/corp.example/Secret/@v/list",
    "/CORP.example/SECRET/@v/v1.2.3.exe",
    "/x/y/corp.example/secret",
    "/corp.example//secret/?go-get=corp.example/secret",
    "/%63orp.example%2f!secret/@v/v1.2.3.info",
    "/@v/%2563orp.example/secret",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_private_module_is_not_named_in_the_log_where_it_shall_be_hidden() {
    let secret = ModuleFiles::new("corp.example/Secret", "v1.2.3").file("a.go", "package a\n");
    let public = ModuleFiles::new("example.com/public", "v1.0.0").file("a.go", "package a\n");
    let upstream = Upstream::of(&[secret.clone(), public.clone()]).await;
    let told = "corp.example/Secret@v1.2.3: git ls-remote git@corp.example:secret.git: exit status 128";
    upstream.on(&secret.url("mod")).status_text(503, told);
    upstream.on(&secret.url("zip")).bytes("no zip of corp.example/secret");
    for (format, hides) in [("json", true), ("text", true), ("json", false)] {
        let route = format!("corp.example={}", upstream.url());
        let settings = [
            ("LARDER_PRIVATE", "corp.example/secret"),
            ("LARDER_LOG_PRIVATE", if hides { "hide" } else { "show" }),
            ("LARDER_LOG_LEVEL", "debug"),
            ("LARDER_ROUTE", route.as_str()),
        ];
        let process = Process::start_with(&upstream.url(), format, &settings);
        for path in PRIVATE.into_iter().chain([public.url("info").as_str()]) {
            let mut client = RawClient::connect(process.address).await;
            let head = format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nuser-agent: corp.example/secret\r\nconnection: close\r\n\r\n"
            );
            client.send(head.as_bytes()).await;
            client.read_to_end().await;
        }
        let log = process.end();
        let named = ["secret", "v1.2.3"].iter().any(|name| log.to_lowercase().contains(name));
        assert_eq!(named, !hides, "{format}: {log}");
        assert!(log.contains("example.com/public") && log.contains("v1.0.0"), "{format}: {log}");
        assert_eq!(log.matches("GET private").count(), if hides { PRIVATE.len() } else { 0 }, "{log}");
    }
}

/// The lines that tell of a source: event, level, who is named, and whether the reason is told.
fn told_of_sources(log: &str, reason: &str) -> Vec<(String, String, String, bool)> {
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let told = lines.filter(|line| ["source_wrong", "fetch_failed"].contains(&word(line, "event").as_str()));
    told.map(|line| {
        let is_explained = line.to_string().contains(reason);
        (word(&line, "event"), word(&line, "level"), word(&line, "upstream.name"), is_explained)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_wrong_is_told_once_whether_another_one_answered_or_not() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0").file("a.go", "package a\n");
    let (wrong, right) = (Upstream::start().await, Upstream::of(std::slice::from_ref(&files)).await);
    wrong.on(&files.url("info")).bytes(r#"{"Version":"v6.6.6","Time":"2024-01-01T00:00:00Z"}"#);
    let name = wrong.address().to_string();
    let once = |event: &str| vec![(event.to_owned(), "ERROR".to_owned(), name.clone(), true)];

    let process = Process::start(&wrong.url(), "json");
    assert_eq!(raw::get(process.address, &files.url("info")).await.status, 502);
    assert_eq!(told_of_sources(&process.end(), "v6.6.6"), once("fetch_failed"));

    let chain = format!("{}|{}", wrong.url(), right.url());
    let process = Process::start(&chain, "json");
    assert_eq!(raw::get(process.address, &files.url("info")).await.status, 200);
    assert_eq!(told_of_sources(&process.end(), "v6.6.6"), once("source_wrong"));

    // With nothing of it from a source, the list is made of what is held.
    wrong.serve(&files);
    wrong.heal(&files.url("info"));
    let process = Process::start(&wrong.url(), "json");
    for kind in ["info", "mod", "zip"] {
        assert_eq!(raw::get(process.address, &files.url(kind)).await.status, 200);
    }
    wrong.on(&files.list_url()).bytes("<!DOCTYPE html><html></html>").header("Content-Type", "text/plain");
    assert_eq!(raw::get(process.address, &files.list_url()).await.text(), "v1.0.0\n");
    assert_eq!(told_of_sources(&process.end(), "the version list"), once("source_wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_told_at_the_start_where_some_module_comes_from_its_repository() {
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.path().join("sh")).unwrap();
    let git = bin.path().join("git");
    std::fs::write(&git, "#!/bin/sh\necho git version 9.8.7\n").unwrap();
    std::fs::set_permissions(&git, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = bin.path().display().to_string();
    let start = |upstream: &str, more: &[(&str, &str)]| {
        Process::start_with(upstream, "json", &[&[("PATH", path.as_str())], more].concat())
    };
    for (more, missing) in [
        (&[][..], "hg"),
        (&[("LARDER_GOVCS", "public:git")], ""),
        (
            &[("LARDER_PRIVATE", "corp.example"), ("LARDER_VANITY", "corp.example=ssh://git@h.example/r")],
            "hg, svn, fossil, ssh",
        ),
    ] {
        let mut process = start("direct", more);
        let mut log = String::new();
        while !log.contains("looked for the tools") {
            assert!(process.log.read_line(&mut log).unwrap() > 0, "{log}");
        }
        log += &process.end();
        assert!(log.contains("\"found\":\"git 9.8.7\""), "{log}");
        assert_eq!(log.contains("tools_missing"), !missing.is_empty(), "{log}");
        assert!(missing.is_empty() || log.contains(&format!("\"missing\":\"{missing}\"")), "{log}");
    }
    let quiet = start("https://proxy.example", &[]).end();
    assert!(!quiet.contains("tools"), "{quiet}");
}
