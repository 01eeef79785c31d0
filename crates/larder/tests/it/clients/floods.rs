//! Floods of HTTP/2 frames: whoever sends them is told goodbye or waits for itself; nobody else notices.

use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::frames::{self, Frame, Frames};
use testkit::raw::{End, RawClient};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

/// A proxy that holds a module, and the path of a file of it.
async fn holding(settings: &[(&str, &str)]) -> (Upstream, TestProxy, String) {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let url = upstream.url();
    let mut all = vec![("upstream", url.as_str())];
    all.extend_from_slice(settings);
    let proxy = TestProxy::with(&all);
    assert_eq!(proxy.get(&files.url("mod")).await.status, 200);
    (upstream, proxy, files.url("mod"))
}

/// Sends a flood in the background, again and again until the other side closes, while a neighbour is served fifty
/// times; then how the connection of the flood ended.
async fn flood(proxy: &TestProxy, path: &str, wave: impl Fn(u32) -> Vec<u8> + Send + 'static) -> Option<u32> {
    let mut client = Frames::connect(proxy.address(), &[]).await;
    let flooding = tokio::spawn(async move {
        for stream in (1..).step_by(2) {
            if !client.send_if_open(&wave(stream)).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        let (frames, _) = client.to_end().await;
        frames.iter().find(|frame| frame.kind == frames::GOAWAY).map(code)
    });
    let mut neighbour = RawClient::connect(proxy.address()).await;
    for _ in 0..50 {
        assert_eq!(neighbour.get(path).await.header("x-larder-cache"), Some("hit"));
    }
    if !flooding.is_finished() {
        // It is still being read or waits for itself; nobody is any worse off.
        flooding.abort();
        return None;
    }
    flooding.await.unwrap()
}

/// The reason in a GOAWAY or `RST_STREAM` frame.
fn code(frame: &Frame) -> u32 {
    let at = if frame.kind == frames::GOAWAY { 4 } else { 0 };
    u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap())
}

const ENHANCE_YOUR_CALM: u32 = 11;

