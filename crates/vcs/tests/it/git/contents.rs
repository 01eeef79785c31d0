//! What files are, as a module gets them: conversions, and things that are no files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use vcs::EntryKind;

use super::{Files, World, git, unpack};

async fn world(steps: &str) -> World {
    World::new(&format!("git init\ngit config uploadpack.allowFilter true\nat 2020-01-01T00:00:00Z\n{steps}"))
        .await
}

/// The files below a directory of the default branch.
async fn archive(world: &World, directory: &str) -> Files {
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    unpack(repo.archive(&id, directory).await.unwrap()).await
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8_lossy(&files[path.as_bytes()]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_ends_identities_and_encodings_are_those_of_a_checkout() {
    let world = world(
        "unquote '*.bat text eol=crlf\\n*.id ident\\n*.u16 working-tree-encoding=UTF-16LE\\n*.txt text=auto\\n'\n\
         cp stdout .gitattributes\necho 'one'\ncp stdout a.bat\ncp stdout a.txt\ncp stdout a.u16.plain\n\
         unquote '$Id$\\n'\ncp stdout a.id\ngit add .\ngit commit -q -m x\n",
    )
    .await;
    std::fs::write(world.dir.path().join("host/r/b.u16"), b"h\0i\0\n\0").unwrap();
    world.go_on("git add .\ngit commit -q -m y\n");
    let files = archive(&world, "").await;
    assert_eq!(text(&files, "a.bat"), "one\r\n");
    assert_eq!(text(&files, "a.txt"), "one\n");
    let blob = world.git(&["rev-parse", "HEAD:a.id"]);
    assert_eq!(text(&files, "a.id"), format!("$Id: {blob} $\n"));
    assert_eq!(files[&b"b.u16"[..]], b"h\0i\0\n\0");
    // Single files are as they are stored.
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    assert_eq!(repo.read_file(&id, "a.id", 100).await.unwrap().unwrap(), "$Id$\n");
    assert_eq!(repo.read_file(&id, "b.u16", 100).await.unwrap().unwrap(), "hi\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_of_directories_above_count() {
    let world = world(
        "mkdir sub/deep\nunquote 'sub/deep/*.txt text eol=crlf\\n'\ncp stdout .gitattributes\necho 'one'\n\
         cp stdout sub/deep/a.txt\ngit add .\ngit commit -q -m x\n",
    )
    .await;
    assert_eq!(text(&archive(&world, "sub/deep").await, "a.txt"), "one\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_meant_for_archives_alone_is_not_done() {
    let world = world(
        "unquote 'ignored.go export-ignore\\nv.go export-subst\\n'\ncp stdout .gitattributes\n\
         unquote '$Format:%H$\\n'\ncp stdout v.go\ncp stdout ignored.go\ngit add .\ngit commit -q -m x\n",
    )
    .await;
    let files = archive(&world, "").await;
    assert_eq!(text(&files, "v.go"), "$Format:%H$\n");
    assert!(files.contains_key(&b"ignored.go"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_submodules_are_told_and_have_no_content() {
    let world =
        world("mkdir d\necho 'one'\ncp stdout d/a\ncp stdout z\ngit add .\ngit commit -q -m x\n").await;
    std::os::unix::fs::symlink("d/a", world.dir.path().join("host/r/link")).unwrap();
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.git(&["add", "link"]);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},module")]);
    world.git(&["commit", "-q", "-m", "y"]);
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    let listed = repo.archive(&id, "").await.unwrap();
    let kinds: Vec<_> = listed.entries.iter().map(|entry| (entry.path.as_slice(), entry.kind)).collect();
    assert_eq!(
        kinds,
        [
            (&b"d/a"[..], EntryKind::File),
            (b"link", EntryKind::Symlink),
            (b"module", EntryKind::Other),
            (b"z", EntryKind::File)
        ]
    );
    let files = unpack(listed).await;
    assert_eq!(files.keys().collect::<Vec<_>>(), [&b"d/a".to_vec(), &b"z".to_vec()]);
    assert_eq!(repo.read_file(&id, "link", 100).await.unwrap().unwrap(), "d/a");
    assert_eq!(repo.read_file(&id, "link/a", 100).await.unwrap(), None);
    for path in ["module", "module/go.mod"] {
        assert_eq!(repo.read_file(&id, path, 100).await.unwrap(), None, "{path}");
    }
    assert_eq!(repo.archive(&id, "module").await.unwrap().entries, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_submodules_make_an_archive_without_content() {
    let world = world("git commit -q --allow-empty -m x\n").await;
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},module")]);
    world.git(&["commit", "-q", "-m", "y"]);
    assert_eq!(archive(&world, "").await, Files::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_any_bytes_and_any_length_are_kept() {
    let world = world("git commit -q --allow-empty -m x\n").await;
    let dir = world.dir.path().join("host/r");
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    let names: [&[u8]; 6] = [b"\xff\xfe.go", b"a b", b"-x", "\u{e9}".as_bytes(), b":(top)x", long.as_bytes()];
    for name in names {
        let file = dir.join(OsStr::from_bytes(name));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, name).unwrap();
    }
    git(&dir, &["add", "."].map(OsStr::new));
    world.git(&["commit", "-q", "-m", "y"]);
    let files = archive(&world, "").await;
    assert_eq!(files.len(), names.len());
    assert!(files.iter().all(|(name, content)| name == content));
    assert_eq!(archive(&world, &"d".repeat(200)).await.len(), 1);
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    for name in ["a b", "-x", "\u{e9}", ":(top)x", &long] {
        assert_eq!(repo.read_file(&id, name, 1000).await.unwrap().unwrap(), name, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_attributes_and_settings_change_no_content() {
    let world = world("echo 'one'\ncp stdout a.txt\ngit add .\ngit commit -q -m x\n").await;
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    let listed = repo.archive(&id, "").await.unwrap();
    assert_eq!(listed.entries[0].size_bytes, 4);
    assert_eq!(text(&unpack(listed).await, "a.txt"), "one\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_through_as_a_stream() {
    let world = world("git commit -q --allow-empty -m x\n").await;
    let bytes: Vec<u8> =
        (0..3_000_000_u32).map(|n| u8::try_from(n.wrapping_mul(n) >> 7 & 0xff).unwrap()).collect();
    std::fs::write(world.dir.path().join("host/r/big"), &bytes).unwrap();
    world.go_on("git add .\ngit commit -q -m y\n");
    let files = archive(&world, "").await;
    assert!(files[&b"big"[..]] == bytes);
    let repo = world.repo();
    let id = repo.stat(None).await.unwrap().id;
    let error = repo.read_file(&id, "big", 1 << 20).await.unwrap_err();
    assert_eq!(error.to_string(), "big is larger than 1048576 bytes");
}
