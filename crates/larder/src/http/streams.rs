//! The streams of HTTP/2: each is a task, and ends when its own reader takes too little.
//!
//! A connection's writes say nothing of one stream: while the client leaves its window shut, nothing is written, and
//! hyper waits for the window without asking the body again. So the task around the stream watches: a piece that
//! the body gave out counts as taken when the body is asked for the next. When the time is up the stream's future is
//! dropped, which resets that stream and no other.
//!
//! hyper lets the task end with the last piece, though the client's window may not let all of it go yet. So a body keeps
//! back the end of a large last piece: it is asked for that only when the window covers everything before.
//!
//! The body and the task know each other by the thread they run on: a body is asked only within a poll of its stream.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::rt::Executor;

use super::pace::{Demand, Pace};
use crate::observe::{Reason, Refusals};
use crate::tasks::Tasks;

/// A last piece up to this size is given out whole; what a shut window leaves of it costs little.
pub(super) const LAST_BYTES: usize = 16 * 1024;

/// Runs the streams of HTTP/2 connections.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) tasks: Tasks,
    pub(super) demand: Demand,
    pub(super) refusals: Arc<Refusals>,
}

/// What the bodies polled on this thread gave out.
#[derive(Clone, Copy, Default)]
struct Given {
    /// A stream's task is running.
    is_watched: bool,
    /// A body was asked, so that whatever it gave before has been taken.
    is_asked: bool,
    /// Bytes taken since the poll began.
    taken: u64,
    /// Bytes of the piece that was given and not yet taken.
    open: Option<u64>,
}

thread_local! {
    static GIVEN: Cell<Given> = const { Cell::new(Given { is_watched: false, is_asked: false, taken: 0, open: None }) };
}

/// Tells that a body was asked, and how many bytes it gave.
pub(super) fn asked(gave: Option<usize>) {
    let given = GIVEN.get();
    let taken = given.taken + given.open.unwrap_or(0);
    GIVEN.set(Given { is_asked: true, taken, open: gave.map(|bytes| bytes as u64), ..given });
}

/// Whether the body that is being asked belongs to a stream.
pub(super) fn is_watched() -> bool {
    GIVEN.get().is_watched
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let (mut pace, refusals) = (Pace::new(self.demand), self.refusals.clone());
        self.tasks.spawn(async move {
            let mut stream = pin!(stream);
            let mut open = None;
            poll_fn(|context| {
                GIVEN.set(Given { is_watched: true, is_asked: false, taken: 0, open });
                let polled = stream.as_mut().poll(context);
                let given = GIVEN.take();
                open = given.open;
                if given.is_asked {
                    pace.took(given.taken);
                }
                if polled.is_pending() && open.is_some() && pace.poll_too_slow(context).is_ready() {
                    let _ = refusals.count(Reason::SlowReader);
                    return Poll::Ready(());
                }
                polled
            })
            .await;
        });
    }
}
