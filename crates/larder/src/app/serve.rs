//! `larder serve`: from the first line on the terminal to the last.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::watch::{self, Watch};
use super::{App, Notify, Reloader, Start, build, reload, systemd};
use crate::clock::Clock;
use crate::config::{Config, LogFormat, Reading};
use crate::observe::log::{self, Format, Hidden};
use crate::tasks;

/// Serves until SIGTERM or SIGINT; a second signal ends at once. True when every request under way could finish.
///
/// # Errors
/// The server cannot start.
pub fn serve(reading: Reading) -> anyhow::Result<bool> {
    // Looked at before they are read, so that no change in between is missed.
    let mut watch = Watch::over(reading.files());
    let loaded = reading.load()?;
    watch.add(reload::watched(&reading, &loaded));
    let passed = systemd::passed(&reading.environment)?;
    let on_terminal = std::io::stderr().is_terminal();
    let format = match loaded.config.log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Auto if on_terminal => Format::Text,
        LogFormat::Auto | LogFormat::Json => Format::Json,
    };
    // Before the first line: a start may have something to say of what is held.
    let hidden = Hidden::default();
    hidden.set(build::hidden(&loaded.config));
    let log = log::start(format, loaded.config.log.level.as_str(), &hidden)?;
    let runtime = tasks::runtime()?;
    runtime.block_on(async {
        let mut ends = Ends::listen().context("cannot listen for signals")?;
        let hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        let config = loaded.config.clone();
        let notify = Notify::to(&reading.environment);
        let with = Start { clock: Clock::System, reading, log: Some(log.dials()), passed, notify };
        let app = super::start(loaded, with)?;
        announce(&config, &app);
        tokio::select! {
            () = ends.next() => {}
            () = reload_when_asked(app.reloader(), watch, hangup, on_terminal) => {}
        }
        tracing::info!(event = "stopping", "stopping: no new connections, those under way may finish");
        tokio::select! {
            drained = app.stop() => Ok(drained),
            () = ends.next() => Ok(false),
        }
    })
}

/// The signals that end the server.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reloads at each SIGHUP, and when a file it depends on has changed. Ends when the terminal that the server was
/// started on is gone, which SIGHUP tells too.
async fn reload_when_asked(
    reloader: &Arc<Reloader>,
    mut watch: Watch,
    mut hangup: Signal,
    on_terminal: bool,
) {
    let mut looks = tokio::time::interval(watch::EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                if on_terminal && !std::io::stderr().is_terminal() {
                    return;
                }
                watch.use_now();
            }
            _ = looks.tick() => {
                // A file system that hangs must hold up neither requests nor signals.
                let look = tokio::task::spawn_blocking(move || (watch.has_changed(), watch)).await;
                let Ok((changed, back)) = look else { std::future::pending().await };
                watch = back;
                if !changed {
                    continue;
                }
            }
        }
        reloader.reload().await;
        watch.follow(reloader.watched().await);
    }
}

/// Says where it listens and what to do next: to a person on the terminal, to everyone else in the log.
fn announce(config: &Config, app: &App) {
    tracing::info!(
        event = "ready",
        version = crate::version::VERSION,
        data = %config.data.display(),
        upstream = app.pipeline().source_names().join(", "),
        "ready on {}", app.names().join(", ")
    );
    if !std::io::stderr().is_terminal() {
        return;
    }
    let base = app.addresses().first().map(|address| url(*address, config)).unwrap_or_default();
    // A terminal that has gone away must not stop the server.
    drop(writeln!(
        std::io::stderr(),
        "\n  Larder serves Go modules at {base}\n\n  Point go here:    go env -w GOPROXY={base}\n  \
         See how it does:  open {base}/ in a browser\n  Stop:             Ctrl-C\n"
    ));
}

fn url(address: SocketAddr, config: &Config) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}{}", address.port(), config.path_prefix)
}
