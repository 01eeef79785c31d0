//! A real server of ssh, through the gate, with a key of ours and with its key pinned.

use std::fs;
use std::path::Path;

use vcs::jail::Access;
use vcs::{Trouble, VcsError};

use super::tools::{Bench, over, repository};
use crate::sshd::Server;

#[tokio::test]
async fn a_repository_is_asked_over_ssh_with_a_key_and_a_pinned_host() {
    let bench = Bench::new();
    let Some(server) = Server::start(&bench.dir.path().join("keys")).await else { return };
    // A space and a percent sign, which ssh reads as more than themselves.
    let dir = bench.dir.path().join("k e%ys");
    fs::create_dir(&dir).unwrap();
    let commit = repository(bench.dir.path());
    fs::copy(server.keys.join("user"), dir.join("user")).unwrap();
    let url = format!("ssh://root@127.0.0.1:{}{}/r.git", server.port, bench.dir.path().display());
    let asked = async |expected: &str, key: &Path| {
        let key = server.key(key, expected, &dir);
        bench.asked(&url, &Access { credential: Some(key), ..over(&["ssh"]) }).await
    };
    let said = asked("host", &dir.join("user")).await.unwrap();
    assert!(said.starts_with(&commit), "{said}");
    let fault = asked("other", &dir.join("user")).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Identity, .. })), "{fault:?}");
    let fault = asked("host", &server.keys.join("other")).await;
    assert!(matches!(fault, Err(VcsError::Failed { trouble: Trouble::Auth, .. })), "{fault:?}");
}
