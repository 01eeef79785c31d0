//! What an operator may change of the pipeline while it runs.
//!
//! A walk over sources goes over the settings it began with; swapping them takes no lock, and readers take none. One
//! thing must not wait for the next request: a module that has become private. Its flights in the air stop where they
//! stand, before another source hears the name, and begin anew under the new settings ([`Settings::forbids`]).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use gomod::Request;
use gomod::request::SumDbOperation;
use source::{Direct, Origins, Routes};
use tokio::sync::watch;

use super::Bounds;
use crate::auth::{Separation, Shares};
use crate::trust::Databases;

/// Where modules come from, and how long clients wait for them.
pub struct Settings {
    /// Where to fetch from.
    pub routes: Routes,
    /// The repositories among the sources, to be told of what has changed there.
    pub direct: Direct,
    /// The checksum databases that are believed, and passed on to clients.
    pub databases: Databases,
    /// What is known of the upstreams of both; the next settings go on with the same.
    pub origins: Origins,
    /// What a database covers that cannot be asked is let in, marked as unverified.
    pub holds_unverified: bool,
    /// After so long what could not be compared with its record is compared again; zero for not by itself.
    pub compares_every: Duration,
    /// How long a client waits without a byte.
    pub client_wait: Duration,
    /// How much may be under way.
    pub bounds: Bounds,
    /// Whose share of the bounds a client uses.
    pub shares: Shares,
    /// Where private modules are served.
    pub separation: Separation,
}

impl Settings {
    /// Whether what `before` let a request do is no longer allowed: the module has become private, or goes other ways
    /// than before as a private one, or its lookups must not leave the house any more.
    fn forbids(&self, before: &Self, want: &Request) -> bool {
        let Some(path) = want.module() else { return false };
        if is_lookup(want) {
            return self.keeps_in(want) && !before.keeps_in(want);
        }
        self.routes.is_private(path) && self.ways(want) != before.ways(want)
    }

    /// Whether a lookup is kept from every checksum database.
    fn keeps_in(&self, want: &Request) -> bool {
        want.module().is_some_and(|path| self.databases.keeps_in(path))
    }

    /// The sources that may hear of a request.
    fn ways(&self, want: &Request) -> Vec<&str> {
        let chain = want.module().and_then(|path| self.routes.chain_for(path).ok());
        chain.iter().flat_map(|chain| chain.links()).map(|link| link.source().name()).collect()
    }
}

fn is_lookup(want: &Request) -> bool {
    matches!(want, Request::SumDb(request) if matches!(request.operation, SumDbOperation::Lookup(_)))
}

/// The settings in force.
pub(super) struct InForce {
    settings: ArcSwap<Settings>,
    changed: watch::Sender<()>,
}

impl InForce {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings: ArcSwap::from_pointee(settings), changed: watch::Sender::new(()) }
    }

    /// The settings as they are now, for one use of them.
    pub(super) fn now(&self) -> arc_swap::Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// The settings as they are now, to be kept over a wait.
    pub(super) fn kept(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    pub(super) fn put(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.changed.send_replace(());
    }

    /// Resolves when a request that began under `before` must go no further.
    pub(super) async fn forbidden(&self, before: &Settings, want: &Request) {
        let mut changes = self.changed.subscribe();
        while !self.now().forbids(before, want) {
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
