//! The control socket: what commands ask of the running server that owns the data directory.
//!
//! Only who may write to the socket's directory can reach it. Long work answers line by line, one JSON event each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use crate::jobs::import::{self, Event};
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;

/// The path of the import call.
pub(super) const IMPORT: &str = "/api/v1/import";
/// Largest body of a call.
const CALL_BYTES: usize = 64 * 1024;
/// Time to send the head of a call: whoever calls is on this machine, and a stop waits for it.
const CALL_TIME: Duration = Duration::from_secs(5);
/// After an accept failed, the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Events that may wait for a slow reader.
const EVENTS: usize = 256;

/// The body of an import call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportCall {
    /// The directory on the server's machine, absolute.
    pub dir: PathBuf,
}

type Reply = Response<UnsyncBoxBody<Bytes, std::convert::Infallible>>;

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

/// Answers calls until the tasks are told to stop.
pub(super) async fn run(listener: UnixListener, pipeline: Arc<Pipeline>, tasks: Tasks) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely for want of descriptors, which passes.
                    tracing::warn!(error = &error as &dyn std::error::Error, "the control socket failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = tasks.stopping() => return,
        };
        let (pipeline, calls) = (pipeline.clone(), tasks.clone());
        tasks.spawn(async move {
            let service = service_fn(|request| {
                let (pipeline, calls) = (pipeline.clone(), calls.clone());
                async move { Ok::<_, std::convert::Infallible>(call(request, pipeline, &calls).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(CALL_TIME)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a control connection ended");
            }
        });
    }
}

async fn call(request: Request<Incoming>, pipeline: Arc<Pipeline>, tasks: &Tasks) -> Reply {
    if (request.method(), request.uri().path()) != (&Method::POST, IMPORT) {
        return refuse(StatusCode::NOT_FOUND, "no such call; this server knows POST /api/v1/import");
    }
    let body = http_body_util::Limited::new(request.into_body(), CALL_BYTES).collect().await;
    let Ok(body) = body else { return refuse(StatusCode::BAD_REQUEST, "the call could not be read") };
    match serde_json::from_slice::<ImportCall>(&body.to_bytes()) {
        Ok(call) => import(call, pipeline, tasks),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("the call could not be read: {error}")),
    }
}

fn import(call: ImportCall, pipeline: Arc<Pipeline>, tasks: &Tasks) -> Reply {
    let (sender, receiver) = mpsc::channel(EVENTS);
    tasks.spawn(async move {
        let last = match import_dir(&call.dir, &pipeline, &sender).await {
            Ok(report) => Event::Done(report),
            Err(error) => Event::Failed(format!("{error:#}")),
        };
        // Nobody listens any more: what was adopted stays adopted.
        drop(sender.send(last).await);
    });
    let lines = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let event: Event = receiver.recv().await?;
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        Some((line, receiver))
    });
    let body = StreamBody::new(lines.map(|line| Ok(Frame::data(Bytes::from(line)))));
    Response::new(UnsyncBoxBody::new(body))
}

async fn import_dir(
    dir: &Path,
    pipeline: &Arc<Pipeline>,
    events: &mpsc::Sender<Event>,
) -> anyhow::Result<import::Report> {
    use anyhow::Context;
    let looked = dir.to_owned();
    let plan = tokio::task::spawn_blocking(move || import::plan(&looked))
        .await?
        .with_context(|| format!("could not read {}", dir.display()))?;
    let report = import::run(pipeline, plan, |event| {
        // A reader that falls behind misses steps, never the end.
        drop(events.try_send(event));
    });
    Ok(report.await?)
}

fn refuse(status: StatusCode, text: &str) -> Reply {
    let mut response = Response::new(UnsyncBoxBody::new(Full::new(Bytes::from(format!("{text}\n")))));
    *response.status_mut() = status;
    response
}
