//! What systemd and this process tell each other: sockets passed at the start, and how the service does.
//!
//! Both are plain: descriptors from 3 on, and datagrams of lines. The library for it reads the environment by itself;
//! here it is handed in, so that a test can be systemd. Whether it is meant for this process, `cli` has checked.
//! (`sd_listen_fds(3)`, `sd_notify(3)`.)

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Environment;

/// The first descriptor that is passed (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;
/// More sockets than any unit passes.
const MOST: RawFd = 1024;

/// A socket that was opened by systemd.
#[derive(Debug)]
pub struct Passed {
    /// `FileDescriptorName=` of the unit, which is the unit's name where it says none.
    pub name: String,
    /// The socket.
    pub descriptor: OwnedFd,
}

/// Takes over the sockets that were passed. Once in a process, before anything else opens descriptors.
///
/// # Errors
/// The environment names descriptors that are not there.
pub(super) fn passed(environment: &Environment) -> anyhow::Result<Vec<Passed>> {
    let Some(count) = environment.get("LISTEN_FDS").filter(|count| !count.is_empty()) else {
        return Ok(Vec::new());
    };
    let count: RawFd = count.parse().ok().filter(|count| (0..=MOST).contains(count)).ok_or_else(|| {
        anyhow::anyhow!(
            "LISTEN_FDS is `{count}`, which is no number of sockets; unset it, or let systemd set it"
        )
    })?;
    let names = environment.get("LISTEN_FDNAMES").map(String::as_str).unwrap_or_default();
    let mut names = names.split(':');
    let mut all = Vec::new();
    for number in FIRST..FIRST + count {
        // Safe to look at, whatever it is.
        if !std::fs::exists(format!("/dev/fd/{number}")).unwrap_or(false) {
            anyhow::bail!("LISTEN_FDS names {count} sockets, but descriptor {number} is not open");
        }
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
        all.push(Passed { name, descriptor: take(number) });
    }
    Ok(all)
}

#[expect(unsafe_code, reason = "a number in the environment becomes a descriptor here, and nowhere else")]
fn take(number: RawFd) -> OwnedFd {
    // SAFETY: the descriptor is open, and by the protocol (LISTEN_PID was compared with our own) it is ours to close;
    // `passed` is called once, before this process has opened any.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Where the state of the service is told. Cheap to clone; silent where nobody asked for it.
#[derive(Clone, Debug, Default)]
pub struct Notify(Option<Arc<(UnixDatagram, SocketAddr)>>);

impl Notify {
    /// To the socket that `NOTIFY_SOCKET` names.
    pub fn to(environment: &Environment) -> Self {
        let Some(name) = environment.get("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        match address(name).and_then(|address| Ok((UnixDatagram::unbound()?, address))) {
            Ok(to) => Self(Some(Arc::new(to))),
            Err(error) => {
                tracing::warn!(
                    event = "notify_unusable",
                    error = &error as &dyn std::error::Error,
                    "NOTIFY_SOCKET cannot be used"
                );
                Self::default()
            }
        }
    }

    /// The service answers; `status` is for people.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again; [`Notify::ready`] ends it.
    pub(super) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reading the configuration",
            now.as_micros()
        ));
    }

    /// The service comes to its end.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Stopping: requests under way may finish");
    }

    /// The service is alive.
    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, lines: &str) {
        let Some((socket, to)) = self.0.as_deref() else { return };
        if let Err(error) = socket.send_to_addr(lines.as_bytes(), to) {
            tracing::debug!(error = &error as &dyn std::error::Error, "systemd could not be told");
        }
    }
}

fn address(name: &str) -> std::io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

/// How often systemd wants to hear that the service is alive: half of `WATCHDOG_USEC`, as `sd_watchdog_enabled(3)` says.
pub(super) fn watchdog(environment: &Environment) -> Option<Duration> {
    let usec = environment.get("WATCHDOG_USEC")?.parse().ok().filter(|usec| *usec > 0)?;
    Some(Duration::from_micros(usec) / 2)
}

/// Says again and again that the service is alive. A runtime that stands still does not say it.
pub(super) async fn keep_alive(notify: Notify, every: Option<Duration>) {
    let Some(every) = every else { return };
    let mut beats = tokio::time::interval(every);
    loop {
        beats.tick().await;
        notify.alive();
    }
}
