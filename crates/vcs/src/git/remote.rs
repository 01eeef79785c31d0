//! What is asked of a server of git: its refs, and commits.
//!
//! Names come first, since some servers refuse to give a commit by its id; every command says its own URL, so that a mirror
//! need not know where it came from, and nothing else than what we ask for is ever fetched. Fetched commits are kept under
//! `refs/kept/ID`: a tag that moves, or that is removed, takes away nothing that somebody was told of, and a tag `a`
//! never stands in the way of a tag `a/b`. The commands are those of cmd/go `gitRepo` otherwise.

use std::time::Duration;

use crate::jail::{Access, Command, Jail, Reach};
use crate::mirror::Mirror;
use crate::{Place, System, VcsError};

/// Most bytes of refs: a repository with 200,000 pull requests has 20 MB.
const MAX_REFS_BYTES: u64 = 64 << 20;
/// What a fetch may say.
const MAX_SAID_BYTES: u64 = 1 << 20;

/// A server, and how it is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote<'a> {
    pub(super) jail: &'a Jail,
    pub(super) place: &'a Place,
    pub(super) access: &'a Access,
    pub(super) deadline: Duration,
}

/// A commit that is wanted, and what it is called at the server: a ref, or its own id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Want {
    pub(super) id: String,
    pub(super) source: String,
}

impl Remote<'_> {
    /// All refs, as text.
    pub(super) async fn refs(&self) -> Result<Vec<u8>, VcsError> {
        let command = self.command()?.args(["ls-remote", "-q", "--end-of-options", self.place.url()]);
        Ok(command.output(MAX_REFS_BYTES).await?.stdout)
    }

    /// Commits with all their files and without their history.
    pub(super) async fn fetch(&self, mirror: &Mirror, wants: &[Want]) -> Result<(), VcsError> {
        let specs = wants.iter().map(|want| format!("+{}:refs/kept/{}", want.source, want.id));
        let command = self.fetching(mirror, &["--depth=1"])?.arg(self.place.url()).args(specs);
        command.output(MAX_SAID_BYTES).await.map(drop)
    }

    /// All branches and tags with all history and all files, in two steps as cmd/go does it (golang.org/issue/34266).
    pub(super) async fn fetch_whole(&self, mirror: &Mirror) -> Result<(), VcsError> {
        let command = self.fetching(mirror, &["--prune"])?.arg(self.place.url()).args(ALL);
        command.output(MAX_SAID_BYTES).await?;
        if mirror.is_shallow() {
            let command = self.fetching(mirror, &["--unshallow"])?.arg(self.place.url()).args(ALL);
            command.output(MAX_SAID_BYTES).await?;
        }
        Ok(())
    }

    /// All commits of branches, tags and the default, without files where the server can leave them out.
    pub(super) async fn fetch_commits(&self, mirror: &Mirror, has_head: bool) -> Result<(), VcsError> {
        let head = has_head.then_some("+HEAD:refs/kept/HEAD");
        let command = self.fetching(mirror, &["--prune", "--filter=tree:0"])?;
        let command = command.arg(self.place.url()).args(ALL.into_iter().chain(head));
        command.output(MAX_SAID_BYTES).await.map(drop)
    }

    fn fetching(&self, mirror: &Mirror, options: &[&str]) -> Result<Command, VcsError> {
        // Version 2 says which tags point to what is fetched; version 1 forgets some (golang.org/issue/56881).
        let command =
            self.command()?.config("protocol.version", "2").args(["fetch", "-q", "-f", "--no-tags"]);
        let command = command.args(["--no-write-fetch-head", "--no-recurse-submodules"]).args(options);
        Ok(command.arg("--end-of-options").env("GIT_DIR", mirror.dir()).dir(mirror.dir()))
    }

    fn command(&self) -> Result<Command, VcsError> {
        Ok(self.jail.command(System::Git, Reach::Network(self.place, self.access))?.deadline(self.deadline))
    }
}

const ALL: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
