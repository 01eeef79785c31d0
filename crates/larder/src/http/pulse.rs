//! What a connection is doing, told by its stream and its requests, read by its one timer and by whoever needs its
//! place.
//!
//! All of it is atomics of the connection's own: a request on a connection that stays open touches nothing shared with
//! other connections, and no timer is set or reset for it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    began: Instant,
    /// Requests whose answers are not done.
    busy: AtomicU32,
    /// One of [`HEAD`] and [`IDLE`], for when nothing is being answered.
    state: AtomicU8,
    /// Since when, in milliseconds after `began`.
    since_ms: AtomicU64,
    /// A write waits for the reader.
    is_writing: AtomicBool,
    /// HTTP/2 is spoken, where frames come at any time and say nothing of a next request.
    is_framed: AtomicBool,
    /// The reader was too slow.
    is_slow: AtomicBool,
    order: AtomicU8,
    waker: AtomicWaker,
}

/// The head of a request is awaited or has begun.
const HEAD: u8 = 0;
/// All requests have been answered.
const IDLE: u8 = 1;

/// What a connection was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Nothing.
    Stay,
    /// Its place is needed: close if it rests.
    MakeRoom,
    /// Finish what has begun, then close.
    Finish,
}

/// How long a connection may rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rests {
    /// For the head of a request.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            busy: AtomicU32::new(0),
            state: AtomicU8::new(HEAD),
            since_ms: AtomicU64::new(0),
            is_writing: AtomicBool::new(false),
            is_framed: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            order: AtomicU8::new(Order::Stay as u8),
            waker: AtomicWaker::new(),
        }
    }

    /// Bytes have come: on an idle connection of HTTP/1 they begin a head.
    pub(super) fn heard(&self) {
        if self.state.load(Ordering::Relaxed) == IDLE
            && self.busy.load(Ordering::Relaxed) == 0
            && !self.is_framed.load(Ordering::Relaxed)
        {
            self.enter(HEAD);
        }
    }

    /// HTTP/2 is spoken.
    pub(super) fn framed(&self) {
        self.is_framed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_framed(&self) -> bool {
        self.is_framed.load(Ordering::Relaxed)
    }

    /// Whether a write waits for the reader.
    pub(super) fn writing(&self, waits: bool) {
        if waits != self.is_writing.load(Ordering::Relaxed) {
            self.is_writing.store(waits, Ordering::Relaxed);
            if !waits && self.state.load(Ordering::Relaxed) == IDLE {
                self.enter(IDLE);
            }
        }
    }

    /// The reader was too slow.
    pub(super) fn slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// A request has come; it lasts until the guard is dropped with the end of its answer.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// For how long the connection has rested, and whether it was between requests; none while it is of use.
    pub(super) fn rest(&self) -> Option<(Duration, bool)> {
        if self.busy.load(Ordering::Relaxed) > 0 || self.is_writing.load(Ordering::Relaxed) {
            return None;
        }
        let since = Duration::from_millis(self.since_ms.load(Ordering::Relaxed));
        let is_idle = self.state.load(Ordering::Relaxed) == IDLE;
        Some((self.began.elapsed().saturating_sub(since), is_idle))
    }

    /// How much longer it may rest; zero when it has rested for too long.
    pub(super) fn left(&self, rests: Rests) -> Duration {
        match self.rest() {
            None => rests.head.min(rests.idle),
            Some((rested, true)) => rests.idle.saturating_sub(rested),
            Some((rested, false)) => rests.head.saturating_sub(rested),
        }
    }

    /// Tells the connection to go. A later order is never a milder one.
    pub(super) fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::Relaxed);
        self.waker.wake();
    }

    /// What the connection was told; wakes the task when it is told more.
    pub(super) fn poll_order(&self, context: &Context<'_>) -> Order {
        self.waker.register(context.waker());
        match self.order.load(Ordering::Relaxed) {
            0 => Order::Stay,
            1 => Order::MakeRoom,
            _ => Order::Finish,
        }
    }

    /// Waits until it is told to go.
    pub(super) async fn ordered(&self) {
        poll_fn(|context| match self.poll_order(context) {
            Order::Stay => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Whether it was told to go.
    pub(super) fn is_told(&self) -> bool {
        self.order.load(Ordering::Relaxed) != Order::Stay as u8
    }

    /// The order to make room came when the connection was of use again.
    pub(super) fn keep_room(&self) {
        let (asked, stay) = (Order::MakeRoom as u8, Order::Stay as u8);
        let _ = self.order.compare_exchange(asked, stay, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn enter(&self, state: u8) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since_ms.store(ms, Ordering::Relaxed);
        self.state.store(state, Ordering::Relaxed);
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        // Idle first: between the two nobody may see an old head.
        self.0.enter(IDLE);
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
