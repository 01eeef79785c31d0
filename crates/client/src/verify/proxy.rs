//! What a proxy serves, and the way to a checksum database through it.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;
use gomod::goproxy::{ProxyListError, ProxyUrl};
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{FileKind, H1, ModuleVersion, Request};
use source::{Builder, Source, SourceError, SourceFault};
use sumdb::Spec;

use super::hashing::zip_hash;
use crate::target::own_way;

/// A proxy that is compared too.
#[derive(Clone)]
pub struct Proxy {
    source: Arc<dyn Source>,
    zips: bool,
}

/// Why a proxy cannot be asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is no URL.
    #[error("the proxy is not an http, https or file URL")]
    Url(#[source] ProxyListError),
    /// The URL cannot be used.
    #[error("the proxy cannot be used")]
    Fault(#[source] SourceFault),
    /// The address of the database cannot be used.
    #[error("the address of the checksum database cannot be used")]
    Database(#[source] source::UpstreamError),
}

/// What a proxy has of a version; nothing where it has it not.
#[derive(Clone, Default)]
pub(super) struct Served {
    pub(super) zip: Option<Result<H1, String>>,
    pub(super) go_mod: Option<Result<H1, String>>,
}

impl Proxy {
    /// The proxy at a URL. Whether its zips are fetched is a question of how much is to be downloaded.
    pub fn at(url: &str, zips: bool, builder: &Builder) -> Result<Self, ProxyError> {
        let url = ProxyUrl::parse(url).map_err(ProxyError::Url)?;
        Ok(Self { source: builder.source(&url).map_err(ProxyError::Fault)?, zips })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// What it serves of a version.
    pub(super) async fn serves(&self, module: &ModuleVersion) -> Served {
        let go_mod = self.go_mod(module);
        let zip = async { if self.zips { self.zip(module).await } else { Ok(None) } };
        let (go_mod, zip) = tokio::join!(go_mod, zip);
        Served { zip: zip.transpose(), go_mod: go_mod.transpose() }
    }

    async fn go_mod(&self, module: &ModuleVersion) -> Result<Option<H1>, String> {
        let request = Request::File(module.clone(), FileKind::Mod);
        let answer = async { self.source.fetch(&request).await?.whole().await };
        Ok(there(answer.await)?.map(|bytes| H1::of_mod(&bytes)))
    }

    /// Fetches a zip into a file that has no name, and hashes it.
    async fn zip(&self, module: &ModuleVersion) -> Result<Option<H1>, String> {
        let request = Request::File(module.clone(), FileKind::Zip);
        let Some(mut fetched) = there(self.source.fetch(&request).await)? else { return Ok(None) };
        let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        while let Some(piece) = fetched.body.next().await {
            // Pieces are small, and the file is this machine's own.
            file.write_all(&piece.map_err(|error| error.text())?).map_err(|error| error.to_string())?;
        }
        let module = module.clone();
        let hashed = tokio::task::spawn_blocking(move || zip_hash(file.path(), &module)).await;
        hashed.map_err(|error| error.to_string())?.map(Some)
    }
}

/// What is not there is no fault of a proxy: it may hold less than there is.
fn there<T>(answer: Result<T, SourceError>) -> Result<Option<T>, String> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.text()),
    }
}

/// The way to a database: at its address if one is given, else through the proxy if that fronts it, else at its own name
/// (cmd/go `modfetch.dbClient.initBase`).
pub async fn way(
    spec: &Spec,
    proxy: Option<&Proxy>,
    builder: &Builder,
) -> Result<Arc<dyn Source>, ProxyError> {
    if let Some(proxy) = proxy.filter(|_| spec.address().is_none()) {
        let operation = SumDbOperation::Supported;
        let probe = Request::SumDb(SumDbRequest { name: Arc::from(spec.name()), operation });
        let supported = async { proxy.source.fetch(&probe).await?.whole().await };
        // In trouble it is asked all the same: what goes wrong then is told.
        if !supported.await.is_err_and(|error| error.is_absent()) {
            return Ok(proxy.source.clone());
        }
    }
    own_way(spec, builder).map_err(ProxyError::Database)
}
