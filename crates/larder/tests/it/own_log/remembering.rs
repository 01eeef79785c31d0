//! The newest head is remembered in a real file, on a file system that fails: then nothing is signed, what is held is
//! served on, the file is named, and all goes on when it is mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::log::remember::{HeadFile, Remember as _, RememberError};
use larder::log::{Log, Refusal, Setup, State};
use larder::tasks::Tasks;
use testkit::eventually;

use super::starting::{key_in, refused};
use super::world::{NAME, nth, signer, sums};
use crate::faults::Small;

/// A log over a store in memory, which remembers its head in a file.
struct Writing {
    log: Arc<Log>,
    tasks: Tasks,
    store: Arc<store::Memory>,
    state: PathBuf,
}

impl Writing {
    fn start(store: &Arc<store::Memory>, state: &Path) -> Self {
        let tasks = Tasks::default();
        let remember = Arc::new(HeadFile::open(state).unwrap());
        let setup = Setup { signer: signer(), remember, blobs: store.clone() };
        Self { log: Log::open(setup, &tasks), tasks, store: store.clone(), state: state.to_owned() }
    }

    /// A log with one record.
    async fn with_one(state: &Path) -> Self {
        let writing = Self::start(&Arc::default(), state);
        writing.append(0).await.unwrap();
        writing
    }

    /// Another process, after this one.
    async fn again(self) -> Self {
        self.tasks.stop();
        self.tasks.finished().await;
        let (store, state) = (self.store, self.state);
        // The lock goes with the last who holds the log.
        drop((self.log, self.tasks));
        eventually("the end of the lock", || async { HeadFile::open(&state).unwrap().is_ours() }).await;
        Self::start(&store, &state)
    }

    async fn append(&self, n: u64) -> Result<bytes::Bytes, Refusal> {
        self.log.append(nth(n), sums(n)).await
    }

    fn signed(&self) -> u64 {
        self.log.view().size.unwrap()
    }

    /// Nothing is signed now, the file is named, and what is held is served.
    async fn fails_for_now(&self, held: u64) {
        for _ in 0..2 {
            let refused = self.append(held).await.unwrap_err();
            assert!(matches!(refused, Refusal::Unwritten), "{refused}");
        }
        let State::Failing(why) = self.log.view().state else { panic!("{:?}", self.log.view()) };
        assert!(why.contains(&self.state.display().to_string()), "{why}");
        assert_eq!(self.signed(), held);
        assert_eq!(self.log.record(&nth(held - 1)).await.unwrap(), Some(sums(held - 1)));
    }

    /// It signs again, and this is the next record.
    async fn goes_on(&self, held: u64) {
        self.append(held).await.unwrap();
        assert_eq!(self.signed(), held + 1);
        assert_eq!(fs::read(&self.state).unwrap(), self.log.view().head.unwrap().into_bytes());
    }

    /// Nothing is signed any more.
    async fn is_stopped(&self, word: &str, advice: &str) {
        for n in [7, 8] {
            let refused = self.append(n).await.unwrap_err();
            let Refusal::Stopped(stopped) = &refused else { panic!("{refused}") };
            assert_eq!(stopped.as_str(), word, "{refused}");
            assert!(stopped.advice().contains(advice), "{}", stopped.advice());
        }
    }
}

#[tokio::test]
async fn in_a_full_file_system_nothing_is_signed_until_there_is_room() {
    let Some(small) = Small::mount("size=64k") else { return };
    let state = small.path().join("log.key.state");
    let writing = Writing::with_one(&state).await;
    let before = fs::read(&state).unwrap();
    small.fill(0);
    writing.fails_for_now(1).await;
    assert_eq!(fs::read(&state).unwrap(), before, "what was remembered is whole");
    // A start does not need room.
    let writing = writing.again().await;
    writing.fails_for_now(1).await;
    small.empty();
    writing.goes_on(1).await;
    writing.again().await.goes_on(2).await;
}

#[tokio::test]
async fn without_a_name_left_nothing_is_signed_until_there_is_one() {
    let Some(small) = Small::mount("size=1m,nr_inodes=5") else { return };
    let state = small.path().join("log.key.state");
    let writing = Writing::with_one(&state).await;
    let mut more = Vec::new();
    while fs::write(small.path().join(more.len().to_string()), "").is_ok() {
        more.push(small.path().join(more.len().to_string()));
    }
    writing.fails_for_now(1).await;
    for file in more {
        fs::remove_file(file).unwrap();
    }
    writing.goes_on(1).await;
}

#[tokio::test]
async fn in_a_directory_that_takes_no_files_nothing_is_signed_until_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("keys");
    fs::create_dir(&place).unwrap();
    let writing = Writing::with_one(&place.join("log.key.state")).await;
    let _ = fs::remove_file(place.join("log.key.new"));
    let closed = Closed::of(&place);
    if closed.is_some() {
        writing.fails_for_now(1).await;
        assert!(HeadFile::open(&place.join("other.state")).is_err(), "no server starts with such a place");
    }
    drop(closed);
    writing.goes_on(1).await;
    // The directory goes away, as a volume that is not mounted, and comes back.
    let away = dir.path().join("away");
    fs::rename(&place, &away).unwrap();
    writing.fails_for_now(2).await;
    fs::create_dir(&place).unwrap();
    writing.fails_for_now(2).await;
    assert!(!place.join("log.key.state").exists(), "something was remembered where nothing is");
    fs::remove_dir_all(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    writing.goes_on(2).await;
}

/// A directory that takes no files, not even of root, where the file system can do that.
struct Closed(PathBuf);

