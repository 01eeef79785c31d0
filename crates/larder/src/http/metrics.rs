//! `/metrics`: the numbers of this moment, for whoever collects them.
//!
//! They name upstreams and no modules. Answered to callers on this machine only, and to the networks that
//! `metrics.allow` lists.

use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};

use source::{Health, InFlight, Latency};

use super::body::Body;
use super::fault::{Asker, Told};
use super::{Service, admin};
use crate::auth::Identity;
use crate::observe::{self, Durations, RequestId, Samples, Value, families};

/// Where they are.
pub(super) const PATH: &str = "/metrics";

impl Service {
    /// The numbers of this moment.
    pub fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        samples.counted(&self.counters);
        samples.put(&families::FLIGHTS, &[], self.pipeline.flights() as u64);
        samples.refused(self.pipeline.refusals());
        for health in self.pipeline.origins().health() {
            upstream(&mut samples, &health);
        }
        self.calls.tell(&mut samples);
        observe::process(&mut samples);
        samples.put(&families::BUILD, &[crate::version::VERSION], 1_u64);
        samples
    }

    /// The answer to who may have them.
    pub(super) fn metrics(&self) -> Response<Body> {
        let mut response = Response::new(Body::bytes(self.samples().text().into()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(observe::CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The answer on a listener.
    pub(super) fn metrics_for<B>(
        &self,
        request: &Request<B>,
        who: &Identity,
        id: &RequestId,
    ) -> Response<Body> {
        let settings = self.settings.now();
        let is_listed =
            who.peer.is_some_and(|peer| settings.metrics_allow.iter().any(|it| it.contains(peer)));
        let stranger =
            if is_listed { None } else { admin::stranger(request, who, settings.admin_on_loopback) };
        let Some(why) = stranger else { return self.metrics() };
        Told::of(StatusCode::FORBIDDEN, "forbidden: metrics are told on this machine only")
            .because(why)
            .next("list the networks of those who collect them in the setting metrics.allow")
            .answer(&Asker { headers: request.headers(), id })
    }
}

/// Adds how one upstream does.
fn upstream(samples: &mut Samples, health: &Health) {
    let name = &*health.name;
    for (outcome, count) in &health.calls {
        samples.put(&families::UPSTREAM_CALLS, &[name, outcome.as_str()], *count);
    }
    let bounds = Latency::BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
    let buckets = bounds.zip(health.latency.counts.iter().copied()).collect();
    let latency = Value::Durations(Durations { buckets, sum_s: health.latency.sum.as_secs_f64() });
    samples.put(&families::UPSTREAM_FIRST_BYTE, &[name], latency);
    samples.put(&families::UPSTREAM_BYTES, &[name], health.bytes);
    samples.put(&families::UPSTREAM_RETRIES, &[name], health.retries);
    samples.put(&families::UPSTREAM_RESUMED, &[name], health.resumed);
    samples.put(&families::UPSTREAM_OPENED, &[name], health.opened);
    let InFlight { small, large, waiting } = health.in_flight;
    for (size, count) in [("small", small), ("large", large), ("waiting", waiting)] {
        samples.put(&families::UPSTREAM_IN_FLIGHT, &[name, size], count as u64);
    }
    for state in ["closed", "open", "half-open"] {
        samples.put(&families::UPSTREAM_STATE, &[name, state], u64::from(state == health.state.as_str()));
    }
}
