//! The gate: the one way for children to the network.
//!
//! What this is for: a tool resolves names and follows redirects by itself, so that no check beforehand can keep it from an
//! address inside of the network. So tools are told to use a proxy, which is this: it resolves the name, asks the guard about
//! the addresses, and connects to one that was checked.
//! Why this shape: an HTTP proxy on a loopback port is what all the tools know (`CONNECT`, and the absolute form for plain
//! http); ssh gets there by its `ProxyCommand`, `git://` by `core.gitProxy`, both with [`connect_stdio`] as the program. It
//! has a thread and a small runtime of its own: what children fetch is copied beside the threads that answer requests.
//! What it promises: only who has a [`Pass`] may go through, which is one child, for as long as it runs; a pass that carries a
//! credential leads to one host and port; every connection has time limits; what was refused, and why, is known to the pass,
//! so that it is told apart from a fault of the network. The operator's own outbound proxy is used where it is configured;
//! behind one only names and literal addresses can be checked, since it resolves names itself.
//!
//! Rules: RFC 9112 section 3.2 (forms of targets), RFC 9110 sections 9.3.6 (CONNECT) and 11.7 (proxy authentication). TLS is
//! never opened: certificates are the tools' to check.

mod head;
mod relay;
mod road;
mod serve;
mod stdio;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Place;

use self::road::Roads;
pub use self::stdio::{ConnectError, connect_stdio};

/// What is asked about every address before it is connected to: whether it may be.
pub type Check = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// What a gate is made of.
#[derive(Clone)]
pub struct GateSettings {
    /// The guard.
    pub check: Check,
    /// The operator's outbound proxies.
    pub outbound: Outbound,
    /// The program, and its first arguments, that calls [`connect_stdio`] with a host and a port, which follow. Without one,
    /// nothing is reached over ssh and `git://`.
    pub helper: Option<(PathBuf, Vec<OsString>)>,
    /// How long a connection may take to be made, the look-up of the name included.
    pub connect: Duration,
    /// How long a connection may be silent in both directions.
    pub idle: Duration,
    /// Bytes that may pass in both directions for one pass.
    pub max_bytes: u64,
}

/// Outbound HTTP proxies, in the form of the usual environment variables. Not printed: URLs may carry passwords. The gate
/// itself takes URLs with `http` for a scheme only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Outbound {
    /// For http URLs (`HTTP_PROXY`).
    pub http: Option<String>,
    /// For https URLs (`HTTPS_PROXY`).
    pub https: Option<String>,
    /// Names, addresses and blocks that are reached without (`NO_PROXY`).
    pub except: Option<String>,
}

impl GateSettings {
    /// Settings with this guard and usual limits.
    pub fn new(check: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self {
            check: Arc::new(check),
            outbound: Outbound::default(),
            helper: None,
            connect: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            max_bytes: 8 << 30,
        }
    }
}

impl fmt::Debug for GateSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateSettings").field("helper", &self.helper).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| if url.is_some() { "****" } else { "none" };
        write!(f, "Outbound {{ http: {}, https: {} }}", shown(&self.http), shown(&self.https))
    }
}

/// The gate. Clones are the same one; it closes when the last is dropped.
#[derive(Clone, Debug)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    port: u16,
    helper: Option<(PathBuf, Vec<OsString>)>,
    passes: Arc<Passes>,
    max_bytes: u64,
    /// Is dropped with the gate, which ends the thread.
    _open: oneshot::Sender<()>,
}

/// The passes that are good now, by their secrets.
type Passes = Mutex<HashMap<String, Arc<Leave>>>;

/// A host and a port, as a pass may be bound to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// A name in small letters, or a literal address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Target {
    /// The target that a place names, if it is one of the network.
    pub fn of(place: &Place) -> Option<Self> {
        let default = match place.scheme() {
            "https" => 443,
            "http" => 80,
            "ssh" | "git+ssh" | "svn+ssh" => 22,
            "git" => 9418,
            "svn" => 3690,
            _ => return None,
        };
        head::authority(place.host(), Some(default))
    }
}