fn get(stream: u32, path: &str) -> Vec<u8> {
    let flags = frames::END_STREAM | frames::END_HEADERS;
    Frame::bytes(frames::HEADERS, flags, stream, &frames::fields_of_get(path))
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_end_their_connection() {
    let (upstream, proxy, path) = holding(&[]).await;
    upstream.on("*").hold();
    let mut client = Frames::connect(proxy.address(), &[]).await;
    let flooding = tokio::spawn(async move {
        for stream in (1..200_000).step_by(2) {
            let guess = format!("/example.com/guess{stream}/@v/v1.0.0.mod");
            let reset = Frame::bytes(frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            if !client.send_if_open(&[get(stream, &guess), reset].concat()).await {
                break;
            }
        }
        let (frames, end) = client.to_end().await;
        (frames.iter().find(|frame| frame.kind == frames::GOAWAY).map(code), end)
    });
    let mut neighbour = RawClient::connect(proxy.address()).await;
    for _ in 0..50 {
        assert_eq!(neighbour.get(&path).await.header("x-larder-cache"), Some("hit"));
    }
    let (reason, end) = flooding.await.unwrap();
    assert_ne!(end, End::TimedOut);
    assert!(reason == Some(ENHANCE_YOUR_CALM) || end == End::Reset, "{reason:?} {end:?}");
    upstream.release();
    proxy.settled().await;
    proxy.stop().await;
}

#[tokio::test]
async fn fields_without_an_end_end_their_connection() {
    let (_upstream, proxy, path) = holding(&[]).await;
    let mut client = Frames::connect(proxy.address(), &[]).await;
    client.send(frames::HEADERS, frames::END_STREAM, 1, &frames::fields_of_get("/healthz")).await;
    let more = Frame::bytes(frames::CONTINUATION, 0, 1, &frames::field("x", &"y".repeat(8000)));
    let mut sent = 0;
    while client.send_if_open(&more).await && sent < 100_000_000 {
        sent += more.len();
    }
    assert!(sent < 100_000_000, "it is read for ever");
    assert_ne!(client.to_end().await.1, End::TimedOut);
    // Empty ones too, of which no number fills a size.
    let mut client = Frames::connect(proxy.address(), &[]).await;
    client.send(frames::HEADERS, frames::END_STREAM, 1, &frames::fields_of_get("/healthz")).await;
    let empty = Frame::bytes(frames::CONTINUATION, 0, 1, &[]).repeat(1000);
    let mut waves = 0;
    while client.send_if_open(&empty).await && waves < 10_000 {
        waves += 1;
    }
    assert!(waves < 10_000, "it is read for ever");
    assert_eq!(proxy.get(&path).await.status, 200);
    proxy.stop().await;
}

#[tokio::test]
async fn fields_that_are_too_large_are_refused_and_the_connection_goes_on() {
    let (_upstream, proxy, _) = holding(&[("limits.header_bytes", "8192")]).await;
    let mut client = Frames::connect(proxy.address(), &[]).await;
    let large = [frames::fields_of_get("/healthz"), frames::field("x", &"y".repeat(10_000))].concat();
    client.send(frames::HEADERS, frames::END_STREAM | frames::END_HEADERS, 1, &large).await;
    let refused = client.next_on(1).await.unwrap();
    assert!(matches!(refused.kind, frames::HEADERS | frames::RST_STREAM), "{refused:?}");
    assert_ne!(refused.payload.first(), Some(&0x88), "the field `:status 200`");
    client.get(3, "/healthz").await;
    assert_eq!(client.until(frames::DATA, 3).await.unwrap().payload, b"ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_small_frames_are_borne_alone() {
    let (_upstream, proxy, path) = holding(&[("timeout.write_idle", "1s")]).await;
    let settings = Frame::bytes(frames::SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]).repeat(500);
    let pings = Frame::bytes(frames::PING, 0, 0, &[7; 8]).repeat(500);
    let windows = Frame::bytes(frames::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()).repeat(500);
    let unknown = Frame::bytes(200, 0, 0, b"anything").repeat(500);
    for wave in [settings, pings, windows, unknown] {
        flood(&proxy, &path, move |_| wave.clone()).await;
    }
    eventually("no flights", || async { proxy.pipeline().flights() == 0 }).await;
    proxy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_requests_and_bodies_are_borne_alone() {
    let (_upstream, proxy, path) = holding(&[("timeout.write_idle", "1s")]).await;
    // More streams than there may be, each refused or answered to nobody.
    let asked = path.clone();
    flood(&proxy, &path, move |stream| get(stream, &asked)).await;
    // Bodies that nobody asked for, to streams that have ended or never were.
    flood(&proxy, &path, |stream| {
        let open =
            Frame::bytes(frames::HEADERS, frames::END_HEADERS, stream, &frames::fields_of_get("/healthz"));
        [open, Frame::bytes(frames::DATA, 0, stream, &[0; 16_000])].concat()
    })
    .await;
    // Empty ones.
    flood(&proxy, &path, |stream| {
        let open =
            Frame::bytes(frames::HEADERS, frames::END_HEADERS, stream, &frames::fields_of_get("/healthz"));
        [open, Frame::bytes(frames::DATA, 0, stream, &[]).repeat(100)].concat()
    })
    .await;
    proxy.stop().await;
}

#[tokio::test]
async fn more_streams_than_there_may_be_are_refused_one_by_one() {
    let (upstream, proxy, _) = holding(&[("limits.streams", "3")]).await;
    upstream.on("*").hold();
    let mut client = Frames::connect(proxy.address(), &[]).await;
    for stream in [1, 3, 5, 7] {
        client.get(stream, &format!("/example.com/guess{stream}/@v/v1.0.0.mod")).await;
    }
    let refused = client.until(frames::RST_STREAM, 7).await.unwrap();
    assert_eq!(code(&refused), 7, "REFUSED_STREAM: may be sent again");
    // The refusal may come before the others have reached the pipeline.
    eventually("the others on their way", || async { proxy.pipeline().flights() == 3 }).await;
    upstream.release();
    let mut answered = Vec::new();
    while answered.len() < 3 {
        let frame = client.next().await.unwrap();
        if frame.kind == frames::HEADERS {
            answered.push(frame.stream);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 3, 5]);
    proxy.stop().await;
}

#[tokio::test]
async fn windows_that_overflow_end_the_stream_or_the_connection() {
    let (_upstream, proxy, path) = holding(&[]).await;
    for stream in [0, 1] {
        let mut client = Frames::connect(proxy.address(), &[(frames::INITIAL_WINDOW_SIZE, 0)]).await;
        client.get(1, &path).await;
        client.send(frames::WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()).await;
        client.send(frames::WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()).await;
        let kind = if stream == 0 { frames::GOAWAY } else { frames::RST_STREAM };
        // An answer that was sent whole before that is as good.
        let end = loop {
            match client.next().await {
                Ok(frame) if frame.kind == kind => break true,
                Ok(frame) if frame.flags & frames::END_STREAM != 0 && frame.kind == frames::DATA => {
                    break true;
                }
                Ok(_) => {}
                Err(end) => break end != End::TimedOut,
            }
        };
        assert!(end);
        assert_eq!(proxy.get(&path).await.status, 200);
    }
}
