//! The real go command: the client that counts, and the oracle that decides.
//!
//! It sees nothing of the machine's settings or caches and reaches nothing beyond what a test names: until told
//! otherwise, GOPROXY and GOSUMDB are `off`, toolchains are not switched, and all it writes is in one directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The longest that a command may run: compiling the standard library once on a busy machine is the longest known.
const PATIENCE: Duration = Duration::from_mins(3);

/// Whether there is a go command to ask. If not, says so on standard error; in CI (`CI` is set) it panics, so that
/// no run passes by having skipped what it was for.
pub fn available() -> bool {
    let found =
        search_path().is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("go").is_file()));
    assert!(found || std::env::var_os("CI").is_none(), "the go command is needed in CI and is not in PATH");
    if !found {
        eprintln!("SKIPPED: there is no go command in PATH");
    }
    found
}

fn search_path() -> Option<std::ffi::OsString> {
    std::env::var_os("PATH")
}

/// A go command with an environment of its own.
#[derive(Clone, Debug)]
pub struct Go {
    home: PathBuf,
    env: BTreeMap<String, String>,
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it ended with status 0.
    pub ok: bool,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output of a command that succeeded.
    ///
    /// # Panics
    ///
    /// If it did not, with all that it said.
    #[track_caller]
    pub fn success(&self) -> &str {
        assert!(self.ok, "the go command failed\n{}{}", self.stdout, self.stderr);
        &self.stdout
    }

    /// The text of a field of printed JSON, such as `Sum` of `go mod download -json`, if it is there.
    pub fn json_field(&self, name: &str) -> Option<&str> {
        let (_, after) = self.stdout.split_once(&format!("\"{name}\": \""))?;
        after.split('"').next()
    }
}

impl Go {
    /// A go command whose home, caches and working directory are below `dir`.
    pub fn new(dir: &Path) -> Self {
        let go = Self { home: dir.to_owned(), env: BTreeMap::new() };
        fs::create_dir_all(go.work_dir()).unwrap();
        let below = |name: &str| dir.join(name).display().to_string();
        go.env("GOPATH", below("gopath"))
            .env("GOMODCACHE", below("modcache"))
            .env("GOCACHE", below("gocache"))
            .env("GOENV", "off")
            .env("GOFLAGS", "-mod=mod -modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .env("GOSUMDB", "off")
            .env("GOVCS", "*:off")
            .env("HOME", below("home"))
    }

    /// Sets a variable of its environment: `GONOSUMDB`, `GOPRIVATE`, `GOFLAGS`, …
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Sets GOPROXY.
    #[must_use]
    pub fn proxy(self, list: impl Into<String>) -> Self {
        self.env("GOPROXY", list)
    }

    /// Sets GOSUMDB.
    #[must_use]
    pub fn sumdb(self, spec: impl Into<String>) -> Self {
        self.env("GOSUMDB", spec)
    }

    /// The same command with a cache and working directory of its own, as on another machine.
    #[must_use]
    pub fn elsewhere(&self, dir: &Path) -> Self {
        let mut other = Self::new(dir);
        for name in ["GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOTOOLCHAIN"] {
            if let Some(value) = self.env.get(name) {
                other = other.env(name, value);
            }
        }
        other
    }

    /// Where commands run: put `go.mod` and sources here.
    pub fn work_dir(&self) -> PathBuf {
        self.home.join("work")
    }

    /// The module cache.
    pub fn mod_cache(&self) -> PathBuf {
        self.home.join("modcache")
    }

    /// Writes a file of the working directory.
    pub fn write(&self, name: &str, content: &str) {
        let file = self.work_dir().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    /// Runs `go` with these arguments to its end. Dropped before that, the process is killed.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let running = Command::new("go")
            .args(arguments)
            .current_dir(self.work_dir())
            .env_clear()
            .env("PATH", search_path().unwrap_or_default())
            .envs(&self.env)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let finished = tokio::time::timeout(PATIENCE, running).await;
        let output = finished.unwrap_or_else(|_| panic!("go {arguments:?} still runs after {PATIENCE:?}"));
        let output = output.unwrap_or_else(|error| panic!("go {arguments:?}: {error}"));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Output { ok: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
