//! The `direct` source: module versions made from version control.
//!
//! What this is for: no other proxy is needed for what a repository has, and private modules are served without one that
//! could see them. Why this shape: three questions, each with one place that knows the answer. Where is the module
//! ([`find`])? What does its repository have ([`vcs::Repos`])? What would the go command make of that ([`Code`])?
//! What it promises: what is absent was said to be by the path's host, by the repository, or by the module's own files;
//! an outage is told as one, and a server that hides a private repository from us proves nothing. Repositories are asked
//! under the credential of their module alone. A proxy that a page names (`mod`) is trusted no more than the page.
//! Not here: which paths may be asked for directly at all ([`crate::Routes`]), and what is kept.

pub mod find;

mod code;
mod convert;
mod fault;
mod layout;
mod locate;
mod newest;
mod pack;
mod pseudo;
mod repositories;
mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use gomod::goproxy::ProxyUrl;
use gomod::{FileKind, ModulePath, Request, Version};
use vcs::{Kept, Place};

use self::find::{At, Discovery, FindError, Finder, Terms};
use crate::{Builder, Fetched, HttpUpstream, Source, SourceError};

pub use code::Code;
pub use fault::{CodeError, VersionRule};
pub use locate::{Misplaced, Misplacement};
pub use repositories::{Repositories, status_over_http};

/// What the source is made of.
#[derive(Clone)]
pub struct DirectParts {
    /// Finds repositories.
    pub finder: Finder,
    /// Asks them.
    pub repositories: Repositories,
    /// Which paths are private ([`crate::Routes::is_private`]).
    pub is_private: Arc<dyn Fn(&ModulePath) -> bool + Send + Sync>,
    /// Makes the proxies that pages name.
    pub builder: Builder,
}

/// Version control as a source.
#[derive(Clone)]
pub struct Direct {
    parts: DirectParts,
}

impl Direct {
    /// A source of these parts.
    pub fn new(parts: DirectParts) -> Self {
        Self { parts }
    }

