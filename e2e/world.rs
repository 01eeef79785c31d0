//! The modules that the go command works with here: every odd form of path and version, in one graph.

use std::path::{Path, PathBuf};

use testkit::go::Go;
use testkit::{ModuleFiles, Tree, Upstream};

/// A commit of `example.com/pseudo`, which has no tags.
pub(crate) const PSEUDO: &str = "v0.0.0-20260102030405-0123456789ab";
/// An `.info` as newer go commands write it, with the place that the version came from.
pub(crate) const ORIGIN: &str = r#"{"Version":"v1.2.0","Time":"2026-01-02T03:04:05Z","Origin":{"VCS":"git","URL":"https://example.com/upper","Hash":"0123456789abcdef0123456789abcdef01234567","Ref":"refs/tags/v1.2.0"}}"#;

/// The main module: what a person works on.
pub(crate) const MAIN_MOD: &str = "module example.com/main

go 1.21

require (
\texample.com/Upper/Lib v1.2.0
\texample.com/chain v1.0.0
\texample.com/link v0.3.0 // indirect
\texample.com/old v3.0.0+incompatible
\texample.com/pre v1.0.0-rc.1
\texample.com/pseudo v0.0.0-20260102030405-0123456789ab
\texample.com/two/v2 v2.1.0
)
";

/// What `go list -m all` says of the main module.
pub(crate) const GRAPH: &str = "example.com/main
example.com/Upper/Lib v1.2.0
example.com/chain v1.0.0
example.com/link v0.3.0
example.com/old v3.0.0+incompatible
example.com/pre v1.0.0-rc.1
example.com/pseudo v0.0.0-20260102030405-0123456789ab
example.com/two/v2 v2.1.0
";

fn library(path: &str, version: &str) -> ModuleFiles {
    let name = path.split('/').next_back().unwrap().to_lowercase();
    ModuleFiles::new(path, version).file("lib.go", format!("package {name}\n"))
}

/// Every module version there is.
pub(crate) fn modules() -> Vec<ModuleFiles> {
    let newest = "module example.com/Upper/Lib\n\ngo 1.21\n\nretract v1.3.0 // made by mistake\n";
    vec![
        library("example.com/Upper/Lib", "v1.0.0"),
        library("example.com/Upper/Lib", "v1.2.0").requires(&[("example.com/link", "v0.1.0")]),
        library("example.com/Upper/Lib", "v1.10.0-beta.1"),
        library("example.com/Upper/Lib", "v1.3.0").go_mod(newest),
        library("example.com/chain", "v1.0.0").requires(&[("example.com/link", "v0.3.0")]),
        library("example.com/link", "v0.1.0"),
        library("example.com/link", "v0.3.0").padding(700_000),
        library("example.com/old", "v3.0.0+incompatible").without_go_mod(),
        library("example.com/pre", "v1.0.0-rc.1"),
        library("example.com/pseudo", PSEUDO),
        library("example.com/two/v2", "v2.0.0"),
        library("example.com/two/v2", "v2.1.0").requires(&[("example.com/Upper/Lib", "v1.0.0")]),
        ModuleFiles::new("example.com/tool", "v0.1.0")
            .requires(&[("example.com/Upper/Lib", "v1.0.0")])
            .file("main.go", "package main\n\nimport _ \"example.com/Upper/Lib\"\n\nfunc main() { println(\"made by example.com/tool\") }\n"),
    ]
}

/// Whether the main module's build needs it.
pub(crate) fn in_graph(files: &ModuleFiles) -> bool {
    GRAPH.contains(&format!("{} {}\n", files.path(), files.version()))
}

/// Paths and contents beside the files of versions.
fn extras() -> Vec<(String, String)> {
    let pseudo = library("example.com/pseudo", PSEUDO);
    let info = String::from_utf8(pseudo.info().to_vec()).unwrap();
    vec![
        ("/example.com/!upper/!lib/@v/v1.2.0.info".to_owned(), ORIGIN.to_owned()),
        ("/example.com/!upper/!lib/@v/stable.info".to_owned(), ORIGIN.to_owned()),
        (pseudo.list_url(), String::new()),
        (pseudo.latest_url(), info.clone()),
        ("/example.com/pseudo/@v/main.info".to_owned(), info),
    ]
}

/// Writes all as a tree that a file server would serve.
pub(crate) fn write_tree(dir: &Path) {
    Tree::write(dir, &modules());
    for (path, content) in extras() {
        std::fs::write(dir.join(path.trim_start_matches('/')), content).unwrap();
    }
}

/// A proxy that has all. `@latest` is not served where there are tags: the go command derives it, as with a tree.
pub(crate) async fn upstream() -> Upstream {
    let upstream = Upstream::of(&modules()).await;
    for files in modules() {
        upstream.withdraw(&files.latest_url());
    }
    for (path, content) in extras() {
        upstream.put(&path, content);
    }
    upstream
}

/// Has the go command download every version from a tree; its module cache is a tree again, which is returned.
pub(crate) async fn filled_by_go(dir: &Path) -> PathBuf {
    let tree = dir.join("made");
    write_tree(&tree);
    let go = Go::new(&dir.join("filler")).proxy(format!("file://{}", tree.display()));
    for files in modules() {
        go.run(&["mod", "download", &format!("{}@{}", files.path(), files.version())]).await.success();
    }
    go.run(&["list", "-m", "example.com/Upper/Lib@stable"]).await.success();
    go.mod_cache().join("cache/download")
}

/// A proxy on HTTP that serves the files of a directory.
pub(crate) async fn serving(dir: &Path) -> Upstream {
    let upstream = Upstream::start().await;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let path = format!("/{}", entry.strip_prefix(dir).unwrap().display());
                upstream.put(&path, std::fs::read(&entry).unwrap());
            }
        }
    }
    upstream
}

/// A go command with an empty module cache, and the main module in its working directory. What is compiled is shared
/// by all: it is found by its content.
pub(crate) fn client(dir: &Path, proxy: &str) -> Go {
    let go = Go::new(dir).proxy(proxy).env("GOCACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/gocache"));
    go.write("go.mod", MAIN_MOD);
    go
}

/// What the toolchain says to `go version`.
pub(crate) const TOOLCHAIN_SAYS: &str = "go version go1.99.9 made for this test: version\n";

/// The toolchain that a go command on this machine asks for: a script that says its name, and the places where the go
/// command sets the permission to execute (cmd/go/internal/toolchain `Exec`).
pub(crate) async fn toolchain(dir: &Path) -> ModuleFiles {
    let env = Go::new(&dir.join("env")).run(&["env", "GOOS", "GOARCH"]).await;
    let platform = env.success().trim().replace('\n', "-");
    ModuleFiles::new("golang.org/toolchain", &format!("v0.0.1-go1.99.9.{platform}"))
        .without_go_mod()
        .file("bin/go", "#!/bin/sh\necho \"go version go1.99.9 made for this test: $*\"\n")
        .file("bin/gofmt", "")
        .file("pkg/tool/compile", "")
        .file("lib/go_linux_amd64_exec", "")
}
