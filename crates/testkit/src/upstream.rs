//! A module proxy that answers by script: the real thing on a loopback socket, whose faults are real.
//!
//! Written on bare TCP, because an HTTP library would refuse to send what must be tested: bodies cut short, lengths
//! that lie, heads that never come. Without a script it is a sound GOPROXY over the [`ModuleFiles`] it was given.
//! Every request is recorded, and every wait ends by an event (or panics, saying what was seen).
//!
//! ```no_run
//! # use testkit::{ModuleFiles, Upstream};
//! # async fn example() {
//! let hello = ModuleFiles::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n");
//! let upstream = Upstream::start().await;
//! upstream.serve(&hello);
//! upstream.on(&hello.url("zip")).once().cut_after(100); // and sound from the second request on
//! // … ask for it through the code under test …
//! assert_eq!(upstream.count(&hello.url("zip")), 2);
//! # }
//! ```
//!
//! Paths are compared as percent-decoded and without query; `*` stands for every path that has no script of its own.

mod connection;
mod ledger;
mod script;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};

use crate::module::ModuleFiles;
use ledger::{Shared, Site};

pub use ledger::Seen;
pub use script::{On, Reply};

/// The fake upstream. Dropped, it is gone, with all its connections.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    /// Bound and never listening: keeps the port ours while the upstream is stopped.
    _port: TcpSocket,
    shared: Arc<Shared>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Upstream {
    /// Starts on a free port of 127.0.0.1, with nothing to serve: every path is 404.
    pub async fn start() -> Self {
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = port.local_addr().unwrap();
        let upstream =
            Self { address, _port: port, shared: Arc::new(Shared::default()), running: Mutex::new(None) };
        upstream.restart().await;
        upstream
    }

    /// Starts and serves these module versions.
    pub async fn of(versions: &[ModuleFiles]) -> Self {
        let upstream = Self::start().await;
        for files in versions {
            upstream.serve(files);
        }
        upstream
    }

    /// Goes away: connections are cut, new ones are refused, until [`Upstream::restart`].
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some(accepting) = running {
            accepting.abort();
            let _ = accepting.await;
        }
    }

    /// Comes back on the same port, with the same content, scripts and records.
    pub async fn restart(&self) {
        self.stop().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(1024).unwrap();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
        *self.running.lock().unwrap() = Some(accepting);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end: `http://127.0.0.1:12345`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves the files of a version: adds it to `list`, and makes it what `@latest` names.
    pub fn serve(&self, files: &ModuleFiles) {
        for (extension, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
            self.put(&files.url(extension), bytes);
        }
        self.put(&files.latest_url(), files.info());
        let mut state = self.shared.state();
        let list = state.content.entry(files.list_url()).or_default();
        *list = Bytes::from([list, files.version().as_bytes(), b"\n"].concat());
    }

    /// Serves bytes at a path, in place of what was there: checksum database paths, odd lists, other `.info` files.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        self.shared.state().content.insert(path.to_owned(), bytes.into());
    }

    /// Answers the paths below a prefix, which has no slash at its end, with what this says of the rest of the path;
    /// 404 where it says nothing. What is served by [`Upstream::put`] goes first. It must not ask the upstream.
    pub fn mount(&self, below: &str, site: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) {
        self.shared.state().sites.insert(below.to_owned(), Site(Box::new(site)));
    }

    /// Stops serving a path: 404.
    pub fn withdraw(&self, path: &str) {
        self.shared.state().content.remove(path);
    }

    /// Begins a script for a path (`*`: every path without one). It replaces an earlier one for the path, except
    /// that scripts limited by [`On::once`] or [`On::times`] are used up first, in the order they were written.
    pub fn on(&self, path: &str) -> On<'_> {
        On::begin(&self.shared, path)
    }

    /// Drops the scripts of a path: it is answered soundly again. What is held by one of them stays held.
    pub fn heal(&self, path: &str) {
        self.shared.state().scripts.remove(path);
    }

    /// Lets everything go on that is held or stalled now, and what the same scripts would hold later.
    pub fn release(&self) {
        for (_, gate) in &self.shared.state().gates {
            gate.close();
        }
    }

    /// Lets `n` answers of a path take one step: one held answer, or one chunk of a drip, each.
    pub fn step(&self, path: &str, n: usize) {
        for (_, gate) in self.shared.state().gates.iter().filter(|(of, _)| of == path) {
            gate.add_permits(n);
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(accepting) = self.running.lock().unwrap().take() {
            accepting.abort();
        }
    }
}

/// Accepts until aborted; the connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.record(|state| state.connections += 1);
                connections.spawn(connection::serve(stream, Arc::clone(&shared)));
            }
            Err(error) => panic!("the fake upstream cannot accept: {error}"),
        }
    }
}
