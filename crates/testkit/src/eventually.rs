//! Waiting for something that no event announces.
//!
//! The only place in all tests that looks at the clock and sleeps. Prefer an event ([`crate::Upstream::arrived`], a
//! channel, a task's end); use this for what can only be observed from outside, such as a file that appears or a
//! number in `/metrics`. Never of use with tokio's paused clock, which runs ahead of real sockets.

use std::future::Future;
use std::time::Duration;

/// How long any wait of this crate lasts before it panics. Generous: it is only reached when a test fails, and the
/// machine that runs the tests may be busy.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// What a closure given to [`eventually()`] says: `true` or `Some` when it has come true.
pub trait Outcome {
    /// What is handed back once it has come true.
    type Found;

    /// The result, or nothing if it is not there yet.
    fn found(self) -> Option<Self::Found>;
}

impl Outcome for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Outcome for Option<T> {
    type Found = T;

    fn found(self) -> Option<T> {
        self
    }
}

/// Asks again and again until the answer is `true` or `Some`.
///
/// # Panics
///
/// After [`DEADLINE`], naming `what`.
pub async fn eventually<Ask, Asked>(what: &str, mut ask: Ask) -> <Asked::Output as Outcome>::Found
where
    Ask: FnMut() -> Asked,
    Asked: Future,
    Asked::Output: Outcome,
{
    let looking = async {
        loop {
            if let Some(found) = ask().await.found() {
                return found;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let looked = tokio::time::timeout(DEADLINE, looking).await;
    looked.unwrap_or_else(|_| panic!("waited {DEADLINE:?} in vain: {what}"))
}
