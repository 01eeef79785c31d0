//! A real server of ssh, with a key of ours.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use testkit::eventually;
use vcs::jail::Sent;

const SSHD: &str = "/usr/sbin/sshd";

/// A server, which is killed with the test.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    /// Its key, and those of users: `host`, `user`, and `other`, which it does not know.
    pub(crate) keys: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test sets up a server of ssh")]
fn run(program: &str, args: &[&str]) -> Process {
    let mut process = Process::new(program);
    process.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    process
}

#[expect(clippy::disallowed_methods, reason = "a test sets up a server of ssh")]
fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
}

impl Server {
    /// Makes keys and starts a server in a directory, which is made; nothing if this machine cannot.
    pub(crate) async fn start(dir: &Path) -> Option<Self> {
        let user = run("/usr/bin/id", &["-un"]).stdout(Stdio::piped()).output().ok()?;
        // The server wants this directory, and root.
        let can_serve = Path::new(SSHD).exists() && Path::new("/run/sshd").is_dir();
        if !can_serve || String::from_utf8(user.stdout).ok()?.trim() != "root" {
            eprintln!("NOT TESTED: there is no server of ssh here that could be started");
            return None;
        }
        fs::create_dir(dir).unwrap();
        for key in ["host", "user", "other"] {
            let file = dir.join(key);
            let args = ["-q", "-t", "ed25519", "-N", "", "-f", file.to_str()?];
            assert!(run("/usr/bin/ssh-keygen", &args).status().unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n",
            dir.display()
        );
        write(&dir.join("config"), &config);
        let process = run(SSHD, &["-D", "-e", "-f", dir.join("config").to_str()?]).spawn().unwrap();
        eventually("the server listens", async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
            .await;
        Some(Self { process, port, keys: dir.to_owned() })
    }

    /// A key for it, in a file, where this one of [`Self::keys`] is expected of it; what is expected is written below a directory.
    pub(crate) fn key(&self, file: &Path, expected: &str, dir: &Path) -> Sent {
        let known_hosts = dir.join("known_hosts");
        let expected = fs::read_to_string(self.keys.join(format!("{expected}.pub"))).unwrap();
        write(&known_hosts, &format!("[127.0.0.1]:{} {expected}", self.port));
        Sent::Key { file: file.to_owned(), known_hosts: Some(known_hosts) }
    }
}
