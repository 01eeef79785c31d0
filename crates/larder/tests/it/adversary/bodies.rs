//! A complete 200 with wrong bytes must not be had by any sequence of events.

use bytes::Bytes;
use gomod::{FileKind, ModuleVersion};
use larder::cache::keep::Provenance;
use larder::cache::manifest::VerifiedBy;
use larder::verify;
use store::Durability;
use testkit::module::{Entry, ModuleFiles, write_zip};
use testkit::raw::{self, RawClient};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

fn padded(size: usize) -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0").padding(size)
}

/// A module whose zip has exactly that many bytes.
fn padded_to(size: usize) -> ModuleFiles {
    let spare = padded(size).zip().len() - size;
    let files = (0..10).map(|off| padded(size - spare + off)).find(|files| files.zip().len() == size);
    files.unwrap()
}

#[tokio::test]
async fn a_zip_of_a_few_bytes_is_refused_at_every_length_and_never_sent_whole() {
    for len in [0, 1, 2, 21, 22, 23, 44, 45, 100] {
        for chunked in [false, true] {
            let files = padded(10).truncate_zip(len);
            let upstream = Upstream::of(std::slice::from_ref(&files)).await;
            if chunked {
                upstream.on(&files.url("zip")).chunked();
            }
            let proxy = TestProxy::over(&upstream);
            for _ in 0..2 {
                let response = proxy.get(&files.url("zip")).await;
                assert!(
                    response.status == 502 || (response.status == 200 && !response.complete),
                    "{len} bytes, chunked {chunked}: {} complete {}",
                    response.status,
                    response.complete
                );
                let h2 = raw::h2c::get(proxy.address(), &files.url("zip")).await;
                assert!(h2.status == 502 || !h2.complete, "{len} bytes, chunked {chunked}, over HTTP/2");
            }
        }
    }
}

#[tokio::test]
async fn zips_at_every_border_of_pieces_blocks_and_tails_arrive_whole() {
    let mut sizes = Vec::new();
    for border in [16 * 1024, 32 * 1024, 64 * 1024, 128 * 1024, 256 * 1024, 512 * 1024, 576 * 1024] {
        sizes.extend([border - 1, border, border + 1]);
    }
    for size in sizes {
        let files = padded_to(size);
        for chunked in [false, true] {
            let upstream = Upstream::of(std::slice::from_ref(&files)).await;
            if chunked {
                upstream.on(&files.url("zip")).chunked();
            }
            let proxy = TestProxy::over(&upstream);
            let cold = proxy.get(&files.url("zip")).await;
            assert!(cold.complete && cold.body == files.zip(), "{size} cold, chunked {chunked}");
            let warm = proxy.get(&files.url("zip")).await;
            assert!(warm.complete && warm.body == files.zip(), "{size} warm");
            let etag = warm.header("etag").unwrap().to_owned();
            let last = size - 1;
            let part = proxy.get_with(&files.url("zip"), &[("Range", &format!("bytes={last}-"))]).await;
            assert_eq!((part.status, &part.body[..]), (206, &files.zip()[last..]));
            let proxy = proxy.restart().await;
            let again = proxy.get(&files.url("zip")).await;
            assert!(again.complete && again.body == files.zip(), "{size} after a restart");
            assert_eq!(again.header("etag"), Some(etag.as_str()));
            proxy.stop().await;
        }
    }
}

#[tokio::test]
async fn a_length_that_lies_ends_in_no_complete_answer_with_other_bytes() {
    for off_by in [-300_000_isize, -17_000, -1, 1, 17_000] {
        let files = padded(600_000);
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        upstream.on(&files.url("zip")).wrong_length(off_by);
        let proxy = TestProxy::over(&upstream);
        let response = proxy.get(&files.url("zip")).await;
        assert!(response.status != 200 || !response.complete, "off by {off_by}");
    }
}

