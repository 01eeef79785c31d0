//! Hosts that exist on loopback only: a proxy leads names to fake servers, with TLS where https is spoken.
//!
//! The real go command goes through the same proxy, so that it can be asked about the same hosts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use source::{Builder, Clients, Credentials, Deadlines, Guard, Network, Outbound};
use testkit::Upstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What a host's https is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Https {
    Sound,
    /// The certificate is another host's.
    Wrong,
    /// Nobody listens.
    Refused,
    /// It never answers.
    Silent,
}

#[derive(Default)]
struct Hosts(Mutex<HashMap<String, (SocketAddr, Https)>>);

pub(crate) struct World {
    address: SocketAddr,
    hosts: Arc<Hosts>,
    servers: HashMap<String, Upstream>,
    proxy: JoinHandle<()>,
}

impl World {
    /// A world with these hosts, whose https is sound.
    pub(crate) async fn of(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hosts = Arc::new(Hosts::default());
        let proxy = tokio::spawn(accept(listener, Arc::clone(&hosts)));
        let mut world = Self { address, hosts, servers: HashMap::new(), proxy };
        for name in names {
            world.servers.insert((*name).to_owned(), Upstream::start().await);
            world.https(name, Https::Sound);
        }
        world
    }

    /// The server behind a name.
    pub(crate) fn host(&self, name: &str) -> &Upstream {
        self.servers.get(name).unwrap()
    }

    /// Changes what https is like at a host.
    pub(crate) fn https(&self, name: &str, https: Https) {
        let server = self.host(name).address();
        self.hosts.0.lock().unwrap().insert(name.to_owned(), (server, https));
    }

    /// Serves a page with tags, each given by its content.
    pub(crate) fn tags(&self, path: &str, contents: &[&str]) {
        let tags =
            contents.iter().map(|content| format!("<meta name=\"go-import\" content=\"{content}\">\n"));
        self.page(path, 200, &format!("<html><head>\n{}</head><body>", tags.collect::<String>()));
    }

    /// Serves a page.
    pub(crate) fn page(&self, path: &str, status: u16, html: &str) {
        let (host, rest) = path.split_once('/').unwrap_or((path, ""));
        self.host(host).on(&format!("/{rest}")).html(status, html);
    }

    /// How often a page was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        let (host, rest) = path.split_once('/').unwrap_or((path, ""));
        self.host(host).count(&format!("/{rest}"))
    }

    pub(crate) fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn builder(&self, deadlines: Deadlines, credentials: Credentials) -> Builder {
        let proxy = Some(self.proxy());
        let outbound = Outbound { http: proxy.clone(), https: proxy, except: None };
        let network = Network { guard: Guard::default(), authorities: Some(authority()), outbound };
        let clients = Clients::new(&network, Duration::from_secs(5)).unwrap();
        Builder::new(clients, deadlines).with_credentials(credentials)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The file of the authority that all hosts are signed by.
pub(crate) fn authority() -> PathBuf {
    testdata("names/ca.pem")
}

fn acceptor(dir: &str) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_file(testdata(dir).join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(testdata(dir).join("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, hosts: Arc<Hosts>) {
    let (sound, wrong) = (acceptor("names"), acceptor("tls"));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (hosts, sound, wrong) = (Arc::clone(&hosts), sound.clone(), wrong.clone());
        connections.spawn(async move {
            lead(stream, &hosts, &sound, &wrong).await;
        });
    }
}

/// Leads one connection to where its first request wants to go.
async fn lead(mut near: TcpStream, hosts: &Hosts, sound: &TlsAcceptor, wrong: &TlsAcceptor) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let name = target.trim_start_matches("http://").split(['/', ':']).next()?.to_owned();
    let known = hosts.0.lock().unwrap().get(&name).copied();
    let Some((server, https)) = known else {
        near.write_all(b"HTTP/1.1 502 No Such Host\r\nContent-Length: 0\r\n\r\n").await.ok()?;
        return None;
    };
    if method != "CONNECT" {
        let mut far = TcpStream::connect(server).await.ok()?;
        let inner = head.replacen(&format!("http://{name}"), "", 1);
        far.write_all(inner.as_bytes()).await.ok()?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await.ok()?;
        return None;
    }
    match https {
        Https::Refused => near.write_all(b"HTTP/1.1 502 Refused\r\nContent-Length: 0\r\n\r\n").await.ok()?,
        Https::Silent => std::future::pending().await,
        Https::Sound | Https::Wrong => {
            near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            let acceptor = if https == Https::Sound { sound } else { wrong };
            let mut near = acceptor.accept(near).await.ok()?;
            let mut far = TcpStream::connect(server).await.ok()?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await.ok()?;
        }
    }
    None
}
