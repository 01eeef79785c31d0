//! What is answered where nothing is looked at: to a connection without a place, and to a request that two readers may
//! understand differently.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};

use super::admin::BoxError;
use super::body::Body;
use super::fault::{self, Asker, Told};
use super::{Served, Service};
use crate::auth::Identity;
use crate::observe::{Kind, Reason, RequestId};

impl Service {
    /// Answers one request of a connection that has no place: how the server is, or why it has none.
    pub(crate) async fn serve_refused<B>(
        &self,
        request: Request<B>,
        who: &Identity,
        reason: Reason,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let path = request.uri().path().strip_prefix(&*self.path_prefix);
        if matches!(path, Some("/healthz" | "/readyz" | "/metrics")) {
            return self.serve(request, who).await;
        }
        let begun = self.begun(&request, who.peer);
        let response = fault::no_place(reason, &Asker { headers: request.headers(), id: begun.id() });
        let served = Served::plain(Kind::Other, response, request.uri().path());
        self.told(served, begun)
    }
}

/// The answer to a request that others may read differently; nothing behind it on the connection is believed.
pub(super) fn not_understood<B>(request: &Request<B>, why: &str, id: &RequestId) -> Response<Body> {
    let asker = Asker { headers: request.headers(), id };
    let mut response = Told::of(StatusCode::BAD_REQUEST, format!("bad request: {why}")).answer(&asker);
    if request.version() < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
