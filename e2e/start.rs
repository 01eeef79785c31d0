//! Starting: what stands in the way is named, with what to do.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use testkit::eventually;

use crate::larder::{Larder, run};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_data_directory_in_use_is_refused_and_its_holder_named() {
    let dir = tempfile::tempdir().unwrap();
    let first = Larder::over(&dir.path().join("data"), "off");
    let data = first.data("").display().to_string();
    let second = run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert_eq!(second.status.code(), Some(1));
    let text = stderr(&second);
    assert!(text.contains(&format!("in use by process {}", first.pid())), "{text}");
    assert!(text.contains("larder: could not open the data directory"), "{text}");
}

#[test]
fn a_port_in_use_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let first = Larder::over(&dir.path().join("data"), "off");
    let (address, other) = (first.address().to_string(), dir.path().join("other").display().to_string());
    let second = run(dir.path(), &["serve", "--listen", &address, "--data", &other]);
    assert_eq!(second.status.code(), Some(1));
    let text = stderr(&second);
    assert!(text.contains(&format!("larder: could not listen on {address}")), "{text}");
    assert!(text.contains("Address already in use"), "{text}");
}

/// A server on a terminal of its own. Dropped, it is killed.
struct OnTerminal {
    script: Child,
    data: PathBuf,
}

impl OnTerminal {
    fn pid(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.data.join("LOCK")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().filter(|_| matches!(self.script.try_wait(), Ok(None))) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[tokio::test]
async fn on_a_terminal_it_says_what_to_do_and_goes_on_until_it_is_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (typed, data) = (dir.path().join("typed"), dir.path().join("data"));
    let (binary, shown_data) = (env!("CARGO_BIN_EXE_larder"), data.display());
    let serve = format!("exec {binary} serve --listen 127.0.0.1:0 --data {shown_data} --upstream off");
    // From util-linux, which is on every Debian: runs a command on a terminal, and ends as it ends (-e).
    let script = Command::new("script")
        .args(["-q", "-f", "-e", "-c", &serve, typed.to_str().unwrap()])
        .env_clear()
        .env("HOME", dir.path())
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = OnTerminal { script, data };
    let text = || async { std::fs::read_to_string(&typed).unwrap_or_default() };
    let has = |words: &'static str| async move { text().await.contains(words) };
    eventually("the log", || has("ready on")).await;
    eventually("what to do", || has("go env -w GOPROXY=http://127.0.0.1:")).await;
    kill_process(server.pid().unwrap(), Signal::TERM).unwrap();
    let script = Mutex::new(&mut server.script);
    let ended = eventually("the end", || async { script.lock().unwrap().try_wait().unwrap() }).await;
    assert_eq!(ended.code(), Some(0), "{}", text().await);
}
