//! The tools themselves, through the gate.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Command, Jail, JailSettings, Limits, Operator, Reach, Secret, Sent, Tools};
use vcs::{Place, System, Trouble, VcsError};

use super::is_here;
use crate::origin::Origin;

/// A jail with the machine's own tools.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    jail: Jail,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let helper = Some((env!("CARGO_BIN_EXE_vcs-child").into(), vec!["through".into()]));
        let gate = Gate::open(GateSettings { helper, ..GateSettings::new(is_here) }).unwrap();
        let jail = Jail::new(JailSettings {
            tools: Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref()),
            environment: Operator::default(),
            limits: Limits::default(),
            gate,
            dir: dir.path().join("jail"),
        });
        Self { jail: jail.unwrap(), dir }
    }

    fn command(&self, url: &str, access: &Access) -> Command {
        let place = place(url);
        let arg = match place.system() {
            System::Git => "ls-remote",
            System::Hg => "identify",
            System::Svn => "info",
            System::Fossil => "clone",
        };
        let command = self.jail.command(place.system(), Reach::Network(&place, access)).unwrap();
        let command = command.dir(self.dir.path()).arg(arg).arg(place.url());
        if place.system() == System::Fossil { command.arg("x.fossil") } else { command }
    }

    pub(super) async fn asked(&self, url: &str, access: &Access) -> Result<String, VcsError> {
        let output = self.command(url, access).output(1 << 20).await?;
        Ok(String::from_utf8(output.stdout).unwrap())
    }
}

/// The system is told by the end of the URL.
fn place(url: &str) -> Place {
    let system = url.rsplit('.').next().and_then(System::parse).unwrap_or(System::Git);
    Place::new(system, url).unwrap()
}

pub(super) fn over(schemes: &[&str]) -> Access {
    Access { schemes: schemes.iter().map(|&scheme| scheme.to_owned()).collect(), ..Access::default() }
}

/// A repository that any file server can serve, at `r.git`; its one commit is the answer.
#[expect(clippy::disallowed_methods, reason = "tests make repositories with git itself")]
pub(super) fn repository(dir: &Path) -> String {
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(args).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", dir).current_dir(dir);
        command.env("GIT_AUTHOR_DATE", "@1600000000 +0000").env("GIT_COMMITTER_DATE", "@1600000000 +0000");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q", "--bare", "r.git"]);
    let tree = git(&["-C", "r.git", "mktree"]);
    let who = ["-c", "user.name=n", "-c", "user.email=e@example.com"];
    let commit = git(&[&["-C", "r.git"], &who[..], &["commit-tree", "-m", "one", &tree]].concat());
    git(&["-C", "r.git", "update-ref", "HEAD", &commit]);
    git(&["-C", "r.git", "update-server-info"]);
    commit
}

#[tokio::test]
async fn git_asks_over_http_through_the_gate() {
    let bench = Bench::new();
    let commit = repository(bench.dir.path());
    let origin = Origin::files(bench.dir.path());
    let url = format!("http://{}/r.git", origin.address);
    let said = bench.asked(&url, &over(&["http"])).await.unwrap();
    assert!(said.starts_with(&commit), "{said}");
    let fault = bench.asked(&url, &over(&["https"])).await;
    assert!(matches!(fault, Err(VcsError::Failed { .. })), "{fault:?}");
}

#[tokio::test]
async fn git_asks_over_https_by_a_tunnel() {
    let bench = Bench::new();
    let origin = Origin::start(|_, _| {});
    let fault = bench.asked(&format!("https://{}/r.git", origin.address), &over(&["https"])).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Network, .. })), "{fault:?}");
    // The beginning of a greeting of TLS.
    assert!(origin.heads().concat().starts_with("\u{16}\u{3}\u{1}"), "{:?}", origin.heads());
}

