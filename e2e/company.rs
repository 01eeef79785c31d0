//! A company: repositories behind https with a token and certificates of its own, and clients that go there alone or by
//! way of Larder.

pub(crate) mod network;
pub(crate) mod repositories;

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::githost::GitHost;
use testkit::go::{Go, Output};
use testkit::{Upstream, recipe};

use crate::larder::Larder;
use network::{Network, authority};

/// The token that opens the repositories.
pub(crate) const TOKEN: &str = "glpat-0nly-th3-s3rver-kn0ws";
/// What the right token looks like when it arrives: the user of the form `gitlab`, and the token, in base64.
pub(crate) const AUTHORIZATION: &str = "Basic b2F1dGgyOmdscGF0LTBubHktdGgzLXMzcnZlci1rbjB3cw==";

/// Its servers. What is dropped first stands first.
pub(crate) struct Company {
    pub(crate) host: GitHost,
    pub(crate) network: Network,
    /// Where everybody else's modules are from.
    pub(crate) public: Upstream,
    pub(crate) dir: tempfile::TempDir,
}

impl Company {
    /// A company without repositories, and a public proxy without modules.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = GitHost::start(&dir.path().join("repositories")).await;
        let (network, public) = (Network::start().await, Upstream::start().await);
        network.leads("corp.example", host.address());
        std::fs::write(dir.path().join("token"), TOKEN).unwrap();
        close(&dir.path().join("token"));
        Self { host, network, public, dir }
    }

    /// Makes a repository. Modules at `corp.example/NAME` are in it, as the page of that path says.
    pub(crate) fn repository(&self, name: &str, made: &str) {
        recipe::make(made, &self.dir.path().join("repositories/git").join(name));
        let import = format!("corp.example/{name} git https://corp.example/git/{name}");
        self.host.page(&format!("/{name}"), &import);
    }

    /// The id of a commit.
    pub(crate) fn commit(&self, name: &str, revision: &str) -> String {
        let dir = self.dir.path().join("repositories/git").join(name);
        let output = Command::new("git").args(["rev-parse", revision]).current_dir(dir).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A file of the company's.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Larder in the company's network, with the token, and with these settings on top.
    pub(crate) fn larder(&self, more: &[&str]) -> Larder {
        let credential = format!(
            "credential=https://corp.example name=corp-gitlab match=corp.example form=gitlab token={}",
            self.file("token").display()
        );
        let settings = ["private=corp.example", &credential, "vcs.remember=0s", "cache.fresh=0s"];
        self.bare_larder(&[&settings, more].concat())
    }

    /// Larder in the company's network with these settings.
    pub(crate) fn bare_larder(&self, settings: &[&str]) -> Larder {
        self.bare_larder_at("data", settings)
    }

    /// The same, with a data directory of this name.
    pub(crate) fn bare_larder_at(&self, data: &str, settings: &[&str]) -> Larder {
        let url = self.public.url();
        let mut flags = Vec::new();
        if !settings.iter().any(|setting| setting.starts_with("upstream=")) {
            flags.extend(["--upstream", &url]);
        }
        if !settings.iter().any(|setting| setting.starts_with("sumdb=")) {
            flags.extend(["--sumdb", "off"]);
        }
        for setting in settings {
            flags.extend(["--set", setting]);
        }
        let authority = authority();
        let environment =
            [("HTTPS_PROXY", self.network.url()), ("SSL_CERT_FILE", authority.to_str().unwrap())];
        Larder::start_in(&self.file(data), &flags, &environment)
    }

    /// A go command that knows nothing but Larder and, as in every company, which modules no public database knows.
    pub(crate) fn client(&self, name: &str, larder: &Larder) -> Go {
        Go::new(&self.file(name))
            .proxy(larder.url())
            .env("GONOSUMDB", "corp.example")
            .env("GOFLAGS", "-modcacherw")
    }

    /// A go command that makes modules itself, with what a developer has to set up for it.
    pub(crate) fn alone(&self, name: &str) -> Go {
        let go = Go::new(&self.file(name));
        let home = self.file(name).join("home");
        std::fs::create_dir_all(&home).unwrap();
        let netrc = format!("machine corp.example login oauth2 password {TOKEN}\n");
        std::fs::write(home.join(".netrc"), netrc).unwrap();
        let authority = authority().display().to_string();
        go.proxy("direct")
            .env("GOPRIVATE", "corp.example")
            .env("GOVCS", "*:all")
            .env("HTTPS_PROXY", self.network.url())
            .env("SSL_CERT_FILE", &authority)
            .env("GIT_SSL_CAINFO", &authority)
    }
}

/// Makes a file one that others may not read.
pub(crate) fn close(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What `go mod download -json` says of a version, or of a query that this much of the origin is told of.
fn told(output: &Output, origin: &[&str]) -> Vec<Option<String>> {
    let names = ["Path", "Version", "Query", "Sum", "GoModSum"].iter().chain(origin);
    names.map(|name| output.json_field(name).map(without_user)).collect()
}

/// Larder tells URLs without their users.
fn without_user(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => text.to_owned(),
    }
}

/// Sees that two go commands download the same. Of a query that a proxy's list answers, the go command does not tell the
/// origin.
pub(crate) async fn agree(through: &Go, alone: &Go, asked: &[&str]) {
    for asked in asked {
        let query = asked.split_once('@').unwrap().1;
        let is_listed = ["latest", "v1", "v2", "upgrade", "v1.0"].contains(&query);
        let origin: &[&str] = if is_listed { &[] } else { &["VCS", "URL", "Hash", "Ref", "Subdir"] };
        let download = ["mod", "download", "-json", asked];
        let (theirs, ours) = tokio::join!(alone.run(&download), through.run(&download));
        theirs.success();
        ours.success();
        assert_eq!(told(&ours, origin), told(&theirs, origin), "{asked}");
        assert!(ours.json_field("Sum").is_some(), "{asked}");
    }
}
