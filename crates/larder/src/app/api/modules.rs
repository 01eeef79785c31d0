//! `GET modules/<escaped path>` and `GET modules/<escaped path>/@v/<version or query>`: what is known of a module, of
//! one version of it, or of what a branch names. No source is asked.

mod known;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use gomod::{ModulePath, ModuleVersion, Request};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::{Answer, Asked, Parts};
use crate::http::admin::{self, Refusal};

pub use known::{Failure, Known, Loaded};
pub(super) use known::{lines, listed, version as version_of};
pub use versions::{FileState, Kept, VersionState};

/// Versions of a module that are told, the newest of them.
const VERSIONS: usize = 1000;
/// What stands between module and version in the path of the call.
const AT_VERSION: &str = "/@v/";

/// Which module it is, and where it may come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named {
    /// The module path.
    pub module: String,
    /// It is never named to a public source.
    pub private: bool,
    /// The configured names of the sources it may come from, in order.
    pub sources: Vec<String>,
    /// Why it may come from none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub no_source: Option<String>,
}

/// What is known of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Module {
    /// Which.
    #[serde(flatten)]
    pub named: Named,
    /// Its version list.
    pub list: Known,
    /// Its latest version.
    pub latest: Known,
    /// What branches, tags and commits name, by query.
    pub queries: BTreeMap<String, Known>,
    /// Its versions of which something is known, the newest first, at most 1000.
    pub versions: Vec<VersionState>,
    /// How many there are of those, told or not.
    pub versions_in_all: u64,
}

/// What is known of one version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Which module.
    #[serde(flatten)]
    pub named: Named,
    /// The version, with all three files.
    #[serde(flatten)]
    pub version: VersionState,
}

/// What is known of what a branch, tag, commit or `latest` names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Query {
    /// Which module.
    #[serde(flatten)]
    pub named: Named,
    /// The query.
    pub query: String,
    /// The answer to it.
    pub known: Known,
}

pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let want = asked_about(&asked.rest)?;
        let told = match &want {
            Request::List(path) => module(&parts, path).await.map(|told| admin::json(&told)),
            Request::File(version, _) => {
                versions::all_of(&parts, version).await.map(|told| admin::json(&told))
            }
            Request::Latest(path) => {
                query(&parts, path, &want, "latest").await.map(|told| admin::json(&told))
            }
            Request::Query(path, text) => {
                query(&parts, path, &want, text.as_str()).await.map(|told| admin::json(&told))
            }
            Request::SumDb(_) => return Err(Refusal::of(StatusCode::BAD_REQUEST, "this is no module")),
        };
        told.map_err(|error| failed(&error))
    })
}

/// What the path of a call names: a module, as its list; a version, as its `.info`; a query.
pub(super) fn asked_about(rest: &str) -> Result<Request, Refusal> {
    let (path, version) = match rest.split_once(AT_VERSION) {
        Some((path, version)) => (path, Some(version)),
        None => (rest, None),
    };
    // The parser of module requests, so that names are written and checked here as they are there.
    let asked_for = match version {
        None => format!("{path}/@v/list"),
        Some("latest") => format!("{path}/@latest"),
        Some(version) => format!("{path}{AT_VERSION}{version}.info"),
    };
    Request::parse(&asked_for).map_err(|error| {
        Refusal::of(StatusCode::BAD_REQUEST, error.to_string())
            .next("write names as in a proxy's URL, capitals as `!` and a small letter")
    })
}

/// What is held of a version.
pub(super) async fn held_of(parts: &Parts, version: &ModuleVersion) -> Result<VersionState, StoreError> {
    Ok(versions::all_of(parts, version).await?.version)
}

/// How many versions of a module something is held of.
pub(super) async fn versions_of(parts: &Parts, path: &ModulePath) -> Result<u64, StoreError> {
    let is_held = |version: &VersionState| version.files.values().any(|file| file.state == Kept::Held);
    let versions = versions::some_of(parts, path).await?;
    Ok(versions.iter().filter(|version| is_held(version)).count() as u64)
}

async fn module(parts: &Parts, path: &ModulePath) -> Result<Module, StoreError> {
    let mut queries = BTreeMap::new();
    for want in query_wants(parts, path).await? {
        if let Request::Query(_, query) = &want {
            queries.insert(query.as_str().to_owned(), known::of(parts, &want).await?);
        }
    }
    let mut versions = versions::some_of(parts, path).await?;
    let versions_in_all = versions.len() as u64;
    versions.truncate(VERSIONS);
    Ok(Module {
        named: named(parts, path),
        list: known::of(parts, &Request::List(path.clone())).await?,
        latest: known::of(parts, &Request::Latest(path.clone())).await?,
        queries,
        versions,
        versions_in_all,
    })
}

/// The queries of a module of which something is known: an answer, an absence, a failure, a fetch.
pub(super) async fn query_wants(parts: &Parts, path: &ModulePath) -> Result<Vec<Request>, StoreError> {
    let mut wants = parts.pipeline.cache().known_queries(path).await?;
    wants.extend(troubles(parts, path).into_iter().filter(|want| matches!(want, Request::Query(..))));
    wants.sort_by_key(ToString::to_string);
    wants.dedup();
    Ok(wants)
}

/// Everything of a module that is absent, has failed, or is being fetched.
fn troubles(parts: &Parts, path: &ModulePath) -> Vec<Request> {
    let absent = parts.pipeline.cache().absences(path).into_iter().map(|(want, _)| want);
    let failed = parts.pipeline.failed_of(path);
    absent.chain(failed).chain(parts.pipeline.under_way_of(path)).collect()
}

async fn query(parts: &Parts, path: &ModulePath, want: &Request, query: &str) -> Result<Query, StoreError> {
    let known = known::of(parts, want).await?;
    Ok(Query { named: named(parts, path), query: query.to_owned(), known })
}

fn named(parts: &Parts, path: &ModulePath) -> Named {
    let sources = parts.pipeline.sources_of(path);
    Named {
        module: path.as_str().to_owned(),
        private: parts.pipeline.is_private(path),
        no_source: sources.as_ref().err().map(ToString::to_string),
        sources: sources.unwrap_or_default(),
    }
}

/// The refusal of a call that the store stopped.
pub(super) fn failed(error: &StoreError) -> Refusal {
    tracing::warn!(
        event = "api_failed",
        error = error as &dyn std::error::Error,
        "a call of the admin API failed"
    );
    Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, format!("the store failed: {error}"))
}
