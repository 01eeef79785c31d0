//! What systemd does for a service, done by a test: sockets passed, and the state of the service heard.

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{DEADLINE, eventually, raw};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt};
use tokio::net::{UnixDatagram, UnixStream};

/// A service. Dropped, it is killed.
struct Service(Child);

impl Service {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    async fn ended(&mut self) -> Option<i32> {
        let child = Mutex::new(&mut self.0);
        let ended = eventually("its end", || async { child.lock().unwrap().try_wait().unwrap() }).await;
        ended.code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A shell that becomes the server, with what systemd would have said to it.
fn service(dir: &Path, before: &str, flags: &str) -> Command {
    service_of("$$", dir, before, flags)
}

/// The same with sockets for the process of this number.
fn service_of(pid: &str, dir: &Path, before: &str, flags: &str) -> Command {
    let (larder, data) = (env!("CARGO_BIN_EXE_larder"), dir.join("data"));
    let script = format!(
        "{before}; export LISTEN_PID={pid}; exec {larder} serve --data {} --upstream off --sumdb off {flags}",
        data.display()
    );
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).env_clear().env("HOME", dir).stdin(Stdio::null());
    command
}

/// What is told next.
async fn heard(socket: &UnixDatagram) -> String {
    let mut told = [0; 4096];
    let received = tokio::time::timeout(DEADLINE, socket.recv(&mut told)).await;
    let Ok(received) = received else { panic!("nothing was told") };
    let len = received.unwrap();
    String::from_utf8(told[..len].to_vec()).unwrap()
}

#[tokio::test]
async fn sockets_that_are_passed_are_listened_on_without_a_word_in_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let (tcp, path) = (TcpListener::bind("127.0.0.1:0").unwrap(), dir.path().join("passed.sock"));
    let (address, unix) = (tcp.local_addr().unwrap(), UnixListener::bind(&path).unwrap());
    // By way of standard input and output: descriptors 3 and 4 can only be given by a shell.
    let mut command = service(dir.path(), "exec 3<&0 4<&1 0</dev/null 1>&2", "");
    command.stdin(Stdio::from(OwnedFd::from(tcp))).stdout(Stdio::from(OwnedFd::from(unix)));
    let mut larder = Service(command.env("LISTEN_FDS", "2").stderr(Stdio::null()).spawn().unwrap());
    // The socket is there before the server is: nobody is refused.
    assert_eq!(raw::get(address, "/readyz").await.status, 200);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("ready\n"), "{answer}");
    larder.signal(Signal::TERM);
    assert_eq!(larder.ended().await, Some(0));
    assert!(path.exists(), "a socket of systemd is not ours to remove");
}

#[tokio::test]
async fn sockets_are_told_apart_by_their_names_and_those_of_another_process_are_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = |pid: &str, name: &str| {
        let mut command = service_of(pid, dir.path(), "exec 3<&0", &format!("--listen systemd:{name}"));
        command.stdin(Stdio::from(OwnedFd::from(tcp.try_clone().unwrap())));
        command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "web").stderr(Stdio::piped());
        Service(command.spawn().unwrap())
    };
    // Another name; and what was said to another process, from which it is inherited.
    for (pid, name) in [("$$", "other"), ("1", "web")] {
        let mut refused = start(pid, name);
        assert_eq!(refused.ended().await, Some(1));
        let mut text = String::new();
        refused.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains(&format!("could not listen on systemd:{name}")), "{text}");
        assert!(text.contains("has passed no such socket"), "{text}");
    }
    let _larder = start("$$", "web");
    assert_eq!(raw::get(tcp.local_addr().unwrap(), "/readyz").await.status, 200);
}

#[tokio::test]
async fn what_is_no_socket_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    for (before, reason) in [("exec 3</dev/null", "non-socket"), ("exec 3<&-", "descriptor 3 is not open")] {
        let output = service(dir.path(), before, "").env("LISTEN_FDS", "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn it_hears_when_the_service_is_ready_alive_reloading_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, file) = (dir.path().join("notify"), dir.path().join("larder.toml"));
    std::fs::write(&file, "").unwrap();
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let flags = format!("--listen 127.0.0.1:0 --config {}", file.display());
    let mut command = service(dir.path(), "true", &flags);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "40000");
    let mut larder = Service(command.stderr(Stdio::null()).spawn().unwrap());
    let told = async |what: &str| loop {
        let told = heard(&systemd).await;
        if told != "WATCHDOG=1" {
            assert!(told.starts_with(what), "{told}");
            return told;
        }
    };
    assert!(told("READY=1\n").await.contains("STATUS=Serving on 127.0.0.1:"));
    while heard(&systemd).await != "WATCHDOG=1" {}
    std::fs::write(&file, "fresh = 1").unwrap();
    larder.signal(Signal::HUP);
    let reloading = told("RELOADING=1\nMONOTONIC_USEC=").await;
    let stamp = reloading.lines().nth(1).unwrap().strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(stamp.parse::<u64>().unwrap() > 0, "{reloading}");
    let ready = told("READY=1\n").await;
    assert!(ready.contains("larder.toml:1: unknown key `fresh`"), "{ready}");
    larder.signal(Signal::TERM);
    told("STOPPING=1\n").await;
    assert_eq!(larder.ended().await, Some(0));
}
