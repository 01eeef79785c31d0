//! When an upstream is left alone, and how it is tried again.
//!
//! Closed: everything is asked. Open: nothing is, until a pause has passed; then half-open: one call tries the
//! upstream, and its success closes the breaker, its failure opens it for twice the pause. What counts as a failure is
//! that the upstream could not be reached, broke off, was too slow or answered 5xx; every other answer shows that it
//! lives. A failure in a row counts only if no call went well since its own began: a call that hung for twenty seconds,
//! while hundreds of others were answered, says nothing about the upstream.
//!
//! While it is closed nobody takes the lock but for a failure.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::chance;
use crate::conduct;
use crate::health::State;

/// How soon a call may be made again that came while another one was trying the upstream.
const WHILE_TRIED: Duration = Duration::from_secs(1);

/// Decides whether an upstream is asked.
#[derive(Debug)]
pub(super) struct Breaker {
    begun: Instant,
    /// What `turn` says, for those who need not know more.
    closed: AtomicBool,
    turn: Mutex<Turn>,
    opened: AtomicU64,
    /// Failures in a row.
    run: AtomicU32,
    /// When a call last ended as it should, in milliseconds from `begun`, counted from 1; 0 is never.
    good_ms: AtomicU64,
    window: Window,
    /// Told to those who wait for a place.
    opening: Notify,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Closed,
    Open { until: Instant, pause: Duration },
    Trying { pause: Duration },
}

/// A call that may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) began: Instant,
    /// It is the one that tries the upstream.
    pub(super) trying: bool,
}

/// What a failure did to the breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// It opened, for so long.
    Opened(Duration),
    /// It stays open, for so long: the upstream was tried in vain.
    StaysOpen(Duration),
}

impl Breaker {
    pub(super) fn new() -> Self {
        let begun = Instant::now();
        Self {
            begun,
            closed: AtomicBool::new(true),
            turn: Mutex::new(Turn::Closed),
            opened: AtomicU64::new(0),
            run: AtomicU32::new(0),
            good_ms: AtomicU64::new(0),
            window: Window::default(),
            opening: Notify::new(),
        }
    }

    /// Lets a call through, or says after how long to ask again.
    pub(super) fn pass(&self) -> Result<Pass, Duration> {
        let began = Instant::now();
        if self.closed.load(Relaxed) {
            return Ok(Pass { began, trying: false });
        }
        let mut turn = self.turn();
        match *turn {
            Turn::Closed => Ok(Pass { began, trying: false }),
            Turn::Open { until, .. } if began < until => Err(until - began),
            Turn::Open { pause, .. } => {
                *turn = Turn::Trying { pause };
                Ok(Pass { began, trying: true })
            }
            Turn::Trying { .. } => Err(WHILE_TRIED),
        }
    }

    /// How long nobody may pass; `None` if the next call may.
    pub(super) fn left(&self) -> Option<Duration> {
        match self.state() {
            State::Closed => None,
            State::Open { again_in } => (!again_in.is_zero()).then_some(again_in),
            State::HalfOpen => Some(WHILE_TRIED),
        }
    }

