//! Mercurial and Subversion over ssh, with a key of ours and with the server's key pinned.

use std::fs;

use testkit::recipe;
use vcs::{Place, System, Trouble, VcsError};

use super::{open_at, repos};
use crate::sshd::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repositories_are_asked_over_ssh_with_a_key_and_a_pinned_host() {
    let dir = tempfile::tempdir().unwrap();
    let Some(server) = Server::start(&dir.path().join("keys")).await else { return };
    let made = dir.path().join("made");
    recipe::make(
        "svnadmin create svn\nsvn import -q -m one files file://$ROOT/svn\nhg init hg\ncp files/f hg/f\ncd hg\n\
         hg commit -q -A -m one\n-- files/f --\ntext\n",
        &made,
    );
    for (system, scheme) in [(System::Svn, "svn+ssh"), (System::Hg, "ssh")] {
        // The root's `/` is hg's second one.
        let url = format!("{scheme}://root@127.0.0.1:{}/{}/{system}", server.port, made.display());
        let url = if system == System::Svn {
            url.replacen(&format!("{}//", server.port), &format!("{}/", server.port), 1)
        } else {
            url
        };
        let place = Place::new(system, &url).unwrap();
        for (number, (key, expected, trouble)) in [
            ("user", "host", None),
            ("user", "other", Some(Trouble::Identity)),
            ("other", "host", Some(Trouble::Auth)),
        ]
        .into_iter()
        .enumerate()
        {
            let own = dir.path().join(format!("{system} {number}"));
            fs::create_dir(&own).unwrap();
            let key = server.key(&server.keys.join(key), expected, &own);
            let repo = open_at(&repos(&own), &place, Some(key));
            let told = repo.stat(None).await;
            match (told, trouble) {
                (Ok(revision), None) => {
                    let text = repo.read_file(&revision.id, "f", 99).await.unwrap().unwrap();
                    assert_eq!(text, "text\n", "{system}");
                }
                (Err(VcsError::Failed { trouble, .. }), Some(expected)) => {
                    assert_eq!(trouble, expected, "{system}");
                }
                (other, _) => panic!("{system} {expected}: {other:?}"),
            }
        }
    }
}
