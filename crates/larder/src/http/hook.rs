//! `POST /hooks/push`: hosts of repositories say that something was pushed.
//!
//! Anybody can send anything here, so nothing is looked at before the signature is right, no more is read than hosts send,
//! and without a secret there is no such place. Which repositories a payload names is for [`payload`]; what is done about
//! them for whoever answers ([`Calls::push`](super::admin::Calls::push)).

mod payload;
mod signature;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::admin::{BoxError, Refusal, json};
use super::body::Body;
use crate::observe::RequestId;
use signature::Signatures;

/// Where push events are taken, below the path prefix.
pub const PATH: &str = "/hooks/push";
/// Largest payload; those of hosts have some ten thousand bytes.
const PUSH_BYTES: usize = 1 << 20;
/// Time that a payload has to come in.
const PUSH_TIME: Duration = Duration::from_secs(20);

/// A push event whose signature is right.
#[derive(Clone, Debug)]
pub struct Push {
    /// The addresses of the repository, as the host writes them: over https, over ssh, of its page.
    pub addresses: Vec<String>,
    /// The same for the same event.
    pub digest: [u8; 32],
    /// When it began to come in.
    pub arrived: Instant,
}

/// What came of a push event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The same event came a moment ago: nothing more was done.
    pub repeated: bool,
    /// The modules in the repository of which something is known here. What may have changed of them is asked for now.
    pub modules: Vec<String>,
    /// How many answers are asked for again: lists, latest versions, branches.
    pub asked: u64,
    /// Absences and failures that were forgotten.
    pub forgotten: u64,
    /// Modules that were left out, since there are too many.
    pub left_out: u64,
}

/// Takes a request as a push event: checks who has sent it, and reads it.
pub(super) async fn admit<B>(request: Request<B>, secret: Option<&[u8]>) -> Result<Push, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let arrived = Instant::now();
    let Some(secret) = secret else {
        let what = "push events are not taken here";
        return Err(Refusal::of(StatusCode::NOT_FOUND, what).next("set `hook.secret`"));
    };
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        let refusal = Refusal::of(StatusCode::METHOD_NOT_ALLOWED, "push events are sent by POST");
        return Err(Refusal { methods: vec!["POST".to_owned()], ..refusal });
    }
    let Some(signatures) = Signatures::of(&head.headers) else {
        return Err(unsigned("the push event has no signature"));
    };
    let body = receive(body).await?;
    if !signatures.are_right(secret, &body) {
        return Err(unsigned("the signature of the push event is wrong"));
    }
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
    if !is_json {
        let what = "the push event is not JSON";
        return Err(Refusal::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, what)
            .next("choose application/json as the content type of the webhook"));
    }
    let addresses = payload::addresses(&body).map_err(|error| {
        Refusal::of(StatusCode::BAD_REQUEST, format!("the push event could not be read: {error}"))
    })?;
    Ok(Push { addresses, digest: Sha256::digest(&body).into(), arrived })
}

/// What came of a push event, as it is answered.
pub(super) fn answer(pushed: Result<Pushed, Refusal>, id: &RequestId) -> Response<Body> {
    match pushed {
        Ok(pushed) => {
            let mut response = json(&pushed);
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(refusal) => refusal.answer(id),
    }
}

fn unsigned(what: &str) -> Refusal {
    Refusal::of(StatusCode::UNAUTHORIZED, what).next("give the webhook the secret that `hook.secret` holds")
}

async fn receive<B>(body: B) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let too_large = || {
        let what = format!("the push event has more than {PUSH_BYTES} bytes");
        Refusal::of(StatusCode::PAYLOAD_TOO_LARGE, what)
    };
    if body.size_hint().lower() > PUSH_BYTES as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(PUSH_TIME, Limited::new(body, PUSH_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::of(StatusCode::BAD_REQUEST, "the push event broke off")),
        Err(_) => Err(Refusal::of(StatusCode::REQUEST_TIMEOUT, "the push event did not come in time")),
    }
}
