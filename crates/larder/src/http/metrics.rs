//! `/metrics`: the numbers of this moment, for whoever collects them.
//!
//! They name upstreams and no modules. Answered to callers on this machine only, and to the networks that
//! `metrics.allow` lists.

use http::{HeaderValue, Request, Response, StatusCode, header};

use super::body::Body;
use super::fault::{Asker, Told};
use super::{Service, admin};
use crate::auth::Identity;
use crate::observe::{self, RequestId, Samples, families};

/// Where they are.
pub(super) const PATH: &str = "/metrics";

impl Service {
    /// The numbers of this moment.
    pub fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        samples.counted(&self.counters);
        samples.put(&families::FLIGHTS, &[], self.pipeline.flights() as u64);
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
