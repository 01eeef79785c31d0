//! The one thread that starts children, and that ends those whose time is over.
//!
//! One thread, because the kernel's promise to end a child with its parent is about the *thread* that forked it: a child
//! started from a thread of a pool would be killed whenever the pool lets that thread go. The thread lives until the jail and
//! all that was started from it are gone.

use std::io::{self, PipeReader};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use tokio::sync::oneshot;

use super::confine::Confinement;
use super::group::{self, Ended, Group, Stop};
use super::warden::Warden;

/// What is to be started.
pub(super) struct Order {
    /// The command, complete but for its standard error and its confinement.
    pub(super) command: Command,
    /// How long it may run.
    pub(super) deadline: Duration,
    /// Is told how it ended.
    pub(super) done: Box<dyn FnOnce(Ended) + Send>,
}

type Started = io::Result<Running>;

/// A child that runs. Dropping it ends the child and all that it started.
#[derive(Debug)]
pub(super) struct Running(Arc<Group>);

impl Running {
    /// Ends it.
    pub(super) fn stop(&self) {
        self.0.stop(Stop::Unwanted);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Hands orders to the thread.
#[derive(Clone, Debug)]
pub(super) struct Starter {
    orders: Sender<(Order, oneshot::Sender<Started>)>,
}

impl Starter {
    /// Starts the thread, and a warden for what it will start.
    pub(super) fn new(warden: Warden, confinement: Confinement) -> io::Result<Self> {
        let (orders, waiting) = mpsc::channel();
        let thread = Thread { warden: Arc::new(warden), confinement, deadlines: Vec::new() };
        thread::Builder::new().name("vcs-start".to_owned()).spawn(move || thread.run(&waiting))?;
        Ok(Self { orders })
    }

    /// Starts a child.
    pub(super) async fn start(&self, order: Order) -> Started {
        let (reply, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts children is gone");
        self.orders.send((order, reply)).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}

struct Thread {
    warden: Arc<Warden>,
    confinement: Confinement,
    deadlines: Vec<(Instant, Weak<Group>)>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<(Order, oneshot::Sender<Started>)>) {
        loop {
            let next = self.end_late_ones();
            match next.map_or_else(
                || waiting.recv().map_err(RecvTimeoutError::from),
                |next| waiting.recv_timeout(next),
            ) {
                Ok((order, reply)) => {
                    // If nobody waits for it any more, it is dropped with the message, and ended by that.
                    let _ = reply.send(self.start(order));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.linger(),
            }
        }
    }

    /// No more orders will come; what runs still has this thread for its parent, and its deadlines.
    fn linger(mut self) {
        while let Some(next) = self.end_late_ones() {
            // As often as is needed to be gone soon after the last child.
            thread::park_timeout(next.min(Duration::from_millis(50)));
        }
    }

    /// Ends what is over its time; how long it is to the next deadline, if anything runs.
    fn end_late_ones(&mut self) -> Option<Duration> {
        let now = now();
        self.deadlines.retain(|(deadline, group)| match group.upgrade() {
            Some(group) if *deadline <= now => {
                group.stop(Stop::Deadline);
                // Kept for `linger`: it is gone when the group is.
                true
            }
            Some(_) => true,
            None => false,
        });
        let late = Duration::from_millis(50);
        self.deadlines.iter().map(|(deadline, _)| deadline.saturating_duration_since(now).max(late)).min()
    }

    fn start(&mut self, order: Order) -> Started {
        let Order { mut command, deadline, done } = order;
        let (words, write) = io::pipe()?;
        command.stderr(write);
        self.confinement.put_on(&mut command);
        let child = command.spawn()?;
        // The command holds our copies of the child's ends of pipes, which would never end.
        drop(command);
        let leader = Pid::from_child(&child);
        self.warden.remember(leader);
        let group = Arc::new(Group::new(leader));
        self.deadlines.push((now() + deadline, Arc::downgrade(&group)));
        self.watch(&group, words, done)?;
        Ok(Running(group))
    }

    fn watch(
        &self,
        group: &Arc<Group>,
        words: PipeReader,
        done: Box<dyn FnOnce(Ended) + Send>,
    ) -> io::Result<()> {
        let watched = group::watch(Arc::clone(group), Arc::clone(&self.warden), words, done);
        if watched.is_err() {
            // No thread could be started to wait for it: this one does, for a child that is ended already.
            group.stop(Stop::Unwanted);
            group.wait(&self.warden);
        }
        watched
    }
}

#[expect(clippy::disallowed_methods, reason = "deadlines of processes are of the machine's clock")]
fn now() -> Instant {
    Instant::now()
}
