//! From a target to a connection: the name is resolved, its addresses are checked, and one of those is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::head::authority;
use super::{Check, GateSettings, Incident, Outbound, Target};

/// Bytes of an outbound proxy's answer before the tunnel.
const MAX_ANSWER_BYTES: usize = 8 << 10;

/// How targets are reached.
pub(super) struct Roads {
    check: Check,
    matcher: Matcher,
    connect: std::time::Duration,
}

/// A connection, and what the next hop must be told.
pub(super) struct Road {
    /// To the target, or to an outbound proxy.
    pub(super) stream: TcpStream,
    /// The header that shows an outbound proxy who we are; only for a plain request, which it must get in absolute form.
    pub(super) proxy: Option<Proxy>,
}

/// An outbound proxy that a plain request is sent to.
pub(super) struct Proxy {
    /// `Proxy-Authorization: …` and a line's end, or nothing.
    pub(super) header: String,
}

impl Roads {
    /// # Errors
    /// An outbound proxy is one that cannot be used: no `http` URL.
    pub(super) fn new(settings: GateSettings) -> io::Result<Self> {
        let GateSettings { check, outbound, connect, .. } = settings;
        let Outbound { http, https, except } = outbound;
        for url in [&http, &https].into_iter().flatten() {
            let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
            if !scheme.eq_ignore_ascii_case("http") {
                let what =
                    format!("an outbound proxy for version control must be an http:// URL, not {scheme}://");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
        let matcher = Matcher::builder()
            .http(http.unwrap_or_default())
            .https(https.unwrap_or_default())
            .no(except.unwrap_or_default())
            .build();
        Ok(Self { check, matcher, connect })
    }

    /// A tunnel to a target.
    pub(super) async fn tunnel(&self, target: &Target, is_direct: bool) -> Result<TcpStream, Incident> {
        let proxy = if is_direct { None } else { self.proxy("https", target) };
        let Some(proxy) = proxy else { return self.straight(target).await };
        self.check_literal(target)?;
        let through = async {
            let mut stream = connect_proxy(&proxy).await?;
            let host = bracketed(target);
            let ask = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{}\r\n", authorization(&proxy));
            stream.write_all(ask.as_bytes()).await?;
            accepted(&mut stream).await?;
            Ok::<_, io::Error>(stream)
        };
        in_time(timeout(self.connect, through).await)
    }

    /// A connection for a plain request to a target.
    pub(super) async fn plain(&self, target: &Target) -> Result<Road, Incident> {
        let Some(proxy) = self.proxy("http", target) else {
            return Ok(Road { stream: self.straight(target).await?, proxy: None });
        };
        self.check_literal(target)?;
        let stream = in_time(timeout(self.connect, connect_proxy(&proxy)).await)?;
        Ok(Road { stream, proxy: Some(Proxy { header: authorization(&proxy) }) })
    }

    fn proxy(&self, scheme: &str, target: &Target) -> Option<Intercept> {
        let uri: Uri = format!("{scheme}://{}/", bracketed(target)).parse().ok()?;
        self.matcher.intercept(&uri)
    }

    /// An outbound proxy resolves names itself, so that only what is no name can be checked.
    fn check_literal(&self, target: &Target) -> Result<(), Incident> {
        match target.host.parse::<IpAddr>() {
            Ok(address) if !(self.check)(address) => Err(Incident::Inside(address)),
            // Names of this host; what else a name may be, only the proxy knows.
            Err(_) if target.host == "localhost" || target.host.ends_with(".localhost") => {
                let here = IpAddr::from([127, 0, 0, 1]);
                if (self.check)(here) { Ok(()) } else { Err(Incident::Inside(here)) }
            }
            // `0x7f.1` and the like, which resolvers take for addresses.
            Err(_)
                if target
                    .host
                    .rsplit('.')
                    .next()
                    .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                Err(Incident::Inside(IpAddr::from([0, 0, 0, 0])))
            }
            _ => Ok(()),
        }
    }

    async fn straight(&self, target: &Target) -> Result<TcpStream, Incident> {
        timeout(self.connect, self.first_of(target)).await.unwrap_or(Err(Incident::Unreachable))
    }

    async fn first_of(&self, target: &Target) -> Result<TcpStream, Incident> {
        let host = (target.host.as_str(), target.port);
        let found: Vec<SocketAddr> = lookup_host(host).await.map_err(|_| Incident::Unreachable)?.collect();
        let mut incident = Incident::Unreachable;
        let share = self.connect / u32::try_from(found.len().max(1)).unwrap_or(u32::MAX);
        for address in found {
            if !(self.check)(address.ip()) {
                incident = Incident::Inside(address.ip());
            } else if let Ok(Ok(stream)) = timeout(share, TcpStream::connect(address)).await {
                return Ok(stream);
            }
        }
        Err(incident)
    }
}

fn in_time<T>(result: Result<io::Result<T>, tokio::time::error::Elapsed>) -> Result<T, Incident> {
    result.ok().and_then(Result::ok).ok_or(Incident::Unreachable)
}

async fn connect_proxy(proxy: &Intercept) -> io::Result<TcpStream> {
    let address = proxy.uri().authority().and_then(|text| authority(text.as_str(), Some(80)));
    let Target { host, port } = address.ok_or(io::ErrorKind::InvalidInput)?;
    TcpStream::connect((host, port)).await
}

/// What shows an outbound proxy who we are, as a header with its line's end.
fn authorization(proxy: &Intercept) -> String {
    if let Some(value) = proxy.basic_auth().and_then(|value| value.to_str().ok()) {
        return format!("Proxy-Authorization: {value}\r\n");
    }
    proxy.raw_auth().map_or_else(String::new, |(user, password)| {
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
    })
}

/// Reads an outbound proxy's answer, byte by byte, since what follows it is not ours.
async fn accepted(stream: &mut TcpStream) -> io::Result<()> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        answer.push(stream.read_u8().await?);
    }
    let code = answer.split(|byte| *byte == b' ').nth(1);
    let is_fine = code.is_some_and(|code| code.starts_with(b"2"));
    if is_fine { Ok(()) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
}

/// A target as URLs and `CONNECT` have it.
pub(super) fn bracketed(target: &Target) -> String {
    let Target { host, port } = target;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
