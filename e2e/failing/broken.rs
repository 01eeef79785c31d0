//! What fails by more than a word of its host: silence, another place, too much, a tool that dies, a tag that moves.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;

use testkit::eventually;
use testkit::githost::{Fault, GitHost};

use super::{KNOWN, UNKNOWN, VANITY, World};
use crate::company::{AUTHORIZATION, close};
use crate::larder;

/// The name of our own log.
const NAME: &str = "sums.corp.example";
const BOTH: [&str; 2] = ["corp.example", "open.example"];

fn git(world: &World, repository: &str, args: &[&str]) {
    let dir = world.company.file("repositories/git").join(repository);
    let output = Command::new("git").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_time_out() {
    let world = World::new(&["vcs.deadline=3s"]).await;
    for host in BOTH {
        world.bodies(&format!("{host}/old"), &KNOWN).await;
    }
    world.company.host.fault(Fault::Silent);
    let silent = (504, "fetch timed out");
    for host in BOTH {
        let (new, old) = (format!("{host}/new"), format!("{host}/old"));
        let known = world.bodies(&old, &KNOWN);
        futures_util::join!(
            world.told("silent", &new, &KNOWN, silent),
            world.told("silent", &old, &UNKNOWN, silent),
            known
        );
    }
    world.company.host.fault(Fault::None);
    for host in BOTH {
        let right =
            async || world.ask(&format!("{host}/new"), &KNOWN).await.iter().all(|it| it.status == 200);
        eventually("the server that speaks again", right).await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_an_outage_over_https_and_ssh() {
    let world = World::new(&["network.allow=127.0.0.1"]).await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.company.network.leads("corp.example", closed);
    world.told("refused", "corp.example/new", &KNOWN, (503, "git ls-remote failed")).await;
    let vanity = format!("vanity=corp.example/*=ssh://git@{closed}/*");
    let larder = world.company.bare_larder_at(
        "ssh",
        &["upstream=direct", "private=corp.example", "network.allow=127.0.0.1", &vanity],
    );
    let world = World { larder, ..world };
    world.told("refused by ssh", "corp.example/new", &KNOWN, (503, "git ls-remote failed")).await;
}

#[tokio::test]
async fn a_repository_that_has_moved_is_followed_but_shown_no_credential() {
    let world = World::new(&[]).await;
    let elsewhere = GitHost::start(&world.company.file("repositories")).await;
    world.company.network.leads("new.corp.example", elsewhere.address());
    world.company.host.fault(Fault::Moved("https://new.corp.example".to_owned()));
    for host in BOTH {
        world.bodies(&format!("{host}/new"), &KNOWN).await;
    }
    assert!(elsewhere.count("fetch") > 0);
    let credential = format!(
        "credential=https://corp.example form=gitlab token={}",
        world.company.file("token").display()
    );
    let vanity = "vanity=corp.example/*=https://corp.example/git/*";
    let larder = world.company.bare_larder_at("credential", &["private=corp.example", vanity, &credential]);
    let world = World { larder, ..world };
    let seen = elsewhere.seen().len();
    world
        .told(
            "moved",
            "corp.example/new",
            &KNOWN,
            (503, "was led to another server, which must not see our credential"),
        )
        .await;
    assert_eq!(elsewhere.seen().len(), seen, "{:?}", elsewhere.seen());
}

#[tokio::test]
async fn a_repository_larger_than_is_kept_is_refused_and_others_are_not() {
    let world = World::new(&["vcs.repository=256KiB"]).await;
    let mut noise = testkit::Dice::new(7);
    let bytes: Vec<u8> = (0..600_000).map(|_| u8::try_from(noise.below(256)).unwrap()).collect();
    for repository in ["new", "open/new"] {
        fs::write(world.company.file("repositories/git").join(repository).join("large"), &bytes).unwrap();
        git(&world, repository, &["add", "large"]);
        git(&world, repository, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "large"]);
        git(&world, repository, &["tag", "v1.2.0"]);
    }
    for host in BOTH {
        let (new, old) = (format!("{host}/new"), format!("{host}/old"));
        world.told("large", &new, &["@v/v1.2.0.zip"], (503, "is larger than 262144 bytes")).await;
        world.bodies(&new, &["@v/list"]).await;
        world.bodies(&old, &KNOWN).await;
    }
    let left = large_files(&world.larder.data("vcs"));
    assert!(left.is_empty(), "{left:?}");
}

/// The files below a directory that are half as large as what was sent, and larger.
fn large_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(large_files(&path));
        } else if path.metadata().is_ok_and(|file| file.len() > 100_000) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_tool_that_is_killed_is_an_outage_and_the_next_one_is_asked_anew() {
    let world = World::new(&[]).await;
    fs::rename(world.company.file("repositories/git/new"), world.company.file("repositories/git/shot"))
        .unwrap();
    world.company.host.fault(Fault::Hold("fetch"));
    let asked = world.told("killed", "corp.example/shot", &["@v/v1.0.0.zip"], (503, "git fetch failed"));
    let shoot = async {
        // Another way of asking is tried when the first one ends.
        for fetches in 1.. {
            world.company.host.asked("fetch", fetches).await;
            for process in processes_with("corp.example/git/shot") {
                // One that has ended by itself is as good.
                let _ = Command::new("kill").args(["-9", &process]).status();
            }
        }
    };
    futures_util::future::select(pin!(asked), pin!(shoot)).await;
    world.company.host.fault(Fault::None);
    let right = async || world.ask("corp.example/shot", &KNOWN).await.iter().all(|it| it.status == 200);
    eventually("the tool that lives", right).await;
}

/// The processes with these words in their command line.
fn processes_with(words: &str) -> Vec<String> {
    let numbered = fs::read_dir("/proc").unwrap().flatten();
    let said = |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
    let found = numbered.filter(|entry| said(entry).contains(words));
    found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_tag_that_moves_changes_nothing_that_is_held_and_one_that_goes_is_absent_for_who_has_it_not() {
    let world = World::new(&[]).await;
    let mut before = Vec::new();
    for host in BOTH {
        before.push(world.bodies(&format!("{host}/old"), &KNOWN[2..]).await);
    }
    for repository in ["old", "open/old", "new", "open/new"] {
        git(&world, repository, &["tag", "-f", "v1.0.0", "v1.1.0"]);
        git(&world, repository, &["tag", "-d", "v1.1.0"]);
    }
    for (host, before) in BOTH.iter().zip(&before) {
        let (new, old) = (format!("{host}/new"), format!("{host}/old"));
        assert_eq!(&world.bodies(&old, &KNOWN[2..]).await, before);
        // Who has it not gets what it is now.
        let info = world.bodies(&new, &["@v/v1.0.0.info"]).await;
        assert!(String::from_utf8_lossy(&info[0]).contains("2026-01-03T03:04:05Z"));
        for module in [&new, &old] {
            world
                .told("gone", module, &["@v/v1.1.0.info", "@v/v1.1.0.zip"], (404, "unknown revision v1.1.0"))
                .await;
        }
        assert_eq!(world.bodies(&old, &["@v/list"]).await, [b"v1.0.0\n"]);
    }
}

#[tokio::test]
async fn a_tag_that_moved_after_our_log_has_recorded_it_is_refused_to_who_trusts_the_log() {
    let world = World::new(&[]).await;
    let key = world.company.file("log.key").display().to_string();
    let made = larder::run(world.company.dir.path(), &["sumdb", "init", NAME, "--key", &key]);
    let verifier = String::from_utf8(made.stdout).unwrap();
    let (name, key) = (format!("log.name={NAME}"), format!("log.key={key}"));
    let recorder = world.company.bare_larder_at("recorder", &["upstream=direct", VANITY, &name, &key]);
    let path = "/open.example/old/@v/v1.0.0.zip";
    let first = recorder.ask(path).await;
    assert_eq!(first.status, 200, "{}", first.text());
    git(&world, "open/old", &["tag", "-f", "v1.0.0", "v1.1.0"]);
    assert_eq!(recorder.ask(path).await.body, first.body);
    let log = format!("sumdb={} {}/sumdb/{NAME}", verifier.trim(), recorder.url());
    let larder = world.company.bare_larder_at("other", &["upstream=direct", VANITY, &log]);
    let moved = larder.ask(path).await;
    assert_eq!(moved.status, 502, "{}", moved.text());
    assert!(moved.text().contains(NAME), "{}", moved.text());
    let same = larder.ask("/open.example/old/@v/v1.0.0.mod").await;
    assert_eq!(same.status, 200, "{}", same.text());
}

#[tokio::test]
async fn a_token_that_ends_while_it_is_used_is_told_and_what_is_held_is_served() {
    let world = World::new(&[]).await;
    let token = world.company.file("token");
    close(&token);
    let credential =
        format!("credential=https://corp.example name=corp-gitlab form=gitlab token={}", token.display());
    let vanity = "vanity=corp.example/*=https://corp.example/git/*";
    world.company.host.fault(Fault::Wants(AUTHORIZATION.to_owned()));
    let settings = ["private=corp.example", vanity, &credential, "vcs.remember=0s", "cache.fresh=0s"];
    let larder = world.company.bare_larder_at("credential", &settings);
    let world = World { larder, ..world };
    world.bodies("corp.example/old", &KNOWN).await;
    world.company.host.fault(Fault::Wants("Basic the-next-one".to_owned()));
    world.told("ended", "corp.example/new", &KNOWN, (503, "the credential corp-gitlab was sent")).await;
    world.bodies("corp.example/old", &KNOWN).await;
}
