//! Where module files come from: another proxy over HTTP, a file tree, version control.
//!
//! Knows nothing of caches. A [`Source`] answers one [`gomod::Request`] with a stream of bytes or with a
//! [`SourceError`] that says whether the thing is absent or the source is in trouble. The sources of a `GOPROXY`
//! list are a [`Chain`], and a [`Walk`] goes over it with the go command's rules. [`Routes`] says which chain
//! belongs to a module path, and keeps private paths away from proxies.
//!
//! What it promises: an outage is never reported as absence; a body that ends without an error was not cut where
//! the protocol can tell; credentials reach their own origin only; a redirect reaches no inside address
//! ([`Guard`]); an upstream in trouble is not asked more for it ([`Origin`]). What is deliberately not here: whether
//! the bytes are right (that is for whoever verifies them), and any reading of the environment.
//!
//! The rules come from the go command: `modfetch/proxy.go` (which proxies, in which order), `web/http.go` and
//! `web/api.go` (statuses, redirects, error texts).

mod failure;
mod limits;
mod text;

mod block;
mod guard;

mod conduct;
mod credential;
mod health;
mod origin;

mod clients;
mod shelf;
mod upstream;

mod tree;

pub mod direct;

mod build;
mod chain;
mod routes;
mod walk;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

pub use block::{IpNet, IpNetError};
pub use build::{Builder, ChainError, SourceFault};
pub use chain::{Chain, Link};
pub use clients::{Clients, ClientsError, Network};
pub use conduct::{Breaker, Budget, Conduct, Retry};
pub use credential::{
    App, AppKey, AppSettings, AppState, Apps, Credential, CredentialError, Credentials, Installation, Listed,
    Netrc, NoToken, TokenFault, Trust,
};
pub use direct::{Direct, DirectParts, NoDirect, Repositories};
pub use failure::{Cause, Class, Malformed, RedirectFault, SourceError};
pub use gomod::goproxy::Fallback;
pub use guard::{Guard, Inside};
pub use health::{Health, InFlight, Latency, Outcome, State};
pub use limits::{Deadline, Deadlines};
pub use origin::{Origin, Origins};
pub use routes::{RouteError, Routed, Routes};
pub use tree::{Found, Offer, Tree, TreeError};
pub use upstream::{HttpUpstream, UpstreamError};
pub use vcs::gate::Outbound;
pub use walk::{Line, Walk, WalkError};

/// A place that answers module requests.
///
/// The contract: `fetch` resolves when the head of the answer is known, and the body then arrives with the
/// stream; dropping the future or the stream ends the work. An error of class [`Class::Absent`] or
/// [`Class::Withdrawn`] is a statement of the source itself, never the result of a fault on the way to it. A
/// stream that ends without an error item delivered [`Fetched::size`] bytes where that is known.
pub trait Source: Send + Sync + 'static {
    /// The configured name, for headers, logs and texts: for a proxy its `host[:port]`, for a tree `file`, for
    /// version control `direct`. Never a URL, so never a secret.
    fn name(&self) -> &str;

    /// Asks for one thing.
    fn fetch<'a>(&'a self, request: &'a gomod::Request) -> BoxFuture<'a, Result<Fetched, SourceError>>;

    /// Asks for the rest of a body that broke off. Only the same content may be continued, so the answer is
    /// [`SourceError::NotResumable`] unless the source proves by `resume.etag` that nothing changed. The size of
    /// the answer is that of the rest.
    fn fetch_from<'a>(
        &'a self,
        request: &'a gomod::Request,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        let _ = (request, resume);
        Box::pin(async { Err(SourceError::NotResumable) })
    }
}

/// Where to continue a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resume {
    /// Bytes that are already here; at least one.
    pub offset: u64,
    /// The strong entity tag that came with those bytes ([`Fetched::etag`]).
    pub etag: String,
}

/// A successful answer whose body is still arriving.
pub struct Fetched {
    /// Length of the body in bytes, if the source declared one.
    pub size: Option<u64>,
    /// The declared media type; a source's word, not a check.
    pub content_type: Option<String>,
    /// The entity tag with its quotes, if it is a strong one (RFC 9110, section 8.8.3).
    pub etag: Option<String>,
    /// The body. The first error item is the last item.
    pub body: BoxStream<'static, Result<Bytes, SourceError>>,
}

impl Fetched {
    /// Reads the body to its end. What is asked for this way is bounded by what an answer of its kind may have.
    pub async fn whole(self) -> Result<Bytes, SourceError> {
        self.at_most(usize::MAX).await
    }

    /// Reads the body to its end; one that is longer than `max` bytes is refused.
    pub async fn at_most(mut self, max: usize) -> Result<Bytes, SourceError> {
        let first = self.body.next().await.transpose()?.unwrap_or_default();
        let mut whole = BytesMut::new();
        let mut length = first.len();
        while let Some(piece) = self.body.next().await.transpose()? {
            length = length.saturating_add(piece.len());
            if length > max {
                break;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
        }
        if length > max {
            return Err(SourceError::Malformed(Malformed::TooLarge { max: max as u64 }));
        }
        // What came in one piece, as most answers do, is not copied.
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched")
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}
