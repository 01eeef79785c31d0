//! Log lines on their way to the thread that writes them.
//!
//! Whoever logs appends to a buffer that is mostly its own thread's, and wakes the writer only if it may be asleep: a
//! wake-up costs more than all else about a line. The writer writes at once what it is woken for, then lets lines
//! gather for a moment. Lines of one thread stay in order; those of two carry their times.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::{SHARDS, shard_of_thread};

/// Bytes that may wait in one buffer; when the reader of the log is that far behind, lines are dropped and counted.
const WAITING_BYTES: usize = 512 * 1024;
/// A buffer that grew beyond this in a rush is given back when it has been written.
const KEPT_BYTES: usize = 64 * 1024;
/// How long lines gather after some were written.
const GATHER: Duration = Duration::from_millis(10);

/// Lines that were dropped since the start of the process: there is one log of it, too.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Lines that were dropped since the start.
pub(super) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Where lines are appended.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    shards: [Shard; SHARDS],
    /// There is something to write, or to end; set after the line was appended.
    waiting: AtomicBool,
    ending: AtomicBool,
    lost: AtomicU64,
    writer: Mutex<Option<Thread>>,
}

/// On a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<u8>>);

impl Shard {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Writes lines until it is told to end, and then what is left. For a thread of its own.
    pub(super) fn write_to(&self, mut out: impl Write) {
        *self.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        let mut buffer = Vec::new();
        loop {
            let ending = self.0.ending.load(Ordering::Acquire);
            // Before the buffers are looked at: whoever appends later finds it unset and sets it.
            self.0.waiting.store(false, Ordering::Release);
            self.drain(&mut buffer, &mut out);
            if ending {
                return;
            }
            std::thread::sleep(GATHER);
            while !self.0.waiting.load(Ordering::Acquire) {
                std::thread::park();
            }
        }
    }

    fn drain(&self, buffer: &mut Vec<u8>, out: &mut impl Write) {
        for shard in &self.0.shards {
            std::mem::swap(&mut *shard.bytes(), buffer);
            // A log that cannot be written to must not stop the server.
            drop(out.write_all(buffer));
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
        drop(out.flush());
        match self.0.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            // Written like any other, since there is room again.
            lines => tracing::warn!(event = "log_lines_lost", lines, "log lines were lost"),
        }
    }

    /// Has the writer end when all lines before this are written.
    pub(super) fn end(&self) {
        self.0.ending.store(true, Ordering::Release);
        self.wake();
    }

    fn append(&self, line: &[u8]) {
        let Some(shard) = self.0.shards.get(shard_of_thread()) else { return };
        {
            let mut bytes = shard.bytes();
            if bytes.len() + line.len() > WAITING_BYTES {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
                LOST.fetch_add(1, Ordering::Relaxed);
            } else {
                bytes.extend_from_slice(line);
            }
        }
        if !self.0.waiting.load(Ordering::Acquire) {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.0.waiting.swap(true, Ordering::AcqRel)
            && let Some(writer) = &*self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
        {
            writer.unpark();
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
