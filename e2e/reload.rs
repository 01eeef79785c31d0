//! Reloading the running binary: by SIGHUP and by the file itself.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use testkit::eventually;

use crate::larder::Larder;

/// Replaces the file as an editor does: whole, by its name.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, file).unwrap();
}

fn started(dir: &Path, text: &str) -> (Larder, PathBuf) {
    let file = dir.join("larder.toml");
    put(&file, text);
    let larder = Larder::start(&dir.join("data"), &["--sumdb", "off", "--config", file.to_str().unwrap()]);
    (larder, file)
}

#[tokio::test]
async fn sighup_reloads_and_the_log_says_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (larder, file) = started(dir.path(), "upstream = \"off\"\n[cache]\nfresh = \"2m\"\n");
    put(&file, "upstream = \"off\"\n[cache]\nfresh = \"3m\"\n");
    larder.hangup();
    let line = larder.logged("reloaded a setting").await;
    assert!(line.contains("cache.fresh") && line.contains("2m") && line.contains("3m"), "{line}");
    assert_eq!(larder.ask("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_changed_file_is_noticed_and_a_broken_one_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let (larder, file) = started(dir.path(), "upstream = \"off\"\n");
    let list = "/corp.example/m/@v/list";
    assert_eq!(larder.ask(list).await.status, 404);
    put(&file, "upstream = \"off\"\nprivate = [\"corp.example\"]\ngonoproxy = [\"nobody.invalid\"]\n");
    let denied = || async { larder.ask(list).await.status == 403 };
    eventually("the new rule", denied).await;
    put(&file, "upstream = \"off\"\n\nprivat = []\n");
    let line = larder.logged("was not reloaded").await;
    assert!(line.contains("larder.toml:3: unknown key `privat`"), "{line}");
    assert_eq!(larder.ask(list).await.status, 403, "the rule is still in force");
}

/// How many reloads were applied.
async fn reloads(larder: &Larder) -> u64 {
    let metrics = larder.ask("/metrics").await.text();
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix("larder_config_reloads_total{outcome=\"applied\"} "));
    count.unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_level_of_the_log_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (larder, file) = started(dir.path(), "upstream = \"off\"\n");
    larder.ask("/example.com/before/@v/list").await;
    larder.logged("example.com/before").await;
    let before = reloads(&larder).await;
    put(&file, "upstream = \"off\"\n[log]\nlevel = \"error\"\n");
    larder.hangup();
    // The line about the reload is not written any more either. Silence proves nothing: the log is written behind what it
    // tells of, and a second signal during the reload would be one with the first.
    eventually("the reload", || async { reloads(&larder).await > before }).await;
    larder.ask("/example.com/between/@v/list").await;
    put(&file, "upstream = \"off\"\n[log]\nlevel = \"info\"\n");
    larder.hangup();
    larder.logged("reloaded a setting").await;
    larder.ask("/example.com/after/@v/list").await;
    larder.logged("example.com/after").await;
    assert!(!larder.log().iter().any(|line| line.contains("example.com/between")), "{:?}", larder.log());
}

#[tokio::test]
async fn a_certificate_that_is_renewed_on_the_disk_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let pems = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls");
    // As Kubernetes mounts a secret: links by way of a link that is swapped.
    for name in ["one", "two"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        for kind in ["pem", "key"] {
            let to = dir.path().join(name).join(format!("tls.{kind}"));
            std::fs::copy(pems.join(format!("{name}.{kind}")), to).unwrap();
        }
    }
    let swap = |to: &str| {
        std::os::unix::fs::symlink(to, dir.path().join("next")).unwrap();
        std::fs::rename(dir.path().join("next"), dir.path().join("now")).unwrap();
    };
    swap("one");
    let [cert, key] =
        ["tls.pem", "tls.key"].map(|name| dir.path().join("now").join(name).display().to_string());
    let (cert, key) = (format!("tls.cert={cert}"), format!("tls.key={key}"));
    let flags = ["--listen", "https://127.0.0.1:0", "--upstream", "off", "--set", &cert, "--set", &key];
    let larder = Larder::start(&dir.path().join("data"), &flags);
    swap("two");
    larder.logged("another certificate is shown from now on").await;
}

#[tokio::test]
async fn files_that_the_settings_name_are_noticed_when_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let [authorities, password, netrc] = ["ca.pem", "password", "netrc"].map(|name| dir.path().join(name));
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls/one.pem");
    std::fs::copy(pem, &authorities).unwrap();
    std::fs::write(&password, "hunter2").unwrap();
    let mode = |file: &Path, mode| std::fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    mode(&password, 0o600);
    let text = format!(
        "upstream = \"off\"\nnetrc = \"{}\"\nnetwork.ca_file = \"{}\"\n\
         [[credential]]\norigin = \"https://proxy.corp\"\nusername = \"ci\"\npassword = \"{}\"\n",
        netrc.display(),
        authorities.display(),
        password.display()
    );
    let (larder, _) = started(dir.path(), &text);
    // It was not there before, and is as open as a file is made.
    put(&netrc, "machine proxy.corp login ci password hunter2");
    mode(&netrc, 0o644);
    larder.logged("netrc is open to everybody").await;
    larder.logged("no setting has changed").await;
    mode(&password, 0o604);
    larder.logged("`password`: the file").await;
    put(&authorities, "no certificate");
    let line = larder.logged("ca.pem").await;
    assert!(line.contains("was not reloaded"), "{line}");
    assert!(!larder.log().concat().contains("hunter2"));
}
