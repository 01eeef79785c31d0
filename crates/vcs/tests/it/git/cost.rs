//! How often a server is asked, and for how much.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use futures_util::future::join_all;

use testkit::githost::Fault;

use super::{World, recipe, unpack, versions};

/// Tags all on one commit: four versions each of five hundred modules.
fn tag_modules(world: &World) {
    let id = world.git(&["rev-parse", "HEAD"]);
    let mut text = String::new();
    for module in 0..500 {
        for version in 0..4 {
            let _ = writeln!(text, "create refs/tags/m{module}/v1.{version}.0 {id}");
        }
    }
    let mut child = Command::new("git")
        .args(["update-ref", "--stdin"])
        .current_dir(world.dir.path().join("host/r"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_five_hundred_modules_cost_one_look_at_the_refs() {
    let world = World::new(&versions(1)).await;
    tag_modules(&world);
    let repo = world.repo();
    let prefixes: Vec<String> = (0..500).map(|module| format!("m{module}/")).collect();
    let lists = join_all(prefixes.iter().map(|prefix| repo.tags(prefix))).await;
    assert!(lists.iter().all(|list| list.as_ref().unwrap().len() == 4));
    assert_eq!((world.host.count("ls-refs"), world.host.count("fetch")), (1, 0));
    let revision = repo.stat(Some("m7/v1.3.0")).await.unwrap();
    assert_eq!(revision.tags.len(), 2001);
    assert_eq!(repo.tags_behind(&revision.id, "m9/").await.unwrap().len(), 4);
    assert_eq!(world.host.count("fetch"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_version_takes_three_requests() {
    let world = World::new(&versions(3)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    // The refs; what the server can do; the commit. As many as a fetch by git itself.
    assert_eq!(world.host.seen().len(), 3, "{:?}", world.host.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_gives_nothing_by_ids_is_asked_by_names_from_then_on() {
    let world = World::new(&versions(3)).await;
    world.go_on("git tag -a -m x v2.0.0 v1.1.0\ngit tag -a -m x v3.0.0 v1.0.0\n");
    // Commits that no ref is on by itself: it is on a tag that is on them.
    world.go_on("git tag -d v1.0.0 v1.1.0\n");
    world.host.fault(Fault::Old);
    let repo = world.repo();
    let requests = async |name: &'static str| {
        let before = world.host.seen().len();
        let id = repo.stat(Some(name)).await.unwrap().id;
        drop(repo.archive(&id, "").await.unwrap());
        world.host.seen().len() - before
    };
    let (first, second) = (requests("v2.0.0").await, requests("v3.0.0").await);
    assert!(second < first - 1, "{first} requests, and then {second}: {:?}", world.host.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_module_at_a_commit_costs_nothing() {
    let world = World::new(&versions(2)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    drop(repo.archive(&id, "").await.unwrap());
    let before = world.host.seen().len();
    assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    assert_eq!(repo.read_file(&id, "sub/go.mod", 100).await.unwrap(), None);
    assert_eq!(unpack(repo.archive(&id, "").await.unwrap()).await.len(), 2);
    assert_eq!(repo.stat(Some(&id)).await.unwrap().name, id);
    assert_eq!(world.host.seen().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_fetched_without_its_history() {
    let world = World::new(&versions(5)).await;
    let id = world.repo().stat(Some("v1.4.0")).await.unwrap().id;
    let before = world.git(&["rev-parse", "v1.3.0"]);
    drop(world.repo().archive(&id, "").await.unwrap());
    let contents = world.kept().iter().find(|file| file.ends_with("contents/config")).unwrap().clone();
    let has = |id: &str| {
        let mut git = Command::new("git");
        git.args(["cat-file", "-e", id]).env("GIT_DIR", contents.parent().unwrap());
        git.stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(has(&id));
    assert!(!has(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ancestors_are_fetched_without_files_where_the_server_can_leave_them_out() {
    for (allowed, want) in [("true", false), ("false", true)] {
        let world = World::new(&versions(5)).await;
        world.git(&["config", "uploadpack.allowFilter", allowed]);
        let repo = world.repo();
        let id = repo.stat(Some("v1.4.0")).await.unwrap().id;
        assert_eq!(repo.tags_behind(&id, "v").await.unwrap().len(), 5);
        let commits = world.kept().iter().find(|file| file.ends_with("commits/config")).unwrap().clone();
        let file = world.git(&["rev-parse", "v1.0.0:VERSION"]);
        let mut git = Command::new("git");
        git.args(["cat-file", "-e", &file]).env("GIT_DIR", commits.parent().unwrap()).stderr(Stdio::null());
        assert_eq!(git.status().unwrap().success(), want, "filters: {allowed}");
        // What was sent all the same is not fetched again.
        let before = world.host.count("fetch");
        let old = repo.stat(Some("v1.0.0")).await.unwrap().id;
        assert_eq!(repo.read_file(&old, "VERSION", 100).await.unwrap().unwrap(), "v0\n");
        assert_eq!(unpack(repo.archive(&old, "").await.unwrap()).await.len(), 2);
        assert_eq!(world.host.count("fetch") == before, want, "filters: {allowed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_fetched_to_know_that_there_is_no_such_tag() {
    let world = World::new(&versions(2)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    let before = world.host.seen().len();
    assert_eq!(repo.tags_behind(&id, "sub/v").await.unwrap(), [""; 0]);
    assert!(!repo.descends_from(&id, "sub/v1.0.0").await.unwrap());
    assert!(repo.descends_from(&id, "v1.1.0").await.unwrap());
    assert!(repo.stat(Some("no-such-branch")).await.is_err());
    assert_eq!(world.host.seen().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_digits_cost_one_fetch_until_the_refs_change() {
    let world = World::new(&versions(3)).await;
    let repo = world.repo();
    for digits in ["abcdef0", "abcdef1", &"a".repeat(40)] {
        assert!(repo.stat(Some(digits)).await.unwrap_err().is_absent());
    }
    assert_eq!(world.host.count("fetch"), 1);
    let unnamed = world.git(&["rev-parse", "v1.1.0"]);
    world.go_on("git tag -d v1.1.0\n");
    assert_eq!(repo.stat(Some(&unnamed[..9])).await.unwrap().id, unnamed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repositories_of_two_urls_are_two() {
    let world = World::new(&versions(1)).await;
    recipe::make(&versions(2), &world.dir.path().join("host/other"));
    let other = super::open(&world.repos, &world.host.url("other"));
    assert_eq!(world.repo().tags("").await.unwrap().len(), 1);
    assert_eq!(other.tags("").await.unwrap().len(), 2);
    assert_eq!(other.place().url(), world.host.url("other"));
}

/// A repository with a large file, and modules deep in it.
const LARGE: &str = "git init\nat 2020-01-01T00:00:00Z\necho 'module example.com/m'\ncp stdout go.mod\n\
                     mkdir a/b/c v2\necho 'module two'\ncp stdout v2/go.mod\n\
                     echo 'module three'\ncp stdout a/b/go.mod\n\
                     echo 'package c'\ncp stdout a/b/c/x.go\n";

async fn large(filters: &str) -> World {
    let world = World::new(LARGE).await;
    let dir = world.dir.path().join("host/r");
    let mut bytes = vec![0_u8; 1 << 20];
    let mut dice = testkit::Dice::new(7);
    for byte in &mut bytes {
        *byte = u8::try_from(dice.below(256)).unwrap();
    }
    std::fs::write(dir.join("a/asset"), bytes).unwrap();
    world.go_on("git add .\ngit commit -q -m x\ngit tag v1.0.0\n");
    for setting in filters.split_whitespace() {
        let (name, value) = setting.split_once('=').unwrap();
        world.git(&["config", name, value]);
    }
    world
}

fn kept_bytes(world: &World) -> u64 {
    world.kept().iter().map(|file| std::fs::metadata(file).unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_go_mod_is_read_without_the_other_files() {
    let world = large("uploadpack.allowFilter=true").await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
    for (path, is_there, fetches) in [
        ("go.mod", true, 1),
        ("absent/go.mod", false, 1),
        // The file alone.
        ("v2/go.mod", true, 2),
        // The directories below, and then the file.
        ("a/b/go.mod", true, 4),
        ("a/b/c/go.mod", false, 4),
        ("a/b/c/x.go", true, 5),
        ("a/b/c", false, 5),
    ] {
        let read = repo.read_file(&id, path, 1 << 10).await.unwrap();
        assert_eq!((read.is_some(), world.host.count("fetch")), (is_there, fetches), "{path}");
    }
    assert!(kept_bytes(&world) < 100_000, "{}", kept_bytes(&world));
    assert!(repo.read_file(&id, "a/asset", 1 << 10).await.is_err_and(|error| !error.is_absent()));
    assert_eq!(unpack(repo.archive(&id, "a/b").await.unwrap()).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_in_a_directory_costs_one_fetch_of_its_directories_and_small_files() {
    let world = large("uploadpack.allowFilter=true").await;
    world.go_on("git tag a/b/v1.0.0\n");
    let repo = world.repo();
    let id = repo.stat(Some("a/b/v1.0.0")).await.unwrap().id;
    assert!(repo.read_file(&id, "a/b/go.mod", 1 << 10).await.unwrap().is_some());
    assert_eq!(repo.read_file(&id, "a/b/c/go.mod", 1 << 10).await.unwrap(), None);
    assert_eq!(world.host.count("fetch"), 1);
    assert!(kept_bytes(&world) < 100_000, "{}", kept_bytes(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_single_files_the_rest_is_fetched_at_once() {
    use std::fmt::Write as _;

    let mut recipe = "git init\ngit config uploadpack.allowFilter true\n".to_owned();
    for module in 0..30 {
        let _ = write!(recipe, "mkdir m{module}\necho 'module m{module}'\ncp stdout m{module}/go.mod\n");
    }
    let world = World::new(&format!("{recipe}git add .\ngit commit -q -m x\ngit tag v1.0.0\n")).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
    for module in 0..30 {
        let text = repo.read_file(&id, &format!("m{module}/go.mod"), 100).await.unwrap().unwrap();
        assert_eq!(text, format!("module m{module}\n"));
    }
    // An outline, sixteen files, and all.
    assert_eq!(world.host.count("fetch"), 18);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_with_fewer_filters_are_asked_for_what_they_know() {
    let cases = [
        ("uploadpack.allowFilter=true uploadpackfilter.tree.allow=false", true),
        ("uploadpack.allowFilter=true uploadpackfilter.tree.maxDepth=0", true),
        ("uploadpack.allowFilter=true uploadpackfilter.allow=false", false),
        ("uploadpack.allowFilter=false", false),
    ];
    for (settings, is_small) in cases {
        let world = large(settings).await;
        let repo = world.repo();
        let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
        for path in ["go.mod", "v2/go.mod", "a/b/go.mod", "a/b/c/x.go"] {
            assert!(repo.read_file(&id, path, 1 << 10).await.unwrap().is_some(), "{settings}: {path}");
        }
        assert_eq!(repo.read_file(&id, "a/b/c/go.mod", 1 << 10).await.unwrap(), None, "{settings}");
        assert_eq!(kept_bytes(&world) < 100_000, is_small, "{settings}");
        assert_eq!(unpack(repo.archive(&id, "").await.unwrap()).await.len(), 5, "{settings}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_versions_are_taken_along_where_they_cost_little() {
    for (allowed, want) in [("true", 2), ("false", 4)] {
        let world = World::new(&versions(20)).await;
        world.git(&["config", "uploadpack.allowFilter", allowed]);
        let repo = world.repo();
        for name in ["v1.0.0", "v1.1.0", "v1.19.0", "v1.5.0"] {
            let id = repo.stat(Some(name)).await.unwrap().id;
            assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
        }
        assert_eq!(world.host.count("fetch"), want, "filters: {allowed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_along_outlives_a_restart() {
    let mut world = World::new(&versions(6)).await;
    for name in ["v1.0.0", "v1.1.0"] {
        world.repo().stat(Some(name)).await.unwrap();
    }
    world.restart();
    let (repo, fetches) = (world.repo(), world.host.count("fetch"));
    for name in ["v1.3.0", "v1.5.0"] {
        let id = repo.stat(Some(name)).await.unwrap().id;
        assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some(), "{name}");
    }
    assert_eq!(world.host.count("fetch"), fetches);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_files_that_are_kept_are_not_sent_again() {
    let world = large("uploadpack.allowFilter=true").await;
    let mut dice = testkit::Dice::new(8);
    for number in 0..20 {
        let bytes: Vec<u8> = (0..8 << 10).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        std::fs::write(world.dir.path().join(format!("host/r/a/b/file{number}")), bytes).unwrap();
    }
    world.go_on("git add .\ngit commit -q -m y\ngit tag a/b/v1.0.0\n");
    world.repo().stat(Some("a/b/v1.0.0")).await.unwrap();
    let before = kept_bytes(&world);
    world.go_on("echo 'package b'\ncp stdout a/b/x.go\ngit add .\ngit commit -q -m z\ngit tag a/b/v1.1.0\n");
    let id = world.repo().stat(Some("a/b/v1.1.0")).await.unwrap().id;
    assert!(world.repo().read_file(&id, "a/b/go.mod", 100).await.unwrap().is_some());
    assert_eq!(world.host.count("ls-refs"), 2);
    let grown = kept_bytes(&world) - before;
    assert!(before > 100_000 && grown < 20_000, "{before} bytes, and then {grown} more");
}
