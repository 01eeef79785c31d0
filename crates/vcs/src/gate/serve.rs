//! Connections of children, from the first byte to the last.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::head::{Form, Head};
use super::relay::relay;
use super::road::{Roads, bracketed};
use super::{Incident, Leave, Passes, lock};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long a head may take: it comes from this machine.
const HEAD: Duration = Duration::from_secs(5);

/// Accepts connections for ever.
pub(super) async fn serve(listener: StdListener, passes: Arc<Passes>, roads: Arc<Roads>, idle: Duration) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(one(stream, Arc::clone(&passes), Arc::clone(&roads), idle));
            }
            // Out of descriptors, most likely: those that end give some back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One connection: one request, and then bytes.
async fn one(mut child: TcpStream, passes: Arc<Passes>, roads: Arc<Roads>, idle: Duration) {
    let Ok(Some((head, rest))) = timeout(HEAD, read_head(&mut child)).await else { return };
    let Some(head) = Head::parse(&head) else {
        return refuse(&mut child, "400 Bad Request", "").await;
    };
    let leave = head.secret.as_ref().and_then(|secret| lock(&passes).get(secret).cloned());
    let Some(leave) = leave else {
        let ask = "Proxy-Authenticate: Basic realm=\"larder\"\r\n";
        return refuse(&mut child, "407 Proxy Authentication Required", ask).await;
    };
    match cross(head, &roads, &leave, &rest).await {
        Ok(Crossed { server, is_tunnel }) => {
            if is_tunnel && child.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_err() {
                return;
            }
            let _ = child.set_nodelay(true);
            relay(child, server, &leave, idle).await;
        }
        Err(incident) => {
            let status = match incident {
                Incident::Inside(_) | Incident::Astray => "403 Forbidden",
                Incident::Unreachable | Incident::TooMuch(_) => "502 Bad Gateway",
            };
            leave.note(incident);
            refuse(&mut child, status, "").await;
        }
    }
}

struct Crossed {
    server: TcpStream,
    is_tunnel: bool,
}

/// Connects, and gives the server what was read of the request already.
async fn cross(head: Head, roads: &Roads, leave: &Leave, rest: &[u8]) -> Result<Crossed, Incident> {
    let Head { target, form, is_direct, .. } = head;
    if leave.only.as_ref().is_some_and(|only| *only != target) {
        return Err(Incident::Astray);
    }
    let (mut server, first) = match form {
        Form::Tunnel => (roads.tunnel(&target, is_direct).await?, None),
        Form::Plain { method, path, headers } => {
            let road = roads.plain(&target).await?;
            let (place, header) = match road.proxy {
                Some(proxy) => (format!("http://{}{path}", bracketed(&target)), proxy.header),
                None => (path, String::new()),
            };
            // One request a connection: the next may be for another host, and would be asked of this one.
            let first = format!("{method} {place} HTTP/1.1\r\n{headers}{header}Connection: close\r\n\r\n");
            (road.stream, Some(first))
        }
    };
    let _ = server.set_nodelay(true);
    let is_tunnel = first.is_none();
    let start = [first.unwrap_or_default().as_bytes(), rest].concat();
    server.write_all(&start).await.map_err(|_| Incident::Unreachable)?;
    Ok(Crossed { server, is_tunnel })
}

/// The head of a request with its blank line, and what was read after it.
async fn read_head(child: &mut TcpStream) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            return Some((head, rest));
        }
        if head.len() > MAX_HEAD_BYTES || child.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
}

async fn refuse(child: &mut TcpStream, status: &str, header: &str) {
    let answer = format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
    // Whoever does not listen any more needs no answer.
    let _ = child.write_all(answer.as_bytes()).await;
    let _ = child.shutdown().await;
}
