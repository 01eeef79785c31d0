//! Clients that say nothing, say it byte by byte, or take their answers as slowly.

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::frames::{self, Frames};
use testkit::raw::{End, RawClient, h2c};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

/// Larger than what the systems on both sides hold of an unread answer.
fn large() -> ModuleFiles {
    ModuleFiles::new("example.com/large", "v1.0.0").padding(12_000_000)
}

async fn holding(files: &ModuleFiles, settings: &[(&str, &str)]) -> (Upstream, TestProxy) {
    let upstream = Upstream::of(std::slice::from_ref(files)).await;
    let url = upstream.url();
    let mut all = vec![("upstream", url.as_str())];
    all.extend_from_slice(settings);
    let proxy = TestProxy::with(&all);
    for kind in ["zip", "mod"] {
        assert_eq!(proxy.get(&files.url(kind)).await.status, 200);
    }
    (upstream, proxy)
}

#[tokio::test]
async fn a_reader_that_takes_little_by_little_for_ever_is_cut_and_its_neighbour_is_not() {
    let files = large();
    let settings = [("timeout.write_idle", "1s"), ("limits.slowest_reader", "1GiB")];
    let (_upstream, proxy) = holding(&files, &settings).await;
    let mut slow = RawClient::connect_narrow(proxy.address()).await;
    slow.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    let mut taken = 0;
    let size = files.zip().len();
    // It always makes some progress, and between any two pieces somebody else is served.
    let end = loop {
        match slow.read_some(1000).await {
            Ok(bytes) => taken += bytes,
            Err(end) => break end,
        }
        assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    };
    assert_ne!(end, End::TimedOut);
    assert!(taken < size, "it got all of {size} bytes");
    proxy.stop().await;
}

#[tokio::test]
async fn a_slow_reader_that_meets_the_demand_gets_everything() {
    let files = large();
    let settings = [("timeout.write_idle", "2s"), ("limits.slowest_reader", "16KiB")];
    let (_upstream, proxy) = holding(&files, &settings).await;
    let mut slow = RawClient::connect_narrow(proxy.address()).await;
    slow.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("zip")).as_bytes()).await;
    let head = slow.read_head().await;
    let mut left = files.zip().len();
    for _ in 0..20 {
        left -= slow.read_body_exactly(20_000).await.len();
        assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    }
    assert_eq!(head.status, 200);
    slow.read_body_exactly(left).await;
}

