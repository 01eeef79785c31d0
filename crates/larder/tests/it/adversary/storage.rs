//! A data directory that misbehaves.

use std::sync::Arc;

use larder::auth::Identity;
use larder::cache::Content;
use larder::cache::evidence::FoundBy;
use larder::pipeline::{AnswerContent, Class, Pipeline, Reach};
use testkit::faulty::{Failure, Fault, Faulty, Operation};
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::{TestProxy, config_of};

fn files() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0").padding(300_000)
}

#[tokio::test]
async fn garbage_in_the_data_directory_costs_a_fetch_and_nothing_else() {
    let files = files();
    let garbage: [&[u8]; 6] =
        [b"", b"\n", b"\0\0\0\n", b"{}\n", b"{\"source\":\"x\"}\nv9.9.9\n", &[0xff; 4096]];
    for bytes in garbage {
        let (upstream, proxy) = TestProxy::holding(&files).await;
        proxy.get(&files.list_url()).await;
        proxy.get(&files.latest_url()).await;
        let below = [
            "meta/example.com/m/@manifest",
            "meta/example.com/m/@known/list",
            "meta/example.com/m/@known/latest",
            "modules/example.com/m/@v/list",
        ];
        let paths = below.map(|below| proxy.data(below));
        let proxy = proxy.restart().await;
        for path in &paths {
            std::fs::write(path, bytes).unwrap();
        }
        proxy.fill(&files).await;
        assert_eq!(proxy.get(&files.list_url()).await.text(), "v1.0.0\n");
        assert_eq!(proxy.get(&files.latest_url()).await.body, files.info());
        assert_eq!(std::fs::read(&paths[3]).unwrap(), b"v1.0.0\n");
        let proxy = proxy.restart().await;
        upstream.stop().await;
        proxy.fill(&files).await;
    }
}

#[tokio::test]
async fn records_and_files_that_do_not_belong_together_are_found_out() {
    let files = files();
    for kind in ["info", "mod", "zip"] {
        for damage in ["gone", "short", "long", "empty", "directory"] {
            let (_upstream, proxy) = TestProxy::holding(&files).await;
            let path = proxy.data(&format!("modules{}", files.url(kind)));
            let proxy = proxy.restart().await;
            let bytes = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            match damage {
                "short" => std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
                "long" => std::fs::write(&path, [&bytes[..], b"x"].concat()).unwrap(),
                "empty" => std::fs::write(&path, b"").unwrap(),
                "directory" => std::fs::create_dir(&path).unwrap(),
                _ => {}
            }
            if damage == "directory" {
                let status = proxy.get(&files.url(kind)).await.status;
                assert_ne!(status, 404, "{kind} {damage}");
                std::fs::remove_dir(&path).unwrap();
                proxy.clock().advance(std::time::Duration::from_secs(2));
            }
            proxy.fill(&files).await;
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{kind} {damage}");
        }
    }
}