/// The same files in two framings, the smaller first: the h1 agrees, the bytes do not.
fn framings() -> [Bytes; 2] {
    let text: String =
        (0..60_000).flat_map(|n| ["line ".to_owned(), n.to_string(), "\n".to_owned()]).collect();
    let file = Entry::new("example.com/m@v1.0.0/m.txt", text);
    let go_mod = Entry::new("example.com/m@v1.0.0/go.mod", "module example.com/m\n");
    [file.clone(), file.uncompressed()].map(|file| write_zip(&[go_mod.clone(), file]).into())
}

#[tokio::test]
async fn a_zip_kept_by_another_door_during_a_flight_does_not_change_what_is_being_sent() {
    let [small, large] = framings();
    let path = "/example.com/m/@v/v1.0.0.zip";
    for (fetched, other) in [(&small, &large), (&large, &small)] {
        for (version, chunked) in [("1.1", false), ("1.1", true), ("1.0", false), ("1.0", true)] {
            let upstream = Upstream::start().await;
            upstream.put(path, fetched.clone());
            let script = upstream.on(path).stall_after(100_000);
            if chunked {
                script.chunked();
            }
            let proxy = TestProxy::over(&upstream);
            let mut client = RawClient::connect(proxy.address()).await;
            client.send(format!("GET {path} HTTP/{version}\r\nHost: x\r\n\r\n").as_bytes()).await;
            upstream.held(path, 1).await;
            adopt(&proxy, other).await;
            upstream.release();
            let head = client.read_head().await;
            let (body, complete) = client.read_body(&head).await;
            let right = body == *fetched || body == *other;
            let (came, of) = (body.len(), fetched.len());
            assert!(complete && right, "{version}, chunked {chunked}: {came} of {of}, complete {complete}");
        }
    }
}

async fn adopt(proxy: &TestProxy, zip: &Bytes) {
    let path = gomod::ModulePath::parse("example.com/m").unwrap();
    let module = ModuleVersion::new(path, gomod::Version::parse("v1.0.0").unwrap()).unwrap();
    let spool = proxy.pipeline().cache().blobs().spool().unwrap();
    spool.write(zip).unwrap();
    let verified = verify::zip(&module, spool, verify::sums::of(zip)).unwrap();
    let verified = verified.bound_by(verify::Bound::First(None)).unwrap();
    let from = Provenance {
        source: "import".into(),
        verified_by: VerifiedBy::Import,
        durability: Durability::Batched,
    };
    proxy.pipeline().adopt(&module, FileKind::Zip, verified, from).await.unwrap();
}

#[tokio::test]
async fn a_denial_that_comes_after_an_import_does_not_hide_what_was_imported() {
    let path = "/example.com/m/@v/v1.0.0.zip";
    for zip in [padded(10).zip(), padded(100_000).zip()] {
        let upstream = Upstream::start().await;
        upstream.on(path).status(404).hold();
        let proxy = TestProxy::over(&upstream);
        let address = proxy.address();
        let asking = tokio::spawn(async move { raw::get(address, path).await });
        upstream.held(path, 1).await;
        adopt(&proxy, &zip).await;
        upstream.release();
        assert_eq!(asking.await.unwrap().status, 404, "nothing was there when it was asked for");
        let again = proxy.get(path).await;
        assert!(again.status == 200 && again.body == zip, "{}", again.status);
    }
}