/// What a pass lets through, and what became of it.
#[derive(Debug)]
struct Leave {
    only: Option<Target>,
    max_bytes: AtomicU64,
    passed: AtomicU64,
    incident: Mutex<Option<Incident>>,
}

/// The first thing that went wrong for a pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incident {
    /// The guard refused the address.
    Inside(IpAddr),
    /// The pass is bound to another host or port: a redirect to a stranger.
    Astray,
    /// The name did not resolve, nobody answered, or what answered fell silent.
    Unreachable,
    /// More passed than these bytes, which are what may.
    TooMuch(u64),
}

/// Lets one child through the gate, until it is dropped.
pub struct Pass {
    secret: String,
    gate: Arc<Inner>,
    leave: Arc<Leave>,
}

impl Gate {
    /// Opens a gate on a free port of the loopback address.
    ///
    /// # Errors
    /// No port, or no thread, could be had.
    pub fn open(settings: GateSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (open, closed) = oneshot::channel::<()>();
        let passes = Arc::new(Passes::default());
        let helper = settings.helper.clone();
        let idle = settings.idle;
        let max_bytes = settings.max_bytes;
        let roads = Arc::new(Roads::new(settings)?);
        let serve = serve::serve(listener, Arc::clone(&passes), roads, idle);
        let until_closed = async move {
            tokio::select! {
                () = serve => {}
                _ = closed => {}
            }
        };
        thread::Builder::new().name("vcs-gate".to_owned()).spawn(move || {
            runtime.block_on(until_closed);
            // A look-up of a name may hang for long; nobody waits for it.
            runtime.shutdown_background();
        })?;
        Ok(Self { inner: Arc::new(Inner { port, helper, passes, max_bytes, _open: open }) })
    }

    /// A pass: to one target if it is bound, else to wherever the guard allows.
    ///
    /// # Errors
    /// The machine gives no random bytes.
    pub fn admit(&self, only: Option<Target>) -> io::Result<Pass> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let secret = format!("{:032x}", u128::from_be_bytes(seed));
        let leave = Arc::new(Leave {
            only,
            max_bytes: self.inner.max_bytes.into(),
            passed: 0.into(),
            incident: Mutex::new(None),
        });
        lock(&self.inner.passes).insert(secret.clone(), Arc::clone(&leave));
        Ok(Pass { secret, gate: Arc::clone(&self.inner), leave })
    }

    /// The program that goes through the gate for tools that know no proxies.
    pub(crate) fn helper(&self) -> Option<&(PathBuf, Vec<OsString>)> {
        self.inner.helper.as_ref()
    }
}

impl Pass {
    /// The gate as tools are told of it: `http://larder:SECRET@127.0.0.1:PORT`. For environments and private files, never
    /// for arguments.
    pub fn url(&self) -> String {
        format!("http://{USER}:{}@127.0.0.1:{}", self.secret, self.gate.port)
    }

    /// Lets fewer bytes pass, in both directions together.
    pub fn limit(&self, max_bytes: u64) {
        self.leave.max_bytes.fetch_min(max_bytes, Ordering::Relaxed);
    }

    /// The bytes that have passed, in both directions together.
    pub fn passed(&self) -> u64 {
        self.leave.passed.load(Ordering::Relaxed)
    }

    /// The port of the gate.
    pub(crate) fn port(&self) -> u16 {
        self.gate.port
    }

    /// The password of [`USER`].
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// What went wrong first, if anything did.
    pub fn incident(&self) -> Option<Incident> {
        lock(&self.leave.incident).clone()
    }
}

/// The name that children give the gate.
pub(crate) const USER: &str = "larder";

impl Drop for Pass {
    fn drop(&mut self) {
        lock(&self.gate.passes).remove(&self.secret);
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("leave", &self.leave).finish_non_exhaustive()
    }
}

impl Leave {
    /// Notes what went wrong; what did first is what counts.
    fn note(&self, incident: Incident) {
        lock(&self.incident).get_or_insert(incident);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
