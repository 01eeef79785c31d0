//! A running child and everything that it started: one process group, ended as one.
//!
//! A process id may belong to somebody else once its process was waited for. So the one thread that waits for a child first
//! closes the group under the lock that every signal takes: no signal is ever sent to a group that is not ours.

use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};

use super::warden::Warden;

/// Bytes of its words that are kept of a child: the first and, as many, the last. What went wrong is said at the end, by
/// git, or at the beginning, where many lines follow from one fault.
const WORDS_BYTES: usize = 8 << 10;

/// Why a group was ended before it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// It took too long.
    Deadline,
    /// Nobody wants its output any more, or it is larger than is taken.
    Unwanted,
}

/// A process group that runs, or ran.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    is_running: bool,
    stop: Option<Stop>,
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its status; `None` if it could not be learnt.
    pub(super) status: Option<ExitStatus>,
    /// What it said on its standard error: the beginning and the end.
    pub(super) words: Vec<u8>,
    /// Why it was ended, if it was.
    pub(super) stop: Option<Stop>,
}

impl Group {
    /// The group that a child leads.
    pub(super) fn new(leader: Pid) -> Self {
        Self { leader, state: Mutex::new(State { is_running: true, stop: None }) }
    }

    /// Ends all of it at once. Later reasons change nothing.
    pub(super) fn stop(&self, why: Stop) {
        let mut state = self.lock();
        if state.is_running && state.stop.is_none() {
            state.stop = Some(why);
            end(self.leader);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the child, ends what it left behind, and waits for that too where it is ours to do. Blocking.
    pub(super) fn wait(&self, warden: &Warden) -> (Option<ExitStatus>, Option<Stop>) {
        // Still a zombie afterwards, whose id nobody else can get.
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(rustix::process::waitid(WaitId::Pid(self.leader), peek), Err(Errno::INTR)) {}
        let stop = {
            let mut state = self.lock();
            state.is_running = false;
            state.stop
        };
        end(self.leader);
        warden.forget(self.leader);
        (self.reap(), stop)
    }

    /// Takes the child's status; and that of orphans of the group, which come to us where we are the init process of a
    /// container.
    fn reap(&self) -> Option<ExitStatus> {
        let mut status = None;
        loop {
            match rustix::process::waitpgid(self.leader, WaitOptions::empty()) {
                Ok(Some((pid, ended))) if pid == self.leader => {
                    status = Some(ExitStatus::from_raw(ended.as_raw()));
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return status,
            }
        }
    }
}

/// Watches a group until it ended, on a thread of its own, and tells `done`. `words` is the child's standard error.
pub(super) fn watch(
    group: Arc<Group>,
    warden: Arc<Warden>,
    words: PipeReader,
    done: impl FnOnce(Ended) + Send + 'static,
) -> io::Result<()> {
    let listener = thread::Builder::new().name("vcs-words".to_owned()).spawn(move || listen(words))?;
    let wait = move || {
        let (status, stop) = group.wait(&warden);
        // All who could write are dead, so that the listener comes to the end.
        let words = listener.join().unwrap_or_default();
        done(Ended { status, words, stop });
    };
    thread::Builder::new().name("vcs-wait".to_owned()).spawn(wait)?;
    Ok(())
}

/// Reads to the end, so that the child never waits for a reader, and keeps the beginning and the end.
fn listen(mut pipe: PipeReader) -> Vec<u8> {
    let mut words = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return words,
            Ok(count) => words.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return words,
        }
        if words.len() > 2 * WORDS_BYTES {
            words.drain(WORDS_BYTES..words.len() - WORDS_BYTES);
        }
    }
}

fn end(leader: Pid) {
    // The only fault that can be is that nobody of the group is left.
    let _ = rustix::process::kill_process_group(leader, Signal::KILL);
}
