//! Subversion.
//!
//! What this is for: [`Repo`] over the system's own svn, giving what cmd/go `codehost/svn.go` and `codehost/vcs.go` give.
//! Why this shape: nothing is kept but what names meant a moment ago: svn asks its server for a single file or directory of
//! a revision, so that a copy would save nothing. A revision is a number, and what is asked for is the last one in which the
//! repository's directory changed. There are no tags and no ancestors: tags are directories, which cmd/go lists with a
//! slash that no version has, and it asks about no ancestors.
//! What it promises: a single file is as `svn cat` gives it, with its keywords filled in, and those of a directory are without,
//! since cmd/go reads them so. A directory at a revision is the one that had this name then (`URL@N`). cmd/go exports what the
//! directory of today was then, which is another one once a directory was replaced; the versions that it made before that
//! are those made here.
//! Deliberately not here: externals, which lead to other repositories, and names of revisions other than numbers and `HEAD`.

mod export;
mod said;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::archive::is_plain;
use crate::flight::Flights;
use crate::ids::SHORT;
use crate::jail::{Access, Command, TUNNEL};
use crate::place::escaped;
use crate::remembered::{Asking, Remembered};
use crate::repos::{Means, Opened};
use crate::server::Server;
use crate::{Archive, Place, Repo, Revision, Tag, Trouble, VcsError};

/// How long a server may take to tell of one revision, or of one file.
const ASK_DEADLINE: Duration = Duration::from_secs(45);
/// How long an export may take: as long as the operator lets it.
const EXPORT_DEADLINE: Duration = Duration::MAX;
/// The longest answer to a question about one revision.
const MAX_LOG_BYTES: u64 = 1 << 20;
/// The longest listing: a million files.
const MAX_LISTING_BYTES: u64 = 256 << 20;
/// From how many on what names mean is forgotten.
const MAX_REMEMBERED: usize = 1024;

/// A Subversion repository, for whoever asks.
#[derive(Debug)]
pub(crate) struct SvnRepo {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: Server,
    means: Arc<Means>,
    tip: Mutex<Remembered<Told>>,
    /// What numbers mean, which only a repository's owner can change.
    numbers: Mutex<HashMap<String, Told>>,
    asking: Flights<Told>,
    reading: Flights<Option<Bytes>>,
}

/// A revision's number and time.
type Told = (u64, jiff::Timestamp);

impl SvnRepo {
    /// The repository at a place.
    pub(crate) fn new(place: Place, access: Access, means: Arc<Means>) -> Self {
        let (tip, numbers) = (Mutex::new(Remembered::new(means.fresh)), Mutex::default());
        let (asking, reading) = (Flights::default(), Flights::default());
        let server = Server::new(place, access);
        Self { inner: Arc::new(Inner { server, means, tip, numbers, asking, reading }) }
    }
}

impl Opened for SvnRepo {
    fn ask_with(&self, access: &Access) {
        self.inner.server.ask_with(access);
    }

    fn refresh(&self) {
        self.inner.tip().forget();
        self.inner.numbers().clear();
    }
}

impl Repo for SvnRepo {
    fn place(&self) -> &Place {
        self.inner.server.place()
    }

    fn tags<'a>(&'a self, _prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>> {
        Box::pin(async {
            // That there are none is for a repository to say that is there.
            self.inner.meaning(LATEST).await?;
            Ok(Vec::new())
        })
    }

    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>> {
        Box::pin(async move {
            let name = name.unwrap_or(LATEST);
            let (number, time) = self.inner.meaning(name).await?;
            Ok(Revision {
                id: number.to_string(),
                short: format!("{number:0SHORT$}"),
                name: number.to_string(),
                reference: Some(name.to_owned()),
                time,
                tags: Vec::new(),
            })
        })
    }

