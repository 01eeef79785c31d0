//! The accept loop: HTTP/1.1 and HTTP/2 over TCP and unix sockets, with TLS on top or without, and a drain at the end.
//!
//! There is one loop and one kind of connection; what differs between sockets is how they are opened and who the peer
//! is. A TLS handshake is made in the task of its connection, so that nobody waits for a stranger's; while it lasts it
//! counts as a connection. Nothing that a client does ends the loop.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::Service;
use super::io::Patient;
use super::socket::{Socket, Wire};
use crate::auth::Identity;
use crate::tasks::Tasks;

/// Bytes that one HTTP/2 stream may gather before they are written.
const SEND_BYTES: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have in the air.
const STREAMS: u32 = 250;
/// After an accept failed for want of descriptors, the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How patient the listeners are.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, and for a TLS handshake.
    pub header_read: Duration,
    /// For a reader that takes nothing.
    pub write_idle: Duration,
    /// Connections at most; further ones wait to be accepted.
    pub connections: usize,
    /// Bytes of the head of a request at most.
    pub header_bytes: u32,
}

/// A connection as HTTP sees it. The state of TLS is large, so that it lies apart.
type Stream = Either<Wire, Box<TlsStream<Wire>>>;
type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A socket with what is spoken on it.
pub struct Listener {
    /// Where connections come in.
    pub socket: Socket,
    /// TLS, if it is spoken here.
    pub tls: Option<TlsAcceptor>,
    /// What logs and rules call it.
    pub name: Arc<str>,
}

/// Accepts connections until the tasks are told to stop; then lets those under way finish.
pub async fn run(listener: Listener, service: Arc<Service>, tasks: Tasks, patience: Patience) {
    let Listener { socket, tls, name } = listener;
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(patience.connections));
    let server = Arc::new(Server { service, name, tls, tasks, patience, builder: builder(patience) });
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            () = server.tasks.stopping() => break,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = server.tasks.stopping() => break,
        };
        let (wire, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (watcher, connection) = (graceful.watcher(), server.clone());
        server.tasks.spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.serve(wire, peer, watcher).await {
                tracing::debug!(?peer, error = &*error, "connection ended");
            }
        });
    }
    drop(socket);
    graceful.shutdown().await;
}

/// What the connections of one listener share.
struct Server {
    service: Arc<Service>,
    name: Arc<str>,
    tls: Option<TlsAcceptor>,
    tasks: Tasks,
    patience: Patience,
    builder: auto::Builder<TokioExecutor>,
}

impl Server {
    async fn serve(self: Arc<Self>, wire: Wire, peer: Option<IpAddr>, watcher: Watcher) -> Outcome {
        let stream = match &self.tls {
            None => Either::Left(wire),
            // Apart, so that connections without TLS do not pay for the size of it.
            Some(tls) => Either::Right(Box::new(Box::pin(self.shake_hands(tls, wire)).await?)),
        };
        self.talk(stream, peer, watcher).await
    }

    /// The TLS handshake, within the time for the head of a request; given up when the server stops.
    async fn shake_hands(&self, tls: &TlsAcceptor, wire: Wire) -> io::Result<TlsStream<Wire>> {
        tokio::select! {
            shaken = tokio::time::timeout(self.patience.header_read, tls.accept(wire)) => shaken?,
            () = self.tasks.stopping() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    async fn talk(self: Arc<Self>, stream: Stream, peer: Option<IpAddr>, watcher: Watcher) -> Outcome {
        let patience = self.patience;
        let io = TokioIo::new(Patient::new(stream, patience.header_read, patience.write_idle));
        let server = self.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let server = server.clone();
            async move {
                let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
                let who = Identity {
                    peer,
                    listener: server.name.clone(),
                    host: host.or(request.uri().host()).map(str::to_owned),
                    principal: None,
                };
                Ok::<_, std::convert::Infallible>(server.service.serve(request, &who).await)
            }
        });
        watcher.watch(self.builder.serve_connection(io, service)).await
    }
}

fn builder(patience: Patience) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Not `pipeline_flush`: while anything of a next request is there, nothing is flushed then, so that whole files
    // gather in memory and the answers to malformed heads are never sent.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header_read)
        .max_buf_size(usize::try_from(patience.header_bytes).unwrap_or(usize::MAX).max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(patience.header_bytes)
        .max_send_buf_size(SEND_BYTES)
        .keep_alive_interval(patience.header_read)
        .keep_alive_timeout(patience.header_read);
    builder
}
