//! Subversion: the contract over `file` and `svn`, and what is its own.

use std::future::{Ready, ready};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testkit::contract::repo::{Ids, Known, Named};
use testkit::daemon::{Daemon, free_port};
use testkit::recipe;
use vcs::jail::{Secret, Sent};
use vcs::{Place, Repo, System, Trouble, VcsError};

use super::{open, open_at, repos, unpack};

/// A repository whose history is always the same: a trunk with files, a revision beside it, and a rename.
const HISTORY: &str = "svnadmin create repo
cp hook repo/hooks/pre-revprop-change
chmod 0755 repo/hooks/pre-revprop-change
svn mkdir -q -m one file://$ROOT/repo/trunk
svn propset -q svn:date 2020-01-01T00:00:01.500000Z --revprop -r1 file://$ROOT/repo
svn import -q -m two files file://$ROOT/repo/trunk
svn propset -q svn:date 2020-01-01T00:00:02.000000Z --revprop -r2 file://$ROOT/repo
svn copy -q -m three file://$ROOT/repo/trunk file://$ROOT/repo/tags
svn propset -q svn:date 2020-01-01T00:00:03.000000Z --revprop -r3 file://$ROOT/repo
svn rm -q -m four file://$ROOT/repo/trunk/old
svn propset -q svn:date 2020-01-01T00:00:04.250000Z --revprop -r4 file://$ROOT/repo
svn mkdir -q -m five file://$ROOT/repo/other
svn propset -q svn:date 2020-01-01T00:00:05.000000Z --revprop -r5 file://$ROOT/repo
-- hook --
#!/bin/sh
-- files/README --
-- files/old --
old
-- files/v3/sub/dir/file.txt --
v3/sub/dir/file
";

fn history() -> PathBuf {
    recipe::once(HISTORY, Path::new(env!("CARGO_TARGET_TMPDIR"))).join("repo")
}

/// What is known of the history, however it is asked.
fn known(repo: std::sync::Arc<dyn Repo>, keep: Box<dyn std::any::Any>) -> Known {
    let tip =
        Named { asked: None, id: "4", name: "4", reference: Some("latest"), time: 1_577_836_804, tags: &[] };
    let second =
        Named { asked: Some("2"), id: "2", name: "2", reference: Some("2"), time: 1_577_836_802, tags: &[] };
    Known {
        repo,
        keep,
        tags: Vec::new(),
        names: vec![
            tip,
            Named { asked: Some("HEAD"), reference: Some("HEAD"), ..tip },
            // Nothing in the trunk changed then.
            Named { asked: Some("5"), reference: Some("5"), ..tip },
            Named { asked: Some("r4"), reference: Some("r4"), ..tip },
            second,
            Named { asked: Some("000000000003"), reference: Some("000000000003"), ..second },
        ],
        ids: Ids::Numbers,
        unnamed: Some("1"),
        files: ("4", vec![("README", ""), ("v3/sub/dir/file.txt", "v3/sub/dir/file\n")]),
        directory: "v3/sub/dir",
        behind: None,
    }
}

fn over_file() -> Ready<Option<Known>> {
    let dir = tempfile::tempdir().unwrap();
    ready(Some(known(open(&repos(dir.path()), System::Svn, &history().join("trunk")), Box::new(dir))))
}

async fn over_svn() -> Option<Known> {
    let server = Server::start(&history()).await;
    let repo = open_at(&repos(server.dir.path()), &server.place("trunk"), None);
    Some(known(repo, Box::new(server)))
}

testkit::repo_contract!(over_file);

mod svnserve {
    testkit::repo_contract!(super::over_svn);
}

/// Subversion's own server, with the repositories below a directory.
struct Server {
    daemon: Daemon,
    dir: TempDir,
}

impl Server {
    async fn start(root: &Path) -> Self {
        let root = root.to_str().unwrap();
        let args = ["-d", "--foreground", "--listen-host", "127.0.0.1", "--listen-port", "PORT", "-r", root];
        let dir = tempfile::tempdir().unwrap();
        Self { daemon: Daemon::start("svnserve", &args, dir.path()).await, dir }
    }

    fn place(&self, path: &str) -> Place {
        Place::new(System::Svn, &self.daemon.url("svn", path)).unwrap()
    }
}

