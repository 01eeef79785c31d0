//! `POST scrub`: has the store read again, telling how far it is and what is found.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio::sync::mpsc;

use super::{Answer, Asked, Parts};
use crate::app::scrub::ScrubCall;
use crate::http::body::Body;
use crate::jobs::scrub::Event;
use crate::jobs::scrub::schedule::log;

/// Lines that may wait for a slow reader.
const LINES: usize = 256;

/// Answers with one [`Event`] a line.
pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let call: ScrubCall = if asked.call.body.is_empty() { ScrubCall::default() } else { asked.body()? };
        let (lines, told) = mpsc::channel(LINES);
        let scrub = parts.scrub.clone();
        let order = call.order(parts.scrub_rate);
        parts.tasks.spawn(async move {
            // A reader that falls behind misses steps, never the end; the report names what was found.
            let report = scrub.run(order, |event| {
                log(&event);
                drop(lines.try_send(line(&event)));
            });
            let last = match report.await {
                Ok(report) => Event::Done(report),
                Err(error) => Event::Failed(crate::verify::explain(&error)),
            };
            log(&last);
            // Nobody listens any more: what was healed stays healed.
            drop(lines.send(line(&last)).await);
        });
        let mut response = Response::new(Body::lines(told));
        let kind = HeaderValue::from_static("application/x-ndjson");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    })
}

fn line(event: &Event) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
