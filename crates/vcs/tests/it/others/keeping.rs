//! Copies and exports: too large, in the way of others, and left behind.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::recipe;
use vcs::jail::Operator;
use vcs::{Place, Repos, System, VcsError};

use super::{jail, open_at, place, repos, settings, unpack};

/// A repository of each system with a large file, whose parts are `one`, in a directory.
fn made(dir: &Path) -> Vec<Place> {
    fs::create_dir_all(dir.join("one")).unwrap();
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    let text: String = (0..300_000).map(|_| letter()).collect();
    fs::write(dir.join("one/large"), text).unwrap();
    recipe::make(
        "svnadmin create svn\nsvn import -q -m all one file://$ROOT/svn\nhg init hg\ncp one/large hg\ncd hg\n\
         hg commit -q -A -m all\ncd $ROOT\nfossil init r.fossil\ncd one\nfossil open --keep ../r.fossil\n\
         fossil add large\nfossil commit --no-prompt --nosign --no-warnings --comment all\n",
        dir,
    );
    let at = |(system, name): (System, &str)| place(system, &dir.join(name));
    [(System::Svn, "svn"), (System::Hg, "hg"), (System::Fossil, "r.fossil")].map(at).to_vec()
}

/// The directories of kept copies, those of nothing left out.
fn kept(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("vcs")).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("copy").exists()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut tight = settings(dir.path());
    tight.max_repository_bytes = 100_000;
    let repos = Repos::new(jail(dir.path(), Operator::default()), tight);
    for place in made(&dir.path().join("made")) {
        let repo = open_at(&repos, &place, None);
        let told = match repo.stat(None).await {
            Ok(revision) => repo.archive(&revision.id, "").await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(told, Err(VcsError::TooLarge { max: 100_000, .. })), "{place}: {told:?}");
    }
    assert_eq!(kept(dir.path()), [""; 0].map(PathBuf::from));
    let left = fs::read_dir(dir.path().join("jail/tmp")).unwrap().count();
    assert_eq!(left, 0, "directories of exports");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_makes_room_for_another_and_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut tight = settings(dir.path());
    tight.max_total_bytes = 1;
    let repos = Repos::new(jail(dir.path(), Operator::default()), tight);
    let mut ids = Vec::new();
    let places = made(&dir.path().join("made"));
    for place in &places {
        ids.push(open_at(&repos, place, None).stat(None).await.unwrap().id);
        assert!(kept(dir.path()).len() <= 1);
    }
    for (place, id) in places.iter().zip(ids) {
        let files = unpack(open_at(&repos, place, None).archive(&id, "").await.unwrap()).await;
        assert_eq!(files["large"].len(), 300_000, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_fetch_left_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    for place in made(&dir.path().join("made")).into_iter().skip(1) {
        let id = open_at(&repos(dir.path()), &place, None).stat(None).await.unwrap().id;
        let copy = kept(dir.path()).pop().unwrap().join("copy");
        if place.system() == System::Hg {
            // With a journal there, hg adds nothing more; so there must be something.
            recipe::make("cd hg\nhg copy large other\nhg commit -q -m more\n", &dir.path().join("made"));
            fs::write(copy.join(".hg/store/journal"), "half").unwrap();
            std::os::unix::fs::symlink("gone:1", copy.join(".hg/store/lock")).unwrap();
        } else {
            fs::write(copy.join("half.fossil"), "half").unwrap();
            fs::remove_file(copy.join("repository.fossil")).unwrap();
        }
        let repo = open_at(&repos(dir.path()), &place, None);
        assert_eq!(repo.stat(None).await.unwrap().id == id, place.system() != System::Hg, "{place}");
        assert!(repo.read_file(&id, "large", 1 << 20).await.unwrap().is_some());
        assert!(!copy.join("half.fossil").exists() && !copy.join(".hg/store/journal").exists());
        fs::remove_dir_all(dir.path().join("vcs")).unwrap();
    }
}
