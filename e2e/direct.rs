//! A company's repositories: the real go command through Larder alone gets what it would make of them itself.

use std::path::Path;

use testkit::githost::{Fault, GitHost};
use testkit::go::{self, Go, Output};
use testkit::{Upstream, recipe};

use crate::larder::Larder;

/// A repository with a module at its top, one in a directory, and one of a second major version; the last commit has no
/// tag.
const LIBRARY: &str = r"
handle git
env GIT_AUTHOR_NAME='A Person'
env GIT_AUTHOR_EMAIL=a@corp.example
env GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
env GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git init
at 2026-01-02T03:04:05Z
git add go.mod lib.go LICENSE .gitattributes
git commit -m one
git tag v1.0.0
at 2026-01-03T03:04:05Z
git add sub v2
git commit -m two
git tag -a -m second v1.1.0
git tag sub/v0.1.0
git tag v2.0.0
at 2026-01-04T03:04:05Z
git add later.go
git commit -m three
-- go.mod --
module corp.example/Team/lib.git

go 1.21
-- lib.go --
package lib // $Id$
-- .gitattributes --
*.go ident
-- LICENSE --
free for all
-- sub/go.mod --
module corp.example/Team/lib.git/sub
-- sub/sub.go --
package sub
-- v2/go.mod --
module corp.example/Team/lib.git/v2
-- v2/lib.go --
package lib
-- later.go --
package lib
";

/// Every version and query that is compared.
const ASKED: [&str; 8] = [
    "corp.example/Team/lib.git@v1.0.0",
    "corp.example/Team/lib.git@v1.1.0",
    "corp.example/Team/lib.git@latest",
    "corp.example/Team/lib.git@main",
    "corp.example/Team/lib.git/sub@v0.1.0",
    "corp.example/Team/lib.git/sub@latest",
    "corp.example/Team/lib.git/v2@v2.0.0",
    "corp.example/Team/lib.git@v1",
];

/// A host of repositories, and tools that are configured to reach it.
async fn company(dir: &Path) -> GitHost {
    recipe::make(LIBRARY, &dir.join("repositories/Team/lib"));
    let host = GitHost::start(&dir.join("repositories")).await;
    let rewrite = format!("[url \"{}\"]\n\tinsteadOf = https://corp.example/\n", host.url(""));
    std::fs::write(dir.join(".gitconfig"), rewrite).unwrap();
    host
}

fn larder(dir: &Path, upstream: &Upstream, more: &[&str]) -> Larder {
    let mut flags = vec!["--upstream".to_owned(), upstream.url(), "--sumdb".to_owned(), "off".to_owned()];
    let settings = ["private=corp.example", "network.schemes=corp.example:http", "network.allow=127.0.0.1"];
    for setting in settings.iter().chain(more) {
        flags.extend(["--set".to_owned(), (*setting).to_owned()]);
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Larder::start(&dir.join("data"), &flags)
}

/// The go command on its own, with the same configuration of git.
fn alone(dir: &Path) -> Go {
    let config = dir.join(".gitconfig").display().to_string();
    Go::new(&dir.join("alone"))
        .proxy("direct")
        .env("GOPRIVATE", "corp.example")
        .env("GOVCS", "*:all")
        .env("GIT_CONFIG_GLOBAL", config)
        .env("GIT_ALLOW_PROTOCOL", "http:https")
}

/// What `go mod download -json` says of a version. Of a query that a proxy's list answers, it does not tell the origin.
fn told(output: &Output, asked: &str) -> Vec<Option<String>> {
    let origin: &[&str] =
        if asked.ends_with(".0") { &["VCS", "URL", "Hash", "Ref", "Subdir", "TagSum"] } else { &[] };
    let names = ["Path", "Version", "Query", "Sum", "GoModSum"].iter().chain(origin);
    names.map(|name| output.json_field(name).map(str::to_owned)).collect()
}

#[tokio::test]
async fn go_through_larder_alone_gets_what_it_would_make_itself() {
    if !go::available() {
        return;
    }
    let (dir, public) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let host = company(dir.path()).await;
    let larder = larder(dir.path(), &public, &["vcs.remember=0s"]);
    let (through, alone) = (Go::new(&dir.path().join("through")).proxy(larder.url()), alone(dir.path()));
    for asked in ASKED {
        let theirs = alone.run(&["mod", "download", "-json", asked]).await;
        let ours = through.run(&["mod", "download", "-json", asked]).await;
        theirs.success();
        ours.success();
        assert_eq!(told(&ours, asked), told(&theirs, asked), "{asked}");
        assert!(ours.json_field("Sum").is_some(), "{asked}");
    }
    for module in
        ["corp.example/Team/lib.git", "corp.example/Team/lib.git/v2", "corp.example/Team/lib.git/sub"]
    {
        let list = ["list", "-m", "-versions", module];
        assert_eq!(through.run(&list).await.success(), alone.run(&list).await.success());
    }
    // With the host gone, what was made is still there for another machine, and nothing is said to be absent.
    host.fault(Fault::Status(503, "down for a while"));
    let elsewhere = through.elsewhere(&dir.path().join("elsewhere"));
    elsewhere.run(&["mod", "download", "-json", ASKED[1]]).await.success();
    let new = larder.ask("/corp.example/!team/lib.git/@v/v1.2.0.info").await;
    assert_eq!(new.status, 503, "{}", new.text());
    assert!(public.requests().is_empty(), "a private name left the house: {:?}", public.requests());
}

#[tokio::test]
async fn many_who_ask_for_one_repository_make_one_fetch() {
    let (dir, public) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let host = company(dir.path()).await;
    let larder = larder(dir.path(), &public, &[]);
    let paths = ["", "/sub", "/v2"].map(|below| format!("/corp.example/!team/lib.git{below}/@v/list"));
    let asked = (0..60).map(|n| larder.ask(&paths[n % 3]));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // One for finding the scheme, one for the refs; go.mod files are fetched beside.
    assert!(host.count("ls-refs") <= 3, "{:?}", host.seen());
}
