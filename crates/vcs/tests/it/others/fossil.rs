//! Fossil: the contract over `file` and http, and what is its own.

use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use testkit::contract::repo::{Ids, Known, Named};
use testkit::daemon::{Daemon, free_port};
use testkit::recipe;
use vcs::jail::{Secret, Sent};
use vcs::{Place, Repo, System, Trouble, VcsError};

use super::{open, open_at, place, repos, unpack};

/// A repository whose history is always the same: a trunk of three revisions, a tag, and a branch.
const HISTORY: &str = "fossil init --date-override 2020-01-01T00:00:00Z r.fossil
cd w
fossil open --keep ../r.fossil
fossil add README old
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:01Z --comment one --tag v1.0.0
fossil add v3/sub/dir/file.txt
fossil rm --hard old
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:02Z --comment two
cp README other
fossil add other
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:03Z --comment three --branch feature
-- w/README --
-- w/old --
old
-- w/v3/sub/dir/file.txt --
v3/sub/dir/file
";

fn history() -> PathBuf {
    recipe::once(HISTORY, Path::new(env!("CARGO_TARGET_TMPDIR"))).join("r.fossil")
}

/// The id that a name has in a repository. They depend on what fossil hashes with.
fn id(repository: &Path, name: &str) -> &'static str {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("fossil");
    command.args(["info", "-R"]).arg(repository).arg(name).env("FOSSIL_HOME", dir.path()).env("USER", "x");
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("hash:")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned().leak()
}

/// What is known of the history, however it is asked.
fn known(repo: Arc<dyn Repo>, keep: Box<dyn std::any::Any>) -> Known {
    let [first, second, third] = ["v1.0.0", "trunk", "feature"].map(|name| id(&history(), name));
    let tip = Named {
        asked: None,
        id: second,
        name: "trunk",
        reference: Some("trunk"),
        time: 1_577_836_802,
        tags: &[],
    };
    let named =
        |name, id, time| Named { asked: Some(name), id, name, reference: Some(name), time, tags: &[] };
    Known {
        repo,
        keep,
        tags: Vec::new(),
        names: vec![
            tip,
            named("trunk", second, tip.time),
            named("v1.0.0", first, 1_577_836_801),
            named("feature", third, 1_577_836_803),
        ],
        ids: Ids::Hashes(4),
        unnamed: None,
        files: ("trunk", vec![("README", ""), ("v3/sub/dir/file.txt", "v3/sub/dir/file\n")]),
        directory: "v3/sub/dir",
        behind: None,
    }
}

fn over_file() -> Ready<Option<Known>> {
    let dir = tempfile::tempdir().unwrap();
    ready(Some(known(open(&repos(dir.path()), System::Fossil, &history()), Box::new(dir))))
}

async fn over_http() -> Option<Known> {
    let server = Server::start(&history()).await;
    let repo = open_at(&repos(server.dir.path()), &server.place(), None);
    Some(known(repo, Box::new(server)))
}

testkit::repo_contract!(over_file);

mod http {
    testkit::repo_contract!(super::over_http);
}

/// Fossil's own server, with a copy of a repository.
struct Server {
    daemon: Daemon,
    dir: TempDir,
}

impl Server {
    async fn start(repository: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(repository, dir.path().join("served.fossil")).unwrap();
        let args = ["server", "--localhost", "--port", "PORT", "served.fossil"];
        Self { daemon: Daemon::start("fossil", &args, dir.path()).await, dir }
    }

