//! Mercurial: the contract with the ids that Go's own repository `hgrepo1` has, and what else its clone promises.

use std::future::{Ready, ready};
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use testkit::contract::repo::{Ids, Known, Named};
use testkit::{Daemon, recipe};
use vcs::jail::{Operator, Secret, Sent};
use vcs::{Place, Repo, System, Trouble, VcsError};

use super::{configured, open, open_at, place, repos};
use crate::origin::Origin;

const FIRST: &str = "c0186fb00e50985709b12266419f50bf11860166";
const V2: &str = "b1ed98abc2683d326f89b924875bf14bd584898e";
const V23: &str = "a546811101e11d6aff2ac72072d2d439b3a88f33";
const TIP: &str = "745aacc8b24decc44ac2b13870f5472b479f4d72";

/// The repository `hgrepo1` of Go's tests.
fn history() -> Option<PathBuf> {
    Some(recipe::once(&recipe::of_go("hg/hgrepo1")?, Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

/// What is known of the history, however it is asked.
fn known(repo: Arc<dyn Repo>, keep: Box<dyn std::any::Any>) -> Known {
    let tip =
        Named { asked: None, id: TIP, name: TIP, reference: Some("tip"), time: 1_530_116_170, tags: &[] };
    let first = Named {
        asked: Some("v1.2.3"),
        id: FIRST,
        name: "v1.2.3",
        reference: Some("v1.2.3"),
        time: 1_523_994_202,
        tags: &["v1.2.3", "v1.2.4-annotated"],
    };
    let v2 = Named {
        asked: Some("v2"),
        id: V2,
        name: V2,
        reference: Some("v2"),
        time: 1_523_995_232,
        tags: &["v2.0.2"],
    };
    let v23 = Named {
        asked: Some("v2.3"),
        id: V23,
        name: "v2.3",
        reference: Some("v2.3"),
        time: 1_523_994_348,
        tags: &["v2.0.1", "v2.3"],
    };
    Known {
        repo,
        keep,
        tags: vec![
            ("v1.2.3", FIRST),
            ("v1.2.4-annotated", FIRST),
            ("v2.0.1", V23),
            ("v2.0.2", V2),
            ("v2.3", V23),
        ],
        names: vec![
            tip,
            Named { asked: Some("tip"), ..tip },
            first,
            Named {
                asked: Some("v1.2.4-annotated"),
                name: "v1.2.4-annotated",
                reference: Some("v1.2.4-annotated"),
                ..first
            },
            v2,
            v23,
            Named { asked: Some("v2.3.4"), name: V23, reference: Some("v2.3.4"), ..v23 },
        ],
        ids: Ids::Hashes(7),
        unnamed: Some("c1638e3673b121d9c83e92166fce2a25dcadd6cb"),
        files: ("v3", vec![("README", ""), ("v3/sub/dir/file.txt", "v3/sub/dir/file\n")]),
        directory: "v3/sub/dir",
        behind: Some(("v2", vec!["v1.2.3", "v1.2.4-annotated", "v2.0.1", "v2.0.2", "v2.3"])),
    }
}

fn over_file() -> Ready<Option<Known>> {
    ready(history().map(|made| {
        let dir = tempfile::tempdir().unwrap();
        known(open(&repos(dir.path()), System::Hg, &made), Box::new(dir))
    }))
}

testkit::repo_contract!(over_file);

/// Mercurial's own server, with a repository.
async fn serve(made: &Path) -> Daemon {
    Daemon::start("hg", &["serve", "--address", "127.0.0.1", "--port", "PORT"], made).await
}

/// What lets those through to a server who show a user and a password.
fn front(server: &Daemon, login: &str) -> Origin {
    let (port, login) =
        (server.port(), format!("authorization: basic {}", STANDARD.encode(login)).to_lowercase());
    Origin::start(move |head, stream| {
        if !head.to_lowercase().contains(&login) {
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\
                          Connection: close\r\n\r\n";
            return drop(stream.write_all(answer.as_bytes()));
        }
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        server.write_all(head.as_bytes()).unwrap();
        let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, stream);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_or_the_operators_configuration_opens_what_is_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    recipe::make("hg init\necho 'text'\ncp stdout f\nhg commit -A -m 'a'\n", &made);
    let server = serve(&made).await;
    let front = front(&server, "me:s3cret word");
    let place = Place::new(System::Hg, &format!("http://{}/", front.address)).unwrap();
    let repos = repos(dir.path());
    let ask = async |password: Option<&str>| {
        let basic = |text: &str| Sent::Basic { user: "me".to_owned(), password: Secret::new(text) };
        open_at(&repos, &place, password.map(basic)).stat(None).await
    };
    for password in [None, Some("wrong")] {
        let error = ask(password).await.unwrap_err();
        assert!(matches!(error, VcsError::Failed { trouble: Trouble::Auth, .. }), "{password:?}: {error:?}");
    }
    let id = ask(Some("s3cret word")).await.unwrap().id;
    let file = dir.path().join("operators");
    let text =
        format!("[auth]\na.prefix = http://{}/\na.username = me\na.password = s3cret word\n", front.address);
    std::fs::write(&file, text).unwrap();
    let operator = Operator::choose([("HGRCPATH".into(), file.into())]);
    let repo = open_at(&configured(&dir.path().join("other"), operator), &place, None);
    assert_eq!(repo.stat(None).await.unwrap().id, id);
    assert_eq!(repo.read_file(&id, "f", 99).await.unwrap().unwrap(), "text\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_that_answers_says_that_something_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    let repos = repos(dir.path());
    let ask = async |status: &str| {
        let origin =
            Origin::says(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        let place = Place::new(System::Hg, &format!("http://{}/", origin.address)).unwrap();
        open_at(&repos, &place, None).stat(None).await.unwrap_err()
    };
    assert!(matches!(ask("404 Not Found").await, VcsError::Missing { .. }));
    for (status, expected) in [
        ("403 Forbidden", Trouble::Auth),
        ("429 Too Many Requests", Trouble::RateLimited),
        ("503 Service Unavailable", Trouble::Network),
    ] {
        let error = ask(status).await;
        assert!(matches!(error, VcsError::Failed { trouble, .. } if trouble == expected), "{error:?}");
    }
}

#[tokio::test]
async fn an_empty_repository_has_no_commits_and_one_that_is_not_there_is_no_statement() {
    let dir = tempfile::tempdir().unwrap();
    recipe::make("hg init\n", &dir.path().join("made"));
    let repos = repos(dir.path());
    let repo = open(&repos, System::Hg, &dir.path().join("made"));
    assert!(matches!(repo.stat(None).await, Err(VcsError::NoCommits)));
    assert_eq!(repo.tags("").await.unwrap(), []);
    assert!(matches!(repo.stat(Some(&"f".repeat(40))).await, Err(VcsError::UnknownRevision { .. })));
    let absent = open(&repos, System::Hg, &dir.path().join("absent")).stat(None).await.unwrap_err();
    assert!(!absent.is_absent(), "{absent:?}");
}

#[tokio::test]
async fn what_was_pushed_is_seen_once_it_is_told_of_and_a_copy_that_is_gone_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let step = |tag: &str| format!("echo '{tag}'\ncp stdout f\nhg commit -A -m '{tag}'\nhg tag {tag}\n");
    recipe::make(&format!("hg init\n{}hg book -r 0 moving\n", step("v1.0.0")), &made);
    let repos = repos(dir.path());
    let repo = open(&repos, System::Hg, &made);
    let first = repo.stat(Some("v1.0.0")).await.unwrap().id;
    assert_eq!(repo.stat(Some("moving")).await.unwrap().id, first);
    recipe::make(&format!("{}hg book -f -r 2 moving\n", step("v1.1.0")), &made);
    assert_eq!(repo.tags("").await.unwrap().len(), 1);
    repos.refresh(&place(System::Hg, &made));
    let second = repo.stat(Some("v1.1.0")).await.unwrap().id;
    assert_eq!(repo.stat(Some("moving")).await.unwrap().id, second);
    std::fs::remove_dir_all(dir.path().join("vcs")).unwrap();
    repos.refresh(&place(System::Hg, &made));
    assert_eq!(repo.read_file(&first, "f", 99).await.unwrap().unwrap(), "v1.0.0\n");
}

#[tokio::test]
async fn a_damaged_copy_is_fetched_anew() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    recipe::make("hg init\necho 'text'\ncp stdout f\nhg commit -A -m 'a'\nhg tag v1.0.0\n", &made);
    let repos = repos(dir.path());
    let repo = open(&repos, System::Hg, &made);
    let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
    let kept = std::fs::read_dir(dir.path().join("vcs")).unwrap().next().unwrap().unwrap().path();
    let log = kept.join("copy/.hg/store/data/f.i");
    let mut bytes = std::fs::read(&log).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    assert_eq!(repo.read_file(&id, "f", 99).await.unwrap().unwrap(), "text\n");
}

#[tokio::test]
async fn names_that_are_not_ascii_and_links_are_archived_as_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let long = "x".repeat(180);
    recipe::make(
        &format!("hg init\nmkdir d\necho 'text'\ncp stdout d/\u{e9}.go\ncp stdout d/{long}\n-- d/.k --\n"),
        &made,
    );
    std::os::unix::fs::symlink("target", made.join("d/link")).unwrap();
    recipe::make("hg commit -A -m 'a'\n", &made);
    let repo = open(&repos(dir.path()), System::Hg, &made);
    let id = repo.stat(None).await.unwrap().id;
    let archive = repo.archive(&id, "d").await.unwrap();
    let names: Vec<_> = archive.entries.iter().map(|e| String::from_utf8(e.path.clone()).unwrap()).collect();
    assert_eq!(names, [".k", "link", &long, "\u{e9}.go"]);
    let mut seen = Vec::new();
    let read = tokio::task::spawn_blocking(move || {
        let each = |path: &[u8], _: &mut dyn std::io::Read| {
            seen.push(path.to_vec());
            Ok(())
        };
        archive.read(each).map(|()| seen)
    });
    assert_eq!(read.await.unwrap().unwrap(), [b".k", long.as_bytes(), "\u{e9}.go".as_bytes()]);
    assert_eq!(repo.read_file(&id, "d/link", 99).await.unwrap().unwrap(), "target");
}
