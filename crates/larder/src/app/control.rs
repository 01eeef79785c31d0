//! The control socket: where commands reach the running server that owns the data directory.
//!
//! Only who may write to the socket's directory can reach it, so every call is answered here ([`super::api`]).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};

use crate::http::Service;
use crate::tasks::Tasks;

/// Time to send the head of a call: whoever calls is on this machine, and a stop waits for it.
const CALL_TIME: Duration = Duration::from_secs(5);
/// Once the server stops, a caller that has not sent the head of its call has so long for it.
const LEAVING: Duration = Duration::from_millis(500);
/// After an accept failed, the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens the socket; one left behind by a killed server is replaced (the data directory is locked by us).
pub(super) fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers calls, also while the server stops.
pub(super) async fn run(listener: UnixListener, service: Arc<Service>, tasks: Tasks) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Most likely for want of descriptors, which passes.
                tracing::warn!(
                    event = "control_failed",
                    error = &error as &dyn std::error::Error,
                    "the control socket failed"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        tasks.spawn(converse(stream, service.clone(), tasks.clone()));
    }
}

/// One call and its answer; without a call, the connection ends when the server does.
async fn converse(stream: UnixStream, service: Arc<Service>, tasks: Tasks) {
    let has_called = AtomicBool::new(false);
    let answer = service_fn(|request| {
        has_called.store(true, Ordering::Relaxed);
        let service = service.clone();
        async move { Ok::<_, std::convert::Infallible>(service.serve_control(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CALL_TIME)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    let is_unwanted = async {
        tasks.stopping().await;
        tokio::time::sleep(LEAVING).await;
        if has_called.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(error = &error as &dyn std::error::Error, "a control connection ended");
            }
        }
        () = is_unwanted => {}
    }
}
