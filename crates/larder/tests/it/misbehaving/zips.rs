//! Zips that are another's, or hostile: refused in words where little of them was sent, else cut, and never kept.

use std::time::{Duration, Instant};

use bytes::Bytes;
use testkit::module::{Entry, write_zip};
use testkit::{ModuleFiles, RawClient, Upstream, raw};

use crate::proxy::TestProxy;

const PREFIX: &str = "example.com/m@v1.0.0/";
/// A hostile zip is refused within this (`zip::check` inflates nothing beyond what its rules allow).
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

fn sound() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0").file("m.go", "package m\n")
}

fn entry(name: &str) -> Entry {
    Entry::new(name, "package m\n")
}

/// The sound zip with one more file of this name.
fn with(name: &str) -> Vec<u8> {
    write_zip(&[entry(&format!("{PREFIX}m.go")), entry(name)])
}

/// The sound zip with these bytes in place of those, wherever they are from there on.
fn replaced(from: usize, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut zip = sound().zip().to_vec();
    let at = from + zip[from..].windows(old.len()).position(|window| window == old).unwrap();
    zip[at..at + old.len()].copy_from_slice(new);
    zip
}

fn directory_at() -> usize {
    sound().zip().windows(4).position(|window| window == b"PK\x01\x02").unwrap()
}

