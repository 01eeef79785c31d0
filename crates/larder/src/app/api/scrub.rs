//! `POST scrub`: has the store read again, telling how far it is and what is found.

use std::sync::Arc;

use super::lines::Lines;
use super::{Answer, Asked, Parts};
use crate::app::scrub::ScrubCall;
use crate::jobs::scrub::Event;
use crate::jobs::scrub::schedule::log;

/// Answers with one [`Event`] a line.
pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let call: ScrubCall = if asked.call.body.is_empty() { ScrubCall::default() } else { asked.body()? };
        let (lines, response) = Lines::open();
        let scrub = parts.scrub.clone();
        let order = call.order(parts.scrub_rate);
        parts.tasks.spawn(async move {
            // A step that a slow reader misses is told again by the report, which names what was found.
            let report = scrub.run(order, |event| {
                log(&event);
                lines.step(&event);
            });
            let last = match report.await {
                Ok(report) => Event::Done(report),
                Err(error) => Event::Failed(crate::observe::explain(&error)),
            };
            log(&last);
            lines.end(&last).await;
        });
        Ok(response)
    })
}
