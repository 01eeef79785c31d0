//! What an operator may change of the service while it runs, and the form in which requests read it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use source::direct::find::Vanity;

use super::downloads;
use crate::config::Cidr;

/// What an operator may change of the service while it runs.
#[derive(Clone)]
pub struct Settings {
    /// How long others may store files of versions.
    pub immutable: Duration,
    /// How long others may store lists, latest versions and queries.
    pub fresh: Duration,
    /// Whether the admin API is answered on the listeners too, for callers on this machine.
    pub admin_on_loopback: bool,
    /// Networks that are told the numbers.
    pub metrics_allow: Vec<Cidr>,
    /// Whether the log tells where requests come from.
    pub log_peers: bool,
    /// The secret by which push events are signed; without one nobody is listened to.
    pub hook: Option<Vec<u8>>,
    /// Servers in front that are believed when they say for whom they ask.
    pub proxies: Vec<Cidr>,
    /// Where repositories are, for the pages that say so.
    pub vanity: Vanity,
    /// Longest path that is looked at; module paths and versions are far shorter.
    pub path_bytes: usize,
    /// How many answers may be sent from files and flights at once.
    pub downloads: downloads::Bounds,
}

/// The settings in force.
pub struct InForce(ArcSwap<Live>);

impl InForce {
    /// These, to begin with.
    pub fn new(settings: Settings) -> Self {
        Self(ArcSwap::from_pointee(settings.into()))
    }

    /// Puts other settings in force.
    pub fn put(&self, settings: Settings) {
        self.0.store(Arc::new(settings.into()));
    }

    pub(super) fn now(&self) -> arc_swap::Guard<Arc<Live>> {
        self.0.load()
    }
}

/// The settings as they are used.
pub(super) struct Live {
    pub(super) admin_on_loopback: bool,
    pub(super) metrics_allow: Vec<Cidr>,
    pub(super) log_peers: bool,
    pub(super) hook: Option<Vec<u8>>,
    pub(super) proxies: Vec<Cidr>,
    pub(super) vanity: Vanity,
    pub(super) path_bytes: usize,
    pub(super) downloads: downloads::Bounds,
    pub(super) immutable: HeaderValue,
    pub(super) changing: HeaderValue,
}

impl From<Settings> for Live {
    fn from(settings: Settings) -> Self {
        let public = |age: Duration| {
            HeaderValue::from_str(&format!("public, max-age={}", age.as_secs()))
                .unwrap_or(HeaderValue::from_static("no-store"))
        };
        Self {
            immutable: public(settings.immutable),
            changing: public(settings.fresh),
            admin_on_loopback: settings.admin_on_loopback,
            metrics_allow: settings.metrics_allow,
            log_peers: settings.log_peers,
            hook: settings.hook,
            proxies: settings.proxies,
            vanity: settings.vanity,
            path_bytes: settings.path_bytes,
            downloads: settings.downloads,
        }
    }
}