/// One file of 64 MiB of zeros whose header says that it has ten bytes.
fn bomb() -> Vec<u8> {
    let zeros = Entry::new(&format!("{PREFIX}zeros"), vec![0; 64 << 20]);
    let mut zip = write_zip(&[zeros]);
    let at = zip.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap() + 24;
    zip[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    zip
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let zip = sound().zip();
    let mut end = zip.to_vec();
    end.extend_from_slice(&zip[zip.len() - 22..]);
    vec![
        ("out of its directory", with(&format!("{PREFIX}../../evil.go"))),
        ("an absolute path", with("/etc/passwd")),
        ("a backslash", with(&format!("{PREFIX}..\\evil.go"))),
        ("a drive", with(&format!("{PREFIX}C:evil.go"))),
        ("a device", with(&format!("{PREFIX}aux.go"))),
        ("a NUL in a name", with(&format!("{PREFIX}m.go\0.txt"))),
        ("another version's file", with("example.com/m@v1.0.1/m.go")),
        ("the same name twice", with(&format!("{PREFIX}m.go"))),
        ("names that differ in case", with(&format!("{PREFIX}M.go"))),
        ("a file that is a directory too", with(&format!("{PREFIX}m.go/x.go"))),
        ("an unclean name", with(&format!("{PREFIX}./x.go"))),
        ("a bomb", bomb()),
        ("bytes before it", [b"#!/bin/sh\n", &zip[..]].concat()),
        ("bytes behind it", [&zip[..], b"more"].concat()),
        ("two ends", end),
        ("no directory", zip[..directory_at()].to_vec()),
        ("names that disagree", replaced(directory_at(), b"m.go", b"n.go")),
        ("a checksum that disagrees", sound().flip_zip_byte(directory_at() + 16).zip().to_vec()),
        ("a compression nobody has", replaced(directory_at(), b"\x08\x00\x08\x00", b"\x08\x00\x63\x00")),
    ]
}

#[tokio::test]
async fn hostile_zips_are_refused_in_words_and_never_kept() {
    for (name, zip) in hostile() {
        let path = sound().url("zip");
        let upstream = Upstream::of(&[sound()]).await;
        upstream.put(&path, zip);
        let proxy = TestProxy::over(&upstream);
        let began = Instant::now();
        let response = proxy.get(&path).await;
        assert!(began.elapsed() < REFUSED_WITHIN, "{name}: took {:?}", began.elapsed());
        assert_eq!(response.status, 502, "{name}: {}", response.text());
        assert!(response.text().contains("zip"), "{name}: {}", response.text());
        let h2 = raw::h2c::get(proxy.address(), &path).await;
        assert_eq!(h2.status, 502, "{name}");
        assert!(!proxy.data(&format!("modules{path}")).exists(), "{name}");
        upstream.put(&path, sound().zip());
        proxy.clock().advance(Duration::from_millis(1001));
        assert_eq!(proxy.get(&path).await.body, sound().zip(), "{name}: the right one afterwards");
        proxy.stop().await;
    }
}

/// Asks two sources of which the first has this zip; the second has the right one.
async fn asks_two(separator: &str, wrong: Bytes, right: &ModuleFiles) -> (raw::Response, usize) {
    let (first, second) =
        (Upstream::of(std::slice::from_ref(right)).await, Upstream::of(std::slice::from_ref(right)).await);
    first.put(&right.url("zip"), wrong);
    let list = format!("{}{separator}{}", first.url(), second.url());
    let proxy = TestProxy::with(&[("upstream", &list)]);
    (proxy.get(&right.url("zip")).await, second.requests().len())
}

#[tokio::test]
async fn another_modules_zip_is_told_from_the_right_one_before_any_of_it_is_sent() {
    for size in [10, 300_000] {
        let right = sound().padding(size);
        for (path, version) in [("example.com/other", "v1.0.0"), ("example.com/m", "v1.0.1")] {
            let other = ModuleFiles::new(path, version).padding(size).zip();
            let (response, asked) = asks_two(",", other.clone(), &right).await;
            assert_eq!((response.status, asked), (502, 0), "{path}@{version}: {}", response.text());
            let (response, asked) = asks_two("|", other, &right).await;
            assert!(response.status == 200 && response.body == right.zip() && asked == 1, "{path}@{version}");
        }
    }
}

#[tokio::test]
async fn a_large_zip_that_turns_out_wrong_late_is_cut_at_once_and_told_in_words_afterwards() {
    let right = sound().padding(300_000);
    let wrong = right.clone().flip_zip_byte(200_000);
    let upstream = Upstream::of(std::slice::from_ref(&wrong)).await;
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(&right.url("zip")).await;
    assert!(response.status == 200 && !response.complete);
    let again = proxy.get(&right.url("zip")).await;
    assert_eq!(again.status, 502);
    assert!(again.text().starts_with("refused: example.com/m@v1.0.0 (zip): "), "{}", again.text());
}

/// A zip that is sent while it arrives, with one byte of its content changed.
fn large_and_wrong() -> (ModuleFiles, Vec<u8>) {
    let files = ModuleFiles::new("example.com/m", "v1.0.0").padding(300_000);
    let mut zip = files.zip().to_vec();
    let middle = zip.len() / 2;
    zip[middle] ^= 1;
    (files, zip)
}

/// Asks for a zip that is sent slowly enough for the asker to see its beginning; the status, and whether all of it came.
async fn asked_early(proxy: &TestProxy, upstream: &Upstream, path: &str) -> (u16, bool) {
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    let head = client.read_head().await;
    upstream.release();
    (head.status, client.read_body(&head).await.1)
}

#[tokio::test]
async fn a_large_wrong_zip_is_cut_once_and_refused_in_words_ever_after() {
    let (files, wrong) = large_and_wrong();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&files.url("zip")).bytes(wrong).stall_after(200_000);
    let proxy = TestProxy::over(&upstream);
    assert_eq!(asked_early(&proxy, &upstream, &files.url("zip")).await, (200, false));
    for _ in 0..3 {
        proxy.clock().advance(Duration::from_millis(1001));
        let again = proxy.get(&files.url("zip")).await;
        assert!(again.status == 502 && again.complete, "{} {}", again.status, again.text());
        assert!(again.text().starts_with("refused: example.com/m@v1.0.0 (zip)"), "{}", again.text());
    }
    upstream.heal(&files.url("zip"));
    proxy.clock().advance(Duration::from_millis(1001));
    let healed = proxy.get(&files.url("zip")).await;
    assert!(healed.status == 200 && healed.body == files.zip(), "{}", healed.text());
    proxy.stop().await;
}

#[tokio::test]
async fn after_a_large_wrong_zip_the_next_source_has_its_turn() {
    let (files, wrong) = large_and_wrong();
    let (first, second) =
        (Upstream::of(std::slice::from_ref(&files)).await, Upstream::of(std::slice::from_ref(&files)).await);
    first.on(&files.url("zip")).bytes(wrong).stall_after(200_000);
    let proxy = TestProxy::with(&[("upstream", &format!("{}|{}", first.url(), second.url()))]);
    assert_eq!(asked_early(&proxy, &first, &files.url("zip")).await, (200, false));
    proxy.clock().advance(Duration::from_millis(1001));
    let again = proxy.get(&files.url("zip")).await;
    assert!(again.status == 200 && again.complete && again.body == files.zip(), "{}", again.text());
    assert_eq!((first.count(&files.url("zip")), second.count(&files.url("zip"))), (2, 1));
    proxy.stop().await;
}
