//! Which chain belongs to a module path, and the rule that keeps private paths away from proxies.
//!
//! The first route that matches wins; everything else goes over the default chain. A private path that no route
//! names is never asked for at a proxy, because asking already tells the name: what remains of the default chain
//! is its `direct` entry, and without one there is no answer but a refusal. That refusal is not absence: a 404
//! would send the client, and the name, on to its next source.
//!
//! Patterns are Go's (`module.MatchPrefixPatterns`). Whether a path is private is asked with case folded, so that
//! an odd spelling does not leak a name; a route must match exactly, so that the same spelling opens nothing.

use gomod::ModulePath;
use gomod::pattern::Patterns;

use crate::Chain;

/// The chain for a module path, or why there is none.
pub type Routed<'a> = Result<&'a Chain, RouteError>;

/// All chains of a server.
#[derive(Clone, Debug)]
pub struct Routes {
    private: Patterns,
    named: Vec<(Patterns, Chain)>,
    default: Chain,
    /// What is left of the default chain for private paths.
    direct: Option<Chain>,
}

/// Why no source may be asked. To be answered as a denial (403).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The path is private, no route names it, and the default list has no `direct`.
    #[error(
        "the module path is private and no source is configured for it: \
         name one with `[[route]]`, or put `direct` at the end of `upstream`"
    )]
    PrivateWithoutSource,
}

impl Routes {
    /// Routes in the order in which they are tried, and the chain for everything else.
    pub fn new(private: Patterns, routes: Vec<(Patterns, Chain)>, default: Chain) -> Self {
        let direct = default.direct_only();
        Self { private, named: routes, default, direct }
    }

    /// The chain to walk for a module.
    ///
    /// # Errors
    /// [`RouteError::PrivateWithoutSource`] if the path may be asked for nowhere.
    pub fn chain_for(&self, path: &ModulePath) -> Routed<'_> {
        let route = self.named.iter().find(|(patterns, _)| patterns.matches(path.as_str()));
        match route {
            Some((_, chain)) => Ok(chain),
            None if self.is_private(path) => self.direct.as_ref().ok_or(RouteError::PrivateWithoutSource),
            None => Ok(&self.default),
        }
    }

    /// Whether a path is private.
    pub fn is_private(&self, path: &ModulePath) -> bool {
        self.private.matches_folded(path.as_str())
    }

    /// The chain for what no route names; checksum databases are asked over it too.
    pub fn default_chain(&self) -> &Chain {
        &self.default
    }
}
