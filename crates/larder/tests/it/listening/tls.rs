//! TLS: the handshake, the protocols, and certificates that change.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use larder::app::Renewal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use testkit::raw::{End, RawClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ask;
use crate::proxy::TestProxy;

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls").join(name)
}

/// A client that trusts the authority of the tests.
async fn connect(address: SocketAddr, protocols: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(pem(name)).unwrap()
}

/// A directory with a pair in it, and a server that shows it.
struct Shown {
    proxy: TestProxy,
    dir: TempDir,
}

impl Shown {
    fn with(more: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "one.pem", "one.key");
        let file = |name: &str| dir.path().join(name).display().to_string();
        let (cert, key) = (file("tls.pem"), file("tls.key"));
        let settings =
            [("listen", "https://127.0.0.1:0"), ("upstream", "off"), ("tls.cert", &cert), ("tls.key", &key)];
        Self { proxy: TestProxy::with_file_and("", &[&settings, more].concat()), dir }
    }
}

fn put(dir: &Path, cert: &str, key: &str) {
    std::fs::copy(pem(cert), dir.join("tls.pem")).unwrap();
    std::fs::copy(pem(key), dir.join("tls.key")).unwrap();
}

#[tokio::test]
async fn both_protocols_are_spoken_as_the_client_chooses() {
    let server = Shown::with(&[]);
    let old = connect(server.proxy.address(), &["http/1.1"]).await;
    assert_eq!(old.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(ask(old, "/readyz").await.ends_with("ready\n"));
    let home = ask(connect(server.proxy.address(), &[]).await, "/").await;
    assert!(home.contains("GOPROXY=https://localhost"), "{home}");

    let mut new = connect(server.proxy.address(), &["h2", "http/1.1"]).await;
    assert_eq!(new.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // The preface and empty settings are answered with settings.
    new.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    new.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a frame of settings, not {frame:?}");
    drop(new);
    server.proxy.stop().await;
}

#[tokio::test]
async fn strangers_at_the_handshake_disturb_nobody() {
    let server = Shown::with(&[("timeout.header_read", "300ms")]);
    let address = server.proxy.address();
    let mut plain = RawClient::connect(address).await;
    plain.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut silent = RawClient::connect(address).await;
    let mut halting = RawClient::connect(address).await;
    halting.send(b"\x16\x03\x01\x02\x00\x01").await;
    assert!(ask(connect(address, &[]).await, "/readyz").await.ends_with("ready\n"));
    assert_ne!(plain.read_to_end().await.1, End::TimedOut);
    assert_eq!(silent.read_to_end().await, (Vec::new(), End::Clean));
    assert_eq!(halting.read_to_end().await.1, End::Clean);
    assert!(ask(connect(address, &[]).await, "/readyz").await.ends_with("ready\n"));
    server.proxy.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let server = Shown::with(&[("timeout.header_read", "1h"), ("timeout.drain", "5s")]);
    let mut silent = RawClient::connect(server.proxy.address()).await;
    // Accepted in order: when this one is answered, the other has a task.
    assert!(ask(connect(server.proxy.address(), &[]).await, "/readyz").await.ends_with("ready\n"));
    server.proxy.stop().await;
    assert_eq!(silent.read_to_end().await.1, End::Clean);
}

#[tokio::test]
async fn another_certificate_is_shown_from_the_next_handshake_on() {
    let server = Shown::with(&[]);
    let address = server.proxy.address();
    let before = connect(address, &[]).await;
    assert_eq!(shown(&before), certificate("one.pem"));
    put(server.dir.path(), "two.pem", "two.key");
    let report = server.proxy.app().reloader().reload().await;
    assert_eq!((report.certificate, report.applied), (Some(Renewal::Replaced), vec![]));
    assert_eq!(shown(&connect(address, &[]).await), certificate("two.pem"));
    assert!(ask(before, "/readyz").await.ends_with("ready\n"), "an open connection goes on");
    let again = server.proxy.app().reloader().reload().await;
    assert_eq!(again.certificate, Some(Renewal::Same));
    let expires = server.proxy.app().reloader().state().certificate_expires.unwrap();
    assert!(expires.to_string().starts_with("2126-10-28T"), "{expires}");
    server.proxy.stop().await;
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_keeps_the_one_before_and_says_why() {
    let server = Shown::with(&[]);
    let (address, dir) = (server.proxy.address(), server.dir.path());
    let reload = || server.proxy.app().reloader().reload();
    put(dir, "two.pem", "one.key");
    let Some(Renewal::Kept(why)) = reload().await.certificate else { panic!("a pair that does not match") };
    assert!(why.contains("tls.pem") && why.contains("tls.key"), "{why}");
    let since = server.proxy.app().reloader().state().certificate_broken.unwrap().since;
    server.proxy.clock().advance(Duration::from_mins(1));
    for (cert, key, named) in [("", "x", "tls.pem"), ("no PEM", "x", "tls.pem")] {
        std::fs::write(dir.join("tls.pem"), cert).unwrap();
        std::fs::write(dir.join("tls.key"), key).unwrap();
        let Some(Renewal::Kept(why)) = reload().await.certificate else { panic!("{cert:?}") };
        assert!(why.contains(named), "{why}");
    }
    std::fs::remove_file(dir.join("tls.key")).unwrap();
    put(dir, "two.pem", "two.key");
    std::fs::remove_file(dir.join("tls.key")).unwrap();
    let Some(Renewal::Kept(why)) = reload().await.certificate else { panic!("no key") };
    assert!(why.contains("tls.key"), "{why}");
    assert_eq!(server.proxy.app().reloader().state().certificate_broken.unwrap().since, since);
    assert_eq!(shown(&connect(address, &[]).await), certificate("one.pem"));
    put(dir, "two.pem", "two.key");
    assert_eq!(reload().await.certificate, Some(Renewal::Replaced));
    assert_eq!(shown(&connect(address, &[]).await), certificate("two.pem"));
    assert_eq!(server.proxy.app().reloader().state().certificate_broken, None);
    server.proxy.stop().await;
}

#[tokio::test]
async fn mistakes_in_the_settings_do_not_keep_a_certificate_from_being_renewed() {
    let server = Shown::with(&[]);
    put(server.dir.path(), "two.pem", "two.key");
    let report = server.proxy.reload("upstream = 7").await;
    assert_eq!((report.mistakes.len(), report.certificate), (1, Some(Renewal::Replaced)));
    assert_eq!(shown(&connect(server.proxy.address(), &[]).await), certificate("two.pem"));
    server.proxy.stop().await;
}
