//! The HTTP clients that all upstreams share: connection pools, certificates, outbound proxies.
//!
//! There are four, made once, and a fifth that trusts any certificate, for hosts that the operator has named for it. Small answers and zips go through different pools: on HTTP/2 one host is one
//! connection, so a zip of hundreds of megabytes would stand before every `.info`; zips therefore have HTTP/1.1
//! connections of their own. And what an operator configured goes through other pools than where a redirect leads:
//! only the second kind resolves names through the address guard.
//!
//! None of them decompresses, follows redirects or reads the environment: the bytes of a module file must stay as
//! they are, redirects need our checks, and settings are handed in.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Proxy, Url};
use vcs::gate::Outbound;

use crate::{Guard, guard::Inside};

/// Idle connections kept to one host for small answers, where HTTP/2 is not spoken: a `go` command asks for some
/// ten files at a time.
const SMALL_IDLE_PER_HOST: usize = 16;
/// Idle connections kept to one host for zips.
const LARGE_IDLE_PER_HOST: usize = 8;
/// How long an idle connection is kept; common servers close theirs after 60 to 120 s.
const IDLE_FOR: Duration = Duration::from_secs(55);
/// How often a silent peer is probed, so that a dead connection does not wait for a deadline.
const PROBE_EVERY: Duration = Duration::from_secs(30);
/// Hosts that are never reached through an outbound proxy (Go's `http.ProxyFromEnvironment`).
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1";

/// What of the network is the operator's choice.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What redirects may reach.
    pub guard: Guard,
    /// A PEM file of certificate authorities in place of the system's (`SSL_CERT_FILE`).
    pub authorities: Option<PathBuf>,
    /// Outbound proxies.
    pub outbound: Outbound,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The file of certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {path}")]
    ReadAuthorities {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The file of certificate authorities holds none, or is not PEM.
    #[error("no certificate authority in {path}")]
    NoAuthorities {
        /// The file.
        path: PathBuf,
    },
    /// An outbound proxy's URL is none. The URL is not repeated: it may carry a password.
    #[error("the outbound proxy for {scheme} is not an http or https URL")]
    Outbound {
        /// `http` or `https`.
        scheme: &'static str,
    },
    /// The TLS library refused, for instance because the system has no certificate authorities.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
}

/// The shared clients. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    own: Pair,
    guarded: Pair,
    /// Guarded too, for hosts whose certificates are not checked (GOINSECURE). Keeps no connections.
    insecure: Client,
    guard: Arc<Guard>,
    outbound_hosts: Arc<HashSet<String>>,
}

#[derive(Clone)]
struct Pair {
    small: Client,
    large: Client,
}

impl Clients {
    /// Makes the clients. `connect` bounds resolving, connecting and the TLS handshake.
    pub fn new(network: &Network, connect: Duration) -> Result<Self, ClientsError> {
        // Fails only if a provider is installed already, and then that one is used.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authorities = authorities(network)?;
        let proxies = proxies(&network.outbound)?;
        let guard = Arc::new(network.guard.clone());
        let outbound_hosts: HashSet<String> = proxies.iter().map(|(_, host)| host.clone()).collect();
        let outbound_hosts = Arc::new(outbound_hosts);
        let resolver = Arc::new(Guarded { guard: Arc::clone(&guard), trusted: Arc::clone(&outbound_hosts) });
        let base = || {
            let mut builder = plain(connect);
            if let Some(authorities) = &authorities {
                builder = builder.tls_certs_only(authorities.iter().cloned());
            }
            proxies.iter().fold(builder, |builder, (proxy, _)| builder.proxy(proxy.clone()))
        };
        let guarded = || base().dns_resolver(Arc::clone(&resolver));
        let insecure = guarded().tls_danger_accept_invalid_certs(true).pool_max_idle_per_host(0);
        Ok(Self {
            own: Pair::build(base)?,
            guarded: Pair::build(guarded)?,
            insecure: insecure.build().map_err(ClientsError::Tls)?,
            guard,
            outbound_hosts,
        })
    }

    /// The client for a body of some size, to the operator's own choice of host or to one from a redirect.
    pub(crate) fn pick(&self, large: bool, own: bool) -> &Client {
        let pair = if own { &self.own } else { &self.guarded };
        if large { &pair.large } else { &pair.small }
    }

    /// The client that trusts any certificate; nothing secret is sent over it.
    pub(crate) fn insecure(&self) -> &Client {
        &self.insecure
    }