#[tokio::test]
async fn the_tree_may_be_deleted_under_the_running_server() {
    let files = files();
    let other = ModuleFiles::new("example.com/other", "v1.0.0").padding(100_000);
    let upstream = Upstream::of(&[files.clone(), other.clone()]).await;
    let proxy = TestProxy::over(&upstream);
    proxy.fill(&files).await;
    for below in ["modules", "meta", "tmp"] {
        std::fs::remove_dir_all(proxy.data(below)).unwrap();
    }
    proxy.fill(&files).await;
    proxy.fill(&other).await;
    let proxy = proxy.restart().await;
    proxy.fill(&files).await;
    proxy.fill(&other).await;
    proxy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_kinds_kept_at_once_are_all_recorded() {
    let versions: Vec<_> =
        (0..40).map(|n| ModuleFiles::new("example.com/m", &format!("v1.{n}.0")).padding(1000 * n)).collect();
    let upstream = Upstream::of(&versions).await;
    let proxy = TestProxy::over(&upstream);
    let mut asking = Vec::new();
    for files in &versions {
        for kind in ["info", "mod", "zip"] {
            let (address, path) = (proxy.address(), files.url(kind));
            asking.push(tokio::spawn(async move { testkit::raw::get(address, &path).await.status }));
        }
    }
    for one in asking {
        assert_eq!(one.await.unwrap(), 200);
    }
    let proxy = proxy.restart().await;
    upstream.stop().await;
    for files in &versions {
        proxy.fill(files).await;
    }
    let list = std::fs::read_to_string(proxy.data("modules/example.com/m/@v/list")).unwrap();
    assert_eq!(list.lines().count(), 40);
}

/// What a client would get: the whole content, or none.
async fn whole(pipeline: &Arc<Pipeline>, path: &str) -> Result<Vec<u8>, Class> {
    let who = Identity { peer: None, listener: "test".into(), host: None, principal: None };
    let want = gomod::Request::parse(path.trim_start_matches('/')).unwrap();
    let answer = pipeline.answer(&who, &want, Reach::Anywhere).await.map_err(|error| error.class())?;
    let mut bytes = Vec::new();
    match answer.content {
        AnswerContent::Held(held) => match held.content {
            Content::Memory(memory) => bytes.extend_from_slice(&memory),
            Content::File(file) => {
                while (bytes.len() as u64) < file.record().size {
                    let piece =
                        file.read(bytes.len() as u64, usize::MAX).await.map_err(|_| Class::Unavailable)?;
                    bytes.extend_from_slice(&piece);
                }
            }
        },
        AnswerContent::Arriving(mut follower, _) => {
            while let Some(piece) = follower.next().await {
                bytes.extend_from_slice(&piece.map_err(|_| Class::Unavailable)?);
            }
        }
        AnswerContent::Passed(passed) => bytes.extend_from_slice(&passed.bytes),
    }
    Ok(bytes)
}

#[tokio::test]
async fn whatever_fails_in_the_store_an_answer_is_right_or_a_failure_and_never_an_absence() {
    use Operation::{Append, Open, Publish, Read, Spool, Write};
    let files = files();
    let failures = [Failure::Full, Failure::ReadOnly, Failure::NoDescriptors, Failure::Io];
    for operation in [Open, Read, Spool, Write, Publish, Append] {
        for fault in failures.iter().flat_map(|it| [Fault::Before(*it), Fault::After(*it)]) {
            let upstream = Upstream::of(std::slice::from_ref(&files)).await;
            let blobs = Faulty::new(store::Memory::new());
            let clock = larder::clock::Clock::manual();
            let config =
                config_of(&[("upstream".to_owned(), upstream.url()), ("data".to_owned(), "/".to_owned())]);
            let tasks = larder::tasks::Tasks::default();
            let pipeline =
                larder::app::pipeline_over(&config, Arc::new(blobs.clone()), tasks, clock.clone()).unwrap();
            blobs.fail_always(operation, fault);
            let contents = [files.info(), files.mod_file(), files.zip()];
            let paths = ["info", "mod", "zip"].map(|kind| files.url(kind));
            for (path, content) in paths.iter().zip(&contents) {
                let got = whole(&pipeline, path).await;
                match got {
                    Ok(bytes) => assert!(bytes == *content, "{operation:?} {fault:?} {path}"),
                    Err(class) => {
                        assert_eq!(class, Class::Unavailable, "{operation:?} {fault:?} {path}");
                        // What cannot be kept is served all the same.
                        let must = !matches!(operation, Open | Read);
                        assert!(!must, "{operation:?} {fault:?} {path} {class:?}");
                    }
                }
            }
            blobs.heal();
            clock.advance(std::time::Duration::from_secs(2));
            for (path, content) in paths.iter().zip(&contents) {
                let got = whole(&pipeline, path).await;
                assert!(
                    got.as_ref() == Ok(&content.to_vec()),
                    "{operation:?} {fault:?} {path} after: {:?}",
                    got.err()
                );
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_served_as_held_or_taken_for_a_left_over_before_its_record_is_written() {
    let files = files();
    for kind in ["info", "mod", "zip"] {
        let upstream = Upstream::of(std::slice::from_ref(&files)).await;
        let blobs = Faulty::new(store::Memory::new());
        let config =
            config_of(&[("upstream".to_owned(), upstream.url()), ("data".to_owned(), "/".to_owned())]);
        let (tasks, clock) = (larder::tasks::Tasks::default(), larder::clock::Clock::manual());
        let pipeline = larder::app::pipeline_over(&config, Arc::new(blobs.clone()), tasks, clock).unwrap();
        let hold = blobs.hang_next(Operation::Append);
        let (asked, path) = (pipeline.clone(), files.url(kind));
        let asking = tokio::spawn(async move { whole(&asked, &path).await.map(|_| ()) });
        testkit::eventually("the record", || async { blobs.seen(Operation::Append) == 1 }).await;
        let want = gomod::Request::parse(files.url(kind).trim_start_matches('/')).unwrap();
        assert!(!matches!(pipeline.cache().lookup(&want).await.unwrap(), larder::cache::Lookup::Fresh(_)));
        let key = store::Key::parse(&format!("modules{}", files.url(kind))).unwrap();
        assert!(!pipeline.cache().vouches_for(&key).await.unwrap());
        let (cache, doubted) = (pipeline.cache().clone(), key.clone());
        let taking = tokio::spawn(async move { cache.take_out(&doubted, FoundBy::Start).await.unwrap() });
        tokio::task::yield_now().await;
        drop(hold);
        assert_eq!(asking.await.unwrap(), Ok(()));
        assert!(taking.await.unwrap().is_none(), "a file was taken out under the hand of its writer");
        assert!(pipeline.cache().vouches_for(&key).await.unwrap());
    }
}
