//! Reading the configuration again while the server runs.
//!
//! All or nothing: the file is read, checked, and every part that follows from it is built; only then the parts are
//! swapped. A file with mistakes, or one from which a part cannot be built, changes nothing, is told in the log, and
//! stays visible in the [`ReloadState`]. What is asked for meanwhile is answered under the old settings or under the
//! new ones, never under a mixture of routes; modules that become private are withdrawn from flights in the air
//! (`pipeline::Settings`). What only a start can change is named, and left as it is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use source::Apps;

use super::direct::Workshop;
use super::systemd::Notify;
use super::{build, doors, secrets};
use crate::clock::Clock;
use crate::config::{Change, Loaded, Reading, Tls, changes, redact};
use crate::http;
use crate::http::admission::Admission;
use crate::http::tls::Certificates;
use crate::observe::log::Dials;
use crate::pipeline::Pipeline;

/// What a reload did. If there are mistakes, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What is in force from now on.
    pub applied: Vec<Change>,
    /// What the file says, but only a restart puts in force.
    pub needs_restart: Vec<Change>,
    /// Why nothing was changed: file, line and reason, one entry each.
    pub mistakes: Vec<String>,
    /// Whether the certificate was replaced, where one is shown.
    pub certificate: Option<Renewal>,
}

/// What became of the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// It is the one that was shown before.
    Same,
    /// Another one is shown now.
    Replaced,
    /// The files cannot be used, for this reason; the one before is still shown.
    Kept(String),
}

/// Which configuration is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadState {
    /// The file, if there is one.
    pub file: Option<String>,
    /// When the configuration in force was read.
    pub read_at: Timestamp,
    /// Reloads that put something in force.
    pub reloads: u64,
    /// Reloads that changed nothing for a mistake.
    pub failures: u64,
    /// What only a restart puts in force.
    pub needs_restart: Vec<Change>,
    /// The mistakes of a newer configuration, which keep it out.
    pub broken: Option<Broken>,
    /// When the certificate that is shown expires, where one is shown.
    pub certificate_expires: Option<Timestamp>,
    /// Why the files of the certificate cannot be used; the one before is still shown.
    pub certificate_broken: Option<Broken>,
}

/// A configuration that could not be put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Since when the configuration has mistakes.
    pub since: Timestamp,
    /// File, line and reason, one entry each.
    pub mistakes: Vec<String>,
}

/// The files whose change calls for a reload: the configuration, and those that it names and that are read with it.
pub(super) fn watched(reading: &Reading, loaded: &Loaded) -> Vec<PathBuf> {
    let config = &loaded.config;
    let named = [&config.tls.cert, &config.tls.key, &config.network.ca_file].into_iter().flatten();
    reading.files().into_iter().chain(named.cloned()).chain(secrets::files(config)).collect()
}

impl Broken {
    fn still(before: Option<&Self>, now: Timestamp, mistakes: Vec<String>) -> Self {
        Self { since: before.map_or(now, |broken| broken.since), mistakes }
    }
}

/// What a reload changes.
pub(super) struct Live {
    pub(super) pipeline: Arc<Pipeline>,
    /// What fetches from version control.
    pub(super) workshop: Workshop,
    pub(super) service: Arc<http::InForce>,
    /// Of the doors that speak TLS, if any does.
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) admission: Arc<Admission>,
    pub(super) log: Option<Dials>,
    pub(super) clock: Clock,
    pub(super) told: Told,
}

/// What systemd is told.
pub(super) struct Told {
    pub(super) notify: Notify,
    /// What the server does when all is well, for people.
    pub(super) status: String,
}

/// Reloads the configuration of a running server.
pub struct Reloader {
    reading: Reading,
    live: Live,
    /// As it was at the start, with what only a start puts in force.
    started: Loaded,
    /// What is in force; also the turn of whoever reloads.
    loaded: tokio::sync::Mutex<Loaded>,
    state: Mutex<ReloadState>,
}

impl Reloader {
    pub(super) fn new(reading: Reading, loaded: Loaded, live: Live) -> Self {
        let state = ReloadState {
            file: loaded.file.clone(),
            read_at: live.clock.now(),
            reloads: 0,
            failures: 0,
            needs_restart: Vec::new(),
            broken: None,
            certificate_expires: None,
            certificate_broken: None,
        };
        let (started, loaded) = (loaded.clone(), tokio::sync::Mutex::new(loaded));
        Self { reading, live, started, loaded, state: Mutex::new(state) }
    }

    /// Which configuration is in force.
    pub fn state(&self) -> ReloadState {
        let certificate_expires = self.live.certificates.as_ref().and_then(|all| all.expires());
        ReloadState { certificate_expires, ..self.locked().clone() }
    }

    /// The configuration in force.
    pub(super) async fn in_force(&self) -> Loaded {
        self.loaded.lock().await.clone()
    }

    /// The apps whose tokens are sent.
    pub(super) fn apps(&self) -> &Apps {
        &self.live.workshop.apps
    }

    /// The files whose change calls for a reload.
    pub(super) async fn watched(&self) -> Vec<PathBuf> {
        watched(&self.reading, &*self.loaded.lock().await)
    }

    /// Tells whoever started the server that it is ready, or what is wrong with its settings.
    pub(super) fn ready(&self) {
        let Told { notify, status } = &self.live.told;
        match &self.state().broken {
            None => notify.ready(status),
            Some(broken) => notify.ready(&format!(
                "{status}; the configuration has had mistakes since {}: {}",
                broken.since,
                broken.mistakes.first().map(String::as_str).unwrap_or_default()
            )),
        }
    }

