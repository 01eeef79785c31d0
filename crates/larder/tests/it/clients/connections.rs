//! More connections than there are places.

use larder::observe::Reason;
use testkit::eventually;
use testkit::raw::{End, RawClient};
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

async fn narrow(settings: &[(&str, &str)]) -> (Upstream, TestProxy) {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let mut all = vec![("upstream", url.as_str())];
    all.extend_from_slice(settings);
    (upstream, TestProxy::with(&all))
}

fn guess(index: usize) -> String {
    format!("/example.com/guess{index}/@v/v1.0.0.mod")
}

/// Takes places for as long as the upstream is held.
async fn occupy(proxy: &TestProxy, upstream: &Upstream, from: [u8; 4], many: usize) -> Vec<RawClient> {
    upstream.on("*").hold();
    let mut clients = Vec::new();
    for index in 0..many {
        let mut client = RawClient::connect_from(from, proxy.address()).await;
        client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", guess(index)).as_bytes()).await;
        eventually("a flight", || async { proxy.pipeline().flights() > index }).await;
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn when_the_house_is_full_newcomers_are_told_so_and_the_health_is_still_shown() {
    let (upstream, proxy) = narrow(&[("limits.connections", "3")]).await;
    let clients = occupy(&proxy, &upstream, [127, 0, 0, 1], 3).await;
    for _ in 0..100 {
        let refused = proxy.get("/example.com/x/@v/list").await;
        assert_eq!(refused.status, 503);
        assert!(refused.header("retry-after").is_some());
        assert_eq!(refused.header("connection"), Some("close"));
        assert!(refused.text().contains("limits.connections"), "{}", refused.text());
        assert_eq!(proxy.get("/healthz").await.status, 200);
        assert_eq!(proxy.get("/readyz").await.status, 200);
    }
    assert_eq!(proxy.pipeline().refusals().of(Reason::Connections), 300);
    upstream.release();
    for mut client in clients {
        assert_eq!(client.read_head().await.status, 404);
    }
    assert_eq!(proxy.get("/example.com/x/@v/list").await.status, 404, "there is room again");
    proxy.stop().await;
}

#[tokio::test]
async fn connections_that_rest_make_room_the_longest_resting_first() {
    let (upstream, proxy) = narrow(&[("limits.connections", "3"), ("timeout.keep_alive", "10m")]).await;
    let mut idle = RawClient::connect(proxy.address()).await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let mut busy = occupy(&proxy, &upstream, [127, 0, 0, 1], 2).await;
    let refused = proxy.get("/example.com/x/@v/list");
    upstream.release();
    assert_ne!(refused.await.status, 503, "somebody rested");
    assert_eq!(idle.read_to_end().await.1, End::Clean);
    assert_eq!(busy[0].read_head().await.status, 404);
    assert_eq!(busy[1].read_head().await.status, 404);
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let (_upstream, proxy) = narrow(&[("limits.connections", "8"), ("timeout.header_read", "10m")]).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        let mut client = RawClient::connect(proxy.address()).await;
        client.send(b"GET / HTTP/1.1\r\nX: ").await;
        silent.push(client);
    }
    eventually("room", || async { proxy.get("/example.com/x/@v/list").await.status == 404 }).await;
    assert_ne!(silent[0].read_to_end().await.1, End::TimedOut, "the first to rest makes room");
    proxy.stop().await;
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_and_others_do_not_notice() {
    let settings = [("limits.connections_per_address", "4"), ("limits.exempt", "")];
    let (upstream, proxy) = narrow(&settings).await;
    let greedy = occupy(&proxy, &upstream, [127, 0, 0, 2], 4).await;
    let refused = RawClient::connect_from([127, 0, 0, 2], proxy.address()).await.get(&guess(9)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("limits.connections_per_address"), "{}", refused.text());
    // Who goes on regardless is closed without a word.
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(RawClient::connect_from([127, 0, 0, 2], proxy.address()).await);
    }
    let mut closed = RawClient::connect_from([127, 0, 0, 2], proxy.address()).await;
    assert_ne!(closed.read_to_end().await.1, End::TimedOut);
    let other = RawClient::connect_from([127, 0, 0, 3], proxy.address()).await.get("/healthz").await;
    assert_eq!(other.status, 200);
    drop((greedy, silent));
    upstream.release();
    eventually("a place", || async {
        let mut again = RawClient::connect_from([127, 0, 0, 2], proxy.address()).await;
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", guess(9));
        again.send_if_open(request.as_bytes()).await && again.read_some(12).await.is_ok_and(|read| read == 12)
    })
    .await;
    proxy.stop().await;
}
