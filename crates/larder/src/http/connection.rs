//! One connection from its first byte to its last: what is spoken on it, how long it may rest, and how it ends.
//!
//! Everything about a connection happens in its own task, with one timer. It ends when the client closes it; when
//! no request comes for too long, or its head does not come whole in time; when its place is needed while it rests; when
//! its reader takes too little; and, after what has begun is done, when the server stops.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::Service;
use super::admission::{Admission, Place};
use super::body::Body;
use super::io::Patient;
use super::pace::Demand;
use super::pulse::{Order, Pulse, Rests};
use super::streams::Streams;
use crate::auth::Identity;
use crate::observe::Reason;
use crate::tasks::Tasks;

/// Bytes that one HTTP/2 stream may gather before they are written.
const SEND_BYTES: usize = 64 * 1024;
/// Bytes of request bodies that an HTTP/2 connection may send unasked; nobody here wants any.
const BODY_BYTES: u32 = 65_535;
/// Streams of HTTP/2 that a client may have reset, or had reset by its mistakes, before its connection is closed.
const RESETS: usize = 100;
/// A connection that was asked to go has so long for a head that has begun, or for saying goodbye.
const LEAVING: Duration = Duration::from_secs(1);
/// A connection without a place has so long for its one request.
const REFUSED_HEAD: Duration = Duration::from_secs(5);

/// How patient the listeners are.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, and for a TLS handshake.
    pub header_read: Duration,
    /// For the next request of a connection.
    pub keep_alive: Duration,
    /// What a reader must take.
    pub reader: Demand,
    /// Bytes of the head of a request at most.
    pub header_bytes: u32,
    /// Requests that one HTTP/2 connection may have in the air.
    pub streams: u32,
}

pub(super) type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What the connections of one listener share.
pub(super) struct Host {
    pub(super) service: Arc<Service>,
    name: Arc<str>,
    admission: Arc<Admission>,
    tasks: Tasks,
}

/// One connection, as its requests see it.
struct Guest {
    host: Arc<Host>,
    peer: Option<IpAddr>,
    pulse: Arc<Pulse>,
    refused: Option<Reason>,
}

impl Host {
    pub(super) fn new(
        service: Arc<Service>,
        name: Arc<str>,
        admission: Arc<Admission>,
        tasks: Tasks,
    ) -> Self {
        Self { service, name, admission, tasks }
    }

    /// Serves a connection to its end.
    pub(super) async fn serve<S>(self: Arc<Self>, stream: S, peer: Option<IpAddr>, place: Place) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (pulse, patience) = (place.pulse.clone(), place.patience);
        let io = TokioIo::new(Patient::new(stream, pulse.clone(), patience.reader));
        let guest = Guest { host: self.clone(), peer, pulse: pulse.clone(), refused: place.refused };
        let guest = Arc::new(guest);
        let service = service_fn(move |request| {
            let (guest, busy) = (guest.clone(), guest.pulse.begin());
            async move { Ok::<_, Infallible>(guest.answer(request).await.map(|body| body.with(busy))) }
        });
        let head = if place.refused.is_some() { REFUSED_HEAD } else { Duration::MAX };
        let rests = Rests { head: patience.header_read.min(head), idle: patience.keep_alive };
        let builder = self.builder(patience);
        let connection = pin!(builder.serve_connection(io, service));
        let mut talk = Talk {
            connection,
            pulse: &pulse,
            rests,
            grace: patience.reader.window,
            timer: pin!(tokio::time::sleep(rests.head.min(rests.idle))),
            is_closing: false,
        };
        let outcome = poll_fn(|context| talk.poll(context)).await;
        if pulse.is_slow() {
            self.admission.count(Reason::SlowReader);
        }
        match outcome {
            End::Closed(outcome) => outcome,
            End::Rested => {
                if !pulse.is_told() {
                    self.admission.count(Reason::Silent);
                }
                Ok(())
            }
            End::MadeRoom => Ok(()),
        }
    }

    /// What the protocols are held to.
    fn builder(&self, patience: Patience) -> auto::Builder<Streams> {
        let refusals = self.service.pipeline().refusals().clone();
        let streams = Streams { tasks: self.tasks.clone(), demand: patience.reader, refusals };
        let mut builder = auto::Builder::new(streams);
        // Not `pipeline_flush`: while anything of a next request is there, nothing is flushed then, so that whole files
        // gather in memory and the answers to malformed heads are never sent. No `header_read_timeout`: `Pulse` has it.
        builder
            .http1()
            .header_read_timeout(None)
            .max_buf_size(usize::try_from(patience.header_bytes).unwrap_or(usize::MAX).max(8192));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(patience.streams)
            .max_header_list_size(patience.header_bytes)
            .max_send_buf_size(SEND_BYTES)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .initial_connection_window_size(BODY_BYTES)
            .initial_stream_window_size(BODY_BYTES)
            // Half of it to ask whether somebody is there, half for the answer.
            .keep_alive_interval(patience.header_read / 2)
            .keep_alive_timeout(patience.header_read / 2);
        builder
    }
}

impl Guest {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let who = Identity {
            peer: self.peer.map(|peer| self.host.service.client(peer, request.headers())),
            listener: self.host.name.clone(),
            host: host.or(request.uri().host()).map(str::to_owned),
            principal: None,
        };
        let Some(reason) = self.refused else { return self.host.service.serve(request, &who).await };
        let version = request.version();
        let mut response = self.host.service.serve_refused(request, &who, reason).await;
        if version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.pulse.tell(Order::Finish);
        response
    }
}

/// How a connection ended.
enum End {
    /// As the protocol has it, or by an error.
    Closed(Outcome),
    /// It has rested for too long.
    Rested,
    /// Its place was needed.
    MadeRoom,
}

/// A connection being driven.
struct Talk<'a, C> {
    connection: Pin<&'a mut C>,
    pulse: &'a Pulse,
    rests: Rests,
    /// For what has begun when the connection is asked to close for its rest.
    grace: Duration,
    timer: Pin<&'a mut Sleep>,
    is_closing: bool,
}

impl<C> Talk<'_, C>
where
    C: GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(outcome) = self.connection.as_mut().poll(context) {
            return Poll::Ready(End::Closed(outcome));
        }
        match self.pulse.poll_order(context) {
            Order::Stay => {}
            Order::Finish if self.is_closing => {}
            Order::Finish => {
                self.close(LEAVING);
                return self.poll(context);
            }
            Order::MakeRoom if self.pulse.rest().is_some() => return Poll::Ready(End::MadeRoom),
            Order::MakeRoom => self.pulse.keep_room(),
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let left = self.pulse.left(self.rests);
            if !left.is_zero() {
                self.timer.as_mut().reset(Instant::now() + left);
            } else if self.is_closing || !self.pulse.is_framed() {
                return Poll::Ready(End::Rested);
            } else {
                // HTTP/2 says goodbye; what the client has not taken by then is given up.
                self.close(left.max(self.grace));
                return self.poll(context);
            }
        }
        Poll::Pending
    }

    /// Asks for an end; from then on it may rest no longer than this.
    fn close(&mut self, rest: Duration) {
        self.is_closing = true;
        self.rests = Rests { head: self.rests.head.min(rest), idle: rest };
        self.timer.as_mut().reset(Instant::now() + rest);
        self.connection.as_mut().graceful_shutdown();
    }
}
