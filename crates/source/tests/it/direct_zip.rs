//! Zips made of a revision's files while they are sent.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use gomod::zip;
use gomod::{ModulePath, ModuleVersion};
use source::direct::Code;

use crate::history::{History, ROOT, version};

const GO_MOD: (&str, &str) = ("go.mod", "module example.test/r\n");

/// The names in the zip of v1.0.0, without their prefix, in order.
async fn names(code: &Code, path: &str, asked: &str) -> Vec<String> {
    let bytes = code.zip(&version(asked)).await.unwrap().whole().await.unwrap();
    let module = ModuleVersion::new(ModulePath::parse(path).unwrap(), version(asked)).unwrap();
    zip::check(&mut Cursor::new(&bytes), bytes.len() as u64, &module).unwrap();
    let directory = zip::Directory::read(&mut Cursor::new(&bytes), bytes.len() as u64).unwrap();
    let prefix = format!("{module}/");
    let names = directory.entries().map(|entry| String::from_utf8(entry.name.to_vec()).unwrap());
    names.map(|name| name.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn zip_has_the_files_of_the_module_and_is_the_same_each_time() {
    let files = [
        GO_MOD,
        ("a.go", "package a\n"),
        ("link", "-> a.go"),
        ("nested/go.mod", "module example.test/r/nested\n"),
        ("nested/n.go", "package n\n"),
        ("vendor/x/y/y.go", "package y\n"),
        ("vendor/modules.txt", "# y\n"),
    ];
    let (code, _) = History::new().commit(&files).tag("v1.0.0").module(ROOT);
    assert_eq!(names(&code, ROOT, "v1.0.0").await, ["a.go", "go.mod", "vendor/modules.txt"]);
    let once = code.zip(&version("v1.0.0")).await.unwrap().whole().await.unwrap();
    assert!(code.zip(&version("v1.0.0")).await.unwrap().whole().await.unwrap() == once);
}

#[tokio::test]
async fn module_in_a_directory_inherits_the_license_unless_it_has_anything_of_that_name() {
    let sub = ("sub/go.mod", "module example.test/r/sub\n");
    let top = ("LICENSE", "do as you like\n");
    let path = "example.test/r/sub";
    for (own, want) in [
        (None, vec!["go.mod", "LICENSE"]),
        (Some(("sub/LICENSE", "do not\n")), vec!["LICENSE", "go.mod"]),
        (Some(("sub/LICENSE", "-> ../LICENSE")), vec!["go.mod"]),
        (Some(("sub/LICENSE.txt", "do not\n")), vec!["LICENSE.txt", "go.mod", "LICENSE"]),
    ] {
        let files: Vec<_> = [Some(top), Some(sub), own].into_iter().flatten().collect();
        let (code, _) = History::new().commit(&files).tag("sub/v1.0.0").module(path);
        assert_eq!(names(&code, path, "v1.0.0").await, want);
    }
}

#[tokio::test]
async fn unusable_files_are_told_before_the_first_byte() {
    let files =
        [GO_MOD, ("A.go", ""), ("a.go", ""), ("aux.go", ""), ("x?.go", ""), ("y?.go", ""), ("z?.go", "")];
    let (code, _) = History::new().commit(&files).tag("v1.0.0").module(ROOT);
    let refused = code.zip(&version("v1.0.0")).await.unwrap_err();
    assert!(refused.is_absent());
    let text = refused.to_string();
    let want = "example.test/r@v1.0.0: create zip: a.go: case-insensitive file name collision: \"A.go\" and \"a.go\"\n";
    assert!(text.starts_with(want), "{text}");
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[tokio::test]
async fn archive_that_breaks_off_ends_with_an_error_and_never_cleanly() {
    let big = "0123456789".repeat(50_000);
    let files = [GO_MOD, ("a.txt", &big), ("b.txt", &big)];
    for broken_after in 0..3 {
        let (code, _) = History::new().commit(&files).tag("v1.0.0").broken_after(broken_after).module(ROOT);
        let items: Vec<_> = code.zip(&version("v1.0.0")).await.unwrap().body.collect().await;
        assert!(items.last().unwrap().is_err(), "after {broken_after} files");
        assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
    }
}

#[tokio::test]
async fn reader_that_leaves_ends_the_making() {
    let noise: String = (0..600_000_u64).map(|n| char::from(b'a' + (n * n / 7 % 26) as u8)).collect();
    let files: Vec<(String, String)> = (0..8).map(|n| (format!("f{n}.txt"), noise.clone())).collect();
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(GO_MOD);
    let (code, repo) = History::new().commit(&files).tag("v1.0.0").module(ROOT);
    let mut body = code.zip(&version("v1.0.0")).await.unwrap().body;
    body.next().await.unwrap().unwrap();
    drop(body);
    // The test's runtime waits for its blocking threads when it ends: one that went on writing would hang it.
    drop(repo);
}

#[tokio::test]
async fn no_more_of_a_zip_is_made_than_its_reader_can_take() {
    const SIZE: u64 = 32 << 20;
    let made = Arc::new(AtomicU64::new(0));
    let (code, _) = History::new().commit(&[GO_MOD]).tag("v1.0.0").endless(SIZE, &made).module(ROOT);
    let mut body = code.zip(&version("v1.0.0")).await.unwrap().body;
    let mut sent = 0;
    while let Some(piece) = body.next().await {
        sent += piece.unwrap().len() as u64;
        // The pieces that wait, one that is being made, and what the compressor holds back.
        let ahead = made.load(Ordering::Relaxed).saturating_sub(sent);
        assert!(ahead <= 1 << 20, "{ahead} bytes ahead of {sent}");
    }
    assert_eq!(made.load(Ordering::Relaxed), SIZE);
}
