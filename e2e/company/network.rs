//! The way into the network: a proxy that leads to the company's own hosts, with their certificates, and nowhere else.
//!
//! Names such as `corp.example` have no addresses. Who asks this proxy for a tunnel to one is connected to a server on
//! loopback, behind a certificate of the company's authority for that name. It stands in for routers, DNS and the TLS of
//! real servers, and knows all that was asked for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The certificate of the company's authority.
pub(crate) fn authority() -> PathBuf {
    pem("ca.pem")
}

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/testdata/tls").join(name)
}

/// The network. Dropped, it is gone.
pub(crate) struct Network {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    hosts: Mutex<BTreeMap<String, SocketAddr>>,
    asked: Mutex<Vec<String>>,
    acceptor: TlsAcceptor,
}

impl Network {
    /// A network without hosts.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { hosts: Mutex::default(), asked: Mutex::default(), acceptor: acceptor() });
        let known = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(lead(stream, known.clone()));
            }
        });
        Self { url, shared, accepting }
    }

    /// From now on, `https://NAME` is answered by a server that speaks plain http at this address.
    pub(crate) fn leads(&self, name: &str, to: SocketAddr) {
        self.shared.hosts.lock().unwrap().insert(format!("{name}:443"), to);
    }

    /// What `HTTPS_PROXY` says of it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The hosts that were asked for, `name:port`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_file(pem("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(pem("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// One tunnel; `None` when somebody breaks off, which is no fault here.
async fn lead(mut stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or(&head);
    shared.asked.lock().unwrap().push(target.to_owned());
    let to = shared.hosts.lock().unwrap().get(target).copied();
    let Some(to) = to else {
        let answer = "HTTP/1.1 502 no such host\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(answer.as_bytes()).await.ok();
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    let mut near = shared.acceptor.accept(stream).await.ok()?;
    let mut far = TcpStream::connect(to).await.ok()?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok().map(drop)
}
