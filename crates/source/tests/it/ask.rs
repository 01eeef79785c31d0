//! What the flows against an upstream have in common: a client on loopback, and one question with its whole body.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use gomod::Request;
use source::{
    Builder, Clients, Conduct, Deadlines, Fetched, Guard, Health, HttpUpstream, Network, Origins, Source,
    SourceError,
};
use testkit::Upstream;

/// Paths of one module version.
pub(crate) const INFO: &str = "/example.com/m/@v/v1.0.0.info";
pub(crate) const ZIP: &str = "/example.com/m/@v/v1.0.0.zip";
pub(crate) const LIST: &str = "/example.com/m/@v/list";

/// Clients whose guard has these exceptions.
pub(crate) fn clients(allow: &[&str]) -> Clients {
    let allow = allow.iter().map(|block| block.parse().unwrap()).collect();
    let network = Network { guard: Guard::new(allow), ..Network::default() };
    Clients::new(&network, Duration::from_secs(5)).unwrap()
}

/// The upstream as a source, nothing inside allowed.
pub(crate) fn source(upstream: &Upstream) -> HttpUpstream {
    patient(upstream, Deadlines::default())
}

/// The same with deadlines.
pub(crate) fn patient(upstream: &Upstream, deadlines: Deadlines) -> HttpUpstream {
    over(upstream, &Builder::new(clients(&[]), deadlines))
}

/// The upstream as this builder makes it.
pub(crate) fn over(upstream: &Upstream, builder: &Builder) -> HttpUpstream {
    HttpUpstream::named_by_host(&upstream.url(), builder).unwrap()
}

/// The upstream under these rules, and what is known of it.
pub(crate) fn under(upstream: &Upstream, conduct: Conduct) -> (HttpUpstream, Origins) {
    let origins = Origins::default();
    let builder = Builder::new(clients(&[]), Deadlines::default()).with_conduct(conduct);
    (over(upstream, &builder.with_origins(origins.clone())), origins)
}

/// What is known of the only upstream.
pub(crate) fn of(origins: &Origins) -> Health {
    origins.health().into_iter().next().unwrap()
}

pub(crate) fn request(path: &str) -> Request {
    Request::parse(path.trim_start_matches('/')).unwrap()
}

/// Asks, and reads the body to its end.
pub(crate) async fn read(source: &impl Source, path: &str) -> Result<Vec<u8>, SourceError> {
    body(source.fetch(&request(path)).await?).await
}

pub(crate) async fn body(fetched: Fetched) -> Result<Vec<u8>, SourceError> {
    let pieces: Vec<bytes::Bytes> = fetched.body.try_collect().await?;
    Ok(pieces.concat())
}
