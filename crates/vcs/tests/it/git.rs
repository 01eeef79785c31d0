//! Git.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests make what is asked: repositories, damage, a process to kill"
)]

mod contents;
mod contract;
mod cost;
mod keeping;
mod names;
mod sharing;
mod trouble;
mod watching;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use testkit::{GitHost, recipe};
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Tools};
use vcs::{Archive, Place, Repo, Repos, ReposSettings, System};

/// Settings to begin with: refs are remembered for long, and no URL can be asked about.
fn settings(dir: &Path) -> ReposSettings {
    ReposSettings {
        dir: dir.join("vcs"),
        fresh: Duration::from_mins(10),
        max_repository_bytes: 1 << 30,
        max_total_bytes: 1 << 30,
        status: Arc::new(|_, _| Box::pin(async { None })),
    }
}

/// Repositories with these settings and the system's tools.
fn repos(dir: &Path, settings: ReposSettings) -> Repos {
    within(Limits::default(), dir, settings)
}

/// The same, within limits of its children.
fn within(limits: Limits, dir: &Path, settings: ReposSettings) -> Repos {
    let jail = Jail::new(JailSettings {
        tools: Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref()),
        environment: Operator::default(),
        limits,
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir: dir.join("jail"),
    });
    Repos::new(jail.unwrap(), settings)
}

/// The repository at a URL.
fn open(repos: &Repos, url: &str) -> Arc<dyn Repo> {
    let schemes = ["file", "http", "git"].map(str::to_owned).to_vec();
    repos.open(&place(url), &Access { schemes, ..Access::default() }).unwrap()
}

fn place(url: &str) -> Place {
    Place::new(System::Git, url).unwrap()
}

/// A host with a repository `r` made by a recipe, and what asks it.
struct World {
    dir: TempDir,
    host: GitHost,
    repos: Repos,
}

impl World {
    async fn new(recipe: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        recipe::make(recipe, &dir.path().join("host/r"));
        let host = GitHost::start(&dir.path().join("host")).await;
        let repos = repos(dir.path(), settings(dir.path()));
        Self { dir, host, repos }
    }

    fn url(&self) -> String {
        self.host.url("r")
    }

    fn repo(&self) -> Arc<dyn Repo> {
        open(&self.repos, &self.url())
    }

    /// Goes on with the repository by the steps of a recipe, and tells of it.
    fn go_on(&self, steps: &str) {
        recipe::make(steps, &self.dir.path().join("host/r"));
        self.repos.refresh(&place(&self.url()));
    }

    /// Runs git in the repository.
    fn git(&self, args: &[&str]) -> String {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        git(&self.dir.path().join("host/r"), &args)
    }

    /// Forgets everything but what is on disk.
    fn restart(&mut self) {
        self.repos = repos(self.dir.path(), settings(self.dir.path()));
    }

    /// The files of the kept copies.
    fn kept(&self) -> Vec<PathBuf> {
        files(&self.dir.path().join("vcs"))
    }
}

fn git(dir: &Path, args: &[&OsStr]) -> String {
    let identity =
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"];
    let mut command = Command::new("git");
    command.args(identity).args(args).current_dir(dir);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Contents by path.
type Files = BTreeMap<Vec<u8>, Vec<u8>>;

async fn unpack(archive: Archive) -> Files {
    let read = move || {
        let mut files = Files::new();
        let each = |path: &[u8], content: &mut dyn std::io::Read| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            files.insert(path.to_vec(), bytes);
            Ok(())
        };
        archive.read(each).map(|()| files)
    };
    tokio::task::spawn_blocking(read).await.unwrap().unwrap()
}

/// Commits of which each has the same files but for one, each with a tag: `v1.0.0`, `v1.1.0`, …
fn versions(count: usize) -> String {
    use std::fmt::Write as _;

    let mut text = "git init\ngit config uploadpack.allowFilter true\necho 'module example.com/m'\n\
                    cp stdout go.mod\ngit add go.mod\n"
        .to_owned();
    for version in 0..count {
        let _ = write!(
            text,
            "at 2020-01-01T{:02}:{:02}:00Z\necho 'v{version}'\ncp stdout VERSION\ngit add VERSION\n\
             git commit -q -m 'v{version}'\ngit tag v1.{version}.0\n",
            version / 60,
            version % 60
        );
    }
    text
}
