//! A real server of ssh, through the gate, with a key of ours and with its key pinned.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};

use testkit::eventually;
use vcs::jail::{Access, Sent};
use vcs::{Trouble, VcsError};

use super::tools::{Bench, over, repository};

const SSHD: &str = "/usr/sbin/sshd";

/// A server, which is killed with the test.
struct Server {
    process: Child,
    port: u16,
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

/// Makes keys and starts a server in a directory; `None` if this machine cannot.
fn start(dir: &Path) -> Option<Server> {
    for key in ["host", "user", "other"] {
        let file = dir.join(key);
        let args = ["-q", "-t", "ed25519", "-N", "", "-f", file.to_str()?];
        run("/usr/bin/ssh-keygen", &args).status().ok().filter(std::process::ExitStatus::success)?;
    }
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\nStrictModes no\n\
         UsePAM no\nPidFile none\nPermitRootLogin yes\n",
        dir.display()
    );
    let file = dir.join("config");
    write(&file, &config);
    let process = run(SSHD, &["-D", "-e", "-f", file.to_str()?]).spawn().ok()?;
    Some(Server { process, port })
}

#[expect(clippy::disallowed_methods, reason = "a test sets up a server of ssh")]
fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
}

#[tokio::test]
async fn a_repository_is_asked_over_ssh_with_a_key_and_a_pinned_host() {
    let bench = Bench::new();
    // A space and a percent sign, which ssh reads as more than themselves.
    let dir = bench.dir.path().join("k e%ys");
    fs::create_dir(&dir).unwrap();
    let user = run("/usr/bin/id", &["-un"]).stdout(Stdio::piped()).output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    // The server wants this directory, and root.
    let can_serve = Path::new(SSHD).exists() && Path::new("/run/sshd").is_dir() && user.trim() == "root";
    if !can_serve {
        eprintln!("NOT TESTED: there is no server of ssh here that could be started");
        return;
    }
    let keys = bench.dir.path().join("keys");
    fs::create_dir(&keys).unwrap();
    let server = start(&keys).unwrap();
    eventually("the server listens", async || {
        std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok()
    })
    .await;
    let commit = repository(bench.dir.path());
    let host = fs::read_to_string(keys.join("host.pub")).unwrap();
    let other = fs::read_to_string(keys.join("other.pub")).unwrap();
    fs::copy(keys.join("user"), dir.join("user")).unwrap();
    let url = format!("ssh://root@127.0.0.1:{}{}/r.git", server.port, bench.dir.path().display());
    let asked = async |known: &str, key: &Path| {
        let known_hosts = dir.join("known_hosts");
        write(&known_hosts, &format!("[127.0.0.1]:{} {known}", server.port));
        let key = Sent::Key { file: key.to_owned(), known_hosts: Some(known_hosts) };
        bench.asked(&url, &Access { credential: Some(key), ..over(&["ssh"]) }).await
    };
    let said = asked(&host, &dir.join("user")).await.unwrap();
    assert!(said.starts_with(&commit), "{said}");
    let fault = asked(&other, &dir.join("user")).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Identity, .. })), "{fault:?}");
    let fault = asked(&host, &keys.join("other")).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Auth, .. })), "{fault:?}");
}
