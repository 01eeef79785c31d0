//! The certificate of the TLS listeners, which may be replaced while they run.
//!
//! Each handshake takes the pair that is there at its moment; connections that are open stay as they are. A pair is
//! used only whole: a chain and a key that belong together. TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.

mod expiry;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// A certificate with its chain and its key.
#[derive(Clone, Debug)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    expires: Option<Timestamp>,
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read, or is not PEM.
    #[error("{} cannot be read as PEM", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file without a certificate.
    #[error("no certificate is in {}", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The two do not belong together, or are of a kind that is not known.
    #[error("the certificate in {} and the key in {} cannot be used together", .cert.display(), .key.display())]
    Unusable {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

impl Pair {
    /// Reads both files.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, PairError> {
        let unread = |path: &Path| {
            let path = path.to_owned();
            move |source| PairError::Read { path, source }
        };
        let chain = CertificateDer::pem_file_iter(cert).map_err(unread(cert))?;
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unread(cert))?;
        let Some(first) = chain.first() else {
            return Err(PairError::NoCertificate { path: cert.to_owned() });
        };
        let expires = expiry::of(first);
        let secret = PrivateKeyDer::from_pem_file(key).map_err(unread(key))?;
        let certified = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider());
        let certified = certified.map_err(|source| PairError::Unusable {
            cert: cert.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        warn_of_readers(key);
        Ok(Self { key: Arc::new(certified), expires })
    }
}

/// A key that others may read is told, not refused: mounted secrets are readable for all by default (Kubernetes'
/// `defaultMode` is 0644) in places that only the container sees, and a renewal must not stop at that.
fn warn_of_readers(key: &Path) {
    let mode = std::fs::metadata(key).map(|file| file.permissions().mode()).unwrap_or_default();
    if mode & 0o007 != 0 {
        tracing::warn!(
            event = "key_open",
            "the key in {} may be read by every user of this machine; `chmod o= {}` ends that",
            key.display(),
            key.display()
        );
    }
}

/// The pair in use.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Pair>);

impl Certificates {
    /// With a pair to begin with.
    pub fn new(pair: Pair) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(pair)))
    }

    /// Uses another pair from the next handshake on. True if it is another certificate.
    pub fn put(&self, pair: &Pair) -> bool {
        let before = self.0.swap(Arc::new(pair.clone()));
        before.key.cert != pair.key.cert
    }

    /// When the certificate in use expires, if that could be read off it.
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.load().expires
    }

    /// What speaks TLS with the pair in use.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().key.clone())
    }
}
