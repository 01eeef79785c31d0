//! The contract, with the hashes that Go's own tests pin (cmd/go `codehost/git_test.go`).

use testkit::contract::repo::{Known, Named};
use testkit::recipe;

use super::{open, repos, settings};

/// The repository `gitrepo1` of Go's tests over `file`.
fn gitrepo1() -> Option<Known> {
    const MAIN: &str = "ede458df7cd0fdca520df19a33158086a8a68e81";
    const V2: &str = "9d02800338b8a55be062c838d1f02e0c5780b9eb";
    const V23: &str = "76a00fb249b7f93091bc2c89a789dab1fc1bc26f";
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    recipe::make_go("git/gitrepo1", &made)?;
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
    Some(Known {
        repo: open(&repos(dir.path(), settings(dir.path())), &format!("file://{}", made.display())),
        keep: Box::new(dir),
        tags: vec![
            ("v1.2.3", MAIN),
            ("v1.2.4-annotated", MAIN),
            ("v2.0.1", V23),
            ("v2.0.2", V2),
            ("v2.3", V23),
        ],
        names: vec![
            main,
            Named { asked: Some("HEAD"), ..main },
            Named { asked: Some("v1.2.3"), name: "v1.2.3", reference: Some("refs/tags/v1.2.3"), ..main },
            Named {
                asked: Some("v1.2.4-annotated"),
                name: "v1.2.4-annotated",
                reference: Some("refs/tags/v1.2.4-annotated"),
                ..main
            },
            v2,
            v23,
            Named { asked: Some("v2.3.4"), name: V23, reference: Some("refs/heads/v2.3.4"), ..v23 },
        ],
        unnamed: Some("97f6aa59c81c623494825b43d39e445566e429a4"),
        files: ("v3", vec![("README", ""), ("v3/sub/dir/file.txt", "v3/sub/dir/file\n")]),
        directory: "v3/sub/dir",
        behind: Some(("v2", vec!["v1.2.3", "v1.2.4-annotated", "v2.0.1", "v2.0.2", "v2.3"])),
    })
}

testkit::repo_contract!(gitrepo1);
