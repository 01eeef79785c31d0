//! What can be seen from outside: the log, the counters, and the ids that tie a request to its log line.

mod causes;
mod counters;
pub mod families;
mod harmless;
mod hidden;
mod human;
mod ids;
mod level;
mod lines;
pub mod log;
mod machine;
mod process;
mod refusals;
mod samples;
pub mod trace;
mod words;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use causes::{causes, explain, with_causes};
pub use counters::{Connected, Counters, Ended, Latencies, Summary};
pub use harmless::is_harmful;
pub use ids::{RequestId, RequestIds};
pub use process::process;
pub use refusals::{Reason, Refusals};
pub use samples::{CONTENT_TYPE, Durations, Samples, Value};
pub use words::{Cached, Kind, Outcome, Tally};

/// Places for counters and log lines; threads beyond that share.
const SHARDS: usize = 16;

/// The same number below [`SHARDS`] for a thread each time, different for the first so many threads.
fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    MINE.with(Cell::get)
}

/// The time of a log line: the system's, whatever clock the server was given.
#[expect(clippy::disallowed_methods, reason = "a log line tells when it was written")]
fn line_time() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
