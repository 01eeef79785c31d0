//! The contract, with the hashes that Go's own tests pin (cmd/go `codehost/git_test.go`).

use std::ffi::OsStr;

use testkit::contract::repo::{Ids, Known, Named};
use testkit::{GitHost, recipe};

use super::{git, open, repos, settings};

/// The repository `gitrepo1` of Go's tests over `file`.
async fn gitrepo1() -> Option<Known> {
    made("git/gitrepo1", Over::File).await
}

/// How a repository is reached.
#[derive(PartialEq, Eq)]
enum Over {
    File,
    /// A host that leaves out what it is told to.
    Http,
}

const MAIN: &str = "ede458df7cd0fdca520df19a33158086a8a68e81";
const V2: &str = "9d02800338b8a55be062c838d1f02e0c5780b9eb";
const V23: &str = "76a00fb249b7f93091bc2c89a789dab1fc1bc26f";

/// A repository with the history of `gitrepo1`.
async fn made(name: &str, over: Over) -> Option<Known> {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    recipe::make_go(name, &made)?;
    let host = GitHost::start(dir.path()).await;
    let url = match over {
        Over::File => format!("file://{}", made.display()),
        Over::Http => host.url("made"),
    };
    if over == Over::Http {
        git(&made, &["config", "uploadpack.allowFilter", "true"].map(OsStr::new));
    }
    Some(Known {
        repo: open(&repos(dir.path(), settings(dir.path())), &url),
        keep: Box::new((dir, host)),
        tags: vec![
            ("v1.2.3", MAIN),
            ("v1.2.4-annotated", MAIN),
            ("v2.0.1", V23),
            ("v2.0.2", V2),
            ("v2.3", V23),
        ],
        names: names(),
        ids: Ids::Hashes(7),
        unnamed: Some("97f6aa59c81c623494825b43d39e445566e429a4"),
        files: ("v3", vec![("README", ""), ("v3/sub/dir/file.txt", "v3/sub/dir/file\n")]),
        directory: "v3/sub/dir",
        behind: Some(("v2", vec!["v1.2.3", "v1.2.4-annotated", "v2.0.1", "v2.0.2", "v2.3"])),
    })
}

/// What names mean in `gitrepo1`.
fn names() -> Vec<Named> {
    let main = Named {
        asked: None,
        id: MAIN,
        name: MAIN,
        reference: Some("HEAD"),
        time: 1_523_994_202,
        tags: &["v1.2.3", "v1.2.4-annotated"],
    };
    let v2 = Named {
        asked: Some("v2"),
        id: V2,
        name: V2,
        reference: Some("refs/heads/v2"),
        time: 1_523_995_232,
        tags: &["v2.0.2"],
    };
    let v23 = Named {
        asked: Some("v2.3"),
        id: V23,
        name: "v2.3",
        reference: Some("refs/tags/v2.3"),
        time: 1_523_994_348,
        tags: &["v2.0.1", "v2.3"],
    };
    let tag =
        |asked, reference| Named { asked: Some(asked), name: asked, reference: Some(reference), ..main };
    vec![
        main,
        Named { asked: Some("HEAD"), ..main },
        tag("v1.2.3", "refs/tags/v1.2.3"),
        tag("v1.2.4-annotated", "refs/tags/v1.2.4-annotated"),
        v2,
        v23,
        Named { asked: Some("v2.3.4"), name: V23, reference: Some("refs/heads/v2.3.4"), ..v23 },
    ]
}

/// The repository `gitrepo-sha256`, which has a branch more.
async fn gitrepo_sha256() -> Option<Known> {
    const LONG: [(&str, &str); 3] = [
        (MAIN, "47b8b51b2a2d9d5caa3d460096c4e01f05700ce3a9390deb54400bd508214c5c"),
        (V2, "1401e4e1fdb4169b51d44a1ff62af63ccc708bf5c12d15051268b51bbb6cbd82"),
        (V23, "b7550fd9d2129c724c39ae0536e8b2fae4364d8c82bb8b0880c9b71f67295d09"),
    ];
    const V13: &str = "a9157cad2aa6dc2f78aa31fced5887f04e758afa8703f04d0178702ebf04ee17";
    let renamed =
        |id: &'static str| LONG.iter().find(|(short, _)| *short == id).map_or(id, |(_, long)| *long);
    let mut known = made("git/gitrepo-sha256", Over::Http).await?;
    for named in &mut known.names {
        (named.id, named.name) = (renamed(named.id), renamed(named.name));
    }
    for (_, id) in &mut known.tags {
        *id = renamed(id);
    }
    known.tags.insert(2, ("v1.3.0", V13));
    known.unnamed = Some("0be440b60b6c81be26c7256781d8e57112ec46c8cd1a9481a8e78a283f10570c");
    Some(known)
}

async fn over_http() -> Option<Known> {
    made("git/gitrepo1", Over::Http).await
}

testkit::repo_contract!(gitrepo1);

mod http {
    testkit::repo_contract!(super::over_http);
}

mod sha256 {
    testkit::repo_contract!(super::gitrepo_sha256);
}