/// A repository of these steps, and what opens it. `$U` is its URL.
fn made(steps: &str) -> (TempDir, std::sync::Arc<dyn Repo>) {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    recipe::make(&format!("svnadmin create repo\nenv U=file://$ROOT/repo\n{steps}"), &made);
    let repo = open(&repos(dir.path()), System::Svn, &made.join("repo"));
    (dir, repo)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_that_answers_says_that_something_is_absent() {
    let server = Server::start(&history()).await;
    let repos = repos(server.dir.path());
    let ask =
        async |path: &str, name| open_at(&repos, &server.place(path), None).stat(name).await.unwrap_err();
    assert_eq!(ask("none", None).await.to_string(), "unknown revision latest");
    assert_eq!(ask("trunk", Some("6")).await.to_string(), "unknown revision 6");
    assert_eq!(ask("trunk", Some("0")).await.to_string(), "unknown revision 0");
    let absent = Server::start(server.dir.path()).await;
    let error = open_at(&repos, &absent.place("none"), None).stat(None).await.unwrap_err();
    assert!(matches!(&error, VcsError::Missing { text } if text.contains(" 'svn://")), "{error:?}");
    let nobody = Place::new(System::Svn, &format!("svn://127.0.0.1:{}/x", free_port())).unwrap();
    let error = open_at(&repos, &nobody, None).stat(None).await.unwrap_err();
    assert!(matches!(error, VcsError::Failed { trouble: Trouble::Network, .. }), "{error:?}");
    let inside = Place::new(System::Svn, &format!("svn://127.0.0.2:{}/x", server.daemon.port())).unwrap();
    let error = open_at(&repos, &inside, None).stat(None).await.unwrap_err();
    assert!(matches!(error, VcsError::Refused { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_opens_what_is_closed_to_others() {
    let steps = "svnadmin create .repo/r\ncp svnserve.conf .repo/r/conf/svnserve.conf\ncp passwd .repo/r/conf/passwd\n\
                 svn mkdir -q -m one file://$ROOT/.repo/r/trunk\n-- .repo/x --\n-- passwd --\n[users]\nme = s3cret word\n\
                 -- svnserve.conf --\n[general]\nanon-access = none\npassword-db = passwd\nrealm = larder\n";
    let dir = tempfile::tempdir().unwrap();
    recipe::make(steps, dir.path());
    let server = Server::start(&dir.path().join(".repo/r")).await;
    let repos = repos(server.dir.path());
    let ask = async |password: Option<&str>| {
        let basic = |text: &str| Sent::Basic { user: "me".to_owned(), password: Secret::new(text) };
        open_at(&repos, &server.place("trunk"), password.map(basic)).stat(None).await
    };
    for password in [None, Some("wrong")] {
        let error = ask(password).await.unwrap_err();
        assert!(matches!(error, VcsError::Failed { trouble: Trouble::Auth, .. }), "{password:?}: {error:?}");
    }
    assert_eq!(ask(Some("s3cret word")).await.unwrap().id, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_other_repositories_is_exported_and_keywords_stay_as_they_are_stored() {
    let (_dir, repo) = made(
        "svn mkdir -q -m one $U/other\nsvn checkout -q $U wc\ncp id.txt wc/id.txt\ncp id.txt 'wc/a @b%20.txt'\ncd wc\n\
         svn add -q id.txt 'a @b%20.txt@'\nsvn propset -q svn:keywords Id id.txt\n\
         svn propset -q svn:externals '^/other ext' .\nsvn commit -q -m two\n-- id.txt --\n$Id$\n",
    );
    let archive = repo.archive(&repo.stat(None).await.unwrap().id, "").await.unwrap();
    let files = unpack(archive).await;
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["a @b%20.txt", "id.txt"]);
    assert_eq!(files["id.txt"], "$Id$\n");
    let filled = repo.read_file("2", "id.txt", 99).await.unwrap().unwrap();
    assert!(filled.starts_with(b"$Id: id.txt 2 "), "{filled:?}");
    let stored = repo.read_file("2", "a @b%20.txt", 99).await.unwrap().unwrap();
    assert_eq!(stored, "$Id$\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_or_another_size_than_listed_makes_no_version() {
    // Put there without a checkout, so that no line ends were changed before.
    let (dir, repo) = made(
        "svnmucc -m one put a.txt $U/a.txt propset svn:eol-style CRLF $U/a.txt\nsvn checkout -q $U wc\n\
         -- a.txt --\na\nb\n",
    );
    let archive = async |number: &str| repo.archive(number, "").await.unwrap_err();
    let error = archive("1").await;
    assert!(error.is_absent(), "{error:?}");
    let words = "file a.txt listed as 4 bytes, but exported as 6 bytes";
    assert!(error.to_string().ends_with(words), "{error}");
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("made/wc/b")).unwrap();
    let steps = "cd wc\nsvn rm -q --force a.txt\nsvn add -q b\nsvn commit -q -m two\n";
    recipe::make(steps, &dir.path().join("made"));
    let error = archive("2").await;
    assert_eq!(error.to_string(), "file reported by 'svn list', but not written by 'svn export': b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_the_one_that_had_the_name_then() {
    let (_dir, repo) = made(
        "svn import -q -m one files $U\nsvn rm -q -m two $U/d\nsvn mkdir -q -m three $U/d\n\
         -- files/d/f --\nfirst\n",
    );
    assert_eq!(unpack(repo.archive("1", "d").await.unwrap()).await["f"], "first\n");
    assert_eq!(repo.archive("3", "d").await.unwrap().entries, []);
    assert_eq!(repo.read_file("1", "d/f", 99).await.unwrap().unwrap(), "first\n");
}