    /// Resolves when it opens.
    pub(super) fn opening(&self) -> tokio::sync::futures::Notified<'_> {
        self.opening.notified()
    }

    /// The head of an answer came that shows that the upstream lives. True if that closed the breaker.
    pub(super) fn answered(&self, pass: &mut Pass) -> bool {
        if !std::mem::take(&mut pass.trying) {
            return false;
        }
        // All of it in one turn: a late failure that opened it in between would find it closed for those who pass, and
        // open for those who would open it, for ever.
        let mut turn = self.turn();
        *turn = Turn::Closed;
        self.run.store(0, Relaxed);
        self.window.clear();
        self.closed.store(true, Relaxed);
        true
    }

    /// A call ended as it should.
    pub(super) fn succeeded(&self, rules: &conduct::Breaker) {
        let now_ms = self.now_ms();
        self.run.store(0, Relaxed);
        self.good_ms.store(now_ms, Relaxed);
        self.window.count(false, now_ms, rules);
    }

    /// A call failed, and the upstream may have asked for a pause.
    pub(super) fn failed(&self, pass: &mut Pass, asked: Asked, rules: &conduct::Breaker) -> Effect {
        let asked_for = asked.pause();
        if std::mem::take(&mut pass.trying) {
            return self.keep_open(asked_for, rules);
        }
        let now_ms = self.now_ms();
        let is_too_much = self.is_too_much(pass, now_ms, rules);
        let opens = match asked {
            Asked::Pause(_) => true,
            Asked::PauseOrOne(_) => is_too_much || !self.was_good_lately(now_ms, rules),
            Asked::Nothing => is_too_much,
        };
        if opens { self.open(asked_for, rules) } else { Effect::None }
    }

    /// The call that was trying the upstream has ended without saying anything: the next one may.
    pub(super) fn left_untried(&self, pass: &mut Pass) {
        if !std::mem::take(&mut pass.trying) {
            return;
        }
        let mut turn = self.turn();
        if let Turn::Trying { pause } = *turn {
            *turn = Turn::Open { until: Instant::now(), pause };
        }
    }

    pub(super) fn state(&self) -> State {
        if self.closed.load(Relaxed) {
            return State::Closed;
        }
        match *self.turn() {
            Turn::Closed => State::Closed,
            Turn::Open { until, .. } => State::Open { again_in: until.duration_since(Instant::now()) },
            Turn::Trying { .. } => State::HalfOpen,
        }
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    pub(super) fn last_good(&self) -> Option<Duration> {
        let at = self.good_ms.load(Relaxed);
        (at > 0).then(|| Duration::from_millis(self.now_ms().saturating_sub(at)))
    }

    /// Counts one failure; true if there were too many, in a row or in the window.
    fn is_too_much(&self, pass: &Pass, now_ms: u64, rules: &conduct::Breaker) -> bool {
        let is_share = self.window.count(true, now_ms, rules);
        if self.good_ms.load(Relaxed) > self.ms(pass.began) {
            return is_share;
        }
        let run = self.run.fetch_add(1, Relaxed) + 1;
        is_share || (rules.failures > 0 && run >= rules.failures)
    }

    fn was_good_lately(&self, now_ms: u64, rules: &conduct::Breaker) -> bool {
        let good_ms = self.good_ms.load(Relaxed);
        good_ms > 0 && now_ms.saturating_sub(good_ms) <= ms(rules.window)
    }

    fn open(&self, asked_for: Duration, rules: &conduct::Breaker) -> Effect {
        let lasts = asked_for.max(chance::around(rules.pause).min(rules.longest_pause));
        let until = Instant::now() + lasts;
        let mut turn = self.turn();
        match *turn {
            Turn::Closed => {
                *turn = Turn::Open { until, pause: rules.pause };
                self.closed.store(false, Relaxed);
                self.opened.fetch_add(1, Relaxed);
                drop(turn);
                self.opening.notify_waiters();
                Effect::Opened(lasts)
            }
            // Calls that were under way when it opened add nothing, but for what the upstream asks for.
            Turn::Open { until: earlier, pause } if !asked_for.is_zero() && earlier < until => {
                *turn = Turn::Open { until, pause };
                Effect::None
            }
            Turn::Open { .. } | Turn::Trying { .. } => Effect::None,
        }
    }

    fn keep_open(&self, asked_for: Duration, rules: &conduct::Breaker) -> Effect {
        let mut turn = self.turn();
        let Turn::Trying { pause } = *turn else { return Effect::None };
        let pause = (pause * 2).min(rules.longest_pause);
        let lasts = asked_for.max(chance::around(pause).min(rules.longest_pause));
        *turn = Turn::Open { until: Instant::now() + lasts, pause };
        Effect::StaysOpen(lasts)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ms(&self, at: Instant) -> u64 {
        ms(at.duration_since(self.begun)).saturating_add(1)
    }

    fn now_ms(&self) -> u64 {
        self.ms(Instant::now())
    }
}

/// What a failed call asked for by `Retry-After`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// Nothing.
    Nothing,
    /// A pause of all calls: 429 is about whoever asks.
    Pause(Duration),
    /// A pause of all calls, unless others are answered well: 503 may be about the one thing that was asked for, as
    /// when a proxy behind the proxy is down.
    PauseOrOne(Duration),
}

impl Asked {
    fn pause(self) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            Self::Pause(pause) | Self::PauseOrOne(pause) => pause,
        }
    }
}

