//! From a `GOPROXY` list to sources that can be asked.
//!
//! The grammar and its faults are `gomod::goproxy`'s; what is left to refuse here is what only a client of the
//! protocol knows, such as a password that would travel over plain http. Faults name the entry by its place and
//! its host, never by its URL.

use std::sync::Arc;

use gomod::goproxy::{ProxyList, ProxyScheme, ProxyTarget, ProxyUrl};

use crate::clients::Clients;
use crate::credential::Via;
use crate::{
    Chain, Conduct, Credentials, Deadlines, HttpUpstream, Link, NoDirect, Origins, Source, Tree, TreeError,
    UpstreamError,
};

/// The configured name of every file tree.
const TREE_NAME: &str = "file";

/// What sources are made with.
#[derive(Clone)]
pub struct Builder {
    pub(crate) clients: Clients,
    pub(crate) deadlines: Deadlines,
    pub(crate) conduct: Arc<Conduct>,
    pub(crate) origins: Origins,
    pub(crate) credentials: Credentials,
    direct: Arc<dyn Source>,
}

/// Why an entry of a list cannot be a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {place} of the list cannot be used")]
pub struct ChainError {
    /// Which entry, from 1.
    pub place: usize,
    /// What is wrong with it.
    #[source]
    pub fault: SourceFault,
}

/// What is wrong with the URL of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// A proxy that cannot be asked.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A tree that cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Builder {
    /// A builder for which `direct` says that it is not set up, upstreams are new, and treated as by default.
    pub fn new(clients: Clients, deadlines: Deadlines) -> Self {
        let (conduct, origins) = (Arc::default(), Origins::default());
        let credentials = Credentials::default();
        Self { clients, deadlines, conduct, origins, credentials, direct: Arc::new(NoDirect) }
    }

    /// Goes on with what is known of upstreams from before.
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// Sends each upstream what these have for its origin.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Treats upstreams by these rules.
    #[must_use]
    pub fn with_conduct(self, conduct: Conduct) -> Self {
        Self { conduct: Arc::new(conduct), ..self }
    }

    /// Puts a source in the place of `direct`.
    #[must_use]
    pub fn with_direct(self, direct: Arc<dyn Source>) -> Self {
        Self { direct, ..self }
    }

    /// What a credential that makes its own tokens asks over.
    pub(crate) fn via(&self) -> Via {
        Via { clients: self.clients.clone(), deadlines: self.deadlines.clone() }
    }

    /// The source that a URL names: a proxy under its `host[:port]`, a tree under `file`.
    pub fn source(&self, url: &ProxyUrl) -> Result<Arc<dyn Source>, SourceFault> {
        Ok(match url.scheme() {
            ProxyScheme::File => Arc::new(Tree::from_url(TREE_NAME, url.as_str())?),
            ProxyScheme::Http | ProxyScheme::Https => {
                Arc::new(HttpUpstream::named_by_host(url.as_str(), self)?)
            }
        })
    }
}

impl Chain {
    /// Builds the sources of a list. `direct` and `off` end it.
    pub fn from_list(list: &ProxyList, builder: &Builder) -> Result<Self, ChainError> {
        let mut links = Vec::new();
        for (at, entry) in list.entries().iter().enumerate() {
            match &entry.target {
                ProxyTarget::Url(url) => {
                    let source = builder.source(url).map_err(|fault| ChainError { place: at + 1, fault })?;
                    links.push(Link::new(source, entry.fallback));
                }
                ProxyTarget::Direct => {
                    links.push(Link::direct(Arc::clone(&builder.direct)));
                    break;
                }
                ProxyTarget::Off => return Ok(Self::new(links, true)),
            }
        }
        Ok(Self::new(links, false))
    }
}