    /// The guard for literal addresses.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Whether the host is an outbound proxy, which the guarding resolver has to let through.
    pub(crate) fn is_outbound(&self, host: &str) -> bool {
        self.outbound_hosts.contains(&host.to_ascii_lowercase())
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Pair {
    fn build(base: impl Fn() -> ClientBuilder) -> Result<Self, ClientsError> {
        let small = base().pool_max_idle_per_host(SMALL_IDLE_PER_HOST);
        let large = base().pool_max_idle_per_host(LARGE_IDLE_PER_HOST).http1_only();
        Ok(Self {
            small: small.build().map_err(ClientsError::Tls)?,
            large: large.build().map_err(ClientsError::Tls)?,
        })
    }
}

/// What all clients have in common. Deadlines beyond connecting are kept by each request.
#[expect(clippy::disallowed_methods, reason = "the one door for HTTP clients")]
fn plain(connect: Duration) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Client::builder()
        .user_agent(concat!("Larder/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE_FOR)
        .tcp_nodelay(true)
        .tcp_keepalive(PROBE_EVERY)
        .http2_keep_alive_interval(PROBE_EVERY)
}

fn authorities(network: &Network) -> Result<Option<Vec<Certificate>>, ClientsError> {
    let Some(path) = &network.authorities else { return Ok(None) };
    let read = std::fs::read(path);
    let pem = read.map_err(|cause| ClientsError::ReadAuthorities { path: path.clone(), cause })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(Some(found)),
        _ => Err(ClientsError::NoAuthorities { path: path.clone() }),
    }
}

/// The outbound proxies, each with its host.
fn proxies(outbound: &Outbound) -> Result<Vec<(Proxy, String)>, ClientsError> {
    let except = format!("{NEVER_PROXIED},{}", outbound.except.as_deref().unwrap_or_default());
    let mut found = Vec::new();
    for (scheme, url) in [("http", &outbound.http), ("https", &outbound.https)] {
        let Some(url) = url.as_deref().filter(|url| !url.is_empty()) else { continue };
        let fault = || ClientsError::Outbound { scheme };
        // `host:port` without a scheme is an http proxy, as for Go.
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed = Url::parse(&url).map_err(|_| fault())?;
        let host = parsed.host_str().ok_or_else(fault)?.to_owned();
        let proxy = match (parsed.scheme(), scheme) {
            ("http" | "https", "http") => Proxy::http(parsed),
            ("http" | "https", _) => Proxy::https(parsed),
            _ => return Err(fault()),
        };
        let proxy = proxy.map_err(|_| fault())?.no_proxy(NoProxy::from_string(&except));
        found.push((proxy, host));
    }
    Ok(found)
}

/// Resolves names as the system does and drops addresses that the guard refuses.
struct Guarded {
    guard: Arc<Guard>,
    /// Outbound proxies: their addresses are the operator's choice. A redirect to one of them is refused before.
    trusted: Arc<HashSet<String>>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        let trusted = self.trusted.contains(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = if trusted { found.collect() } else { outside(&guard, found)? };
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a name that may be connected to. A name that has some inside and some outside leads to those outside.
fn outside(guard: &Guard, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Inside> {
    let (mut kept, mut refused) = (Vec::new(), None);
    for address in found {
        match guard.check(address.ip()) {
            Ok(()) => kept.push(address),
            Err(inside) => refused = Some(inside),
        }
    }
    match refused {
        Some(inside) if kept.is_empty() => Err(inside),
        _ => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_addresses_inside_and_outside_leads_to_those_outside() {
        let guard = Guard::default();
        let found = |addresses: &[&str]| {
            let addresses = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            let kept = outside(&guard, addresses.collect::<Vec<_>>().into_iter())?;
            Ok(kept.iter().map(|address| address.ip().to_string()).collect())
        };
        let refused = |ip: &str| -> Result<Vec<String>, Inside> { Err(Inside(ip.parse().unwrap())) };
        for mixed in [
            &["127.0.0.1", "192.0.2.7"] as &[&str],
            &["192.0.2.7", "10.0.0.1", "::1", "fe80::1"],
            &["::ffff:169.254.169.254", "64:ff9b::7f00:1", "192.0.2.7", "::ffff:10.0.0.1"],
        ] {
            assert_eq!(found(mixed), Ok(vec!["192.0.2.7".to_owned()]), "{mixed:?}");
        }
        assert_eq!(found(&["10.0.0.1", "64:ff9b::7f00:1"]), refused("64:ff9b::7f00:1"));
        assert_eq!(found(&[]), Ok(Vec::new()));
    }
}