    fn place(&self) -> Place {
        Place::new(System::Fossil, &self.daemon.url("http", "")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_opens_what_is_closed_to_others_and_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    recipe::make(
        "fossil init r.fossil\nfossil user -R r.fossil capabilities nobody ''\nfossil user -R r.fossil capabilities anonymous ''\n\
         fossil user -R r.fossil new me x 's3cret @/:word'\nfossil user -R r.fossil capabilities me go\n",
        dir.path(),
    );
    let server = Server::start(&dir.path().join("r.fossil")).await;
    let repos = repos(server.dir.path());
    let ask = async |password: Option<&str>| {
        let basic = |text: &str| Sent::Basic { user: "me".to_owned(), password: Secret::new(text) };
        open_at(&repos, &server.place(), password.map(basic)).stat(None).await
    };
    for password in [None, Some("wrong")] {
        let error = ask(password).await.unwrap_err();
        assert!(matches!(error, VcsError::Failed { trouble: Trouble::Auth, .. }), "{password:?}: {error:?}");
    }
    let told = ask(Some("s3cret @/:word")).await.unwrap();
    assert_eq!(told.id, id(&dir.path().join("r.fossil"), "trunk"));
    let has_secret = |file: PathBuf| std::fs::read(file).unwrap().windows(6).any(|six| six == b"s3cret");
    let kept = walk(&server.dir.path().join("vcs"));
    assert!(!kept.is_empty() && !kept.into_iter().any(has_secret));
}

/// All files below a directory.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_that_answers_says_that_something_is_absent() {
    let server = Server::start(&history()).await;
    let repos = repos(server.dir.path());
    let ask = async |url: &str| {
        let place = Place::new(System::Fossil, url).unwrap();
        open_at(&repos, &place, None).stat(None).await.unwrap_err()
    };
    let nobody = ask(&format!("http://127.0.0.1:{}/", free_port())).await;
    assert!(matches!(nobody, VcsError::Failed { trouble: Trouble::Network, .. }), "{nobody:?}");
    let inside = ask(&format!("http://127.0.0.2:{}/", server.daemon.port())).await;
    assert!(matches!(inside, VcsError::Refused { .. }), "{inside:?}");
}

/// The clone that is kept.
fn clone(dir: &Path) -> PathBuf {
    let kept = walk(&dir.join("vcs"));
    kept.into_iter().find(|file| file.ends_with("repository.fossil")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pushed_is_seen_once_it_is_told_of_and_a_damaged_clone_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let step = |time: u32| {
        format!(
            "cd w\nfossil open --keep ../r.fossil\nfossil add a\nfossil commit --no-prompt --nosign --allow-empty \
             --date-override 2020-01-01T00:00:0{time}Z --comment x --tag v1.{time}.0\nfossil close\n"
        )
    };
    let made = dir.path().join("made");
    recipe::make(
        &format!("fossil init --date-override 2020-01-01T00:00:00Z r.fossil\n{}-- w/a --\na\n", step(1)),
        &made,
    );
    let repos = repos(dir.path());
    let repo = open(&repos, System::Fossil, &made.join("r.fossil"));
    let first = repo.stat(None).await.unwrap();
    assert_eq!(first.id, repo.stat(Some("v1.1.0")).await.unwrap().id);
    recipe::make(&step(2), &made);
    assert_eq!(repo.stat(None).await.unwrap(), first);
    assert!(repo.stat(Some("v1.2.0")).await.unwrap_err().is_absent());
    repos.refresh(&place(System::Fossil, &made.join("r.fossil")));
    assert_eq!(repo.stat(Some("v1.2.0")).await.unwrap().id, repo.stat(None).await.unwrap().id);
    for damage in [&b"no database"[..], b""] {
        std::fs::write(clone(dir.path()), damage).unwrap();
        assert_eq!(repo.read_file(&first.id, "a", 99).await.unwrap().unwrap(), "a\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_names_and_links_are_archived_as_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (made, long) = (dir.path().join("made"), "x".repeat(180));
    let begin = format!(
        "fossil init r.fossil\ncd w\nfossil open --keep ../r.fossil\nfossil settings allow-symlinks 1\ncp d/.k 'd/\u{e9} @.go'\n\
         cp d/.k d/{long}\n-- w/d/.k --\n$Id$\n"
    );
    recipe::make(&begin, &made);
    std::os::unix::fs::symlink("/etc/passwd", made.join("w/d/link")).unwrap();
    recipe::make("cd w\nfossil add --dotfiles .\nfossil commit --no-prompt --nosign --comment one\n", &made);
    let repo = open(&repos(dir.path()), System::Fossil, &made.join("r.fossil"));
    let id = repo.stat(None).await.unwrap().id;
    let archive = repo.archive(&id, "d").await.unwrap();
    let names: Vec<_> = archive.entries.iter().map(|e| String::from_utf8(e.path.clone()).unwrap()).collect();
    assert_eq!(names, [".k", "link", &long, "\u{e9} @.go"]);
    let files = unpack(archive).await;
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), [".k", &long, "\u{e9} @.go"]);
    assert!(files.values().all(|text| text == "$Id$\n"));
    assert_eq!(repo.read_file(&id, "d/link", 99).await.unwrap().unwrap(), "/etc/passwd");
}
