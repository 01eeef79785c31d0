//! What needs a process of its own: being killed, the most memory ever used, the limit of descriptors.
//!
//! The test binary starts itself with the name of a role; [`plays_its_role`] is a test that passes at once in any
//! other run.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};
use store::{Blobs as _, Disk, Durability, Key, Publish, StoreError, put};

const ROLE: &str = "STORE_TEST_ROLE";
const DIRECTORY: &str = "STORE_TEST_DIRECTORY";

fn start(role: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::plays_its_role", "--nocapture"])
        .env(ROLE, role)
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[tokio::test]
async fn plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let disk = Disk::open(std::env::var(DIRECTORY).unwrap()).unwrap();
    match role.as_str() {
        "publish" => publish_for_ever(&disk).await,
        "large" => keep_a_large_object(&disk).await,
        "descriptors" => run_out_of_descriptors(&disk).await,
        other => panic!("{other}"),
    }
}

/// Objects of one byte value each, of some size; a journal; and a spool that is never finished.
async fn publish_for_ever(disk: &Disk) {
    let unfinished = disk.spool().unwrap();
    for n in 0u32.. {
        unfinished.write(&[0; 1000]).unwrap();
        let bytes = vec![u8::try_from(n % 251).unwrap(); 30_000];
        let name = key(&format!("modules/{}/{n}", n % 7));
        put(disk, &name, bytes.into(), Publish::New, Durability::Batched).await.unwrap();
        disk.append(&key("meta/journal"), n.to_string().into(), Durability::Batched).await.unwrap();
        println!("\nkept {n}");
    }
}

#[tokio::test]
async fn a_process_killed_at_any_moment_leaves_only_whole_objects() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start("publish", dir.path());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kept = 0;
    for line in lines {
        if let Some(n) = line.unwrap().strip_prefix("kept ") {
            kept = n.parse().unwrap();
        }
        if kept == 200 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(kept >= 200);

    let disk = Disk::open(dir.path()).unwrap();
    assert!(disk.was_unclean());
    let listed = disk.list(None, None, usize::MAX).await.unwrap();
    assert!(listed.len() > kept);
    for one in listed.iter().filter(|one| one.key.is_under(&key("modules"))) {
        let bytes = disk.open(&one.key).await.unwrap().read_all(1 << 20).await.unwrap();
        assert_eq!(bytes.len(), 30_000, "{}", one.key);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "{}", one.key);
    }
    let journal = disk.open(&key("meta/journal")).await.unwrap().read_all(1 << 20).await.unwrap();
    let records = std::str::from_utf8(&journal).unwrap().lines().map(|line| line.parse::<usize>().unwrap());
    assert!(records.take(kept + 1).eq(0..=kept), "what was acknowledged");
    disk.wait_until_swept();
    let runs: Vec<_> = std::fs::read_dir(dir.path().join("tmp")).unwrap().collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
}

async fn keep_a_large_object(disk: &Disk) {
    let before = peak_memory_kib();
    let spool = disk.spool().unwrap();
    let piece = vec![7; 256 * 1024];
    for _ in 0..400 {
        spool.write(&piece).unwrap();
        assert_eq!(spool.read_at(spool.size() - 100, 100).unwrap().len(), 100);
    }
    let blob = disk.publish(&spool, &key("large"), Publish::New, Durability::Strict).await.unwrap();
    assert_eq!(blob.size(), 100 << 20);
    let mut reader = blob.reader();
    let mut buffer = vec![0; 256 * 1024];
    while reader.read(&mut buffer).unwrap() > 0 {
        assert!(buffer == piece);
    }
    println!("\ngrew {}", peak_memory_kib() - before);
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_hundred_mebibytes_go_through_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let output = start("large", dir.path()).wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let grew: u64 = text.lines().find_map(|line| line.strip_prefix("grew ")).unwrap().parse().unwrap();
    assert!(grew < 8 * 1024, "{grew} KiB");
}

async fn run_out_of_descriptors(disk: &Disk) {
    let kept = put(disk, &key("a/kept"), "kept".into(), Publish::New, Durability::Batched).await.unwrap();
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
    let mut open = Vec::new();
    let refused = loop {
        match disk.open(kept.key()).await {
            Ok(blob) => open.push(blob),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreError::NoDescriptors { operation: "open", .. }), "{refused:?}");
    assert!(matches!(disk.spool(), Err(StoreError::NoDescriptors { .. })));
    assert!(disk.open(&key("a/missing")).await.is_err_and(|error| !error.is_full()));
    assert_eq!(kept.read(0, 9).await.unwrap(), "kept");
    drop(open);
    put(disk, &key("a/more"), "more".into(), Publish::New, Durability::Strict).await.unwrap();
    println!("\nrecovered");
}

#[test]
fn without_descriptors_open_objects_are_read_and_the_rest_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let output = start("descriptors", dir.path()).wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().any(|line| line == "recovered"), "{text}");
}
