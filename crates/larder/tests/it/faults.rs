//! A disk that is full, read-only, out of files, gone, or hangs: hits go on, small misses go through memory, the rest is
//! 503 with Retry-After, nothing cut is kept, and all recovers without a restart.

use std::sync::Arc;
use std::time::Duration;

use larder::auth::Identity;
use larder::pipeline::{AnswerContent, Class, Reach};
use store::Condition;
use testkit::eventually;
use testkit::faulty::{Failure, Fault, Faulty, Operation};
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, config_of};

fn condition(proxy: &TestProxy) -> Condition {
    proxy.pipeline().cache().store().state().condition
}

async fn recovered(proxy: &TestProxy) {
    proxy.clock().advance(Duration::from_secs(2));
    eventually("the end of it", || async { condition(proxy) == Condition::Sound }).await;
}

/// A small file system in memory, where this process may mount one.
pub(crate) struct Small(tempfile::TempDir);

impl Small {
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let small = Self(tempfile::tempdir().unwrap());
        let done = small.run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"]);
        if !done {
            eprintln!("SKIPPED: this process may not mount a file system");
        }
        done.then_some(small)
    }

    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> bool {
        let ran = std::process::Command::new(command).args(arguments).arg(self.0.path()).output();
        ran.is_ok_and(|output| output.status.success())
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// Takes all room, or all but that many bytes.
    pub(crate) fn fill(&self, spare_bytes: usize) {
        let filler = self.0.path().join("filler");
        let mut bytes = vec![0; 32 << 20];
        while let Err(full) = std::fs::write(&filler, &bytes) {
            assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
            let size = std::fs::metadata(&filler).unwrap().len();
            bytes.truncate(usize::try_from(size).unwrap());
            if bytes.len() <= spare_bytes {
                break;
            }
        }
        let size = std::fs::metadata(&filler).unwrap().len();
        let file = std::fs::File::options().write(true).open(&filler).unwrap();
        file.set_len(size.saturating_sub(spare_bytes as u64)).unwrap();
    }

    pub(crate) fn empty(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }

    fn proxy(&self, upstream: &Upstream) -> TestProxy {
        let data = self.0.path().join("data").display().to_string();
        TestProxy::with(&[("upstream", &upstream.url()), ("data", &data)])
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.run("umount", &["--lazy"]);
    }
}

fn hello(path: &str, size: usize) -> ModuleFiles {
    ModuleFiles::new(path, "v1.0.0").padding(size)
}

#[tokio::test]
async fn on_a_full_disk_hits_and_small_misses_go_on_and_all_recovers() {
    let Some(small) = Small::mount("size=32m") else { return };
    let (held, missed) = (hello("example.com/held", 300_000), hello("example.com/missed", 2_000_000));
    let huge = hello("example.com/huge", 9 << 20);
    let upstream = Upstream::of(&[held.clone(), missed.clone(), huge.clone()]).await;
    let proxy = small.proxy(&upstream);
    proxy.fill(&held).await;
    small.fill(0);
    proxy.fill(&held).await;
    proxy.fill(&missed).await;
    assert_eq!(proxy.get(&missed.list_url()).await.text(), "v1.0.0\n");
    for _ in 0..2 {
        let refused = proxy.get(&huge.url("zip")).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.header("retry-after").is_some());
    }
    small.empty();
    proxy.clock().advance(std::time::Duration::from_secs(2));
    for files in [&held, &missed, &huge] {
        proxy.fill(files).await;
    }
    let proxy = proxy.restart().await;
    upstream.stop().await;
    for files in [&held, &huge] {
        proxy.fill(files).await;
    }
    assert!(proxy.stopped().await);
}

#[tokio::test]
async fn a_password_is_taken_out_of_an_info_that_cannot_be_kept() {
    let Some(small) = Small::mount("size=32m") else { return };
    let files = hello("example.com/m", 10);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let info = r#"{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"https://user:secret@git.example/m"}}"#;
    upstream.put(&files.url("info"), info);
    let proxy = small.proxy(&upstream);
    small.fill(0);
    let response = proxy.get(&files.url("info")).await;
    assert_eq!(response.status, 200);
    assert!(!response.text().contains("secret"), "{}", response.text());
}

