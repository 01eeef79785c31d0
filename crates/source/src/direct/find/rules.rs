//! What the operator says about finding, and what a path tells under these rules before anybody is asked.

use gomod::govcs::GoVcs;
use gomod::repo::{self, PathRepo, RepoError};
use gomod::{ModulePath, Patterns};

use vcs::Place;

use super::{Schemes, Vanity, VanityEntry};
use crate::Trust;

/// What the operator says about finding.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Which paths are private, for GOVCS (GOPRIVATE).
    pub private: Patterns,
    /// Whose hosts may be asked without a look at certificates, and over http (GOINSECURE).
    pub insecure: Patterns,
    /// Which systems may be used for which repositories.
    pub govcs: GoVcs,
    /// Which schemes may be used for which repositories.
    pub schemes: Schemes,
    /// Where repositories are whose hosts do not tell.
    pub vanity: Vanity,
}

impl Rules {
    /// What a module's path tells by itself, before anybody is asked.
    ///
    /// # Errors
    /// No module can be at such a path.
    pub fn lead(&self, path: &ModulePath) -> Result<Lead, RepoError> {
        if let Some(entry) = self.vanity.find(path.as_str()) {
            return Ok(Lead::Table(entry));
        }
        Ok(match repo::named(path.as_str())? {
            Some(named) => Lead::Path(named),
            None => Lead::Page(repo::page_address(path.as_str())?),
        })
    }

    /// What a repository whose top has the import path `root` may be asked over for a module.
    pub fn schemes(&self, path: &ModulePath, root: &str) -> Vec<&'static str> {
        let mut schemes = self.schemes.of(root);
        if self.is_insecure(path) && !schemes.contains(&"http") {
            schemes.push("http");
        }
        schemes
    }

    /// What is known of the repository of a module before anything is sent to it.
    pub fn trust(&self, path: &ModulePath, place: &Place) -> Trust {
        let host = path.as_str().split('/').next().unwrap_or_default();
        // A path has no port.
        let at = place.host().rsplit_once(':').map_or(place.host(), |(name, _)| name);
        let is_named =
            self.private.matches_folded(path.as_str()) || self.vanity.find(path.as_str()).is_some();
        Trust { is_insecure: self.is_insecure(path), is_ours: host.eq_ignore_ascii_case(at) || is_named }
    }

    /// Whether certificates do not matter for a module (GOINSECURE).
    pub fn is_insecure(&self, path: &ModulePath) -> bool {
        self.insecure.matches(path.as_str())
    }
}

/// What leads to a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lead {
    /// The operator says where it is.
    Table(VanityEntry),
    /// The path says it: a known host, or a suffix such as `.git`.
    Path(PathRepo),
    /// The page at this address, without a scheme, says it.
    Page(String),
}
