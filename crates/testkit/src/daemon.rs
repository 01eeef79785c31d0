//! A server of a version control system's own, for tests that ask it on loopback.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};

use crate::eventually;

/// A process that listens on a port, which is killed with the test.
#[derive(Debug)]
pub struct Daemon {
    process: Child,
    port: u16,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // With whatever it has started: `git daemon` is a child of git.
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _ = self.process.wait();
    }
}

impl Daemon {
    /// Starts a program with arguments, in which `PORT` is one that it is to listen on, in a directory, and waits until it does.
    pub async fn start(program: &str, args: &[&str], dir: &Path) -> Self {
        let port = free_port();
        let args = args.iter().map(|arg| arg.replace("PORT", &port.to_string()));
        let mut command = Command::new(program);
        command.args(args).current_dir(dir).env("FOSSIL_HOME", dir).env("USER", "x").env("HGRCPATH", "");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.process_group(0).spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let listens = async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        eventually("the server listens", listens).await;
        Self { process, port }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A URL of it: `svn://127.0.0.1:12345/PATH`.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}/{path}", self.port)
    }
}

/// A port of the loopback address that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