#[tokio::test]
async fn other_content_under_the_same_etag_is_never_joined_to_what_came_before() {
    let files = padded(600_000);
    let other = padded(600_000).file("x.go", "package x\n");
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).etag("\"same\"").stall_after(300_000).once();
    let proxy = TestProxy::over(&upstream);
    let (address, asked) = (proxy.address(), path.clone());
    let asking = tokio::spawn(async move { raw::get(address, &asked).await });
    upstream.held(&path, 1).await;
    upstream.stop().await;
    upstream.restart().await;
    upstream.put(&path, other.zip());
    let response = asking.await.unwrap();
    assert!(response.status != 200 || !response.complete, "two contents were joined");
    proxy.clock().advance(std::time::Duration::from_secs(2));
    assert_eq!(proxy.get(&path).await.body, other.zip());
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_many_speeds_and_those_who_leave_get_nothing_wrong() {
    let files = padded(3_000_000);
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).drip(100_000);
    let proxy = TestProxy::over(&upstream);
    let mut readers = Vec::new();
    for step in 1..=30_usize {
        let (address, path, zip) = (proxy.address(), path.clone(), files.zip());
        upstream.step(&path, 1);
        readers.push(tokio::spawn(async move {
            let mut client = RawClient::connect(address).await;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
            let head = client.read_head().await;
            assert_eq!(head.status, 200);
            if step % 3 == 0 {
                client.read_body_exactly(step * 1000).await;
                return; // leaves
            }
            let (body, complete) = client.read_body(&head).await;
            assert!(complete && body == zip, "reader {step}");
        }));
    }
    upstream.release();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(upstream.count(&path), 1);
    proxy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn askers_at_the_moment_of_landing_get_the_whole() {
    for round in 0..20 {
        let files =
            ModuleFiles::new(&format!("example.com/m{round}"), "v1.0.0").padding(70_000 + round * 7001);
        let path = files.url("zip");
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        let proxy = TestProxy::over(&upstream);
        let mut askers = Vec::new();
        for index in 0..30_u64 {
            let (address, path, zip) = (proxy.address(), path.clone(), files.zip());
            askers.push(tokio::spawn(async move {
                for _ in 0..index * 20 {
                    tokio::task::yield_now().await;
                }
                let response = raw::get(address, &path).await;
                assert!(response.complete && response.status == 200 && response.body == zip);
            }));
        }
        for asker in askers {
            asker.await.unwrap();
        }
        assert_eq!(upstream.count(&path), 1);
        proxy.stop().await;
    }
}

#[tokio::test]
async fn a_head_and_a_range_during_a_flight_are_answered_rightly() {
    let files = padded(600_000);
    let path = files.url("zip");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    upstream.on(&path).stall_after(300_000);
    let proxy = TestProxy::over(&upstream);
    let head = raw::head(proxy.address(), &path).await;
    assert_eq!(head.header("content-length"), Some(files.zip().len().to_string().as_str()));
    let (address, asked) = (proxy.address(), path.clone());
    let ranged =
        tokio::spawn(async move { raw::request(address, "GET", &asked, &[("Range", "bytes=5-9")]).await });
    let asked = path.clone();
    let over_h2 = tokio::spawn(async move { raw::h2c::get(address, &asked).await });
    upstream.release();
    let ranged = ranged.await.unwrap();
    assert!(ranged.complete);
    match ranged.status {
        200 => assert_eq!(ranged.body, files.zip()),
        206 => assert_eq!(ranged.body, files.zip()[5..10]),
        other => panic!("{other}"),
    }
    let over_h2 = over_h2.await.unwrap();
    assert!(over_h2.complete && over_h2.body == files.zip());
    assert_eq!(upstream.count(&path), 1);
}

#[tokio::test]
async fn conditions_and_ranges_hold_for_lists_too() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    for path in [files.list_url(), files.latest_url(), files.url("mod"), files.url("info"), files.url("zip")]
    {
        proxy.get(&path).await;
        let whole = proxy.get(&path).await;
        let etag = whole.header("etag").unwrap();
        let same = proxy.get_with(&path, &[("If-None-Match", etag)]).await;
        assert_eq!(
            (same.status, same.header("etag"), same.header("content-length")),
            (304, Some(etag), None),
            "{path}"
        );
        let part = proxy.get_with(&path, &[("Range", "bytes=1-3")]).await;
        assert_eq!((part.status, &part.body[..]), (206, &whole.body[1..4]), "{path}");
        let beyond = proxy.get_with(&path, &[("Range", "bytes=9999999-")]).await;
        assert_eq!(beyond.status, 416);
        assert_eq!(beyond.header("cache-control"), Some("no-store"), "a refused range is no content: {path}");
        let head = raw::request(proxy.address(), "HEAD", &path, &[("Range", "bytes=1-3")]).await;
        assert!(head.complete);
        let two = proxy.get_with(&path, &[("If-None-Match", "\"x\""), ("Range", "bytes=0-0")]).await;
        assert_eq!(two.status, 206);
    }
}
