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
    Builder, Clients, ClientsError, Credential, CredentialError, Credentials, Deadlines, Guard, HttpUpstream,
    Netrc, Network, RedirectFault, SourceError,
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

/// The upstream under its own https URL, with these credentials.
fn with_credentials(secure: &Secure, credentials: Credentials) -> HttpUpstream {
    let builder = Builder::new(clients(&["127.0.0.1", "::1"]), Deadlines::default());
    let base = format!("https://{}", secure.host());
    HttpUpstream::named_by_host(&base, &builder.with_credentials(credentials)).unwrap()
}

fn token(origin: &str) -> Credentials {
    let credential = Credential::Bearer { token: "hunter2".to_owned() };
    Credentials::default().with(origin, &credential).unwrap()
}

#[tokio::test]
async fn a_listed_credential_is_sent_on_each_hop_to_its_origin_and_shown_nowhere() {
    let secure = Secure::start().await;
    secure.upstream.put("/store/1", "content");
    secure.upstream.on(ZIP).redirect("/store/1");
    let credentials = token(&format!("https://{}/", secure.host()));
    let source = with_credentials(&secure, credentials.clone());
    assert_eq!(read(&source, ZIP).await.unwrap(), b"content");
    let bearer = Some("Bearer hunter2".to_owned());
    assert_eq!(authorizations(&secure.upstream), [bearer.clone(), bearer]);
    let error = read(&source, INFO).await.unwrap_err();
    let shown = format!("{source:?} {error:?} {error} {credentials:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("Bearer"), "{shown}");
}

#[tokio::test]
async fn a_listed_credential_goes_to_no_other_origin_not_even_to_one_that_is_listed_too() {
    let (secure, other) = (Secure::start().await, Secure::start().await);
    other.upstream.put("/store/1", "content");
    secure.upstream.on(ZIP).redirect(&format!("https://{}/store/1", other.host()));
    let both = token(&format!("https://{}", secure.host()));
    let credential = Credential::Basic { username: "user".to_owned(), password: "s@cret".to_owned() };
    let both = both.with(&format!("https://{}", other.host()), &credential).unwrap();
    assert_eq!(read(&with_credentials(&secure, both), ZIP).await.unwrap(), b"content");
    assert_eq!(authorizations(&secure.upstream), [Some("Bearer hunter2".to_owned())]);
    assert_eq!(authorizations(&other.upstream), [None], "who redirects must not choose what is read with it");
}

#[tokio::test]
async fn a_credential_for_another_port_or_host_is_not_sent() {
    let secure = Secure::start().await;
    secure.upstream.put(INFO, "{}");
    for origin in ["https://localhost", "https://127.0.0.1:1", "https://other.localhost:1"] {
        read(&with_credentials(&secure, token(origin)), INFO).await.unwrap();
    }
    for machine in ["localhost", "127.0.0.1", "localhost:1"] {
        let netrc = Netrc::parse(&format!("machine {machine} login user password s@cret"));
        read(&with_credentials(&secure, Credentials::default().with_netrc(netrc)), INFO).await.unwrap();
    }
    assert!(authorizations(&secure.upstream).iter().all(Option::is_none));
}

#[tokio::test]
async fn nothing_is_sent_over_plain_http() {
    let upstream = Upstream::start().await;
    upstream.put(INFO, "{}");
    let machine = upstream.address();
    let netrc = Netrc::parse(&format!("machine {machine} login user password s@cret"));
    let credentials = token(&format!("https://{machine}")).with_netrc(netrc);
    let builder = Builder::new(clients(&[]), Deadlines::default()).with_credentials(credentials);
    read(&HttpUpstream::named_by_host(&upstream.url(), &builder).unwrap(), INFO).await.unwrap();
    assert_eq!(authorizations(&upstream), [None]);
    let plain =
        Credentials::default().with("http://proxy.corp", &Credential::Bearer { token: "x".to_owned() });
    assert_eq!(plain.unwrap_err(), CredentialError::Insecure);
}

#[tokio::test]
async fn the_user_in_the_url_comes_before_the_list_and_the_list_before_netrc() {
    let secure = Secure::start().await;
    secure.upstream.put(INFO, "{}");
    let netrc = || Netrc::parse(&format!("machine {} login user password s@cret", secure.host()));
    let listed = token(&format!("https://{}", secure.host())).with_netrc(netrc());
    let unlisted = Credentials::default().with_netrc(netrc());
    for (user, credentials, sent) in [
        ("", unlisted, AUTHORIZATION),
        ("", listed.clone(), "Bearer hunter2"),
        ("me:too@", listed, "Basic bWU6dG9v"),
    ] {
        secure.upstream.forget();
        let builder = Builder::new(clients(&[]), Deadlines::default()).with_credentials(credentials);
        let base = format!("https://{user}{}", secure.host());
        read(&HttpUpstream::named_by_host(&base, &builder).unwrap(), INFO).await.unwrap();
        let seen = secure.upstream.requests().remove(0);
        let all: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "authorization").collect();
        assert_eq!(all, [&("authorization".to_owned(), sent.to_owned())]);
    }
}

#[test]
fn what_cannot_be_a_credential_is_refused_without_being_shown() {
    let with = |origin: &str, credential| Credentials::default().with(origin, &credential).unwrap_err();
    let bearer = |token: &str| Credential::Bearer { token: token.to_owned() };
    for origin in
        ["proxy.corp", "https://", "https://p.corp/x", "https://u@p.corp", "https://p.corp?x", "ftp://p"]
    {
        assert_eq!(with(origin, bearer("x")), CredentialError::Origin, "{origin}");
    }
    assert_eq!(with("https://p.corp", bearer("a\nb")), CredentialError::Unsendable);
    let colon = Credential::Basic { username: "a:b".to_owned(), password: "hunter2".to_owned() };
    assert_eq!(format!("{colon:?}"), "Credential(****)");
    assert_eq!(with("https://p.corp", colon), CredentialError::Colon);
    let again = token("https://p.corp").with("https://P.corp:443/", &bearer("y")).unwrap_err();
    assert_eq!(again, CredentialError::Repeated);
}
