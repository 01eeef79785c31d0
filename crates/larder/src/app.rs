//! Builds every part once and connects them; starts the server and stops it.

pub mod api;
mod build;
pub mod call;
mod control;
mod direct;
pub mod doctor;
mod doors;
pub mod explain;
pub mod hook;
mod import;
mod own_log;
mod owner;
mod reload;
mod scrub;
mod secrets;
mod serve;
pub mod sumdb;
mod systemd;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use store::Disk;

use crate::clock::Clock;
use crate::config::{Loaded, Reading};
use crate::http::admission::Admission;
use crate::http::listen;
use crate::http::{self, Service};
use crate::jobs;
use crate::jobs::scrub::Scrub;
use crate::jobs::scrub::schedule::Schedule;
use crate::observe::log::Dials;
use crate::observe::trace::Tracer;
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;

use direct::Workshop;
use direct::tools::Wanted;

pub use build::{builder, pipeline_over};
pub use direct::THROUGH;
use doors::Doors;
pub use import::import;
pub use own_log::make_key;
pub use reload::{Broken, ReloadState, Reloader, Renewal, Report};
use reload::{Live, Told};
pub use scrub::{ScrubCall, scrub};
pub use serve::serve;
pub use systemd::{Notify, Passed};

/// A running server.
pub struct App {
    addresses: Vec<SocketAddr>,
    names: Vec<Arc<str>>,
    pipeline: Arc<Pipeline>,
    reloader: Arc<Reloader>,
    notify: Notify,
    disk: Arc<Disk>,
    tasks: Tasks,
    tracer: Tracer,
    retire: Duration,
    drain: Duration,
}

/// What a server is started with, besides its settings.
#[derive(Default)]
pub struct Start {
    /// The time.
    pub clock: Clock,
    /// Where the settings came from, to be read again.
    pub reading: Reading,
    /// What of the log is changed by a reload.
    pub log: Option<Dials>,
    /// Sockets that were opened by systemd.
    pub passed: Vec<Passed>,
    /// Where it is told how the server does.
    pub notify: Notify,
}

/// Starts a server; it is ready when this returns. Must be called in a runtime.
///
/// # Errors
/// The data directory is in use or cannot be written, an address is taken, an upstream cannot be built.
pub fn start(loaded: Loaded, with: Start) -> anyhow::Result<App> {
    let Start { clock, reading, log, passed, notify } = with;
    let config = &loaded.config;
    let tasks = Tasks::default();
    let data = &config.data;
    let disk = Arc::new(
        Disk::open(data).with_context(|| format!("could not open the data directory {}", data.display()))?,
    );
    let Doors { listeners, certificates } = doors::open(config, passed)?;
    let names: Vec<_> = listeners.iter().map(|listener| listener.name.clone()).collect();
    let workshop = Workshop::new(config, &reading.environment);
    let pipeline =
        own_log::pipeline_with_it(config, disk.clone(), workshop.clone(), (&tasks, clock.clone()))?;
    let counters = pipeline.counters().clone();
    let settings = Arc::new(http::InForce::new(build::service(config)));
    let prefix = config.path_prefix.as_str().to_owned();
    let admission = Admission::new(build::limits(config), pipeline.refusals().clone(), tasks.clone());
    let (retire, drain) = (config.timeout.retire.into(), config.timeout.drain.into());
    let control = data.join("control.sock");
    let socket = control::bind(&control).with_context(|| format!("could not open {}", control.display()))?;
    let wanted = Wanted::by(config, &reading.environment);
    let (schedule, tracer) = (build::schedule(config), build::tracer(config)?);
    let live = Live {
        pipeline: pipeline.clone(),
        workshop: workshop.clone(),
        service: settings.clone(),
        admission: admission.clone(),
        certificates,
        log,
        clock: clock.clone(),
        told: Told { notify: notify.clone(), status: format!("Serving on {}", names.join(", ")) },
    };
    tasks.attend(systemd::keep_alive(notify.clone(), systemd::watchdog(&reading.environment)));
    let reloader = Arc::new(Reloader::new(reading, loaded, live));
    let scrub = Arc::new(Scrub::new(pipeline.clone(), Some(disk.clone()), clock.clone()));
    let api = api::Api::over(api::Parts {
        hook: hook::Hook::over(pipeline.clone(), tasks.clone(), clock.clone()),
        workshop: workshop.clone(),
        disk: disk.clone(),
        scrub: scrub.clone(),
        scrub_rate: schedule.bytes_per_s,
        pipeline: pipeline.clone(),
        counters: counters.clone(),
        tasks: tasks.clone(),
        reloader: reloader.clone(),
        listeners: listeners.iter().map(|listener| listener.name.to_string()).collect(),
        since: clock.now(),
        clock,
    });
    let service = Service::new(pipeline.clone(), prefix, settings, counters, Arc::new(api));
    let service = Arc::new(service.with_tracer(tracer.clone()));
    tasks.attend(control::run(socket, service.clone(), tasks.clone()));
    start_jobs(&pipeline, &disk, (scrub, schedule), &tasks);
    let addresses = listeners.iter().filter_map(|listener| listener.socket.address()).collect();
    for listener in listeners {
        tasks.spawn(listen::run(listener, admission.clone(), service.clone(), tasks.clone()));
    }
    reloader.ready();
    tasks.attend(wanted.tell(workshop));
    Ok(App { addresses, names, pipeline, reloader, notify, disk, tasks, tracer, retire, drain })
}

/// What is done behind the requests.
fn start_jobs(
    pipeline: &Arc<Pipeline>,
    disk: &Arc<Disk>,
    (scrub, schedule): (Arc<Scrub>, Schedule),
    tasks: &Tasks,
) {
    let memories = pipeline.memories();
    tasks.spawn(async move { memories.open().await });
    tasks.spawn(jobs::recover::run(disk.clone(), pipeline.cache().clone(), tasks.clone()));
    tasks.spawn(jobs::sync::run(pipeline.cache().clone(), tasks.clone()));
    tasks.spawn(jobs::count::run(pipeline.cache().clone(), tasks.clone()));
    tasks.spawn(jobs::probe::run(pipeline.cache().clone(), tasks.clone()));
    tasks.spawn(jobs::verify::run(pipeline.clone(), tasks.clone()));
    tasks.spawn(jobs::scrub::schedule::run(scrub, schedule, tasks.clone()));
}

impl App {
    /// The addresses it listens on, with the ports that were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens, as settings name it.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// What answers the requests.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Reads the configuration again.
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// Stops: not ready from now on; after `timeout.retire` no new connections, and those under way finish within
    /// `timeout.drain`. True if all did. The control socket answers until then.
    pub async fn stop(self) -> bool {
        self.notify.stopping();
        self.tasks.retire();
        tokio::time::sleep(self.retire).await;
        self.tasks.stop();
        let drained = tokio::time::timeout(self.drain, self.tasks.finished()).await.is_ok();
        self.tasks.dismiss();
        self.tracer.close().await;
        if let Err(error) = self.disk.close() {
            tracing::error!(
                event = "close_failed",
                error = &error as &dyn std::error::Error,
                "the store could not be closed"
            );
        }
        drained
    }
}
