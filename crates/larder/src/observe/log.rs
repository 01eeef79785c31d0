//! The log: for people on a terminal, JSON elsewhere; written by a thread of its own, so that no request waits for it.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::human::Human;

/// Lines that may wait to be written; when a reader of the log is that far behind, lines are dropped and counted.
const WAITING_LINES: usize = 8192;

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
    let (sender, receiver) = sync_channel(WAITING_LINES);
    let lost = Arc::new(AtomicU64::new(0));
    let (reported, done) = (lost.clone(), sync_channel(1));
    let finished = done.0;
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_lines(&receiver, &reported);
        drop(finished);
    })?;
    let writer = Lines { sender: sender.clone(), lost };
    let filter = EnvFilter::try_new(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match format {
        Format::Json => builder.json().flatten_event(true).with_target(false).try_init(),
        Format::Text => {
            let colours = io::stderr().is_terminal();
            builder.with_ansi(colours).event_format(Human).try_init()
        }
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))?;
    Ok(Guard { sender, done: done.1 })
}

/// Keeps the log open; dropped last, it waits until the lines before it are written.
pub struct Guard {
    sender: SyncSender<Line>,
    done: Receiver<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.sender.send(Line::End).is_ok() {
            // Returns when the writer drops its end.
            let _ = self.done.recv();
        }
    }
}

enum Line {
    Text(Vec<u8>),
    End,
}

/// Never holds the lock of standard error longer than a write: others write there too.
fn write_lines(receiver: &Receiver<Line>, lost: &AtomicU64) {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stderr());
    while let Ok(line) = receiver.recv() {
        let mut next = Some(line);
        while let Some(line) = next {
            match line {
                // A log that cannot be written to must not stop the server.
                Line::Text(text) => drop(out.write_all(&text)),
                Line::End => {
                    drop(out.flush());
                    return;
                }
            }
            next = receiver.try_recv().ok();
        }
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            count => {
                drop(writeln!(out, "{{\"level\":\"WARN\",\"message\":\"{count} log lines were lost\"}}"));
            }
        }
        drop(out.flush());
    }
}

#[derive(Clone)]
struct Lines {
    sender: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.sender.try_send(Line::Text(text.to_vec())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
