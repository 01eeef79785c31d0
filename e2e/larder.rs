//! A started binary: its address, its log, its end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::raw::{self, Response};
use testkit::{DEADLINE, eventually};

/// Log lines shown when a test fails.
const SHOWN: usize = 12;

/// A server process over a data directory. Dropped, it is killed.
pub(crate) struct Larder {
    running: Running,
    data: PathBuf,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
}

struct Running {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    ready_after: Duration,
}

impl Larder {
    /// Starts with these flags of `serve` on a free port; it is ready when this returns.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::start_in(data, flags, &[])
    }

    /// The same, with these variables besides `HOME`.
    pub(crate) fn start_in(data: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<_> = environment.iter().map(pair).collect();
        Self { running: spawn(data, &flags, &environment), data: data.to_owned(), flags, environment }
    }

    /// Starts over this source, without a checksum database.
    pub(crate) fn over(data: &Path, upstream: &str) -> Self {
        Self::start(data, &["--upstream", upstream, "--sumdb", "off"])
    }

    /// Starts again over the same data directory, on another port.
    pub(crate) fn restart(&mut self) {
        self.kill9();
        self.running = spawn(&self.data, &self.flags, &self.environment);
    }

    /// How long it took from starting the process until it said that it is ready.
    pub(crate) fn ready_after(&self) -> Duration {
        self.running.ready_after
    }

    /// Stops in order and starts again with other flags.
    pub(crate) async fn restart_with(mut self, flags: &[&str]) -> Self {
        self.terminate();
        assert_eq!(self.ended().await.code(), Some(0));
        Self::start(&self.data, flags)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Below its data directory.
    pub(crate) fn data(&self, below: &str) -> PathBuf {
        self.data.join(below)
    }

    /// One request.
    pub(crate) async fn ask(&self, path: &str) -> Response {
        raw::get(self.address(), path).await
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// Kills it without warning and waits for its end.
    pub(crate) fn kill9(&mut self) {
        self.running.kill();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.running.child), Signal::TERM).unwrap();
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hangup(&self) {
        kill_process(Pid::from_child(&self.running.child), Signal::HUP).unwrap();
    }

    /// How it ended, once it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = Mutex::new(&mut self.running.child);
        eventually("the end of the process", || async { child.lock().unwrap().try_wait().unwrap() }).await
    }

    /// The log so far, one line each.
    pub(crate) fn log(&self) -> Vec<String> {
        self.running.log.lock().unwrap().clone()
    }

    /// The log's lines about requests, once all those asked for are in it; then the log begins anew.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let marker = format!("marker-{}", self.log().len());
        self.ask(&format!("/{marker}")).await;
        self.logged(&marker).await;
        let mut log = self.running.log.lock().unwrap();
        log.drain(..).filter(|line| line.contains("cache.lookup") && !line.contains(&marker)).collect()
    }

    /// Waits for a log line that contains this.
    pub(crate) async fn logged(&self, text: &str) -> String {
        let find = || async { self.log().into_iter().find(|line| line.contains(text)) };
        eventually(&format!("a log line with `{text}`"), find).await
    }
}

impl Running {
    fn kill(&mut self) {
        // Gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
            let last = log.len().saturating_sub(SHOWN);
            eprintln!("the end of the server's log:\n{}", log[last..].join("\n"));
        }
    }
}

/// The binary with these arguments, in an environment of its own.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().unwrap()
}

fn spawn(data: &Path, flags: &[String], environment: &[(String, String)]) -> Running {
    let home = data.parent().unwrap();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    arguments.extend(flags.iter().map(String::as_str));
    let begun = Instant::now();
    let variables = environment.iter().map(|(name, value)| (name, value));
    let mut child = command(home, &arguments).envs(variables).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    let log = Arc::new(Mutex::new(Vec::new()));
    let (kept, (sender, receiver)) = (log.clone(), channel());
    std::thread::spawn(move || {
        for line in lines.lines() {
            let Ok(line) = line else { return };
            if let Some((_, address)) = line.split_once("ready on ") {
                // Nobody waits any more: the test has failed elsewhere.
                let _ = sender.send(address.split(['"', ',']).next().unwrap_or_default().to_owned());
            }
            kept.lock().unwrap().push(line);
        }
    });
    let address = address(&receiver, &mut child, &log);
    Running { child, address, log, ready_after: begun.elapsed() }
}

fn address(ready: &Receiver<String>, child: &mut Child, log: &Mutex<Vec<String>>) -> SocketAddr {
    if let Ok(address) = ready.recv_timeout(DEADLINE) {
        return address.parse().unwrap();
    }
    let _ = child.kill();
    panic!("the server did not start: {:?} {:?}", child.wait(), log.lock().unwrap());
}
