//! A checksum database of Go's own code, on loopback: what counts as right, and whose faults are real.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::ModuleFiles;
use testkit::go::Go;
use tokio::sync::OnceCell;

/// The published pair of keys for tests (`cmd/go/proxy_test.go`).
pub(crate) const KEY: &str = "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6";
const SIGNER: &str =
    "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk";
/// The name in that key.
pub(crate) const NAME: &str = "localhost.localdev/sumdb";

/// The program, built once for all tests of a run.
static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();

/// A running checksum database. Dropped, it is gone.
pub(crate) struct Database {
    child: Child,
    url: String,
    key: String,
    dir: PathBuf,
}

impl Database {
    /// Starts below `dir`, knowing of these versions, under the published test key.
    pub(crate) async fn start(dir: &Path, known: &[ModuleFiles]) -> Self {
        Self::signing(&dir.join("database"), known, (SIGNER, KEY), &[]).await
    }

    /// Starts under the published test key with this many other records around those of these versions, which are all
    /// that it will ever know.
    pub(crate) async fn large(dir: &Path, known: &[ModuleFiles], others: usize) -> Self {
        Self::signing(&dir.join("database"), known, (SIGNER, KEY), &["-filler", &others.to_string()]).await
    }

    /// Starts as [`Database::large`], and grows by some records with each lookup, as when the whole world uses it.
    pub(crate) async fn growing(dir: &Path, known: &[ModuleFiles], others: usize) -> Self {
        let flags = ["-filler", &others.to_string(), "-grow", "97"];
        Self::signing(&dir.join("database"), known, (SIGNER, KEY), &flags).await
    }

    /// Starts with keys of its own for this name.
    pub(crate) async fn named(dir: &Path, known: &[ModuleFiles], name: &str) -> Self {
        let made = Command::new(program().await).args(["-generate", name]).env_clear().output().unwrap();
        let made = String::from_utf8(made.stdout).unwrap();
        let (signer, verifier) = made.split_once('\n').unwrap();
        Self::signing(&dir.join(name), known, (signer, verifier.trim()), &[]).await
    }

    async fn signing(
        dir: &Path,
        known: &[ModuleFiles],
        (signer, verifier): (&str, &str),
        flags: &[&str],
    ) -> Self {
        let program = program().await;
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join("records"), lines(known)).unwrap();
        let mut child = Command::new(program)
            .args(flags)
            .arg(signer)
            .arg(dir)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned(), key: verifier.to_owned(), dir: dir.to_owned() }
    }

    /// The `--sumdb` of a Larder in front of it; also a GOSUMDB that leads past every proxy.
    pub(crate) fn spec(&self) -> String {
        format!("{} {}", self.key, self.url)
    }

    /// Its verifier key: a GOSUMDB that leads through the proxy.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// From now on it knows of these versions. What it has told before it goes on telling.
    pub(crate) fn learns(&self, known: &[ModuleFiles]) {
        std::fs::write(self.dir.join("records"), lines(known)).unwrap();
    }

    /// From now on, answers are wrong as these lines say (see the program); none: they are right again.
    pub(crate) fn faults(&self, lines: &str) {
        std::fs::write(self.dir.join("faults"), lines).unwrap();
    }

    /// The paths it was asked for since it was last looked.
    pub(crate) fn asked(&self) -> Vec<String> {
        let file = self.dir.join("asked");
        let asked = std::fs::read_to_string(&file).unwrap();
        // It is only ever appended to, so what comes next begins at the start again.
        std::fs::write(&file, "").unwrap();
        asked.lines().map(str::to_owned).collect()
    }

    /// It goes away.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lines(of: &[ModuleFiles]) -> String {
    of.iter().map(ModuleFiles::sum_lines).collect()
}

async fn program() -> &'static Path {
    PROGRAM.get_or_init(build).await
}

async fn build() -> PathBuf {
    go_program("sumdb", include_str!("testdata/sumdb/main.go")).await
}

/// Builds a program over the checksum databases of the sources that the go command brings along.
pub(crate) async fn go_program(name: &str, source: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let builder = Go::new(&dir).env("GOFLAGS", "-mod=mod").env("CGO_ENABLED", "0");
    let builder = builder.env("GOCACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/gocache"));
    let goroot = builder.run(&["env", "GOROOT"]).await.success().trim().to_owned();
    copy(&Path::new(&goroot).join("src/cmd/vendor/golang.org/x/mod"), &builder.work_dir().join("xmod"));
    builder.write("xmod/go.mod", "module golang.org/x/mod\n\ngo 1.24\n");
    builder.write("main.go", source);
    builder.write("go.mod", include_str!("testdata/sumdb/go.mod.in"));
    builder.run(&["build", "-o", name, "."]).await.success();
    builder.work_dir().join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
