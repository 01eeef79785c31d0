//! What is asked of a server of git: its refs, and commits.
//!
//! A server far away is asked as rarely as can be. Refs are asked for by version 0 of the protocol, in which they are the
//! first answer; by version 2 they are the second. Commits are asked for by their ids, and by version 2: then git does not ask for
//! refs once more. Every command says its own URL, so that a mirror need not know where it came from, and nothing else than
//! what we ask for is ever fetched. Fetched commits are kept under `refs/kept/ID`: a tag that moves, or that is removed, takes away
//! nothing that somebody was told of, and a tag `a` never stands in the way of a tag `a/b`. The commands are those of cmd/go
//! `gitRepo` otherwise.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::jail::{Access, Command, Jail, Reach};
use crate::mirror::Mirror;
use crate::{Place, System, Trouble, VcsError};

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

/// How commits are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// By id: all that was told by the refs, and nothing that has moved since.
    Id,
    /// By what they are called: some servers give no commit by its id.
    Name,
}

/// What is fetched at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    /// The commits that somebody waits for.
    pub(super) wants: &'a [Want],
    /// Commits that are taken along. No ref is made for them, which would take longer than to fetch them.
    pub(super) along: &'a [Want],
    /// How all of them are asked for.
    pub(super) by: By,
    /// Which commits the server is told that we have, so that it sends only what is new; or all that are kept.
    pub(super) bases: Option<&'a [String]>,
}

/// A commit that is wanted, and what it is called at the server: a ref, or its own id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Want {
    pub(super) id: String,
    pub(super) source: String,
}

impl Want {
    /// How many folders deep it is among the tags, as those of modules in directories are.
    pub(super) fn depth(&self) -> usize {
        self.source.strip_prefix("refs/tags/").map_or(0, |tag| tag.matches('/').count())
    }
}

