//! Over what is closed until a setting opens it: git's own protocol, files, Mercurial and Subversion by their own servers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};
use testkit::{go, recipe};

use crate::company::repositories::LIB;
use crate::company::{Company, agree};

/// A server of a tool. Dropped, it is gone, with whatever it has started (`git daemon` is a child of git).
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Starts a server on a free port, which the arguments are made for, and waits for it.
async fn serve(program: &str, args: impl Fn(u16) -> Vec<String>) -> (Served, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    let command = command.args(args(port)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let served = Served(command.process_group(0).spawn().unwrap());
    testkit::eventually(program, async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    (served, port)
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn what_gits_own_protocol_and_files_lead_to_is_served_where_a_setting_opens_them() {
    if !go::available() {
        return;
    }
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    let base = company.file("repositories").display().to_string();
    let daemon = |port| {
        words(&format!("daemon --export-all --listen=127.0.0.1 --port={port} --base-path={base} {base}"))
    };
    let (_daemon, port) = serve("git", daemon).await;
    let url = format!("git://127.0.0.1:{port}/git/Team/lib");
    company.host.page("/Team/lib", &format!("corp.example/Team/lib git {url}"));
    let settings = ["network.allow=127.0.0.1", "network.schemes=corp.example/Team:git"];
    let larder = company.larder(&settings);
    let (through, alone) = (company.client("through", &larder), company.alone("alone"));
    let alone = alone.env("GOINSECURE", "corp.example/Team").env("GIT_ALLOW_PROTOCOL", "git:https");
    agree(&through, &alone, &["corp.example/Team/lib@v1.0.0", "corp.example/Team/lib/v2@latest"]).await;
    drop(larder);

    // Files are never where a page says, only where the operator does.
    let vanity = format!("vanity=corp.example/*/*=git file://{base}/git/*/*");
    let open = "network.schemes=corp.example/Team:file";
    let larder = company.bare_larder_at("file", &["private=corp.example", &vanity, open]);
    let through = company.client("through-files", &larder);
    let sum = through.run(&["mod", "download", "-json", "corp.example/Team/lib@v1.0.0"]).await;
    let same = alone.run(&["mod", "download", "-json", "corp.example/Team/lib@v1.0.0"]).await;
    assert_eq!(sum.json_field("Sum"), same.json_field("Sum"), "{} {}", sum.stdout, sum.stderr);
    drop(larder);

    let closed = company.bare_larder_at("closed", &["private=corp.example", "network.allow=127.0.0.1"]);
    let answer = closed.ask("/corp.example/!team/lib/@v/list").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let said = "the repository of corp.example/Team/lib is asked over git, which `network.schemes` does not open for it";
    assert!(answer.text().contains(said), "{}", answer.text());
}

/// A module in Mercurial.
const HG: &str = r"
handle hg
hg init
hg add go.mod m.go
hg commit --user 'a' --date '2026-01-02T03:04:05Z' --message one
hg tag --user 'a' --date '2026-01-02T03:04:06Z' v1.0.0
-- go.mod --
module corp.example/Team/hg

go 1.21
-- m.go --
package hg
";

/// A module in Subversion.
const SVN: &str = r"
handle svn
svnadmin create .repository
cp on .repository/hooks/pre-revprop-change
chmod 0755 .repository/hooks/pre-revprop-change
svn mkdir -m layout file://$ROOT/.repository/trunk
svn checkout file://$ROOT/.repository/trunk .checkout
cp go.mod .checkout
cp m.go .checkout
cd .checkout
svn add go.mod m.go
svn commit -m one
svn propset svn:date '2026-01-02T03:04:05.000000Z' --revprop -r2
-- on --
#!/bin/sh
-- go.mod --
module corp.example/Team/svn

go 1.21
-- m.go --
package svn
";

/// A module in Fossil.
const FOSSIL: &str = r"
handle fossil
fossil init --date-override 2026-01-01T00:00:00Z m.fossil
cd w
fossil open --keep ../m.fossil
fossil add go.mod m.go
fossil commit --no-prompt --nosign --date-override 2026-01-02T03:04:05Z --comment one
-- w/go.mod --
module corp.example/Team/fossil

go 1.21
-- w/m.go --
package fossil
";

#[tokio::test]
async fn a_module_in_fossil_is_served_by_its_own_server() {
    let company = Company::start().await;
    recipe::make(FOSSIL, &company.file("fossil"));
    let repository = company.file("fossil/m.fossil").display().to_string();
    let by = |port| words(&format!("server {repository} --localhost --port {port}"));
    let (_fossil, port) = serve("fossil", by).await;
    company.network.leads("fossil.corp.example", ([127, 0, 0, 1], port).into());
    company.host.page("/Team/fossil", "corp.example/Team/fossil fossil https://fossil.corp.example/");
    let larder = company.larder(&["vcs.remember=1m"]);
    let latest = larder.ask("/corp.example/!team/fossil/@latest").await;
    assert_eq!(latest.status, 200, "{}", latest.text());
    let text = latest.text();
    let version = text.split('"').find(|word| word.starts_with("v0.0.0-20260102030405-")).unwrap();
    let files = ["info", "mod", "zip"].map(|kind| format!("/corp.example/!team/fossil/@v/{version}.{kind}"));
    for path in files {
        let answer = larder.ask(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn modules_in_mercurial_and_subversion_are_served_where_govcs_lets_them_be() {
    if !go::available() {
        return;
    }
    let company = Company::start().await;
    let (hg, svn) = (company.file("hg"), company.file("svn"));
    recipe::make(HG, &hg);
    recipe::make(SVN, &svn);
    let by = |port| words(&format!("serve --cwd {} -a 127.0.0.1 -p {port}", hg.display()));
    let (_hg, port) = serve("hg", by).await;
    company.network.leads("hg.corp.example", ([127, 0, 0, 1], port).into());
    company.host.page("/Team/hg", "corp.example/Team/hg hg https://hg.corp.example/");
    let by = |port| {
        words(&format!("-d --foreground -r {} --listen-host 127.0.0.1 --listen-port {port}", svn.display()))
    };
    let (_svn, port) = serve("svnserve", by).await;
    let url = format!("svn://127.0.0.1:{port}/.repository/trunk");
    company.host.page("/Team/svn", &format!("corp.example/Team/svn svn {url}"));
    let settings = ["network.allow=127.0.0.1", "network.schemes=corp.example/Team:svn", "vcs.remember=1m"];
    let larder = company.larder(&settings);
    // A server of Mercurial that is asked for the first time by two at once may fail: its modules are imported late.
    assert_eq!(larder.ask("/corp.example/!team/hg/@v/list").await.body, b"v1.0.0\n");
    let (through, alone) = (company.client("through", &larder), company.alone("alone"));
    let authority = crate::company::network::authority();
    let proxy = company.network.url().trim_start_matches("http://");
    let hgrc = format!("[web]\ncacerts = {}\n[http_proxy]\nhost = {proxy}\n", authority.display());
    fs::write(company.file("hgrc"), hgrc).unwrap();
    let alone = alone
        .env("HGRCPATH", company.file("hgrc").to_str().unwrap())
        .env("GOINSECURE", "corp.example/Team/svn");
    agree(&through, &alone, &["corp.example/Team/hg@v1.0.0", "corp.example/Team/svn@latest"]).await;
    drop(larder);

    // What is not private may be in git and hg only, as with the go command.
    let public = company.bare_larder_at(
        "public",
        &["upstream=direct", "network.allow=127.0.0.1", "network.schemes=corp.example:svn"],
    );
    let answer = public.ask("/corp.example/!team/svn/@v/list").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    let said = "GOVCS disallows using svn for public corp.example/Team/svn; see 'go help vcs'";
    assert!(answer.text().contains(said), "{}", answer.text());
}
