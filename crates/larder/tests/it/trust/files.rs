//! A source and a checksum database that lie together: no forged file is ever whole at a client, or on the disk.

use std::time::Duration;

use testkit::database::{History, LIES, Lie};
use testkit::{Database, ModuleFiles, Upstream};

use super::{below, kept};
use crate::proxy::TestProxy;

/// The module as it is. Every other one is large enough to be sent while it arrives.
fn honest(turn: usize) -> ModuleFiles {
    let files = ModuleFiles::new("example.com/Hello", "v1.0.0").file("hello.go", "package hello\n");
    if turn.is_multiple_of(2) { files } else { files.padding(200_000) }
}

/// The same version with other content.
fn forged(files: ModuleFiles) -> ModuleFiles {
    files.requires(&[("example.com/evil", "v1.0.0")]).file("hello.go", "package hello // evil\n")
}

/// A database that lies for a source that lies, and a Larder that has seen the newest honest tree.
struct Plot {
    lie: Lie,
    files: ModuleFiles,
    evil: ModuleFiles,
    upstream: Upstream,
    database: Database,
    proxy: TestProxy,
}

impl Plot {
    async fn new(turn: usize, lie: Lie) -> Self {
        let files = honest(turn);
        let evil = forged(files.clone());
        let database = Database::of(History::synthetic(600)).await;
        let id = database.record(&files);
        database.grow(700);
        let mut other = (*database.truth()).clone();
        other.replace(id, &evil.sum_lines());
        database.forge(other);
        let upstream = Upstream::of(std::slice::from_ref(&evil)).await;
        let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", &database.spec())]);
        assert_eq!(proxy.get(&below("/latest")).await.text(), database.head(700));
        proxy.clock().advance(Duration::from_secs(6));
        database.tell(&[lie]);
        Self { lie, files, evil, upstream, database, proxy }
    }

    /// Asks for the files that a record binds; what comes whole is what is on record. Gives how many came.
    async fn ask(&self, when: &str) -> usize {
        let mut whole = 0;
        for (kind, right) in [("mod", self.files.mod_file()), ("zip", self.files.zip())] {
            let response = self.proxy.get(&self.files.url(kind)).await;
            let what = format!("{:?}, {when}: {kind}", self.lie);
            if response.status == 200 && response.complete {
                assert!(response.body == right, "{what}: a forged file came whole");
                whole += 1;
            } else {
                assert!(matches!(response.status, 200 | 502..=504), "{what}: {}", response.text());
            }
        }
        self.proxy.settled().await;
        self.proxy.clock().advance(Duration::from_secs(61));
        whole
    }

    /// No file on the disk is a forged one.
    fn assert_kept_is_right(&self) {
        for (path, bytes) in kept::files(&self.proxy.data("modules")) {
            let is_evil = bytes == self.evil.mod_file() || bytes == self.evil.zip();
            assert!(!is_evil, "{:?}: {path} is forged", self.lie);
        }
        let verifier = self.database.verifier();
        kept::assert_true(&format!("{:?}", self.lie), &self.proxy, &verifier, &self.database.truth());
    }
}

#[tokio::test]
async fn no_lie_of_a_database_lets_a_forged_file_in() {
    for (turn, lie) in LIES.iter().enumerate() {
        let plot = Plot::new(turn, *lie).await;
        for again in ["both lie", "both lie again"] {
            assert_eq!(plot.ask(again).await, 0, "{lie:?}: the source has nothing but what is forged");
        }
        plot.assert_kept_is_right();
        plot.upstream.serve(&plot.files);
        plot.ask("the database lies").await;
        plot.database.be_honest();
        let whole = plot.ask("both are honest").await;
        let name = plot.database.name();
        let closed = plot.database.verifier().key_hash();
        let is_closed = plot.proxy.data(&format!("meta/sumdb/{name}/{closed}/closed")).exists();
        assert_eq!(whole, if is_closed { 0 } else { 2 }, "{lie:?}");
        assert!(!is_closed || lie.is_fork(), "{lie:?}: closed, and no fork");
        plot.assert_kept_is_right();
        plot.proxy.stop().await;
    }
}
