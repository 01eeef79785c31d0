//! The `direct` source: fetching from version control, which is not built in yet.
//!
//! It has its place in a chain already, so that a list like `https://proxy.example.com,direct` is walked, and
//! its failures are worded, as they will be. Until then it says of everything that it is not here.

use futures_util::future::BoxFuture;
use gomod::Request;

use crate::{Fetched, Source, SourceError};

/// Stands in for version control: answers every request with [`SourceError::Unsupported`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Direct;

impl Source for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn fetch<'a>(&'a self, _request: &'a Request) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        Box::pin(async { Err(SourceError::Unsupported) })
    }
}
