//! What somebody does who runs no server: verifying what the go command has, and proving records to others.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use testkit::ModuleFiles;
use testkit::go;

use crate::database::{Database, KEY, go_program};
use crate::larder::run;
use crate::world;

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What Go's own code says of a proof.
fn checked(program: &Path, module: &str, proof: &[u8]) -> Output {
    let piped = || Stdio::piped();
    let mut command = Command::new(program);
    command.args([KEY, module]).env_clear().stdin(piped()).stdout(piped()).stderr(piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(proof).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_proof_is_accepted_by_go_and_no_other_byte_of_it() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let lib = ModuleFiles::new("example.com/Lib", "v1.0.0").file("lib.go", "package lib\n");
    let database = Database::large(dir.path(), std::slice::from_ref(&lib), 518).await;
    let program = go_program("check", include_str!("../crates/client/testdata/check/main.go")).await;
    let spec = database.spec();
    let proof = run(dir.path(), &["sumdb", "prove", "example.com/Lib@v1.0.0", "--sumdb", &spec]);
    assert_eq!(proof.status.code(), Some(0), "{}", String::from_utf8_lossy(&proof.stderr));
    let accepted = checked(&program, "example.com/Lib@v1.0.0", &proof.stdout);
    assert_eq!((accepted.status.code(), stdout(&accepted)), (Some(0), lib.sum_lines()));
    assert!(!checked(&program, "example.com/Lib@v1.0.1", &proof.stdout).status.success());
    // One byte of each kind of line, and of the record at its beginning, its middle and its end.
    let text = stdout(&proof);
    let line = |number: usize| text.split('\n').take(number).map(|line| line.len() + 1).sum::<usize>();
    let signature = text.rfind(' ').unwrap() + 9;
    let tree = text.find("go.sum database tree").unwrap();
    let places = [
        0,
        line(1) + 6,
        line(1) + 60,
        line(2) - 6,
        line(2) + 6,
        line(3),
        line(4) + 20,
        tree + 21,
        tree + 30,
        signature,
    ];
    for at in places {
        let mut forged = proof.stdout.clone();
        // Another character that is of base64 and a digit too.
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        let refused = checked(&program, "example.com/Lib@v1.0.0", &forged);
        assert_eq!(refused.status.code(), Some(1), "byte {at}: {}", stdout(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_go_has_downloaded_is_verified_and_what_was_changed_is_found() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let database = Database::start(dir.path(), &world::modules()).await;
    let upstream = world::upstream().await;
    let go = world::client(&dir.path().join("client"), &upstream.url()).sumdb(database.spec());
    go.run(&["mod", "download"]).await.success();
    let (cache, project) = (go.mod_cache(), go.work_dir());
    let verify = |path: &Path| {
        let path = path.to_str().unwrap();
        run(dir.path(), &["verify", path, "--sumdb", &database.spec(), "--proxy", &upstream.url(), "--zips"])
    };
    for path in [&project, &cache, &cache.join("cache/download"), &project.join("go.sum")] {
        let same = verify(path);
        assert_eq!(same.status.code(), Some(0), "{}", stdout(&same));
        let text = stdout(&same);
        assert!(text.contains("all is the same") && !text.contains(" 0\n"), "{text}");
    }
    let sums = std::fs::read_to_string(project.join("go.sum")).unwrap();
    let (_, hash) = sums.lines().next().unwrap().rsplit_once(' ').unwrap();
    let forged = sums.replacen(hash, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 1);
    std::fs::write(project.join("go.sum"), forged).unwrap();
    let differs = verify(&project);
    assert_eq!(differs.status.code(), Some(3));
    for words in ["go.sum:1  ", "SOMETHING DIFFERS", hash, "h1:47DEQpj8HBSa+"] {
        assert!(stdout(&differs).contains(words), "{words}\n{}", stdout(&differs));
    }
}
