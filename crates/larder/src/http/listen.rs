//! The accept loop: HTTP/1.1 and HTTP/2 over TCP and unix sockets, with TLS on top or without, and a drain at the end.
//!
//! There is one loop and one kind of connection; what differs between sockets is how they are opened and who the peer
//! is. A TLS handshake is made in the task of its connection, so that nobody waits for a stranger's; while it lasts it
//! counts as a connection. Nothing that a client does ends the loop.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::Service;
use super::admission::{Admission, Entry, Place};
use super::connection::{Host, Outcome};
use super::socket::{Socket, Wire};
use crate::tasks::Tasks;

/// After an accept failed for want of descriptors, the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection as HTTP sees it. The state of TLS is large, so that it lies apart.
type Stream = Either<Wire, Box<TlsStream<Wire>>>;

/// A socket with what is spoken on it.
pub struct Listener {
    /// Where connections come in.
    pub socket: Socket,
    /// TLS, if it is spoken here.
    pub tls: Option<TlsAcceptor>,
    /// What logs call it: where it is.
    pub name: Arc<str>,
    /// What rules call it: the entry of `listen` that it was opened for.
    pub setting: Arc<str>,
}

/// Accepts connections until the tasks are told to stop; then lets those under way finish.
pub async fn run(listener: Listener, admission: Arc<Admission>, service: Arc<Service>, tasks: Tasks) {
    let Listener { socket, tls, setting, .. } = listener;
    let host = Host::new(service, setting, admission.clone(), tasks.clone());
    let server = Arc::new(Server { host: Arc::new(host), tls, tasks: tasks.clone() });
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = tasks.stopping() => break,
        };
        let (wire, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(
                    event = "accept_failed",
                    error = &error as &dyn std::error::Error,
                    "could not accept a connection"
                );
                // Perhaps for want of descriptors: connections that rest give theirs up.
                admission.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            place = place_for(&admission, peer) => place,
            () = tasks.stopping() => break,
        };
        let Some(place) = place else { continue };
        let (connection, connected) = (server.clone(), server.host.service.counters().connected());
        tasks.spawn(async move {
            let _connected = connected;
            if let Err(error) = connection.serve(wire, peer, place).await {
                tracing::debug!(?peer, error = &*error, "connection ended");
            }
        });
    }
    drop(socket);
    admission.finish();
}

/// A place for a connection; none if it is to be closed at once. While there is not even one for saying so, whoever
/// comes waits to be accepted.
async fn place_for(admission: &Arc<Admission>, peer: Option<IpAddr>) -> Option<Place> {
    loop {
        match admission.enter(peer) {
            Entry::Admitted(place) => return Some(place),
            Entry::Closed => return None,
            Entry::Full => drop(tokio::time::timeout(ACCEPT_PAUSE, admission.left()).await),
        }
    }
}

/// What a listener does with what it accepts.
struct Server {
    host: Arc<Host>,
    tls: Option<TlsAcceptor>,
    tasks: Tasks,
}

impl Server {
    async fn serve(self: Arc<Self>, wire: Wire, peer: Option<IpAddr>, place: Place) -> Outcome {
        let stream: Stream = match &self.tls {
            None => Either::Left(wire),
            // Apart, so that connections without TLS do not pay for the size of it.
            Some(tls) => Either::Right(Box::new(Box::pin(self.shake_hands(tls, wire, &place)).await?)),
        };
        self.host.clone().serve(stream, peer, place).await
    }

    /// The TLS handshake, within the time for the head of a request; given up when the place is needed, or when the
    /// server stops.
    async fn shake_hands(&self, tls: &TlsAcceptor, wire: Wire, place: &Place) -> io::Result<TlsStream<Wire>> {
        tokio::select! {
            shaken = tokio::time::timeout(place.patience.header_read, tls.accept(wire)) => shaken?,
            () = place.pulse.ordered() => Err(io::ErrorKind::ConnectionAborted.into()),
            () = self.tasks.stopping() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}