    /// Something was pushed to the repository that these are the places of: what is remembered of its refs, and of the pages
    /// of paths that lead to it, is old. `roots` are import paths that its top may have; returned are those, and the import
    /// paths of the tops of all that was found there.
    pub fn pushed(&self, mut roots: BTreeSet<String>, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<String> {
        let DirectParts { finder, repositories, .. } = &self.parts;
        roots.extend(finder.roots_at(&is_meant));
        for root in &roots {
            finder.forget(root);
        }
        if let Some(repos) = repositories.opened() {
            repos.refresh_all(is_meant);
        }
        roots
    }

    /// Forgets what is remembered on the way to a module: where its repository is, and what refs that has.
    pub fn look_anew(&self, path: &ModulePath) {
        let DirectParts { finder, repositories, .. } = &self.parts;
        let places = finder.places_of(path);
        finder.forget(path.as_str());
        if let Some(repos) = repositories.opened() {
            repos.refresh_all(|place| places.contains(place));
        }
    }

    /// What finds repositories.
    pub fn finder(&self) -> &Finder {
        &self.parts.finder
    }

    /// The kept copies of repositories; nothing before the first of them is asked.
    pub fn kept(&self) -> Option<Kept> {
        self.parts.repositories.opened()?.kept()
    }

    /// Where a module is made, and with what.
    ///
    /// # Errors
    /// It is nowhere, or its repository cannot have it.
    pub async fn open(&self, path: &ModulePath) -> Result<Opened, SourceError> {
        match self.parts.finder.find(path).await {
            Ok(Discovery::Repo(found)) => Ok(Opened::Code(self.code(&found).await?)),
            Ok(Discovery::Proxy(proxy)) => Ok(Opened::Proxy(Box::new(self.proxy(&proxy)?))),
            Err(error) => Err(self.not_found(path, error).await),
        }
    }

    async fn answer(&self, request: &Request) -> Result<Fetched, SourceError> {
        let path = match (request, request.module()) {
            (Request::SumDb(_), _) | (_, None) => {
                let text = "repositories have no checksum database".to_owned();
                return Err(SourceError::Absent { text, transient: false });
            }
            (_, Some(path)) => path,
        };
        match self.open(path).await? {
            Opened::Proxy(proxy) => proxy.fetch(request).await,
            Opened::Code(code) => {
                let answer = answer_from(&code, request).await;
                answer.map_err(|error| self.told(path, code.place(), &error))
            }
        }
    }

    /// The module in its repository. Nothing is asked yet.
    async fn code(&self, found: &Found) -> Result<Code, SourceError> {
        let DirectParts { finder, repositories, .. } = &self.parts;
        let Terms { access, .. } = finder.terms(&found.path, &found.root, &found.place).await?;
        let told = |error| self.told(&found.path, &found.place, &error);
        let repo = repositories.open().and_then(|repos| repos.open(&found.place, &access));
        let repo = repo.map_err(|cause| told(CodeError::Repo { path: found.path.clone(), cause }))?;
        Code::new(found, repo).map_err(told)
    }

    fn proxy(&self, url: &ProxyUrl) -> Result<HttpUpstream, SourceError> {
        HttpUpstream::named_by_a_page(url.as_str(), &self.parts.builder).map_err(|error| {
            let text = format!("the page of the module path names a proxy that cannot be asked: {error}");
            SourceError::Absent { text, transient: false }
        })
    }

    fn told(&self, path: &ModulePath, place: &Place, error: &CodeError) -> SourceError {
        if error.is_refusal() {
            self.parts.finder.doubt(path, place);
        }
        error.to_source((self.parts.is_private)(path), || self.shown_at(path, place))
    }

    /// What a repository was shown of us.
    fn shown_at(&self, path: &ModulePath, place: &Place) -> String {
        fault::shown_to_it(self.parts.finder.credential(path, place))
    }

    /// What to say where no repository was found. What could not be told may be proven by the repository of a shorter path,
    /// and so must what a server denies that may hide it from us.
    async fn not_found(&self, path: &ModulePath, error: FindError) -> SourceError {
        let is_private = (self.parts.is_private)(path);
        if is_private && matches!(error, FindError::Scheme { .. }) {
            // A client that is told of an absence asks elsewhere, under the module's name.
            return SourceError::Closed { text: error.to_string() };
        }
        let is_hidden = is_private && error.is_denial();
        if (is_hidden || error.is_answer())
            && let Some(proven) = self.proven(path).await
        {
            return proven;
        }
        let credentials = &self.parts.builder.credentials;
        let shown = match error.refused_at() {
            Some(At::Page(url)) => fault::shown_to_it(credentials.name_for_page(path.as_str(), url)),
            Some(At::Place(place)) => {
                self.parts.finder.doubt(path, place);
                self.shown_at(path, place)
            }
            None => String::new(),
        };
        match (is_hidden, shown.as_str()) {
            (true, shown) => SourceError::from(error).into_outage(&format!("{}\n{shown}", fault::HIDDEN)),
            (false, "") => error.into(),
            (false, shown) => SourceError::from(error).into_outage(shown),
        }
    }

    /// The proof that a module is not there, although its own page does not say so. For a package `m/sub/pkg` clients ask for
    /// modules of each shorter path at once, and a server may answer for those only: if the repository of one of them has no
    /// such module, there is none.
    async fn proven(&self, path: &ModulePath) -> Option<SourceError> {
        let found = self.parts.finder.find_above(path).await?;
        let absent = self.code(&found).await.ok()?.absence().await.ok()??;
        Some(self.told(path, &found.place, &absent))
    }
}

/// Where the answers for a module come from.
pub enum Opened {
    /// Its repository.
    Code(Code),
    /// A proxy that its page names.
    Proxy(Box<HttpUpstream>),
}

async fn answer_from(code: &Code, request: &Request) -> Result<Fetched, CodeError> {
    Ok(match request {
        Request::List(_) => text(list_of(&code.versions().await?)),
        Request::Latest(_) => json(code.latest().await?.to_json()),
        Request::Query(_, query) => json(code.query(query).await?.to_json()),
        Request::File(module, FileKind::Info) => json(code.info(&module.version).await?.to_json()),
        Request::File(module, FileKind::Mod) => text(code.go_mod(&module.version).await?),
        Request::File(module, FileKind::Zip) => code.zip(&module.version).await?,
        Request::SumDb(_) => text(Bytes::new()),
    })
}

/// The versions, one a line.
fn list_of(versions: &[Version]) -> Bytes {
    versions.iter().flat_map(|version| [version.as_str(), "\n"]).collect::<String>().into()
}

fn text(body: Bytes) -> Fetched {
    whole(body, "text/plain; charset=utf-8")
}

fn json(body: String) -> Fetched {
    whole(body.into(), "application/json")
}

fn whole(body: Bytes, content_type: &str) -> Fetched {
    let size = Some(body.len() as u64);
    let body = stream::iter(Some(Ok(body)).filter(|_| size != Some(0))).boxed();
    Fetched { size, content_type: Some(content_type.to_owned()), etag: None, body }
}

impl Source for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn fetch<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        self.answer(request).boxed()
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Direct")
    }
}

/// Stands in for version control where it is not set up: answers every request with [`SourceError::Unsupported`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoDirect;

impl Source for NoDirect {
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
