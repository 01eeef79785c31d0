//! What only happens over https: certificates, credentials, and the refusal to leave it.
//!
//! A relay ends TLS in front of the fake upstream, which speaks plain HTTP behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use source::{
    Builder, Clients, ClientsError, Deadlines, Guard, HttpUpstream, Network, RedirectFault, SourceError,
};
use testkit::Upstream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::ask::{INFO, ZIP, read};

/// `Basic` of `user:s@cret`.
const AUTHORIZATION: &str = "Basic dXNlcjpzQGNyZXQ=";

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls").join(name)
}

/// An upstream with TLS in front. Dropped, the relay is gone.
struct Secure {
    upstream: Upstream,
    address: SocketAddr,
    relay: JoinHandle<()>,
}

impl Secure {
    async fn start() -> Self {
        let upstream = Upstream::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = tokio::spawn(relay(listener, upstream.address()));
        Self { upstream, address, relay }
    }

    /// The authority part of its URL.
    fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, to: SocketAddr) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_file(pem("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(pem("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // A client that does not trust us breaks off here.
            let Ok(mut near) = acceptor.accept(stream).await else { return };
            let mut far = TcpStream::connect(to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

fn clients(allow: &[&str]) -> Clients {
    let allow = allow.iter().map(|block| block.parse().unwrap()).collect();
    let network =
        Network { guard: Guard::new(allow), authorities: Some(pem("ca.pem")), ..Network::default() };
    Clients::new(&network, Duration::from_secs(5)).unwrap()
}

fn source(base: &str, allow: &[&str]) -> HttpUpstream {
    HttpUpstream::named_by_host(base, &Builder::new(clients(allow), Deadlines::default())).unwrap()
}

fn authorizations(upstream: &Upstream) -> Vec<Option<String>> {
    upstream.requests().iter().map(|seen| seen.header("authorization").map(str::to_owned)).collect()
}

#[tokio::test]
async fn an_authority_of_a_file_is_trusted_and_without_it_nothing_is_sent() {
    let secure = Secure::start().await;
    secure.upstream.put(INFO, "{}");
    let base = format!("https://{}", secure.host());
    assert_eq!(read(&source(&base, &[]), INFO).await.unwrap(), b"{}");
    secure.upstream.forget();
    let others = Clients::new(&Network::default(), Duration::from_secs(5)).unwrap();
    let distrusting =
        HttpUpstream::named_by_host(&base, &Builder::new(others, Deadlines::default())).unwrap();
    let error = read(&distrusting, INFO).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(secure.upstream.requests().is_empty());
}

#[test]
fn a_file_without_an_authority_is_refused() {
    let with = |file: PathBuf| {
        let network = Network { authorities: Some(file), ..Network::default() };
        Clients::new(&network, Duration::from_secs(5)).unwrap_err()
    };
    assert!(matches!(with(pem("README.md")), ClientsError::NoAuthorities { .. }));
    assert!(matches!(with(pem("nowhere.pem")), ClientsError::ReadAuthorities { .. }));
}

#[tokio::test]
async fn credentials_are_sent_to_their_own_origin_and_shown_nowhere() {
    let secure = Secure::start().await;
    secure.upstream.put("/store/1", "content");
    secure.upstream.on(ZIP).redirect("/store/1");
    let source = source(&format!("https://user:s%40cret@{}", secure.host()), &[]);
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    assert_eq!(
        authorizations(&secure.upstream),
        [Some(AUTHORIZATION.to_owned()), Some(AUTHORIZATION.to_owned())]
    );
    let error = read(&source, INFO).await.unwrap_err();
    let shown = format!("{source:?} {error:?} {error}");
    assert!(!shown.contains("cret") && !shown.contains("user"), "{shown}");
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_origin() {
    let (secure, other) = (Secure::start().await, Secure::start().await);
    other.upstream.put("/store/1", "content");
    secure.upstream.on(ZIP).redirect(&format!("https://{}/store/1", other.host()));
    let source = source(&format!("https://user:s%40cret@{}", secure.host()), &["127.0.0.1", "::1"]);
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    assert_eq!(authorizations(&secure.upstream), [Some(AUTHORIZATION.to_owned())]);
    assert_eq!(authorizations(&other.upstream), [None]);
}

#[tokio::test]
async fn credentials_are_sent_again_when_a_redirect_comes_back() {
    let (secure, other) = (Secure::start().await, Secure::start().await);
    secure.upstream.put("/store/1", "content");
    secure.upstream.on(ZIP).redirect(&format!("https://{}/back", other.host()));
    other.upstream.on("/back").redirect(&format!("https://{}/store/1", secure.host()));
    let source = source(&format!("https://user:s%40cret@{}", secure.host()), &["127.0.0.1", "::1"]);
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    assert_eq!(authorizations(&secure.upstream).len(), 2);
    assert_eq!(authorizations(&secure.upstream)[1].as_deref(), Some(AUTHORIZATION));
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused_whatever_is_allowed() {
    let secure = Secure::start().await;
    let plain = secure.upstream.url();
    secure.upstream.on(ZIP).redirect(&format!("{plain}/store/1"));
    let error =
        read(&source(&format!("https://{}", secure.host()), &["127.0.0.0/8"]), ZIP).await.unwrap_err();
    assert!(matches!(error, SourceError::Redirect(RedirectFault::Downgrade)), "{error:?}");
    assert_eq!(secure.upstream.requests().len(), 1);
}
