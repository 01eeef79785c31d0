//! Which sources a module may come from, in order.

use gomod::ModulePath;
use gomod::goproxy::{Fallback, ProxyEntry, ProxyScheme, ProxyTarget, ProxyUrl};
use serde::{Deserialize, Serialize};
use source::{Credentials, RouteError};

use super::{Rule, rule, whole};
use crate::config::{Loaded, Upstream};

/// What version control is called in a list.
pub(super) const DIRECT: &str = "direct";
/// What a list calls its end.
const OFF: &str = "off";

/// Which sources a module may come from, and what says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The setting: `route`, `gonoproxy`, `private` (what is left of `upstream` for private modules), or `upstream`.
    pub by: Rule,
    /// The sources, in the order in which they are asked.
    pub sources: Vec<SourceOf>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub no_source: Option<String>,
}

/// A source in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOf {
    /// The name that log lines and `larder status` call it: the host of a proxy, `file`, `direct`, `off`.
    pub name: String,
    /// When it is asked.
    pub asked: After,
    /// The name of the credential that it is sent; `its address` for a user and password there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<String>,
}

/// After what a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// It is the first.
    First,
    /// The one before it said that there is no such thing.
    Absence,
    /// The one before it said so, or failed.
    Failure,
}

/// The way of a module; as [`source::Routes::chain_for`] finds it.
pub(super) fn of(
    loaded: &Loaded,
    path: &ModulePath,
    private_by: Option<&Rule>,
    credentials: &Credentials,
) -> Way {
    let config = &loaded.config;
    let matches = |patterns: &gomod::Patterns| patterns.matches(path.as_str());
    let along = |by: Rule, list: &Upstream| {
        let sources = sources(list.list().entries(), credentials);
        let is_off = sources.first().is_some_and(|source| source.name == OFF);
        let no_source = is_off.then(|| format!("`{}` is `off` for this module", by.setting));
        Way { by, sources, no_source }
    };
    let routed = config.route.iter().find_map(|route| {
        let by = rule(loaded, "route", &route.patterns, matches)?;
        Some(along(by, &route.upstream))
    });
    if let Some(way) = routed {
        return way;
    }
    let direct = || vec![SourceOf { name: DIRECT.to_owned(), asked: After::First, credential: None }];
    if let Some(by) = rule(loaded, "gonoproxy", &config.gonoproxy, matches) {
        return Way { by, sources: direct(), no_source: None };
    }
    let Some(by) = private_by else { return along(whole(loaded, "upstream"), &config.upstream) };
    if config.upstream.ends_direct() {
        return Way { by: by.clone(), sources: direct(), no_source: None };
    }
    let no_source = Some(RouteError::PrivateWithoutSource.to_string());
    Way { by: by.clone(), sources: Vec::new(), no_source }
}

fn sources(entries: &[ProxyEntry], credentials: &Credentials) -> Vec<SourceOf> {
    let mut sources = Vec::new();
    let mut asked = After::First;
    for entry in entries {
        let (name, credential) = match &entry.target {
            ProxyTarget::Url(url) => (name(url), credential(url, credentials)),
            ProxyTarget::Direct => (DIRECT.to_owned(), None),
            ProxyTarget::Off => (OFF.to_owned(), None),
        };
        sources.push(SourceOf { name, asked, credential });
        if !matches!(entry.target, ProxyTarget::Url(_)) {
            break;
        }
        asked = match entry.fallback {
            Fallback::OnAbsent => After::Absence,
            Fallback::OnAnyError => After::Failure,
        };
    }
    sources
}

/// As sources are named when they are built from a list ([`source::Builder::source`]).
fn name(url: &ProxyUrl) -> String {
    if url.scheme() == ProxyScheme::File {
        return "file".to_owned();
    }
    let rest = url.as_str().split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
}

fn credential(url: &ProxyUrl, credentials: &Credentials) -> Option<String> {
    let authority = url.as_str().split("://").nth(1)?.split('/').next()?;
    if authority.contains('@') {
        return Some("its address".to_owned());
    }
    credentials.name_for_upstream(url.as_str()).map(str::to_owned)
}
