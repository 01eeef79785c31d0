//! The jail: the one place that starts children, and what they may do.
//!
//! What this is for: version control tools talk to servers of strangers and read what strangers wrote. Each runs in a process
//! group of its own, with an environment that is made here, with bounds of time, processor, memory, files and output, and
//! with nothing on its standard input.
//! Why this shape: a [`Command`] is one of two kinds. Of the *transport* kind ([`Reach::Network`]) it sees what the operator
//! has configured for the tool, and talks to one place. Of the *content* kind ([`Reach::Content`]) it sees no configuration,
//! so that what it makes of a repository is the same everywhere, and talks to nobody.
//! What it promises: when a future, [`Stream`] or [`Conversation`] is dropped, or the deadline is over, the child and all
//! that it has started are killed; every child is waited for; when this process is killed, nothing stays behind; so many run
//! at once and no more; a tool's words are shown without secrets.
//!
//! Drivers know what to say to a tool; nothing here does. Rules: cmd/go `modfetch/codehost` (`RunWithArgs`, `gitRepo.runGit`).

mod access;
mod command;
mod confine;
mod group;
mod growth;
mod limits;
mod operator;
mod places;
mod redact;
mod report;
mod starter;
mod surroundings;
mod tools;
mod trouble;
mod warden;
mod watch;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tempfile::TempDir;

pub use access::{Access, Secret, Sent};
pub use command::{Command, Conversation, Output, Stream};
pub use limits::Limits;
pub use operator::Operator;
pub use places::Children;
pub use surroundings::GATE;
pub(crate) use surroundings::TUNNEL;
pub use tools::Tools;
pub use watch::{Asking, News, Outcome, Watcher};

use self::confine::Confinement;
use self::places::Places;
use self::redact::Redaction;
use self::report::Report;
use self::starter::Starter;
use self::warden::Warden;
use crate::gate::{Gate, Pass, Target};
use crate::{Place, System, VcsError};

/// What a jail is made of.
#[derive(Clone, Debug)]
pub struct JailSettings {
    /// The tools that are installed.
    pub tools: Tools,
    /// The operator's configuration of them.
    pub environment: Operator,
    /// How much children may take.
    pub limits: Limits,
    /// Their way to the network.
    pub gate: Gate,
    /// A directory of our own, for homes and temporary files of children. It is made if it is not there.
    pub dir: PathBuf,
}

/// Starts children. Clones are the same jail.
#[derive(Clone, Debug)]
pub struct Jail {
    inner: Arc<Inner>,
}

struct Inner {
    tools: Tools,
    environment: Operator,
    limits: Limits,
    gate: Gate,
    /// The directory of all below, as text to be taken out of what tools say.
    dir: String,
    /// Is empty, and stays so.
    home: PathBuf,
    /// A program that takes a host and a port, for `git://` and `svn://`.
    through: Option<PathBuf>,
    scratch: PathBuf,
    places: Places,
    starter: Starter,
    /// Who is told of commands that ask servers, and how often that they go on.
    watcher: OnceLock<(Box<Watcher>, Duration)>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jail")
            .field("tools", &self.tools)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a command may reach.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// A place, in the ways that its access says, with the operator's configuration for it.
    Network(&'a Place, &'a Access),
    /// Nothing but what is kept here.
    Content,
}

