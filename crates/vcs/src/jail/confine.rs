//! What a child does to itself between fork and exec, so that it cannot do otherwise afterwards.
//!
//! This is the one module with `unsafe` code: [`CommandExt::pre_exec`] runs a closure in the forked child, which is a copy
//! of a process with many threads of which only the calling one goes on. Another thread may have held any lock at the
//! moment of the fork, that of the allocator for one, and nobody will ever release it in the copy. So the closure may only do
//! what needs no lock: system calls. It is sound because
//!
//! - [`Confinement::apply`] calls only rustix functions that are one system call each (`umask`, `setrlimit`, `getrlimit`,
//!   `prctl`, `getppid`) on values of the stack. On Linux rustix makes these calls itself, without libc and its `errno`.
//! - Nothing is allocated or freed: what it needs was computed before the fork and moved into the closure as plain numbers,
//!   and errors are made by `io::Error::from_raw_os_error`, or `From<Errno>`, which hold a number.
//! - It cannot panic, and so never unwinds through the standard library's code after the fork: no indexing, no arithmetic
//!   that overflows, no formatting.
//! - It touches no memory that is shared with the parent, and no file descriptor.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit};

use super::Limits;

/// How far the hard limit is above the one that counts. At the hard limit of processor time a process is killed like any
/// other, at the soft one by a signal that tells why.
const HARDER: u64 = 1;

/// The limits of one child, as plain numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confinement {
    limits: [(Resource, u64); 5],
    server: Option<rustix::process::Pid>,
}

impl Confinement {
    /// What these limits mean for a child of this process.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: [
                (Resource::Cpu, limits.cpu_s),
                (Resource::Data, limits.memory_bytes),
                (Resource::Fsize, limits.file_bytes),
                (Resource::Nofile, limits.open_files),
                // A core would be a large file, with secrets in it.
                (Resource::Core, 0),
            ],
            server: Some(rustix::process::getpid()),
        }
    }

    /// Confines what this command will start: a process group of its own, which is how all of it can be ended; and the
    /// steps of [`Confinement::apply`].
    #[expect(
        unsafe_code,
        reason = "the closure only makes system calls; the module's comment says why it is sound"
    )]
    pub(super) fn put_on(self, command: &mut Command) {
        command.process_group(0);
        // SAFETY: `apply` is safe to run between fork and exec, for the reasons in the module's comment.
        unsafe {
            command.pre_exec(move || self.apply());
        }
    }

    fn apply(&self) -> io::Result<()> {
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        for (resource, wanted) in self.limits {
            // Only ever lowered: raising is the privilege of root.
            let held = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let (current, maximum) = (wanted.min(held), wanted.saturating_add(HARDER).min(held));
            rustix::process::setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
        }
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The server may have died before the line above: then nobody would ever end this child.
        if rustix::process::getppid() == self.server { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    }
}