#[tokio::test]
async fn a_stream_whose_reader_takes_nothing_is_reset_and_its_neighbours_are_served() {
    let files = large();
    let (_upstream, proxy) = holding(&files, &[("timeout.write_idle", "1s")]).await;
    for window in [0, 1, 1000] {
        for kind in ["zip", "mod"] {
            let mut client = Frames::connect(proxy.address(), &[(frames::INITIAL_WINDOW_SIZE, window)]).await;
            client.get(1, &files.url(kind)).await;
            let size = if kind == "zip" { files.zip().len() } else { files.mod_file().len() };
            if size <= window as usize {
                continue;
            }
            let answer = client.until(frames::HEADERS, 1).await.unwrap();
            assert_eq!(answer.flags & frames::END_STREAM, 0);
            // A stream whose window is opened is served beside the one whose window stays shut.
            client.get(3, "/healthz").await;
            client.send(frames::WINDOW_UPDATE, 0, 3, &1000_u32.to_be_bytes()).await;
            let data = loop {
                let data = client.until(frames::DATA, 3).await.unwrap();
                if !data.payload.is_empty() {
                    break data.payload;
                }
            };
            assert!(b"ok\n".starts_with(&data));
            if kind == "mod" && window > 0 {
                // So little is left with the connection, which ends when it rests.
                continue;
            }
            client.until(frames::RST_STREAM, 1).await.unwrap();
        }
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_fed_a_byte_at_a_time_is_reset_too() {
    let files = large();
    let (_upstream, proxy) = holding(&files, &[("timeout.write_idle", "1s")]).await;
    let mut client = Frames::connect(proxy.address(), &[(frames::INITIAL_WINDOW_SIZE, 0)]).await;
    client.get(1, &files.url("zip")).await;
    let mut bytes = 0;
    loop {
        client.send(frames::WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()).await;
        let frame = client.next().await.unwrap();
        match (frame.kind, frame.stream) {
            (frames::DATA, 1) => bytes += frame.payload.len(),
            (frames::RST_STREAM, 1) => break,
            _ => {}
        }
        // Each step waits for somebody else.
        assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    }
    assert!(bytes > 1, "it was fed");
}

#[tokio::test]
async fn the_rest_between_requests_is_a_setting_of_its_own() {
    let upstream = Upstream::start().await;
    let settings = [("timeout.header_read", "1s"), ("timeout.keep_alive", "10m")];
    let proxy = TestProxy::with(&[&[("upstream", &*upstream.url())], &settings[..]].concat());
    let mut patient = RawClient::connect(proxy.address()).await;
    assert_eq!(patient.get("/healthz").await.status, 200);
    let mut dribbling = RawClient::connect(proxy.address()).await;
    assert_eq!(dribbling.get("/healthz").await.status, 200);
    dribbling.send(b"GET /healthz HT").await;
    // The head that has begun has a second; the connection that rests has ten minutes.
    assert_ne!(dribbling.read_to_end().await.1, End::TimedOut);
    assert_eq!(patient.get("/healthz").await.status, 200);
    let settings = [("timeout.header_read", "10m"), ("timeout.keep_alive", "1s")];
    let proxy = TestProxy::with(&[&[("upstream", &*upstream.url())], &settings[..]].concat());
    let mut idle = RawClient::connect(proxy.address()).await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    assert_eq!(idle.read_to_end().await.1, End::Clean);
}

#[tokio::test]
async fn an_http2_connection_that_rests_is_told_goodbye() {
    let upstream = Upstream::start().await;
    let settings = [("timeout.keep_alive", "1s"), ("timeout.write_idle", "1s")];
    let proxy = TestProxy::with(&[&[("upstream", &*upstream.url())], &settings[..]].concat());
    let mut client = Frames::connect(proxy.address(), &[]).await;
    client.get(1, "/healthz").await;
    client.until(frames::DATA, 1).await.unwrap();
    let goodbye = client.until(frames::GOAWAY, 0).await.unwrap();
    assert_eq!(goodbye.payload[4..8], [0; 4], "no error");
    let (_, end) = client.to_end().await;
    assert_ne!(end, End::TimedOut);
    proxy.stop().await;
}

#[tokio::test]
async fn an_answer_that_waits_for_its_source_is_not_taken_for_a_client_that_rests() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let settings =
        [("timeout.header_read", "1s"), ("timeout.keep_alive", "1s"), ("timeout.write_idle", "1s")];
    let proxy = TestProxy::with(&[&[("upstream", &*upstream.url())], &settings[..]].concat());
    upstream.on(&files.url("mod")).hold();
    let mut client = RawClient::connect(proxy.address()).await;
    client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", files.url("mod")).as_bytes()).await;
    let (address, path) = (proxy.address(), files.url("mod"));
    let stream = tokio::spawn(async move { h2c::get(address, &path).await });
    upstream.held(&files.url("mod"), 1).await;
    // Two connections that do rest are gone by then.
    let mut silent = RawClient::connect(proxy.address()).await;
    assert_ne!(silent.read_to_end().await.1, End::TimedOut);
    let mut silent = RawClient::connect(proxy.address()).await;
    assert_ne!(silent.read_to_end().await.1, End::TimedOut);
    upstream.release();
    assert_eq!(client.read_head().await.status, 200);
    assert_eq!(stream.await.unwrap().status, 200);
    eventually("no flights", || async { proxy.pipeline().flights() == 0 }).await;
}