impl Jail {
    /// A jail.
    ///
    /// # Errors
    /// Its directory, or the thread and the warden that it needs, could not be made.
    pub fn new(settings: JailSettings) -> Result<Self, VcsError> {
        let JailSettings { tools, environment, limits, gate, dir } = settings;
        let fault = |cause| VcsError::Local { what: "making the jail".to_owned(), cause: Arc::new(cause) };
        let (home, scratch) = (dir.join("home"), dir.join("tmp"));
        // What a crash left there may hold secrets.
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        own_dir(&home).and_then(|()| own_dir(&scratch)).map_err(fault)?;
        let through = gate.helper().map(|helper| write_through(&dir, helper)).transpose().map_err(fault)?;
        let warden = Warden::start(tools.shell()).map_err(fault)?;
        let starter = Starter::new(warden, Confinement::new(&limits)).map_err(fault)?;
        let places = Places::new(&limits);
        let dir = dir.to_string_lossy().into_owned();
        let watcher = OnceLock::new();
        let inner =
            Inner { tools, environment, limits, gate, dir, home, through, scratch, places, starter, watcher };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The tools that it can start.
    pub fn tools(&self) -> &Tools {
        &self.inner.tools
    }

    /// From now on this is told of commands that ask servers, and `every` so often that one goes on. The first watcher stays.
    pub fn watch(&self, every: Duration, watcher: impl Fn(&Asking, &News) + Send + Sync + 'static) {
        // A second one would be told of half of it.
        let _ = self.inner.watcher.set((Box::new(watcher), every));
    }

    /// The children that run now.
    pub fn children(&self) -> Children {
        self.inner.places.children()
    }

    /// A command of a system's tool.
    ///
    /// # Errors
    /// [`VcsError::NoTool`].
    pub fn command(&self, system: System, reach: Reach<'_>) -> Result<Command, VcsError> {
        let inner = &self.inner;
        let program = inner.tools.of(system).ok_or(VcsError::NoTool { system })?;
        let (place, pass) = match reach {
            Reach::Network(place, access) => (Some(place.clone()), Some(self.pass(place, access)?)),
            Reach::Content => (None, None),
        };
        let command = Command {
            jail: Arc::clone(inner),
            system,
            program: program.to_owned(),
            place,
            args: Vec::new(),
            address: Vec::new(),
            verb: None,
            env: std::collections::BTreeMap::new(),
            config: Vec::new(),
            dir: inner.home.clone(),
            deadline: inner.limits.deadline,
            bound: None,
            input: Vec::new(),
            report: Report {
                system,
                redaction: Redaction::default(),
                limits: inner.limits.clone(),
                pass,
                private: None,
            },
        };
        let cause = |cause| VcsError::Local { what: format!("starting {system}"), cause: Arc::new(cause) };
        surroundings::surround(command, inner, &reach).map(|command| command.hide(&inner.dir)).map_err(cause)
    }

    /// What a tool says of its version, in its own words: `git version 2.39.5`.
    ///
    /// # Errors
    /// It is not installed, or does not run.
    pub async fn version(&self, system: System) -> Result<String, VcsError> {
        let args: &[&str] = match system {
            System::Git | System::Hg | System::Svn => &["--version"],
            System::Fossil => &["version"],
        };
        let command = self.command(system, Reach::Content)?.args(args).deadline(Duration::from_secs(10));
        let said = command.output(64 << 10).await?.stdout;
        Ok(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned())
    }

    /// A directory where nothing is.
    pub(crate) fn home(&self) -> &Path {
        &self.inner.home
    }

    /// A directory for what a tool writes, which goes with what is returned, or at the next start.
    pub(crate) fn scratch(&self) -> Result<TempDir, VcsError> {
        let fault =
            |cause| VcsError::Local { what: "making room for a tool".to_owned(), cause: Arc::new(cause) };
        tempfile::tempdir_in(&self.inner.scratch).map_err(fault)
    }

    /// A way through the gate; with something secret to say, to its target alone.
    fn pass(&self, place: &Place, access: &Access) -> Result<Pass, VcsError> {
        let is_ssh = place.scheme().contains("ssh");
        if is_ssh && (self.inner.tools.ssh().is_none() || self.inner.gate.helper().is_none()) {
            return Err(VcsError::NoSsh);
        }
        let is_secret = matches!(access.credential, Some(Sent::Header { .. } | Sent::Basic { .. }));
        let only = if is_secret { Target::of(place) } else { None };
        if is_secret && only.is_none() {
            // A pass that is bound to nobody would let the secret go anywhere.
            return Err(VcsError::Astray { command: place.system().command().to_owned() });
        }
        let fault = |cause| VcsError::Local { what: "opening the gate".to_owned(), cause: Arc::new(cause) };
        self.inner.gate.admit(only).map_err(fault)
    }
}

/// Writes a program that starts the gate's helper with the host and the port that it is told, for what can be given the name of
/// a program and no arguments, and for what adds some of its own.
#[expect(clippy::disallowed_methods, reason = "a program for children, written anew at every start")]
fn write_through(dir: &Path, helper: &(PathBuf, Vec<OsString>)) -> io::Result<PathBuf> {
    let through = dir.join("through");
    fs::write(&through, format!("#!/bin/sh\nexec {} \"$1\" \"$2\"\n", surroundings::shell_words(helper)))?;
    fs::set_permissions(&through, Permissions::from_mode(0o700))?;
    Ok(through)
}

fn local(what: &str, name: &str, cause: impl std::error::Error + Send + Sync + 'static) -> VcsError {
    VcsError::Local { what: format!("{what} {name}"), cause: Arc::new(cause) }
}

/// Makes a directory that only we can look into.
fn own_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
