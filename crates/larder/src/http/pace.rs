//! Whether a reader takes its answer fast enough.
//!
//! Only the time in which something lies ready and the reader does not take it counts; a slow source never makes a
//! reader slow. A reader must take so many bytes in each window of such time. A byte now and then is therefore not
//! enough to hold a connection for ever, and nobody who reads at all in earnest comes near the bound.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// What is asked of a reader.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// The length of a window.
    pub window: Duration,
    /// Bytes to be taken in it; with 0 any progress will do.
    pub bytes: u64,
}

/// How one reader does.
#[derive(Debug)]
pub(super) struct Pace {
    demand: Demand,
    /// Waited for the reader since it last met the demand.
    waited: Duration,
    /// Taken meanwhile.
    taken: u64,
    /// Since when the reader is being waited for.
    since: Option<Instant>,
    /// Wakes at the earliest when the window is over; never moved while data flows.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(super) fn new(demand: Demand) -> Self {
        Self { demand, waited: Duration::ZERO, taken: 0, since: None, timer: None }
    }

    /// The reader has taken something and is not waited for any more.
    pub(super) fn took(&mut self, bytes: u64) {
        if self.since.is_some() || !self.waited.is_zero() {
            self.took_at(Instant::now(), bytes);
        }
    }

    /// Waits for the reader; ready when it was waited for too long.
    pub(super) fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = self.wait_at(self.since.unwrap_or_else(Instant::now));
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }

    fn took_at(&mut self, now: Instant, bytes: u64) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        self.taken = self.taken.saturating_add(bytes);
        if self.taken >= self.demand.bytes {
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
    }

    /// Begins to wait, if it has not begun; until when.
    fn wait_at(&mut self, now: Instant) -> Instant {
        let since = *self.since.get_or_insert(now);
        since + self.demand.window.saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A reader that takes so many bytes after so many seconds each, with pauses in which there is nothing to take;
    /// how often it does so before it is too slow.
    fn turns(bytes: u64, after_s: u32, pause_s: u32) -> usize {
        let mut pace = Pace::new(Demand { window: 30 * SECOND, bytes: 1000 });
        let mut now = Instant::now();
        for turn in 0..100 {
            let until = pace.wait_at(now);
            now += after_s * SECOND;
            if now >= until {
                return turn;
            }
            pace.took_at(now, bytes);
            now += pause_s * SECOND;
        }
        100
    }

    #[test]
    fn a_reader_that_takes_nothing_is_too_slow_after_the_window() {
        assert_eq!(turns(1000, 31, 0), 0);
    }

    #[test]
    fn a_byte_now_and_then_is_not_enough() {
        assert_eq!(turns(1, 20, 0), 1);
        assert_eq!(turns(30, 1, 0), 29);
    }

    #[test]
    fn who_meets_the_demand_may_go_on_for_ever() {
        assert_eq!(turns(1000, 29, 0), 100);
        assert_eq!(turns(40, 1, 0), 100);
    }

    #[test]
    fn time_in_which_there_is_nothing_to_take_does_not_count() {
        assert_eq!(turns(40, 1, 3600), 100);
        assert_eq!(turns(1, 20, 3600), 1);
    }
}
