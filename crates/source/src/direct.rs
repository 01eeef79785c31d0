//! The `direct` source: fetching from version control, which is not built in yet.
//!
//! It has its place in a chain already, so that a list like `https://proxy.example.com,direct` is walked, and
//! its failures are worded, as they will be. Until then it says of everything that it is not here.

pub mod find;

mod code;
mod convert;
mod fault;
mod layout;
mod locate;
mod newest;
mod pack;
mod pseudo;
mod versions;

use futures_util::future::BoxFuture;
use gomod::{ModulePath, Request};
use vcs::Place;

use crate::{Fetched, Source, SourceError};

pub use code::Code;
pub use fault::{CodeError, VersionRule};
pub use locate::{Misplaced, Misplacement};

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

/// Where a module is, as its path alone tells: what discovery gives, and all that making a version needs to know.
///
/// Whether the module is really there, only the repository's files say.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Found {
    /// The module.
    pub path: ModulePath,
    /// The import path that the top of the repository has: `example.com/r` for the module `example.com/r/sub/v2`. The
    /// module's path itself, or the path of a directory above it (cmd/go `vcs.RepoRoot.Root`).
    pub root: String,
    /// The repository.
    pub place: Place,
    /// The directory within the repository that stands for `root`, where a go-import tag names one in its fourth field;
    /// empty else (cmd/go `vcs.RepoRoot.SubDir`).
    pub subdir: String,
}
