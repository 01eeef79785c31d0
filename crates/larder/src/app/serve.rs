//! `larder serve`: from the first line on the terminal to the last.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::App;
use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use crate::observe::log::{self, Format};

/// Serves until SIGTERM or SIGINT; a second signal ends at once. True when every request under way could finish.
///
/// # Errors
/// The server cannot start.
pub fn serve(config: &Config) -> anyhow::Result<bool> {
    let format = match config.log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Auto if std::io::stderr().is_terminal() => Format::Text,
        LogFormat::Auto | LogFormat::Json => Format::Json,
    };
    let _log = log::start(format, config.log.level.as_str())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let app = super::start(config, Clock::System)?;
        announce(config, &app);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new connections, those under way may finish");
        tokio::select! {
            drained = app.stop() => Ok(drained),
            _ = terminate.recv() => Ok(false),
            _ = interrupt.recv() => Ok(false),
        }
    })
}

/// Says where it listens and what to do next: to a person on the terminal, to everyone else in the log.
fn announce(config: &Config, app: &App) {
    let addresses: Vec<String> = app.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(
        version = crate::version::VERSION,
        data = %config.data.display(),
        upstream = app.pipeline().source_names().join(", "),
        "ready on {}", addresses.join(", ")
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
