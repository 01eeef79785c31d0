//! The accept loop: HTTP/1.1 and cleartext HTTP/2 on one port, with limits, and a drain at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Service;
use super::io::Patient;
use crate::auth::Identity;
use crate::tasks::Tasks;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// Bytes that one HTTP/2 stream may gather before they are written.
const SEND_BYTES: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have in the air.
const STREAMS: u32 = 250;
/// After an accept failed for want of descriptors, the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How patient the listener is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request.
    pub header_read: Duration,
    /// For a reader that takes nothing.
    pub write_idle: Duration,
    /// Connections at most; further ones wait to be accepted.
    pub connections: usize,
    /// Bytes of the head of a request at most.
    pub header_bytes: u32,
}

/// Opens a listening socket.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server takes its port back although old connections linger.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections until the tasks are told to stop; then lets those under way finish.
pub async fn run(listener: TcpListener, service: Arc<Service>, tasks: Tasks, patience: Patience) {
    let name: Arc<str> = listener.local_addr().map(|a| a.to_string()).unwrap_or_default().into();
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(patience.connections));
    let builder = Arc::new(builder(patience));
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            () = tasks.stopping() => break,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.stopping() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let watcher = graceful.watcher();
        let (service, builder, name) = (service.clone(), builder.clone(), name.clone());
        tasks.spawn(async move {
            let _permit = permit;
            let connection = Connection { service, name, peer };
            let served = connection.serve(stream, &builder, patience, watcher).await;
            if let Err(error) = served {
                tracing::debug!(%peer, error = &*error, "connection ended");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

struct Connection {
    service: Arc<Service>,
    name: Arc<str>,
    peer: SocketAddr,
}

impl Connection {
    async fn serve(
        self,
        stream: TcpStream,
        builder: &auto::Builder<TokioExecutor>,
        patience: Patience,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let io = TokioIo::new(Patient::new(stream, patience.header_read, patience.write_idle));
        let connection = Arc::new(self);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let connection = connection.clone();
            async move {
                let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
                let who = Identity {
                    peer: Some(connection.peer.ip()),
                    listener: connection.name.clone(),
                    host: host.or(request.uri().host()).map(str::to_owned),
                    principal: None,
                };
                Ok::<_, std::convert::Infallible>(connection.service.serve(request, &who).await)
            }
        });
        watcher.watch(builder.serve_connection(io, service)).await
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