/// What a client would get: the whole content, or why not.
async fn whole(pipeline: &Arc<larder::pipeline::Pipeline>, path: &str) -> Result<Vec<u8>, Class> {
    let want = gomod::Request::parse(path.trim_start_matches('/')).unwrap();
    let answer = pipeline.answer(&Identity::ourselves(), &want, Reach::Anywhere).await;
    let mut bytes = Vec::new();
    match answer.map_err(|error| error.class())?.content {
        AnswerContent::Held(held) => match held.content {
            larder::cache::Content::Memory(memory) => bytes.extend_from_slice(&memory),
            larder::cache::Content::File(file) => {
                while (bytes.len() as u64) < file.record().size {
                    let piece = file.read(bytes.len() as u64, usize::MAX).await;
                    bytes.extend_from_slice(&piece.map_err(|_| Class::Unavailable)?);
                }
            }
        },
        AnswerContent::Arriving(mut follower, _) => {
            while let Some(piece) = follower.next().await {
                bytes.extend_from_slice(&piece.map_err(|_| Class::Unavailable)?);
            }
        }
        AnswerContent::Passed(_) => panic!(),
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_disk_that_fills_during_a_zip_does_not_stop_it_if_little_is_missing() {
    for (free, size, finishes) in [(6 << 20, 12 << 20, true), (1 << 20, 12 << 20, false)] {
        let Some(small) = Small::mount("size=32m") else { return };
        let huge = hello("example.com/huge", size);
        let upstream = Upstream::of(std::slice::from_ref(&huge)).await;
        let proxy = small.proxy(&upstream);
        small.fill(free);
        let answer = proxy.get(&huge.url("zip")).await;
        if finishes {
            assert!(
                answer.status == 200 && answer.complete && answer.body == huge.zip(),
                "{}",
                answer.status
            );
        } else {
            assert!(answer.status == 503 || !answer.complete, "{} {}", answer.status, answer.body.len());
        }
        assert_eq!(upstream.count(&huge.url("zip")), 1, "the source was asked twice");
        assert_eq!(condition(&proxy), Condition::Full);
        assert!(!proxy_tree(&small, &huge.url("zip")).exists(), "something cut was kept");
        small.empty();
        recovered(&proxy).await;
        proxy.fill(&huge).await;
        assert_eq!(proxy.get(&huge.url("zip")).await.header("x-larder-cache"), Some("hit"));
    }
}

fn proxy_tree(small: &Small, url: &str) -> std::path::PathBuf {
    small.0.path().join(format!("data/modules{url}"))
}

#[tokio::test]
async fn a_disk_without_a_file_left_is_a_full_disk() {
    let Some(small) = Small::mount("size=64m,nr_inodes=60") else { return };
    let (held, missed) = (hello("example.com/held", 300_000), hello("example.com/missed", 2_000_000));
    let upstream = Upstream::of(&[held.clone(), missed.clone()]).await;
    let proxy = small.proxy(&upstream);
    proxy.fill(&held).await;
    let filler = small.0.path().join("files");
    std::fs::create_dir(&filler).unwrap();
    while std::fs::write(filler.join(std::fs::read_dir(&filler).unwrap().count().to_string()), "").is_ok() {}
    proxy.fill(&held).await;
    proxy.fill(&missed).await;
    assert_eq!(condition(&proxy), Condition::Full);
    std::fs::remove_dir_all(&filler).unwrap();
    recovered(&proxy).await;
    proxy.fill(&missed).await;
    assert_eq!(proxy.get(&missed.url("zip")).await.header("x-larder-cache"), Some("hit"));
}

#[tokio::test]
async fn on_a_disk_that_turned_read_only_hits_and_small_misses_go_on() {
    let Some(small) = Small::mount("size=64m") else { return };
    let (held, missed) = (hello("example.com/held", 300_000), hello("example.com/missed", 2_000_000));
    let huge = hello("example.com/huge", 9 << 20);
    let upstream = Upstream::of(&[held.clone(), missed.clone(), huge.clone()]).await;
    let proxy = small.proxy(&upstream);
    proxy.fill(&held).await;
    if !small.run("mount", &["-o", "remount,ro,size=64m"]) {
        eprintln!("SKIPPED: the file system is in use for writing");
        return;
    }
    proxy.fill(&held).await;
    proxy.fill(&missed).await;
    let refused = proxy.get(&huge.url("zip")).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(condition(&proxy), Condition::ReadOnly);
    assert!(small.run("mount", &["-o", "remount,rw,size=64m"]));
    recovered(&proxy).await;
    proxy.fill(&huge).await;
}

#[tokio::test]
async fn a_publishing_that_fails_does_not_cut_those_who_were_promised_the_bytes() {
    for failure in [Failure::Full, Failure::ReadOnly, Failure::NoDescriptors, Failure::Io] {
        for operation in [Operation::Publish, Operation::Append] {
            let files = hello("example.com/m", 9 << 20);
            let upstream = Upstream::of(std::slice::from_ref(&files)).await;
            let blobs = Faulty::new(store::Memory::new());
            let pipeline = pipeline_over(&blobs, &upstream);
            blobs.fail_always(operation, Fault::Before(failure));
            let got = whole(&pipeline, &files.url("zip")).await;
            assert!(got.as_deref() == Ok(&files.zip()[..]), "{operation:?} {failure:?} {:?}", got.err());
            assert_eq!(upstream.count(&files.url("zip")), 1);
        }
    }
}

fn pipeline_over(blobs: &Faulty, upstream: &Upstream) -> Arc<larder::pipeline::Pipeline> {
    let config = config_of(&[("upstream".to_owned(), upstream.url()), ("data".to_owned(), "/".to_owned())]);
    let (tasks, clock) = (larder::tasks::Tasks::default(), larder::clock::Clock::manual());
    larder::app::pipeline_over(&config, Arc::new(blobs.clone()), tasks, clock).unwrap()
}

#[tokio::test]
async fn while_the_disk_hangs_what_is_in_memory_or_open_is_served() {
    let (files, other) = (hello("example.com/m", 300_000), hello("example.com/other", 10));
    let upstream = Upstream::of(&[files.clone(), other.clone()]).await;
    let blobs = Faulty::new(store::Memory::new());
    let pipeline = pipeline_over(&blobs, &upstream);
    for kind in ["info", "mod", "zip"] {
        whole(&pipeline, &files.url(kind)).await.unwrap();
    }
    let hold = blobs.hang_next(Operation::Open);
    let (asked, path) = (pipeline.clone(), other.url("mod"));
    let hanging = tokio::spawn(async move { whole(&asked, &path).await });
    hold.reached().await;
    for kind in ["info", "mod", "zip"] {
        whole(&pipeline, &files.url(kind)).await.unwrap();
    }
    drop(hold);
    assert!(hanging.await.unwrap().unwrap() == other.mod_file());
}

#[tokio::test]
async fn a_data_directory_that_vanishes_and_comes_back_costs_nothing_but_time() {
    let dir = tempfile::tempdir().unwrap();
    let (data, away) = (dir.path().join("data"), dir.path().join("away"));
    let (held, missed) = (hello("example.com/held", 300_000), hello("example.com/missed", 2_000_000));
    let huge = hello("example.com/huge", 9 << 20);
    let upstream = Upstream::of(&[held.clone(), missed.clone(), huge.clone()]).await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("data", &data.display().to_string())]);
    proxy.fill(&held).await;
    std::fs::rename(&data, &away).unwrap();
    proxy.fill(&held).await;
    proxy.fill(&missed).await;
    let refused = proxy.get(&huge.url("zip")).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(condition(&proxy), Condition::Failing);
    assert!(!data.exists(), "something was written where the data directory is not");
    // An empty directory is what a volume that is not mounted looks like.
    std::fs::create_dir(&data).unwrap();
    assert_eq!(proxy.get(&huge.url("mod")).await.status, 200);
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    std::fs::remove_dir(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    recovered(&proxy).await;
    for files in [&held, &missed, &huge] {
        proxy.fill(files).await;
    }
    assert_eq!(proxy.get(&huge.url("zip")).await.header("x-larder-cache"), Some("hit"));
}
