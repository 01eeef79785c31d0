//! A disk that is full: a small file system in memory, where this process may mount one.

use std::fs;
use std::path::Path;
use std::process::Command;

use store::{Blobs as _, Disk, Durability, Key, Publish, StoreError, put};

/// A mounted file system of 1 MiB and 64 files.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let done = mount(&["-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "tmpfs"], dir.path());
        if !done {
            crate::skipped("this process may not mount a file system");
        }
        done.then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// Makes files until there is no room for another.
fn fill(root: &Path) {
    let filler = root.join("filler");
    // The directory may be there, or be what there is no room for.
    let _ = fs::create_dir(&filler);
    assert!((0..1000).any(|n| fs::write(filler.join(n.to_string()), "").is_err()), "cannot be filled");
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn keep(disk: &Disk, name: &str, bytes: impl Into<bytes::Bytes>) -> Result<store::Blob, StoreError> {
    put(disk, &key(name), bytes.into(), Publish::New, Durability::Strict).await
}

async fn names(disk: &Disk) -> Vec<String> {
    disk.list(None, None, 99).await.unwrap().iter().map(|one| one.key.to_string()).collect()
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_full_and_keeps_nothing_cut() {
    let Some(small) = Small::mount() else { return };
    let disk = Disk::open(small.path()).unwrap();
    keep(&disk, "a/kept", "kept").await.unwrap();
    disk.append(&key("a/journal"), "one".into(), Durability::Strict).await.unwrap();
    let spool = disk.spool().unwrap();
    let piece = vec![1; 30_000];
    let refused = loop {
        match spool.write(&piece) {
            Ok(()) => {}
            Err(refused) => break refused,
        }
    };
    assert!(refused.is_full() && refused.is_exhausted(), "{refused:?}");
    assert_eq!(spool.size() % 30_000, 0);
    assert!(keep(&disk, "a/more", vec![1; 50_000]).await.unwrap_err().is_full());
    let record = vec![b'x'; 50_000];
    let appended = disk.append(&key("a/journal"), record.into(), Durability::Strict).await;
    assert!(appended.unwrap_err().is_full());
    assert_eq!(names(&disk).await, ["a/journal", "a/kept"]);
    assert_eq!(disk.open(&key("a/kept")).await.unwrap().read_all(9).await.unwrap(), "kept");
    // What fitted is whole, and what is whole may be published.
    let size = spool.size();
    let blob = disk.publish(&spool, &key("a/large"), Publish::New, Durability::Strict).await.unwrap();
    assert_eq!(blob.stamp_now().unwrap().size, size);

    disk.remove(&key("a/large"), None).await.unwrap();
    drop((blob, spool));
    keep(&disk, "a/more", vec![1; 50_000]).await.unwrap();
    disk.append(&key("a/journal"), "two".into(), Durability::Strict).await.unwrap();
    let journal = disk.open(&key("a/journal")).await.unwrap().read_all(99).await.unwrap();
    assert_eq!(journal, "one\ntwo\n");
}

#[tokio::test]
async fn a_disk_without_room_for_another_file_opens_and_serves() {
    let Some(small) = Small::mount() else { return };
    let disk = Disk::open(small.path()).unwrap();
    keep(&disk, "a/kept", "kept").await.unwrap();
    let waiting = disk.spool().unwrap();
    fill(small.path());
    assert!(disk.spool().unwrap_err().is_full());
    let published = disk.publish(&waiting, &key("new/directory"), Publish::New, Durability::Strict).await;
    assert!(published.unwrap_err().is_full());
    disk.sync().await.unwrap();
    drop((disk, waiting));
    fill(small.path());

    let disk = Disk::open(small.path()).unwrap();
    assert!(disk.was_unclean());
    assert_eq!(disk.open(&key("a/kept")).await.unwrap().read_all(9).await.unwrap(), "kept");
    assert!(disk.spool().unwrap_err().is_full());
    fs::remove_dir_all(small.path().join("filler")).unwrap();
    keep(&disk, "new/directory", "room").await.unwrap();
}
