//! The log: for people on a terminal, JSON elsewhere; written by a thread of its own, so that no request waits for it.

use std::io::{self, IsTerminal};
use std::sync::mpsc;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use super::hidden::Hidden;
use super::human::Human;
pub use super::level::Level;
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
pub fn start(format: Format, level: &str, hidden: &Hidden) -> anyhow::Result<Guard> {
    let (lines, level) = (Lines::default(), Level::parse(level)?);
    // Which lines are written, `level` says alone.
    let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone());
    let started = match format {
        Format::Json => all.event_format(Machine(hidden.clone())).finish().with(level.clone()).try_init(),
        Format::Text => {
            let colours = io::stderr().is_terminal();
            all.with_ansi(colours).event_format(Human(hidden.clone())).finish().with(level.clone()).try_init()
        }
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))?;
    let writer = lines.clone();
    // The lock of standard error is held for a write at a time: others write there too.
    let thread = std::thread::Builder::new().name("log".to_owned());
    let (done, written) = mpsc::channel();
    thread.spawn(move || {
        writer.write_to(io::stderr());
        // Nobody waits any more: the process is ending.
        let _ = done.send(());
    })?;
    Ok(Guard { lines, dials: Dials { level, hidden: hidden.clone() }, written })
}

/// How long an ending process waits for its last lines to be taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Log lines that were dropped since the start, since whoever reads the log was too slow.
pub fn lost_lines() -> u64 {
    super::lines::lost()
}

/// What can be changed while the log is written.
#[derive(Clone, Debug)]
pub struct Dials {
    /// Which lines are written.
    pub level: Level,
    /// Which modules are not named.
    pub hidden: Hidden,
}

/// Keeps the log open; dropped last, it waits a moment until the lines before it are written.
pub struct Guard {
    lines: Lines,
    dials: Dials,
    written: mpsc::Receiver<()>,
}

impl Guard {
    /// What can be changed while the log is written.
    pub fn dials(&self) -> Dials {
        self.dials.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.lines.end();
        // Whoever reads the log may have stopped reading: that must not keep the process.
        let _ = self.written.recv_timeout(LAST_LINES);
    }
}
