//! Over what is closed until a setting opens it: git's own protocol, files, Mercurial and Subversion by their own servers.

use std::fs;

use testkit::daemon::Daemon;
use testkit::{go, recipe};

use crate::company::repositories::LIB;
use crate::company::{Company, agree};

/// Starts a server with arguments between spaces, in which `PORT` is a free one, and waits for it.
async fn serve(company: &Company, program: &str, args: &str) -> Daemon {
    Daemon::start(program, &args.split(' ').collect::<Vec<_>>(), &company.file("")).await
}

#[tokio::test]
async fn what_gits_own_protocol_and_files_lead_to_is_served_where_a_setting_opens_them() {
    if !go::available() {
        return;
    }
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    let base = company.file("repositories").display().to_string();
    let args = format!("daemon --export-all --listen=127.0.0.1 --port=PORT --base-path={base} {base}");
    let daemon = serve(&company, "git", &args).await;
    let port = daemon.port();
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
    let fossil = serve(&company, "fossil", &format!("server {repository} --localhost --port PORT")).await;
    company.network.leads("fossil.corp.example", ([127, 0, 0, 1], fossil.port()).into());
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
    let args = format!("serve --cwd {} -a 127.0.0.1 -p PORT", hg.display());
    let hg = serve(&company, "hg", &args).await;
    company.network.leads("hg.corp.example", ([127, 0, 0, 1], hg.port()).into());
    company.host.page("/Team/hg", "corp.example/Team/hg hg https://hg.corp.example/");
    let args = format!("-d --foreground -r {} --listen-host 127.0.0.1 --listen-port PORT", svn.display());
    let svnserve = serve(&company, "svnserve", &args).await;
    let port = svnserve.port();
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
