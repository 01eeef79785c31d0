//! Where redirects may lead.

use source::{
    Builder, Class, Deadlines, Guard, HttpUpstream, Network, Outbound, RedirectFault, Resume, Source,
    SourceError,
};
use testkit::Upstream;

use crate::ask::{INFO, ZIP, body, clients, read, request, source};

#[tokio::test]
async fn a_redirect_within_the_upstream_is_followed() {
    let upstream = Upstream::start().await;
    upstream.put("/store/1", "content");
    for location in ["/store/1", "../../../store/1", &format!("{}/store/1#part", upstream.url())] {
        upstream.on(ZIP).redirect(location);
        assert_eq!(read(&source(&upstream), ZIP).await.unwrap(), b"content", "{location}");
    }
}

#[tokio::test]
async fn every_status_of_a_redirect_is_followed() {
    let upstream = Upstream::start().await;
    upstream.put("/store/1", "content");
    for status in [301, 302, 303, 307, 308] {
        upstream.on(ZIP).status(status).header("Location", "/store/1");
        assert_eq!(read(&source(&upstream), ZIP).await.unwrap(), b"content", "{status}");
    }
}

#[tokio::test]
async fn ten_redirects_are_followed_and_no_more() {
    let upstream = Upstream::start().await;
    for hop in 0..11 {
        upstream.on(&format!("/hop/{hop}")).redirect(&format!("/hop/{}", hop + 1));
    }
    upstream.put("/hop/11", "content");
    upstream.on(ZIP).redirect("/hop/2");
    assert_eq!(read(&source(&upstream), ZIP).await.unwrap(), b"content");
    upstream.on(ZIP).redirect("/hop/1");
    let error = read(&source(&upstream), ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Redirect(RedirectFault::TooMany)), "{error:?}");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn a_redirect_inside_the_network_is_refused() {
    let upstream = Upstream::start().await;
    let other = Upstream::start().await;
    other.put("/secret", "secret");
    let port = other.address().port();
    for location in [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://[64:ff9b::a9fe:a9fe]/".to_owned(),
        format!("http://127.0.0.1:{port}/secret"),
        format!("http://127.1:{port}/secret"),
        format!("http://2130706433:{port}/secret"),
        format!("http://0x7f.0.0.1:{port}/secret"),
        format!("http://0.0.0.0:{port}/secret"),
        format!("http://[::1]:{port}/secret"),
        format!("http://localhost:{port}/secret"),
        format!("http://LOCALHOST:{port}/secret"),
        format!("//127.0.0.1:{port}/secret"),
    ] {
        upstream.on(INFO).redirect(&location);
        let error = read(&source(&upstream), INFO).await.unwrap_err();
        assert!(matches!(error, SourceError::Refused { .. }), "{location}: {error:?}");
        assert_eq!(error.class(), Class::Unavailable);
        assert!(!error.text().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_an_allowed_address_is_followed() {
    let upstream = Upstream::start().await;
    let other = Upstream::start().await;
    other.put("/store/1", "content");
    let clients = clients(&["127.0.0.0/8"]);
    let source =
        HttpUpstream::named_by_host(&upstream.url(), &Builder::new(clients.clone(), Deadlines::default()))
            .unwrap();
    for host in ["127.0.0.1", "localhost"] {
        upstream.on(ZIP).redirect(&format!("http://{host}:{}/store/1", other.address().port()));
        assert_eq!(read(&source, ZIP).await.unwrap(), b"content", "{host}");
    }
}

#[tokio::test]
async fn a_redirect_to_something_else_than_http_is_refused() {
    let upstream = Upstream::start().await;
    for location in ["ftp://example.com/x", "file:///etc/passwd", "javascript:1", "http://", "https://[::1"] {
        upstream.on(INFO).redirect(location);
        let error = read(&source(&upstream), INFO).await.unwrap_err();
        assert!(matches!(error, SourceError::Redirect(RedirectFault::Target)), "{location}: {error:?}");
    }
}

#[tokio::test]
async fn userinfo_in_a_redirect_is_not_sent() {
    let upstream = Upstream::start().await;
    let other = Upstream::start().await;
    other.put("/store/1", "content");
    upstream.on(ZIP).redirect(&format!("http://user:secret@{}/store/1", other.address()));
    let clients = clients(&["127.0.0.1"]);
    let source =
        HttpUpstream::named_by_host(&upstream.url(), &Builder::new(clients.clone(), Deadlines::default()))
            .unwrap();
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!(other.requests()[0].header("referer"), None);
}

#[tokio::test]
async fn a_redirect_to_the_outbound_proxy_is_refused() {
    let upstream = Upstream::start().await;
    let other = Upstream::start().await;
    let host = format!("http://localhost:{}", other.address().port());
    let outbound = Outbound { http: Some(host.clone()), ..Outbound::default() };
    let network = Network { outbound, guard: Guard::default(), authorities: None };
    let clients = source::Clients::new(&network, std::time::Duration::from_secs(5)).unwrap();
    let source =
        HttpUpstream::named_by_host(&upstream.url(), &Builder::new(clients.clone(), Deadlines::default()))
            .unwrap();
    upstream.on(INFO).redirect(&format!("{host}/secret"));
    let error = read(&source, INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Redirect(RedirectFault::OutboundProxy)), "{error:?}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_outbound_proxy_is_used_for_names_and_not_for_loopback() {
    let proxy = Upstream::start().await;
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    let outbound = Outbound { http: Some(proxy.address().to_string()), ..Outbound::default() };
    let network = Network { outbound, ..Network::default() };
    let clients = source::Clients::new(&network, std::time::Duration::from_secs(5)).unwrap();
    let near =
        HttpUpstream::named_by_host(&upstream.url(), &Builder::new(clients.clone(), Deadlines::default()))
            .unwrap();
    assert_eq!(read(&near, INFO).await.unwrap(), b"{}");
    assert_eq!(proxy.connections(), 0);
    let far = HttpUpstream::named_by_host(
        "http://far.example",
        &Builder::new(clients.clone(), Deadlines::default()),
    )
    .unwrap();
    let _ = read(&far, INFO).await;
    assert_eq!(proxy.requests()[0].target, format!("http://far.example{INFO}"));
}

#[tokio::test]
async fn continuing_a_body_goes_through_the_redirect_again() {
    let upstream = Upstream::start().await;
    upstream.put("/store/1", "0123456789");
    upstream.on("/store/1").etag("\"one\"");
    upstream.on(ZIP).redirect("/store/1");
    let resume = Resume { offset: 4, etag: "\"one\"".to_owned() };
    let rest = source(&upstream).fetch_from(&request(ZIP), &resume).await.unwrap();
    assert_eq!(body(rest).await.unwrap(), b"456789");
    assert_eq!(upstream.paths(), [ZIP, "/store/1"]);
}

#[tokio::test]
async fn the_connection_that_redirected_is_used_again() {
    let upstream = Upstream::start().await;
    upstream.put("/store/1", "content");
    upstream.on(ZIP).redirect("/store/1");
    let source = source(&upstream);
    for _ in 0..3 {
        read(&source, ZIP).await.unwrap();
    }
    assert_eq!(upstream.connections(), 1);
}
