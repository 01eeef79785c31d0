//! The log: for people on a terminal, JSON elsewhere; written by a thread of its own, so that no request waits for it.

use std::io::{self, IsTerminal};
use std::thread::JoinHandle;

use tracing_subscriber::EnvFilter;

use super::human::Human;
use super::lines::Lines;
use super::machine::Machine;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, with colours on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log on standard error. The returned guard writes what is waiting when it is dropped.
///
/// # Errors
/// A level that cannot be parsed, or a log that was started before.
pub fn start(format: Format, level: &str) -> anyhow::Result<Guard> {
    let lines = Lines::default();
    let filter = EnvFilter::try_new(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone());
    let started = match format {
        Format::Json => builder.event_format(Machine).try_init(),
        Format::Text => {
            let colours = io::stderr().is_terminal();
            builder.with_ansi(colours).event_format(Human).try_init()
        }
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))?;
    let writer = lines.clone();
    // The lock of standard error is held for a write at a time: others write there too.
    let thread = std::thread::Builder::new().name("log".to_owned());
    let writer = thread.spawn(move || writer.write_to(io::stderr()))?;
    Ok(Guard { lines, writer: Some(writer) })
}

/// Keeps the log open; dropped last, it waits until the lines before it are written.
pub struct Guard {
    lines: Lines,
    writer: Option<JoinHandle<()>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.lines.end();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to write.
            let _ = writer.join();
        }
    }
}