impl Closed {
    fn of(directory: &Path) -> Option<Self> {
        let ran = std::process::Command::new("chattr").arg("+i").arg(directory).output();
        if !ran.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: this process may not close a directory");
            return None;
        }
        Some(Self(directory.to_owned()))
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let _ = std::process::Command::new("chattr").arg("-i").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_directory_in_the_place_of_the_file_is_told_until_the_file_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("log.key.state");
    let writing = Writing::with_one(&state).await;
    let (away, new) = (dir.path().join("away"), dir.path().join("log.key.new"));
    fs::rename(&state, &away).unwrap();
    fs::create_dir(&state).unwrap();
    writing.fails_for_now(1).await;
    fs::remove_dir(&state).unwrap();
    fs::rename(&away, &state).unwrap();
    writing.goes_on(1).await;
    // In the place of the file that is to become it.
    let _ = fs::remove_file(&new);
    fs::create_dir(&new).unwrap();
    writing.fails_for_now(2).await;
    assert!(HeadFile::open(&state).is_ok_and(|second| !second.is_ours()));
    fs::remove_dir(&new).unwrap();
    writing.goes_on(2).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_replaced_is_told_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("log.key.state");
    let writing = Writing::with_one(&state).await;
    let run = |command: &str, args: &[&str]| {
        let ran = std::process::Command::new(command).args(args).arg(&state).output();
        ran.is_ok_and(|output| output.status.success())
    };
    // As a file that was mounted into a container by itself.
    if !run("mount", &["--bind", state.to_str().unwrap()]) {
        eprintln!("SKIPPED: this process may not mount a file");
        return;
    }
    writing.fails_for_now(1).await;
    assert!(run("umount", &["--lazy"]));
    writing.goes_on(1).await;
}

#[tokio::test]
async fn a_file_that_is_not_what_was_remembered_ends_the_signing() {
    let other = sumdb::Signer::from_seed(sumdb::note::Name::parse(NAME).unwrap(), &[9; 32]);
    let foreign = sumdb::note::Note::new(sumdb::Tree::EMPTY.to_string()).unwrap().signed(&other).to_string();
    for (damage, after) in [
        (Some(&b""[..]), "forgotten"),
        (Some(b"go.sum database tree\n1\n"), "foreign"),
        (Some(b"\0\xff garbage"), "foreign"),
        (Some(foreign.as_bytes()), "foreign"),
        (None, "forgotten"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("log.key.state");
        let writing = Writing::with_one(&state).await;
        let good = fs::read(&state).unwrap();
        match damage {
            Some(bytes) => fs::write(&state, bytes).unwrap(),
            None => fs::remove_file(&state).unwrap(),
        }
        writing.is_stopped("second-writer", "log.state").await;
        assert_eq!(writing.signed(), 1, "what is proven is served on");
        assert_eq!(fs::read(&state).ok().as_deref(), damage, "it is not written over");
        let writing = writing.again().await;
        writing.is_stopped(after, "log.state").await;
        assert_eq!(fs::read(&state).ok().as_deref(), damage);
        fs::write(&state, good).unwrap();
        writing.again().await.goes_on(1).await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_the_head_is_named_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (key, _) = key_in(dir.path());
    let (data, state) = (dir.path().join("data"), dir.path().join("log.key.state"));
    let settings = [("log.name", NAME), ("log.key", key.to_str().unwrap())];
    fs::create_dir(&state).unwrap();
    let said = refused(&data, &settings, None);
    assert!(said.contains(state.to_str().unwrap()) && said.contains("cannot be read"), "{said}");
    fs::remove_dir(&state).unwrap();
    let _ = fs::remove_file(dir.path().join("log.key.new"));
    fs::create_dir(dir.path().join("log.key.new")).unwrap();
    let said = refused(&data, &settings, None);
    assert!(said.contains(state.to_str().unwrap()) && said.contains("log.state"), "{said}");
    fs::remove_dir(dir.path().join("log.key.new")).unwrap();
    let ours = sumdb::Signer::parse(fs::read_to_string(&key).unwrap().trim_end()).unwrap();
    let whole = sumdb::note::Note::new(sumdb::Tree::EMPTY.to_string()).unwrap().signed(&ours).to_string();
    for damage in [&whole.as_bytes()[..whole.len() / 2], b"garbage", &whole.as_bytes()[..whole.len() - 9]] {
        fs::write(&state, damage).unwrap();
        let said = refused(&data, &settings, None);
        let words = [state.to_str().unwrap(), "`log.state`", "put it back from a copy"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert_eq!(fs::read(&state).unwrap(), damage);
    }
    fs::remove_file(&state).unwrap();
    let latest = data.join("modules/sumdb").join(NAME).join("latest");
    fs::create_dir_all(latest.parent().unwrap()).unwrap();
    fs::write(&latest, b"garbage").unwrap();
    let said = refused(&data, &settings, None);
    assert!(said.contains(latest.to_str().unwrap()) && said.contains("remove it"), "{said}");
}

#[test]
fn one_process_has_the_file_and_replaces_only_what_it_knows() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("log.key.state");
    let first = HeadFile::open(&state).unwrap();
    assert!(first.is_ours() && first.read().unwrap().is_none());
    assert!(!HeadFile::open(&state).unwrap().is_ours(), "two may sign");
    first.replace(b"", b"one").unwrap();
    assert!(matches!(first.replace(b"", b"two"), Err(RememberError::Changed)));
    assert!(matches!(first.replace(b"two", b"three"), Err(RememberError::Changed)));
    assert_eq!(first.read().unwrap().as_deref(), Some(&b"one"[..]));
    first.replace(b"one", b"two").unwrap();
    drop(first);
    let second = HeadFile::open(&state).unwrap();
    assert!(second.is_ours());
    assert_eq!(second.read().unwrap().as_deref(), Some(&b"two"[..]));
}