#[tokio::test]
async fn a_redirect_inside_is_refused_and_told_as_that() {
    let bench = Bench::new();
    for target in ["http://127.0.0.2:1/r.git", "http://169.254.169.254/latest"] {
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let origin = Origin::says(redirect);
        let fault = bench.asked(&format!("http://{}/r", origin.address), &over(&["http"])).await;
        assert!(matches!(fault, Err(VcsError::Refused { .. })), "{target}: {fault:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_transport_runs_nothing() {
    let bench = Bench::new();
    for target in ["ext::sh -c 'touch ran'", "file:///etc", "ssh://-oProxyCommand=x/r", "ftp://127.0.0.1/r"] {
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let origin = Origin::says(redirect);
        let fault = bench.asked(&format!("http://{}/r", origin.address), &over(&["http", "https"])).await;
        assert!(matches!(fault, Err(VcsError::Failed { .. })), "{target}: {fault:?}");
        assert!(!bench.dir.path().join("ran").exists(), "{target}");
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let bench = Bench::new();
    let origin = Origin::start(|head, stream| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {path}x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        drop(stream.write_all(answer.as_bytes()));
    });
    let fault = bench.asked(&format!("http://{}/r", origin.address), &over(&["http"])).await;
    assert!(matches!(fault, Err(VcsError::Failed { .. })), "{fault:?}");
    assert!(origin.heads().len() < 50, "{}", origin.heads().len());
}

#[tokio::test]
async fn a_credential_is_sent_to_its_own_server_alone() {
    let bench = Bench::new();
    let other = Origin::says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/r\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        other.address
    );
    let origin = Origin::says(redirect);
    let header = Sent::Header { name: "X-Token".to_owned(), value: Secret::new("tooSecret") };
    let access = Access { credential: Some(header), ..over(&["http"]) };
    let fault = bench.asked(&format!("http://{}/r", origin.address), &access).await;
    assert!(matches!(fault, Err(VcsError::Astray { .. })), "{fault:?}");
    assert!(origin.heads().concat().contains("X-Token: tooSecret"), "{:?}", origin.heads());
    assert_eq!(other.heads().len(), 0, "{:?}", other.heads());
}

#[tokio::test]
async fn ssh_goes_through_the_gate() {
    let bench = Bench::new();
    let origin = Origin::start(|_, stream| drop(stream.write_all(b"SSH-2.0-no\r\n")));
    let url = format!("ssh://git@127.0.0.1:{}/r", origin.port());
    let fault = bench.asked(&url, &over(&["ssh"])).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Network, .. })), "{fault:?}");
    assert!(origin.heads().concat().starts_with("SSH-2.0-OpenSSH"), "{:?}", origin.heads());
    let url = format!("ssh://git@127.0.0.2:{}/r", origin.port());
    let fault = bench.asked(&url, &over(&["ssh"])).await;
    assert!(matches!(fault, Err(VcsError::Refused { .. })), "{fault:?}");
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn every_tool_goes_through_the_gate() {
    let bench = Bench::new();
    let origin = Origin::says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let port = origin.port();
    for (name, scheme) in [("git", "git"), ("hg", "http"), ("svn", "http"), ("fossil", "http")] {
        let system = System::parse(name).unwrap();
        if bench.jail.tools().of(system).is_none() {
            eprintln!("NOT TESTED: {name} is not installed");
            continue;
        }
        let access = over(&[scheme]);
        let before = origin.heads().len();
        let fault = bench.asked(&format!("{scheme}://127.0.0.1:{port}/r.{name}"), &access).await;
        assert!(fault.is_err(), "{name}: {fault:?}");
        assert!(origin.heads().len() > before, "{name} did not arrive: {fault:?}");
        let before = origin.heads().len();
        let fault = bench.asked(&format!("{scheme}://127.0.0.2:{port}/r.{name}"), &access).await;
        assert!(matches!(fault, Err(VcsError::Refused { .. })), "{name}: {fault:?}");
        assert_eq!(origin.heads().len(), before, "{name}");
    }
}