/// Calls of the last while. Two threads that begin a window at once may lose a call; nobody needs it exact.
#[derive(Debug, Default)]
struct Window {
    began_ms: AtomicU64,
    calls: AtomicU32,
    failures: AtomicU32,
}

impl Window {
    /// Counts a call that ended; true if too many of the window failed.
    fn count(&self, failed: bool, now_ms: u64, rules: &conduct::Breaker) -> bool {
        let began_ms = self.began_ms.load(Relaxed);
        if now_ms.saturating_sub(began_ms) > ms(rules.window) {
            self.began_ms.store(now_ms, Relaxed);
            self.clear();
        }
        let calls = self.calls.fetch_add(1, Relaxed) + 1;
        let failures = self.failures.fetch_add(u32::from(failed), Relaxed) + u32::from(failed);
        let share = u64::from(failures) * 100 >= u64::from(calls) * u64::from(rules.share_percent);
        failed && rules.share_percent > 0 && calls >= rules.least_calls && share
    }

    fn clear(&self) {
        self.calls.store(0, Relaxed);
        self.failures.store(0, Relaxed);
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened() -> (Breaker, conduct::Breaker) {
        let (breaker, rules) = (Breaker::new(), conduct::Breaker::default());
        for _ in 0..rules.failures {
            breaker.failed(&mut breaker.pass().unwrap(), Asked::Nothing, &rules);
        }
        assert!(breaker.pass().is_err());
        (breaker, rules)
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_half_a_minute_and_begin_anew_after_a_good_call() {
        let (breaker, rules) = opened();
        for pause_s in [1, 2, 4, 8, 16, 30, 30] {
            let pause = Duration::from_secs(pause_s);
            let left = breaker.pass().unwrap_err();
            assert!(left >= pause.mul_f64(0.75) && left <= pause.mul_f64(1.25).min(30 * SECOND), "{left:?}");
            tokio::time::advance(left.saturating_sub(Duration::from_millis(1))).await;
            assert!(breaker.pass().is_err());
            tokio::time::advance(Duration::from_millis(1)).await;
            let mut trying = breaker.pass().unwrap();
            assert_eq!(breaker.pass().unwrap_err(), WHILE_TRIED);
            let effect = breaker.failed(&mut trying, Asked::Nothing, &rules);
            assert!(matches!(effect, Effect::StaysOpen(_)), "{effect:?}");
        }
        tokio::time::advance(60 * SECOND).await;
        assert!(breaker.answered(&mut breaker.pass().unwrap()));
        for _ in 0..rules.failures {
            breaker.failed(&mut breaker.pass().unwrap(), Asked::Nothing, &rules);
        }
        assert!(breaker.pass().unwrap_err() <= SECOND.mul_f64(1.25));
        assert_eq!(breaker.opened(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_wait_that_is_asked_for_meanwhile_is_kept() {
        let (breaker, rules) = opened();
        let mut late = Pass { began: Instant::now(), trying: false };
        breaker.failed(&mut late, Asked::Pause(60 * SECOND), &rules);
        assert_eq!(breaker.pass().unwrap_err(), 60 * SECOND);
        breaker.failed(&mut late, Asked::Pause(10 * SECOND), &rules);
        assert_eq!(breaker.pass().unwrap_err(), 60 * SECOND, "and a shorter one does not shorten it");
        tokio::time::advance(60 * SECOND).await;
        let mut trying = breaker.pass().unwrap();
        breaker.failed(&mut trying, Asked::Pause(90 * SECOND), &rules);
        assert_eq!(breaker.pass().unwrap_err(), 90 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_an_earlier_window_are_forgotten() {
        let (breaker, rules) = (Breaker::new(), conduct::Breaker { failures: 0, ..Default::default() });
        let fail = || breaker.failed(&mut breaker.pass().unwrap(), Asked::Nothing, &rules);
        for _ in 1..rules.least_calls {
            assert_eq!(fail(), Effect::None);
        }
        tokio::time::advance(rules.window + SECOND).await;
        assert_eq!(fail(), Effect::None);
        for _ in 2..rules.least_calls {
            assert_eq!(fail(), Effect::None);
        }
        assert!(matches!(fail(), Effect::Opened(_)));
    }
}