impl Remote<'_> {
    /// All refs, as text. `dir` is a directory of ours, which is made if it is needed.
    pub(super) async fn refs(&self, dir: &Path) -> Result<Vec<u8>, VcsError> {
        let text = self.listing()?.output(MAX_REFS_BYTES).await?.stdout;
        if text.is_empty() && matches!(self.place.scheme(), "http" | "https") {
            self.check_speaks(dir).await?;
        }
        Ok(text)
    }

    fn listing(&self) -> Result<Command, VcsError> {
        // git holds all of an answer in memory before it says any of it.
        let command = self.command()?.traffic(MAX_REFS_BYTES).config("protocol.version", "0");
        Ok(command.args(["ls-remote", "-q", "--end-of-options", self.place.url()]))
    }

    /// Makes sure that a server without refs is one of git. To git, any page of one line that is answered with status 200,
    /// such as that of a gate that wants people to sign in, is the listing of an empty repository; but no packets come
    /// from there.
    async fn check_speaks(&self, dir: &Path) -> Result<(), VcsError> {
        let local =
            |error: io::Error| VcsError::Local { what: "asking git".to_owned(), cause: Arc::new(error) };
        fs::create_dir_all(dir).map_err(local)?;
        let trace = dir.join("packets");
        let listed = self.listing()?.env("GIT_TRACE_PACKET", &trace).output(MAX_REFS_BYTES).await;
        let packets = fs::read(&trace).unwrap_or_default();
        let _ = fs::remove_file(&trace);
        listed?;
        if packets.windows(7).any(|word| word == b"packet:") {
            return Ok(());
        }
        Err(VcsError::Failed {
            command: "git ls-remote".to_owned(),
            trouble: Trouble::Other,
            text: "what the server answered is not of git".to_owned(),
        })
    }

    /// Commits without their history, and without what a filter leaves out. Gives what git had to say.
    pub(super) async fn fetch(
        &self,
        mirror: &Mirror,
        order: Order<'_>,
        filter: Option<&str>,
    ) -> Result<String, VcsError> {
        let Order { wants, along, by, bases } = order;
        let source = |want: &Want| if by == By::Id { want.id.clone() } else { want.source.clone() };
        let specs = wants.iter().map(|want| format!("+{}:refs/kept/{}", source(want), want.id));
        let tips = bases.into_iter().flatten().map(|id| format!("--negotiation-tip={id}"));
        let options: Vec<String> = ["--depth=1".to_owned()].into_iter().chain(tips).collect();
        let command = self.fetching(mirror, filter, &options)?.arg(self.place.url()).args(specs);
        let command = command.args(along.iter().map(source));
        run(mirror, if bases.is_some_and(<[_]>::is_empty) { unaware(command) } else { command }).await
    }

    /// A file, or a directory with all directories in it.
    pub(super) async fn fetch_object(&self, mirror: &Mirror, id: &str) -> Result<(), VcsError> {
        let command = self.fetching(mirror, Some("blob:none"), &[])?.args([self.place.url(), id]);
        // Told that we have the commit, a server would take it that we have all its files.
        run(mirror, unaware(command)).await.map(drop)
    }

    /// All branches and tags with all history and all files, in two steps as cmd/go does it (golang.org/issue/34266).
    pub(super) async fn fetch_whole(&self, mirror: &Mirror) -> Result<(), VcsError> {
        for option in [Some("--prune"), mirror.is_shallow().then_some("--unshallow")].into_iter().flatten() {
            let command = self.fetching(mirror, None, &[option.to_owned()])?;
            run(mirror, command.arg(self.place.url()).args(ALL)).await?;
        }
        Ok(())
    }

    /// All commits of branches, tags and, if it has one, the default; without files if a filter says so and the server can
    /// leave them out.
    pub(super) async fn fetch_commits(
        &self,
        mirror: &Mirror,
        has_head: bool,
        filter: Option<&str>,
    ) -> Result<(), VcsError> {
        let head = has_head.then_some("+HEAD:refs/kept/HEAD");
        let command = self.fetching(mirror, filter, &["--prune".to_owned()])?;
        let command = command.arg(self.place.url()).args(ALL.into_iter().chain(head));
        run(mirror, command).await.map(drop)
    }

    fn fetching(
        &self,
        mirror: &Mirror,
        filter: Option<&str>,
        options: &[String],
    ) -> Result<Command, VcsError> {
        let mut command = self
            .command()?
            // Version 2 says which tags point to what is fetched; version 1 forgets some (golang.org/issue/56881).
            .config("protocol.version", "2")
            // What a crash tears is noticed when it is read, and fetched again.
            .config("core.fsync", "none")
            .args(["fetch", "-q", "-f", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]);
        if let Some(filter) = filter {
            // Else git writes this into the configuration of the copy.
            let key = |name: &str| format!("remote.{}.{name}", self.place.url());
            command = command.config(key("promisor"), "true").config(key("partialCloneFilter"), filter);
            command = command.arg(format!("--filter={filter}"));
        }
        let command = command.args(options).arg("--end-of-options");
        Ok(command.env("GIT_DIR", mirror.dir()).dir(mirror.dir()))
    }

    fn command(&self) -> Result<Command, VcsError> {
        Ok(self.jail.command(System::Git, Reach::Network(self.place, self.access))?.deadline(self.deadline))
    }
}

/// A fetch that does not say what we have.
fn unaware(command: Command) -> Command {
    command.config("fetch.negotiationAlgorithm", "noop")
}

/// Runs a fetch. What told its refs is there, so that nothing it says now is absence.
async fn run(mirror: &Mirror, command: Command) -> Result<String, VcsError> {
    let half = HalfDone { mirror };
    match command.output(MAX_SAID_BYTES).await {
        Ok(output) => {
            std::mem::forget(half);
            Ok(output.stderr)
        }
        Err(VcsError::Missing { text }) => {
            Err(VcsError::Failed { command: "git fetch".to_owned(), trouble: Trouble::Other, text })
        }
        Err(error) => Err(error),
    }
}

/// A fetch that may end by being killed: at its deadline, at a bound, because nobody waits for it any more. What it leaves then
/// would stop every later one, or fill the disk.
struct HalfDone<'a> {
    mirror: &'a Mirror,
}

impl Drop for HalfDone<'_> {
    fn drop(&mut self) {
        self.mirror.clean();
    }
}

const ALL: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
