//! A GOPROXY tree on disk as a source.

use std::fs;
use std::path::Path;

use source::{Class, Source, SourceError, Tree, TreeError};
use testkit::ModuleFiles;

use crate::ask::{INFO, LIST, ZIP, read, request};

fn write(root: &Path, path: &str, content: &[u8]) {
    let file = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

#[tokio::test]
async fn every_kind_of_file_is_read_from_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    let module = ModuleFiles::new("example.com/Mixed", "v1.0.0").padding(400_000);
    testkit::Tree::write(dir.path(), std::slice::from_ref(&module));
    write(dir.path(), &module.latest_url(), &module.info());
    let tree = Tree::new("file", dir.path());
    assert_eq!(read(&tree, &module.url("info")).await.unwrap(), module.info());
    assert_eq!(read(&tree, &module.url("mod")).await.unwrap(), module.mod_file());
    assert_eq!(read(&tree, &module.url("zip")).await.unwrap(), module.zip());
    assert_eq!(read(&tree, &module.list_url()).await.unwrap(), b"v1.0.0\n");
    assert_eq!(read(&tree, &module.latest_url()).await.unwrap(), module.info());
    let zip = tree.fetch(&request(&module.url("zip"))).await.unwrap();
    assert_eq!(zip.size, Some(module.zip().len() as u64));
    assert_eq!(tree.name(), "file");
}

#[tokio::test]
async fn an_empty_file_is_an_empty_answer() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), LIST, b"");
    assert_eq!(read(&Tree::new("file", dir.path()), LIST).await.unwrap(), b"");
}

#[tokio::test]
async fn what_is_not_in_the_tree_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "/example.com/m/@v/v1.0.0.info/inner", b"");
    write(dir.path(), "/example.com/other", b"");
    let tree = Tree::new("file", dir.path());
    let long = format!("/example.com/{}/@v/list", "x".repeat(300));
    for path in [LIST, INFO, "/example.com/other/@v/list", &long] {
        let error = read(&tree, path).await.unwrap_err();
        assert!(matches!(error, SourceError::Absent { transient: false, .. }), "{path}: {error:?}");
        assert!(!error.text().contains(dir.path().to_str().unwrap()));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_tree_that_cannot_be_read_is_unavailable() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "/example.com/m/@v/v1.0.0.mod", b"module example.com/m\n");
    // A loop of links fails for every user; permissions do not stop the administrator.
    symlink("v1.0.0.info", dir.path().join(INFO.trim_start_matches('/'))).unwrap();
    let error = read(&Tree::new("file", dir.path()), INFO).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{error:?}");
    assert!(!error.text().contains(dir.path().to_str().unwrap()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_tree_is_absent_and_does_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), LIST, b"");
    let socket = dir.path().join(INFO.trim_start_matches('/'));
    let _held = std::os::unix::net::UnixListener::bind(socket).unwrap();
    assert!(read(&Tree::new("file", dir.path()), INFO).await.unwrap_err().is_absent());
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_wherever_they_lead() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "content", b"{}");
    write(dir.path(), LIST, b"");
    let link = dir.path().join(INFO.trim_start_matches('/'));
    std::os::unix::fs::symlink(elsewhere.path().join("content"), link).unwrap();
    assert_eq!(read(&Tree::new("file", dir.path()), INFO).await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), ZIP, &[7; 1000]);
    let tree = Tree::new("file", dir.path());
    let fetched = tree.fetch(&request(ZIP)).await.unwrap();
    write(dir.path(), ZIP, &[7; 10]);
    let error = crate::ask::body(fetched).await.unwrap_err();
    assert!(matches!(error, SourceError::Cut { size: Some(1000), .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_appended_while_a_file_is_read_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), LIST, b"v1.0.0\n");
    let tree = Tree::new("file", dir.path());
    let fetched = tree.fetch(&request(LIST)).await.unwrap();
    write(dir.path(), LIST, b"v1.0.0\nv1.1.0\n");
    assert_eq!(crate::ask::body(fetched).await.unwrap(), b"v1.0.0\n");
}

#[tokio::test]
async fn a_small_file_beyond_the_bound_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), INFO, b"");
    let file = fs::File::options().write(true).open(dir.path().join(INFO.trim_start_matches('/'))).unwrap();
    file.set_len((16 << 20) + 1).unwrap();
    assert_eq!(read(&Tree::new("file", dir.path()), INFO).await.unwrap_err().class(), Class::Corrupt);
}

#[test]
fn a_file_url_has_a_path_and_nothing_else() {
    for (url, root) in [
        ("file:///srv/modules", Ok("/srv/modules")),
        ("file:///srv/a%20b", Ok("/srv/a b")),
        ("file:///srv/50%2525", Ok("/srv/50%25")),
        ("file:/srv/modules", Ok("/srv/modules")),
        ("file://host/srv", Err(TreeError::NotOnlyPath)),
        ("file://localhost/srv", Err(TreeError::NotOnlyPath)),
        ("file:///srv?x", Err(TreeError::NotOnlyPath)),
        ("file:///srv#x", Err(TreeError::NotOnlyPath)),
        ("file:srv", Err(TreeError::Path)),
        ("file:///srv%00", Err(TreeError::Path)),
        ("https://p.example", Err(TreeError::Scheme)),
    ] {
        let tree = Tree::from_url("file", url);
        assert_eq!(tree.as_ref().map(Tree::root), root.as_ref().map(|root| Path::new(*root)), "{url}");
    }
}
