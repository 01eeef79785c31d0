//! `GET upstreams`: how each upstream does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use source::{Health, Latency, Origins, State};

use super::{Answer, Parts};
use crate::http::admin;

/// How the upstreams do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upstreams {
    /// Each origin that is asked, by name.
    pub upstreams: Vec<Upstream>,
}

/// How one upstream does: everything that is asked of one scheme, host and port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upstream {
    /// `host[:port]`.
    pub name: String,
    /// `closed`: it is asked; `open`: it is left alone; `half-open`: one call is trying it. The words of a breaker.
    pub state: String,
    /// Seconds until it is tried again, while it is left alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub again_in_s: Option<f64>,
    /// How many times it has been left alone.
    pub opened: u64,
    /// Calls under way.
    pub under_way: u64,
    /// Calls that wait for others to end.
    pub waiting: u64,
    /// Calls that were made, by how they ended; those that never happened are left out.
    pub calls: BTreeMap<String, u64>,
    /// Calls that were made again after a failure.
    pub retries: u64,
    /// Bodies that broke off and were continued.
    pub resumed: u64,
    /// Half of the calls had the head of their answer within this; an upper bound.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median_s: Option<f64>,
    /// 95 of 100 calls had the head of their answer within this; an upper bound.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p95_s: Option<f64>,
    /// Bytes of bodies received.
    pub received_bytes: u64,
    /// The newest failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_failure: Option<UpstreamFailure>,
    /// Seconds since an answer last was as it should be; absence is such an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_success_s: Option<u64>,
}

/// The newest failure of an upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpstreamFailure {
    /// What went wrong.
    pub text: String,
    /// Seconds since then.
    pub ago_s: u64,
}

pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move { Ok(admin::json(&Upstreams { upstreams: all(&parts.pipeline.origins()) })) })
}

/// How all upstreams do.
pub(super) fn all(origins: &Origins) -> Vec<Upstream> {
    origins.health().into_iter().map(told).collect()
}

fn told(health: Health) -> Upstream {
    let calls = health.calls.iter().filter(|(_, count)| *count > 0);
    Upstream {
        state: health.state.as_str().to_owned(),
        again_in_s: match health.state {
            State::Open { again_in } => Some(again_in.as_secs_f64()),
            State::Closed | State::HalfOpen => None,
        },
        opened: health.opened,
        under_way: (health.in_flight.small + health.in_flight.large) as u64,
        waiting: health.in_flight.waiting as u64,
        calls: calls.map(|(outcome, count)| (outcome.as_str().to_owned(), *count)).collect(),
        retries: health.retries,
        resumed: health.resumed,
        median_s: within(&health.latency, 50),
        p95_s: within(&health.latency, 95),
        received_bytes: health.bytes,
        last_failure: health.last_failure.map(|(text, ago)| UpstreamFailure { text, ago_s: ago.as_secs() }),
        last_success_s: health.last_success.map(|ago| ago.as_secs()),
        name: health.name,
    }
}

/// The bound of the bucket below which this many of a hundred calls stay; none without calls, or beyond the last.
fn within(latency: &Latency, percent: u64) -> Option<f64> {
    let all: u64 = latency.counts.iter().sum();
    let mut seen = 0;
    let buckets = latency.counts.iter().zip(Latency::BOUNDS);
    let bound = buckets.into_iter().find(|(count, _)| {
        seen += **count;
        all > 0 && seen * 100 >= all * percent
    });
    bound.map(|(_, bound): (_, Duration)| bound.as_secs_f64())
}
