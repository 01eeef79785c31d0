//! Kept copies: after a crash, damaged, too large, and in whose way nobody stands.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use testkit::githost::Fault;
use vcs::VcsError;
use vcs::jail::Limits;

use super::{World, open, recipe, repos, settings, unpack, versions, within};

const ROLE: &str = "VCS_TEST_URL";
const DIRECTORY: &str = "VCS_TEST_DIRECTORY";

/// A process of its own that fetches from a URL into a directory.
fn fetching(url: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::keeping::plays_its_role", "--nocapture"])
        .env(ROLE, url)
        .env(DIRECTORY, dir)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_its_role() {
    let (Ok(url), Ok(dir)) = (std::env::var(ROLE), std::env::var(DIRECTORY)) else { return };
    let repos = repos(Path::new(&dir), settings(Path::new(&dir)));
    let _ = open(&repos, &url).stat(Some("v1.1.0")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_in_the_middle_of_a_fetch_is_in_nobodys_way() {
    let world = World::new(&versions(2)).await;
    world.host.fault(Fault::Hold("fetch"));
    let mut child = fetching(&world.url(), world.dir.path());
    world.host.asked("fetch", 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    world.host.fault(Fault::None);
    let repo = world.repo();
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    assert!(!world.kept().iter().any(|file| is_left_over(file)), "{:?}", world.kept());
}

fn is_left_over(file: &Path) -> bool {
    let name = file.to_string_lossy().into_owned();
    file.extension().is_some_and(|extension| extension == "lock")
        || name.contains("/tmp_")
        || name.contains(".gone")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_over_is_removed_at_the_first_opening() {
    let mut world = World::new(&versions(3)).await;
    let id = world.repo().stat(Some("v1.0.0")).await.unwrap().id;
    world.repo().tags_behind(&id, "v").await.unwrap();
    world.restart();
    let copies: Vec<_> = world.kept().iter().filter(|file| file.ends_with("config")).cloned().collect();
    assert_eq!(copies.len(), 3);
    for config in copies {
        let dir = config.parent().unwrap();
        fs::create_dir_all(dir.join("objects/tmp_objdir-incoming-Xyz/pack")).unwrap();
        for name in [
            "shallow.lock",
            "config.lock",
            "packed-refs.lock",
            "refs/kept/x.lock",
            "objects/pack/tmp_pack_Ab",
            "objects/pack/tmp_idx_Ab",
            "objects/tmp_objdir-incoming-Xyz/pack/tmp_pack_Ab",
        ] {
            fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
            fs::write(dir.join(name), "half").unwrap();
        }
    }
    let id = world.repo().stat(Some("v1.2.0")).await.unwrap().id;
    assert_eq!(world.repo().tags_behind(&id, "v").await.unwrap().len(), 3);
    assert!(!world.kept().iter().any(|file| is_left_over(file)), "{:?}", world.kept());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_whole_is_used_again_after_a_restart() {
    let mut world = World::new(&versions(2)).await;
    let id = world.repo().stat(Some("v1.1.0")).await.unwrap().id;
    world.restart();
    let before = world.host.seen().len();
    assert!(world.repo().read_file(&id, "go.mod", 100).await.unwrap().is_some());
    assert_eq!(world.host.seen().len(), before);
}

/// Changes the packs of all copies.
fn damage(world: &World, how: impl Fn(&mut Vec<u8>)) {
    let packs: Vec<_> = world.kept();
    let packs = packs.iter().filter(|file| file.extension().is_some_and(|extension| extension == "pack"));
    for pack in packs {
        let mut bytes = fs::read(pack).unwrap();
        how(&mut bytes);
        fs::remove_file(pack).unwrap();
        fs::write(pack, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_outlines_versions_are_fetched_whole() {
    // Tags that are no versions, since versions are fetched together.
    let world = World::new(&versions(25).replace("git tag v", "git tag x")).await;
    let repo = world.repo();
    for version in 0..25 {
        repo.stat(Some(&format!("x1.{version}.0"))).await.unwrap();
    }
    let packs = |copy: &str| {
        let kept = world.kept();
        let packs = kept.iter().filter(|file| file.extension().is_some_and(|extension| extension == "pack"));
        packs.filter(|file| file.components().any(|part| part.as_os_str() == copy)).count()
    };
    assert_eq!((packs("outlines"), packs("contents")), (17, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_is_fetched_anew_and_nothing_is_said_to_be_absent() {
    let ways: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.clear(),
        |bytes| {
            let end = bytes.len() - 20;
            bytes[12..end].iter_mut().for_each(|byte| *byte ^= 0x55);
        },
    ];
    for (number, way) in ways.into_iter().cycle().take(6).enumerate() {
        let mut world = World::new(&versions(3)).await;
        let id = world.repo().stat(Some("v1.2.0")).await.unwrap().id;
        world.repo().tags_behind(&id, "v").await.unwrap();
        if number > 0 {
            drop(world.repo().archive(&id, "").await.unwrap());
        }
        world.restart();
        damage(&world, way);
        let repo = world.repo();
        assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some(), "way {number}");
        assert_eq!(repo.stat(Some("v1.1.0")).await.unwrap().name, "v1.1.0", "way {number}");
        assert_eq!(unpack(repo.archive(&id, "").await.unwrap()).await.len(), 2, "way {number}");
        assert_eq!(repo.tags_behind(&id, "v").await.unwrap().len(), 3, "way {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_archive_broke_off_is_fetched_anew_for_the_next() {
    let world = World::new(&versions(1)).await;
    let mut dice = testkit::Dice::new(7);
    let bytes: Vec<u8> = (0..200_000).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
    fs::write(world.dir.path().join("host/r/asset"), bytes).unwrap();
    world.go_on("git add .\ngit commit -q -m asset\ngit tag v2\n");
    let repo = world.repo();
    let id = repo.stat(Some("v2")).await.unwrap().id;
    drop(repo.archive(&id, "").await.unwrap());
    // Whoever reads may leave, which says nothing of the copy.
    let before = world.host.count("fetch");
    let left = repo.archive(&id, "").await.unwrap();
    let read = move || left.read(|_, _| Err(vcs::ArchiveError::Malformed("enough".to_owned())));
    assert!(tokio::task::spawn_blocking(read).await.unwrap().is_err());
    drop(repo.archive(&id, "").await.unwrap());
    assert_eq!(world.host.count("fetch"), before);
    damage(&world, |bytes| {
        if bytes.len() > 100_000 {
            bytes[100_000..100_100].fill(0);
        }
    });
    let broken = repo.archive(&id, "").await.unwrap();
    let fetches = world.host.count("fetch");
    let read = move || {
        broken.read(|_, content| {
            std::io::copy(content, &mut std::io::sink())?;
            Ok(())
        })
    };
    assert!(tokio::task::spawn_blocking(read).await.unwrap().is_err());
    assert_eq!(unpack(repo.archive(&id, "").await.unwrap()).await.len(), 3);
    assert_eq!(world.host.count("fetch"), fetches + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_history_is_fetched_anew() {
    for restarts in [true, false] {
        let mut world = World::new(&versions(3)).await;
        let id = world.repo().stat(Some("v1.2.0")).await.unwrap().id;
        world.repo().tags_behind(&id, "v").await.unwrap();
        if restarts {
            world.restart();
        }
        damage(&world, |bytes| bytes.truncate(40));
        assert_eq!(world.repo().tags_behind(&id, "v").await.unwrap().len(), 3, "{restarts}");
        assert!(world.repo().descends_from(&id, "v1.0.0").await.unwrap(), "{restarts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_larger_than_the_bound_is_refused_and_not_kept() {
    let world = World::new(&versions(2)).await;
    let mut small = settings(world.dir.path());
    small.max_repository_bytes = 100;
    let repos = repos(world.dir.path(), small);
    let error = open(&repos, &world.url()).stat(Some("v1.1.0")).await.unwrap_err();
    assert!(matches!(error, VcsError::TooLarge { max: 100, .. }), "{error:?}");
    assert_eq!(world.kept(), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_asked_for_longest_ago_makes_room_unless_it_is_in_use() {
    let world = World::new(&versions(2)).await;
    for name in ["a", "b", "c"] {
        recipe::make(&versions(2), &world.dir.path().join("host").join(name));
    }
    let mut tight = settings(world.dir.path());
    tight.max_total_bytes = 1;
    let repos = repos(world.dir.path(), tight);
    let ask = async |name: &str| {
        let repo = open(&repos, &world.host.url(name));
        let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
        (repo.archive(&id, "").await.unwrap(), id)
    };
    let copies = || world.kept().iter().filter(|file| file.ends_with("contents/HEAD")).count();
    let (in_use, id) = ask("a").await;
    drop(ask("b").await);
    assert_eq!(copies(), 2);
    drop(ask("c").await);
    assert_eq!(copies(), 2, "the one in use and the new one");
    assert_eq!(unpack(in_use).await.len(), 2);
    drop(ask("b").await);
    assert_eq!(copies(), 1);
    // What went is fetched again when it is needed.
    let a = open(&repos, &world.host.url("a"));
    assert!(a.read_file(&id, "go.mod", 100).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_earlier_runs_count_and_go_first() {
    let mut world = World::new(&versions(2)).await;
    recipe::make(&versions(2), &world.dir.path().join("host/a"));
    world.repo().stat(Some("v1.1.0")).await.unwrap();
    world.restart();
    let mut tight = settings(world.dir.path());
    tight.max_total_bytes = 1;
    let repos = repos(world.dir.path(), tight);
    open(&repos, &world.host.url("a")).stat(Some("v1.1.0")).await.unwrap();
    let copies = world.kept().iter().filter(|file| file.ends_with("contents/HEAD")).count();
    assert_eq!(copies, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_repositories_than_children_that_stay_can_be_read() {
    let world = World::new(&versions(1)).await;
    let names: Vec<String> = (0..12).map(|n| format!("r{n}")).collect();
    for name in &names {
        recipe::make(&versions(1), &world.dir.path().join("host").join(name));
    }
    // One place more than children that stay.
    let limits = Limits { content_children: 9, wait: Duration::from_secs(1), ..Limits::default() };
    let repos = within(limits, world.dir.path(), settings(world.dir.path()));
    for _ in 0..2 {
        for name in &names {
            let repo = open(&repos, &world.host.url(name));
            let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
            assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_fetches_leave_few_packs() {
    let world = World::new(&versions(60)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.0.0")).await.unwrap().id;
    drop(repo.archive(&id, "").await.unwrap());
    for version in 0..60 {
        repo.stat(Some(&format!("v1.{version}.0"))).await.unwrap();
    }
    let packs = world.kept().iter().filter(|file| file.extension().is_some_and(|e| e == "pack")).count();
    assert!(packs < 52, "{packs}");
    for version in 0..60 {
        let id = repo.stat(Some(&format!("v1.{version}.0"))).await.unwrap().id;
        let text = repo.read_file(&id, "VERSION", 100).await.unwrap().unwrap();
        assert_eq!(text, format!("v{version}\n"));
    }
}