    fn read_file<'a>(
        &'a self,
        revision: &'a str,
        path: &'a str,
        max: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, VcsError>> {
        Box::pin(async move {
            let number = known(revision)?;
            if !is_plain(path) {
                return Ok(None);
            }
            let (this, asked) = (self.inner.clone(), path.to_owned());
            let begin =
                || -> BoxFuture<'static, _> { Box::pin(async move { this.file(number, &asked, max).await }) };
            self.inner.reading.join(&format!("{number} {max} {path}"), begin).await
        })
    }

    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>> {
        Box::pin(async move {
            let number = known(revision)?;
            if !directory.is_empty() && !is_plain(directory) {
                return Ok(Archive::new(Vec::new(), |_| Ok(())));
            }
            self.inner.files(number, directory).await
        })
    }
}

/// What cmd/go calls the newest revision.
const LATEST: &str = "latest";
/// What svn calls it.
const TIP: &str = "HEAD";

impl Inner {
    fn tip(&self) -> MutexGuard<'_, Remembered<Told>> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbers(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a name means, asked for again when it is older than it may be.
    async fn meaning(self: &Arc<Self>, name: &str) -> Result<Told, VcsError> {
        let unknown = || VcsError::UnknownRevision { name: name.to_owned() };
        let peg = peg(name).ok_or_else(unknown)?;
        if let Some(told) = self.numbers().get(&peg) {
            return Ok(*told);
        }
        let recalled = self.tip().recall();
        let asking = match recalled {
            Ok(told) if peg == TIP => return Ok(told),
            Ok(_) => None,
            Err(asking) => Some(asking).filter(|_| peg == TIP),
        };
        let key = format!("{peg} {}", asking.map(|asking| asking.key()).unwrap_or_default());
        let this = self.clone();
        let begin = || -> BoxFuture<'static, _> { Box::pin(async move { this.ask(&peg, asking).await }) };
        match self.asking.join(&key, begin).await {
            Err(VcsError::UnknownRevision { .. }) => Err(unknown()),
            told => told,
        }
    }

    async fn ask(&self, peg: &str, asking: Option<Asking>) -> Result<Told, VcsError> {
        let command = self.svn(ASK_DEADLINE)?.args(["log", "-q", "-l1", "--xml", "--", &self.url("", peg)]);
        let log = match command.output(MAX_LOG_BYTES).await {
            Ok(said) => said.stdout,
            Err(error) if is_said(&error, &["E160006", "E160013", "E195012"]) => {
                return Err(VcsError::UnknownRevision { name: peg.to_owned() });
            }
            Err(error) => return Err(self.means.missing(&self.server, told(error)).await),
        };
        let told = said::revision(&log).ok_or_else(|| unexpected("svn log"))?;
        if let Some(asking) = asking {
            self.tip().keep(asking, told);
        }
        let mut numbers = self.numbers();
        if numbers.len() >= MAX_REMEMBERED {
            numbers.clear();
        }
        numbers.insert(told.0.to_string(), told);
        Ok(told)
    }

