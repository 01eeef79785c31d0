//! What only the disk has: the lock, the sweep, the marks, names that are not keys.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use store::{Blobs as _, Disk, Durability, Key, Publish, StoreError, put};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn keep(disk: &Disk, name: &str, bytes: &'static str) -> store::Blob {
    put(disk, &key(name), Bytes::from_static(bytes.as_bytes()), Publish::New, Durability::Batched)
        .await
        .unwrap()
}

#[test]
fn a_second_open_is_refused_and_names_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let first = Disk::open(dir.path()).unwrap();
    let Err(StoreError::Locked { pid, .. }) = Disk::open(dir.path()) else { panic!("opened twice") };
    assert_eq!(pid, Some(std::process::id()));
    drop(first);
    Disk::open(dir.path()).unwrap();
}

#[tokio::test]
async fn an_object_is_a_file_others_may_read_at_the_path_of_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    let blob = keep(&disk, "modules/example.com/!big/@v/v1.0.0.mod", "module x\n").await;
    let path = dir.path().join("modules/example.com/!big/@v/v1.0.0.mod");
    assert_eq!(fs::read(&path).unwrap(), b"module x\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(disk.open(blob.key()).await.unwrap().stamp(), blob.stamp());
}

#[test]
fn thousands_of_left_overs_do_not_delay_opening_and_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("tmp/run-0/deeper");
    fs::create_dir_all(&old).unwrap();
    for n in 0..5000 {
        fs::write(old.join(n.to_string()), "left").unwrap();
    }
    fs::write(dir.path().join("tmp/stray"), "left").unwrap();
    let began = Instant::now();
    let disk = Disk::open(dir.path()).unwrap();
    let took = began.elapsed();
    // On a busy machine either may fail for once: the clock, or the sweep being slower than this thread.
    assert!(took < Duration::from_millis(100) || old.exists(), "{took:?}");
    disk.wait_until_swept();
    let names: Vec<_> =
        fs::read_dir(dir.path().join("tmp")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["run-1"]);
    drop(disk);
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_unclean_stop_is_known_until_somebody_says_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let began = SystemTime::now();
    let fresh = Disk::open(dir.path()).unwrap();
    assert!(!fresh.was_unclean(), "a new directory");
    keep(&fresh, "meta/a", "a").await;
    drop(fresh);

    let unclean = Disk::open(dir.path()).unwrap();
    assert_eq!(unclean.unsynced_since(), Some(SystemTime::UNIX_EPOCH), "never synced");
    unclean.sync().await.unwrap();
    unclean.close().unwrap();
    drop(unclean);

    let still = Disk::open(dir.path()).unwrap();
    assert_eq!(still.unsynced_since(), Some(SystemTime::UNIX_EPOCH), "nobody has recovered");
    still.recovered();
    assert!(!still.was_unclean());
    still.sync().await.unwrap();
    let late = keep(&still, "meta/b", "b").await;
    drop(still);

    let synced = Disk::open(dir.path()).unwrap();
    let since = synced.unsynced_since().unwrap();
    assert!(since >= began - Duration::from_secs(12) && since <= late.stamp().changed(), "{since:?}");
    synced.recovered();
    synced.close().unwrap();
    drop(synced);
    assert!(!Disk::open(dir.path()).unwrap().was_unclean(), "closed in order");
    assert!(Disk::open(dir.path()).unwrap().was_unclean(), "the mark of the clean stop counts once");
}

#[tokio::test]
async fn a_closed_store_is_read_but_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    keep(&disk, "meta/a", "a").await;
    let spool = disk.spool().unwrap();
    disk.close().unwrap();
    disk.close().unwrap();
    let late = key("meta/b");
    assert!(matches!(disk.spool(), Err(StoreError::Closed)));
    let published = disk.publish(&spool, &late, Publish::New, Durability::Batched).await;
    assert!(matches!(published, Err(StoreError::Closed)));
    let appended = disk.append(&late, Bytes::from_static(b"x"), Durability::Batched).await;
    assert!(matches!(appended, Err(StoreError::Closed)));
    assert!(matches!(disk.remove(&key("meta/a"), None).await, Err(StoreError::Closed)));
    assert_eq!(disk.open(&key("meta/a")).await.unwrap().read_all(9).await.unwrap(), "a");
}

