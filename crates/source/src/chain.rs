//! The sources of one `GOPROXY` list, built and in order.
//!
//! The list's grammar is parsed elsewhere (`gomod::goproxy`); here each entry becomes something that can be
//! asked. `off` is no source: it is a property of the end of a chain.

use std::fmt;
use std::sync::Arc;

use gomod::goproxy::Fallback;

use crate::Source;

/// Sources in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    links: Vec<Link>,
    off: bool,
}

/// One source of a chain, and when the walk goes on after it.
#[derive(Clone)]
pub struct Link {
    source: Arc<dyn Source>,
    fallback: Fallback,
    direct: bool,
}

impl Chain {
    /// A chain of links; `off` says that it ends in `off`.
    pub fn new(links: Vec<Link>, off: bool) -> Self {
        Self { links, off }
    }

    /// The sources, without `off`.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether the list ends in `off`.
    pub fn ends_off(&self) -> bool {
        self.off
    }

    /// What remains for a path that may not be asked for at a proxy: the `direct` entry, if there is one.
    pub fn direct_only(&self) -> Option<Self> {
        let direct = self.links.iter().find(|link| link.direct)?;
        Some(Self::new(vec![direct.clone()], false))
    }
}

impl Link {
    /// A proxy or a tree.
    pub fn new(source: Arc<dyn Source>, fallback: Fallback) -> Self {
        Self { source, fallback, direct: false }
    }

    /// The `direct` entry: always the last of its list.
    pub fn direct(source: Arc<dyn Source>) -> Self {
        Self { source, fallback: Fallback::OnAbsent, direct: true }
    }

    /// What to ask.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// When to go on.
    pub fn fallback(&self) -> Fallback {
        self.fallback
    }

    /// Whether it is the `direct` entry.
    pub fn is_direct(&self) -> bool {
        self.direct
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}, {:?})", self.source.name(), self.fallback)
    }
}