    async fn file(&self, number: u64, path: &str, max: u64) -> Result<Option<Bytes>, VcsError> {
        let url = self.url(path, &number.to_string());
        match self.svn(ASK_DEADLINE)?.args(["cat", "--", &url]).output(max).await {
            Ok(said) => Ok(Some(said.stdout.into())),
            Err(VcsError::TooLarge { max, .. }) => Err(VcsError::TooLarge { what: path.to_owned(), max }),
            // Nothing is there, or a directory, or what should be one above it is a file.
            Err(error) if is_said(&error, &["W160013", "W195007", "E160016"]) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    async fn files(&self, number: u64, directory: &str) -> Result<Archive, VcsError> {
        let (url, number) = (self.url(directory, &number.to_string()), number.to_string());
        let list = self.svn(EXPORT_DEADLINE)?.args([
            "list",
            "--xml",
            "--recursive",
            "--revision",
            &number,
            "--",
            &url,
        ]);
        let listing = match list.output(MAX_LISTING_BYTES).await {
            Ok(said) => said.stdout,
            Err(error) if is_said(&error, &["W160013", "E160016"]) => {
                return Ok(Archive::new(Vec::new(), |_| Ok(())));
            }
            Err(error) => return Err(told(error)),
        };
        let listed = said::files(&listing).ok_or_else(|| unexpected("svn list"))?;
        let max = self.means.max_repository_bytes;
        if listed.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.size_bytes)) > max {
            return Err(VcsError::TooLarge { what: "the repository".to_owned(), max });
        }
        let dir = self.means.jail.scratch()?;
        let top = dir.path().join("export");
        let export = self.svn(EXPORT_DEADLINE)?.bound(dir.path(), max);
        let conversions = ["--native-eol", "LF", "--ignore-externals", "--ignore-keywords"];
        let export = export.args(["export", "--quiet"]).args(conversions);
        let export = export.args(["--revision", &number, "--", &url]).arg(&top);
        export.output(MAX_LOG_BYTES).await.map_err(told)?;
        let archived = tokio::task::spawn_blocking(move || export::archive(listed, dir, &top)).await;
        archived.unwrap_or_else(|cause| {
            Err(VcsError::Local { what: "reading what svn exported".to_owned(), cause: Arc::new(cause) })
        })
    }

    /// A command that asks the server.
    fn svn(&self, deadline: Duration) -> Result<Command, VcsError> {
        let command = self.server.command(&self.means.jail)?;
        // Names of files are UTF-8; in the locale `C` svn writes and takes nothing but ASCII.
        Ok(command.env("LC_ALL", "C.UTF-8").deadline(deadline).traffic(self.means.max_repository_bytes))
    }

    /// What is at a path at a revision. The last `@` is the one before the revision.
    fn url(&self, path: &str, peg: &str) -> String {
        let mut url = asked_as(self.server.place());
        if !path.is_empty() {
            url += &("/".to_owned() + &escaped(path, b"/"));
        }
        url + "@" + peg
    }
}

/// A place's URL as svn is given it: `svn` goes through a tunnel, and ssh is told the port by its own option.
fn asked_as(place: &Place) -> String {
    match place.scheme() {
        "svn" => place.url().replacen("svn", TUNNEL, 1),
        "svn+ssh" => {
            let port = place.port().map(|port| format!(":{port}")).unwrap_or_default();
            place.url().replacen(&format!("{port}/"), "/", 1)
        }
        _ => place.url().to_owned(),
    }
}

/// The revision that a name asks for, as svn is asked for it: a number, with or without an `r`, or `HEAD` for what
/// [`LATEST`] means.
fn peg(name: &str) -> Option<String> {
    if name == LATEST || name.eq_ignore_ascii_case(TIP) {
        return Some(TIP.to_owned());
    }
    let digits = name.strip_prefix('r').unwrap_or(name);
    let number: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(number.to_string())
}

/// The number that a revision was told by.
fn known(revision: &str) -> Result<u64, VcsError> {
    revision.parse().map_err(|_| VcsError::UnknownRevision { name: revision.to_owned() })
}

/// A failure with the URL in it as it was written.
fn told(error: VcsError) -> VcsError {
    match error {
        VcsError::Failed { command, trouble, text } => {
            VcsError::Failed { command, trouble, text: text.replace(TUNNEL, "svn") }
        }
        VcsError::Missing { text } => VcsError::Missing { text: text.replace(TUNNEL, "svn") },
        other => other,
    }
}

/// Whether svn says one of these codes, and could ask the repository at all.
fn is_said(error: &VcsError, codes: &[&str]) -> bool {
    let (VcsError::Failed { text, .. } | VcsError::Missing { text }) = error else { return false };
    !text.contains("E170013") && codes.iter().any(|code| text.contains(code))
}

fn unexpected(command: &str) -> VcsError {
    VcsError::Failed {
        command: command.to_owned(),
        trouble: Trouble::Other,
        text: format!("unexpected response from {command} --xml"),
    }
}
