//! What ends everything when the server itself is killed.
//!
//! The kernel ends a child whose parent died (`PR_SET_PDEATHSIG`), but not what that child has started: `git fetch` would be
//! gone, `git-remote-https` would not. So a warden watches: the smallest of processes, a shell that reads from a pipe which
//! groups run, and when the pipe's other end, which only the server has, is closed, ends those that do. A shell, and not
//! the server's own program started once more, since it takes a tenth of the memory and no hidden way into the program.

use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;

/// Reads lines `+ GROUP` and `- GROUP`, and at the end kills the groups that are left. Nothing but what every POSIX shell
/// has built in, so that no other program is needed. Signals that end a shell are not for it: it goes last.
const SCRIPT: &str = "trap '' INT TERM HUP QUIT; live=' '
while read -r what group; do case $what in
+) live=\"$live$group \" ;;
-) live=\"${live%% $group *} ${live#* $group }\" ;;
esac; done
for group in $live; do kill -9 -\"$group\"; done";

/// The warden, and the pipe that it listens to.
#[derive(Debug)]
pub(super) struct Warden {
    watch: Mutex<Option<(Child, PipeWriter)>>,
}

impl Warden {
    /// Starts a warden. Without a shell there is none, and a killed server leaves to the kernel what it can do.
    #[expect(clippy::disallowed_methods, reason = "the jail is the one place that starts children")]
    pub(super) fn start(shell: Option<&Path>) -> io::Result<Self> {
        let Some(shell) = shell else { return Ok(Self { watch: Mutex::new(None) }) };
        let (listening, telling) = io::pipe()?;
        let child = Command::new(shell)
            .args(["-c", SCRIPT])
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(listening)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { watch: Mutex::new(Some((child, telling))) })
    }

    /// From now on this group is ended when the server dies.
    pub(super) fn remember(&self, group: Pid) {
        self.tell('+', group);
    }

    /// This group has ended.
    pub(super) fn forget(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, what: char, group: Pid) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, telling)) = &mut *watch {
            // One write, whole lines. If the warden is gone, what it was for cannot be done, and everything else goes on.
            let _ = telling.write_all(format!("{what} {}\n", group.as_raw_nonzero()).as_bytes());
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        let watch = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, telling)) = watch {
            drop(telling);
            // It ends by itself, at once.
            let _ = child.wait();
        }
    }
}
