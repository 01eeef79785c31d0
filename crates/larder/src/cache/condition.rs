//! Telling of a store that is out of order: one event when it begins, one when it ends.

use store::{Condition, State, StoreError};

/// Logs a change of condition.
pub(super) fn tell(before: State, now: State, why: Option<&StoreError>) {
    let state = now.condition.as_str();
    let Some(why) = why.filter(|_| now.condition != Condition::Sound) else {
        let for_s = now.since.duration_since(before.since).unwrap_or_default().as_secs();
        tracing::info!(
            event = "store_sound",
            store.state = state,
            for_s,
            "the store is in order again (was {})",
            before.condition.as_str()
        );
        return;
    };
    tracing::error!(
        event = "store_trouble",
        store.state = state,
        error = why as &dyn std::error::Error,
        "the store is out of order: what is in memory or open is served, small files pass through memory, the rest is \
         answered 503 until it recovers"
    );
}