    /// Reads the configuration again and puts it in force, or says why not. One at a time.
    pub async fn reload(self: &Arc<Self>) -> Report {
        let mut loaded = self.loaded.lock().await;
        self.live.told.notify.reloading();
        let (reader, before) = (self.clone(), loaded.clone());
        // Reads files and, for certificate authorities, the system's store.
        let read = tokio::task::spawn_blocking(move || reader.read(&before)).await;
        let read = read.unwrap_or_else(|_| Err(vec!["reading the configuration was interrupted".to_owned()]));
        let mut report = match read {
            Ok((now, parts)) => {
                self.live.put(&now, parts);
                let report = self.report(&loaded, &now);
                *loaded = now;
                report
            }
            Err(mistakes) => Report { mistakes, ..Report::default() },
        };
        // Also when the settings have mistakes: certificates run out.
        report.certificate = self.live.renew(loaded.config.tls.clone()).await;
        self.note(&report, loaded.file.clone());
        report.log(&self.state());
        self.ready();
        report
    }

    fn read(&self, before: &Loaded) -> Result<(Loaded, crate::pipeline::Settings), Vec<String>> {
        let now = self.reading.load_again(before);
        let now = now.map_err(|mistakes| mistakes.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let pipeline = &self.live.pipeline;
        let known = build::Known {
            origins: pipeline.origins(),
            memories: pipeline.memories(),
            workshop: self.live.workshop.clone(),
        };
        let parts = build::sources(&now.config, &self.live.clock, known);
        let parts = parts.map_err(|error| vec![redact(&format!("{error:#}"))])?;
        Ok((now, parts))
    }

    /// What changed from one configuration in force to the next, and what waits for a restart since the start.
    fn report(&self, before: &Loaded, now: &Loaded) -> Report {
        let applied = changes(&before.config, &now.config).into_iter().filter(|change| !change.needs_restart);
        let waiting = changes(&self.started.config, &now.config).into_iter();
        Report {
            applied: applied.collect(),
            needs_restart: waiting.filter(|change| change.needs_restart).collect(),
            ..Report::default()
        }
    }

    fn note(&self, report: &Report, file: Option<String>) {
        let now = self.live.clock.now();
        let mut state = self.locked();
        if report.mistakes.is_empty() {
            state.file = file;
            state.read_at = now;
            state.reloads += 1;
            state.needs_restart.clone_from(&report.needs_restart);
            state.broken = None;
        } else {
            state.failures += 1;
            state.broken = Some(Broken::still(state.broken.as_ref(), now, report.mistakes.clone()));
        }
        state.certificate_broken = match &report.certificate {
            Some(Renewal::Kept(why)) => {
                Some(Broken::still(state.certificate_broken.as_ref(), now, vec![why.clone()]))
            }
            _ => None,
        };
    }

    fn locked(&self) -> MutexGuard<'_, ReloadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Swaps the parts. Nothing here can fail or wait.
    fn put(&self, now: &Loaded, sources: crate::pipeline::Settings) {
        let config = &now.config;
        // First: what becomes private is told of when the routes change.
        if let Some(log) = &self.log {
            log.level.set(config.log.level.as_str());
            log.hidden.set(build::hidden(config));
        }
        self.pipeline.apply(sources);
        self.pipeline.cache().apply(build::freshness(config), config.cache.memory.bytes());
        self.service.put(build::service(config));
        self.admission.bound(build::limits(config));
    }
}

impl Live {
    /// Reads the certificate again.
    async fn renew(&self, tls: Tls) -> Option<Renewal> {
        let certificates = self.certificates.as_ref()?;
        let read = tokio::task::spawn_blocking(move || doors::pair(&tls)).await.ok().flatten()?;
        Some(match read {
            Ok(pair) if certificates.put(&pair) => Renewal::Replaced,
            Ok(_) => Renewal::Same,
            Err(error) => Renewal::Kept(crate::observe::explain(&error)),
        })
    }
}

impl Report {
    fn log(&self, state: &ReloadState) {
        for mistake in &self.mistakes {
            tracing::error!(
                event = "reload_failed",
                running_on = %state.read_at,
                "the configuration was not reloaded: {mistake}"
            );
        }
        for Change { key, before, now, .. } in &self.applied {
            tracing::info!(event = "reloaded", key, before, now, "reloaded a setting");
        }
        for Change { key, before, now, .. } in &self.needs_restart {
            tracing::warn!(
                event = "needs_restart",
                key,
                before,
                now,
                "a setting was changed that needs a restart"
            );
        }
        match &self.certificate {
            Some(Renewal::Replaced) => {
                let expires = state.certificate_expires.map(|time| time.to_string());
                tracing::info!(
                    event = "certificate_renewed",
                    expires,
                    "another certificate is shown from now on"
                );
            }
            Some(Renewal::Kept(why)) => {
                tracing::error!(event = "certificate_kept", "the certificate was not replaced: {why}");
            }
            Some(Renewal::Same) | None => {}
        }
        if self.mistakes.is_empty() && self.applied.is_empty() {
            tracing::info!(
                event = "reload_unchanged",
                "read the configuration again, with the files it names; no setting has changed"
            );
        }
    }
}
