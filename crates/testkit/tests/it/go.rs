//! The go command as client of the fakes and as judge of the module builder.

use testkit::go::{self, Go};
use testkit::{ModuleFiles, Tree, Upstream};

fn modules() -> [ModuleFiles; 2] {
    [
        ModuleFiles::new("example.com/Hello", "v1.0.0")
            .requires(&[("example.com/plain", "v0.1.0")])
            .file("hello.go", "package hello\n\nimport _ \"example.com/plain\"\n")
            .file("a~b é.txt", "names\n")
            .file("empty.txt", "")
            .padding(50_000),
        ModuleFiles::new("example.com/plain", "v0.1.0").without_go_mod().file("plain.go", "package plain\n"),
    ]
}

#[tokio::test]
async fn the_go_command_takes_made_modules_and_agrees_on_their_hashes() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    Tree::write(&tree, &modules());
    let upstream = Upstream::of(&modules()).await;
    for (name, proxy) in [("file", format!("file://{}", tree.display())), ("http", upstream.url())] {
        let go = Go::new(&dir.path().join(name)).proxy(proxy);
        for files in modules() {
            let wanted = format!("{}@{}", files.path(), files.version());
            let download = go.run(&["mod", "download", "-json", &wanted]).await;
            download.success();
            assert_eq!(download.json_field("Sum"), Some(files.zip_h1().as_str()));
            assert_eq!(download.json_field("GoModSum"), Some(files.mod_h1().as_str()));
        }
    }
}

#[tokio::test]
async fn the_go_command_sees_nothing_but_what_it_was_given() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let go = Go::new(dir.path());
    let refused = go.run(&["mod", "download", "example.com/plain@v0.1.0"]).await;
    assert!(!refused.ok && refused.stderr.contains("GOPROXY=off"), "{refused:?}");
    let env = go.run(&["env", "GOMODCACHE", "GOFLAGS", "GOTOOLCHAIN"]).await;
    let expected = format!("{}\n-mod=mod -modcacherw\nlocal\n", go.mod_cache().display());
    assert_eq!(env.success(), expected);
}