#[tokio::test]
async fn files_of_the_store_itself_are_no_objects() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    keep(&disk, "meta/a", "a").await;
    for own in ["LOCK", "tmp/run-0", "vcs/x", "SYNCED"] {
        assert!(disk.open(&key(own)).await.unwrap_err().is_absent());
        let put = put(&disk, &key(own), Bytes::new(), Publish::Replace, Durability::Batched).await;
        assert!(matches!(put, Err(StoreError::Misplaced { .. })), "{own}");
    }
    let listed = disk.list(None, None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|l| l.key.as_str()).collect::<Vec<_>>(), ["meta/a"]);
}

#[tokio::test]
async fn a_file_cut_by_somebody_else_is_an_error_and_not_a_short_read() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    let blob = keep(&disk, "meta/a", "0123456789").await;
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("meta/a")).unwrap();
    file.set_len(4).unwrap();
    assert_ne!(blob.stamp_now().unwrap(), blob.stamp());
    assert!(matches!(blob.read(0, 10).await, Err(StoreError::Truncated { at: 4, size_bytes: 10, .. })));
    let mut all = Vec::new();
    assert!(std::io::Read::read_to_end(&mut blob.reader(), &mut all).is_err());
}

#[tokio::test]
async fn a_tail_torn_by_a_crash_stays_a_line_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    let log = key("meta/log");
    disk.append(&log, Bytes::from_static(b"one"), Durability::Strict).await.unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(dir.path().join("meta/log")).unwrap();
    file.write_all(b"to").unwrap();
    disk.append(&log, Bytes::from_static(b"two"), Durability::Strict).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("meta/log")).unwrap(), "one\nto\ntwo\n");
}

#[tokio::test]
async fn a_spool_of_another_store_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (Disk::open(one.path()).unwrap(), Disk::open(two.path()).unwrap());
    let spool = one.spool().unwrap();
    let published = two.publish(&spool, &key("a"), Publish::New, Durability::Batched).await;
    assert!(matches!(published, Err(StoreError::Foreign)));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_in_the_page_cache_is_read_without_waiting() {
    let Some(dir) = ordinary() else { return };
    let disk = Disk::open(dir.path()).unwrap();
    let blob = keep(&disk, "a", "0123456789").await;
    assert_eq!(blob.read_now(2, 3).unwrap().unwrap(), "234");
    assert_eq!(blob.read_now(8, 30).unwrap().unwrap(), "89");
    assert_eq!(blob.read_now(10, 30).unwrap().unwrap(), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_was_opened_before_is_opened_without_a_thread_hop() {
    use futures_util::FutureExt as _;
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let dir = tempfile::tempdir().unwrap();
    let asked = openat2(CWD, dir.path(), OFlags::RDONLY, Mode::empty(), ResolveFlags::CACHED);
    if asked.is_err() {
        crate::skipped("this system does not open without waiting");
        return;
    }
    let disk = Disk::open(dir.path()).unwrap();
    keep(&disk, "a/b/c", "x").await;
    disk.open(&key("a/b/c")).await.unwrap();
    let again = disk.open(&key("a/b/c")).now_or_never().unwrap().unwrap();
    assert_eq!(again.size(), 1);
}

/// What Linux calls file systems in memory.
#[cfg(target_os = "linux")]
const TMPFS: i64 = 0x0102_1994;

/// A directory on a file system that can read without waiting.
#[cfg(target_os = "linux")]
fn ordinary() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let kind = rustix::fs::statfs(dir.path()).unwrap().f_type;
    if kind == TMPFS {
        crate::skipped("the directory for temporary files is in memory");
        return None;
    }
    Some(dir)
}
