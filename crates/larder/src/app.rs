//! Builds every part once and connects them; starts the server and stops it.

pub mod api;
mod build;
mod control;
mod import;
mod serve;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use store::Disk;

use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::http::Service;
use crate::http::listen::{self, Listener, Patience, Socket};
use crate::jobs;
use crate::observe::Counters;
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;

pub use build::pipeline_over;
pub use import::import;
pub use serve::serve;

/// A running server.
pub struct App {
    addresses: Vec<SocketAddr>,
    pipeline: Arc<Pipeline>,
    service: Arc<Service>,
    disk: Arc<Disk>,
    tasks: Tasks,
    drain: Duration,
}

/// Starts a server; it is ready when this returns. Must be called in a runtime.
///
/// # Errors
/// The data directory is in use or cannot be written, an address is taken, an upstream cannot be built.
pub fn start(config: &Config, clock: Clock) -> anyhow::Result<App> {
    let tasks = Tasks::default();
    let data = &config.data;
    let disk = Arc::new(
        Disk::open(data).with_context(|| format!("could not open the data directory {}", data.display()))?,
    );
    let listeners = listen_on(config)?;
    let pipeline = build::pipeline_over(config, disk.clone(), tasks.clone(), clock.clone())?;
    let counters = Arc::new(Counters::default());
    let api = api::Api::over(api::Parts {
        pipeline: pipeline.clone(),
        counters: counters.clone(),
        tasks: tasks.clone(),
        since: clock.now(),
        clock,
    });
    let prefix = config.path_prefix.as_str().to_owned();
    let settings = build::service(config);
    let service = Service::new(pipeline.clone(), prefix, settings, counters, Arc::new(api));
    let service = Arc::new(service);
    let control = data.join("control.sock");
    let socket = control::bind(&control).with_context(|| format!("could not open {}", control.display()))?;
    tasks.spawn(control::run(socket, service.clone(), tasks.clone()));
    tasks.spawn(jobs::recover::run(disk.clone(), pipeline.cache().clone()));
    tasks.spawn(jobs::sync::run(disk.clone(), tasks.clone()));
    let patience = Patience {
        header_read: config.timeout.header_read.into(),
        write_idle: config.timeout.write_idle.into(),
        connections: config.limits.connections as usize,
        header_bytes: config.limits.header_bytes,
    };
    let addresses = listeners.iter().filter_map(|listener| listener.socket.address()).collect();
    for listener in listeners {
        tasks.spawn(listen::run(listener, service.clone(), tasks.clone(), patience));
    }
    Ok(App { addresses, pipeline, service, disk, tasks, drain: config.timeout.drain.into() })
}

fn listen_on(config: &Config) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for listen in &config.listen {
        let bound = match *listen {
            Listen::At(address) => Socket::tcp(address),
            // One IPv6 socket takes IPv4 too; without IPv6, one IPv4 socket.
            Listen::All(port) => Socket::tcp((Ipv6Addr::UNSPECIFIED, port).into())
                .or_else(|_| Socket::tcp((Ipv4Addr::UNSPECIFIED, port).into())),
        };
        let socket = bound.with_context(|| format!("could not listen on {listen}"))?;
        let name = socket.address().map_or_else(|| listen.to_string(), |address| address.to_string());
        listeners.push(Listener { socket, tls: None, name: name.into() });
    }
    Ok(listeners)
}

impl App {
    /// The addresses it listens on, with the ports that were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What answers the requests.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Stops: no new connections, those under way finish within the drain limit. True if all did.
    pub async fn stop(self) -> bool {
        self.service.retire();
        self.tasks.stop();
        let drained = tokio::time::timeout(self.drain, self.tasks.finished()).await.is_ok();
        if let Err(error) = self.disk.close() {
            tracing::error!(error = &error as &dyn std::error::Error, "the store could not be closed");
        }
        drained
    }
}
