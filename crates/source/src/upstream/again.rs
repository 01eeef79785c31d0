//! When a call that failed is made again.
//!
//! Only what failed before the first byte of an answer, may pass by itself, and costs the upstream little: no
//! connection, a connection that was reset, a gateway's 502, 503 or 504, a 500, and a 429 that asks for a short wait.
//! Never what a deadline ended (it has taken long enough), never a 4xx, never content that was wrong. The wait before it
//! is drawn from zero up to a bound that doubles; the deadline of the whole question goes on meanwhile, and the
//! upstream's credit and breaker have the last word.

use std::time::Duration;

use super::{HttpUpstream, Question};
use crate::conduct::Retry;
use crate::limits::Deadline;
use crate::origin::chance;
use crate::{Fetched, SourceError};

/// Asks, and asks again within the rules. Of several failures the last one of the upstream's own is told.
pub(super) async fn ask(upstream: &HttpUpstream, question: &Question<'_>) -> Result<Fetched, SourceError> {
    let rules = &upstream.conduct.retry;
    let mut error = match upstream.call(question).await {
        Ok(fetched) => return Ok(fetched),
        Err(error) => error,
    };
    for retry in 0..rules.times {
        let Some(wait) = wait_after(&error, retry, upstream) else { break };
        if question.clock.left().is_some_and(|left| left <= wait) || !upstream.origin.may_retry() {
            break;
        }
        tokio::time::sleep(wait).await;
        error = match upstream.call(question).await {
            // What forbids asking again is not what is wrong.
            Err(SourceError::Paused { .. } | SourceError::Crowded { .. }) => break,
            Err(error) => error,
            Ok(fetched) => return Ok(fetched),
        };
    }
    Err(error)
}

/// How long to wait before asking again; `None` if that makes no sense.
fn wait_after(error: &SourceError, retry: u32, upstream: &HttpUpstream) -> Option<Duration> {
    let rules = &upstream.conduct.retry;
    let asked = asked_wait(error)?;
    let drawn = chance::up_to(longest_wait(rules, retry));
    let wait = drawn + asked.max(upstream.origin.closed_for().unwrap_or_default());
    (wait <= rules.longest).then_some(wait)
}

/// How long the failure asks to wait, if it may pass by itself.
fn asked_wait(error: &SourceError) -> Option<Duration> {
    match error {
        SourceError::Unreachable { .. } | SourceError::Timeout { what: Deadline::Connect, .. } => {
            Some(Duration::ZERO)
        }
        SourceError::Unavailable { status: Some(500 | 502 | 503 | 504), retry_after, .. } => {
            Some(retry_after.unwrap_or_default())
        }
        SourceError::Unavailable { status: Some(429), retry_after, .. } => *retry_after,
        _ => None,
    }
}

fn longest_wait(rules: &Retry, retry: u32) -> Duration {
    rules.backoff.saturating_mul(2_u32.saturating_pow(retry)).min(rules.longest)
}
