//! A command of a tool: what it is told, and the three ways to hear what it says.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::group::{Ended, Stop};
use super::places::Taken;
use super::report::{Report, Said};
use super::starter::{Order, Running};
use super::watch::Watch;
use super::{Inner, growth, local};
use crate::{Place, System, VcsError};

/// How long the end of a child that was killed may take to be noticed.
const GRACE: Duration = Duration::from_secs(5);

/// How much of what fossil wrote is looked at for why it failed.
const MAX_REFUSAL_BYTES: usize = 4 << 10;

/// A command that is being put together. Its standard input is empty, its environment is only what the jail gives it.
pub struct Command {
    pub(super) jail: Arc<Inner>,
    pub(super) system: System,
    pub(super) program: PathBuf,
    /// Who is asked, by a command of the transport kind.
    pub(super) place: Option<Place>,
    pub(super) args: Vec<OsString>,
    /// What stands for the place that is asked.
    pub(super) address: Vec<OsString>,
    pub(super) verb: Option<String>,
    pub(super) env: BTreeMap<OsString, OsString>,
    /// Settings of git, given by the environment: `GIT_CONFIG_COUNT`.
    pub(super) config: Vec<(String, String)>,
    pub(super) dir: PathBuf,
    pub(super) deadline: Duration,
    /// A directory that may not become larger than so many bytes.
    pub(super) bound: Option<(PathBuf, u64)>,
    /// Its standard input: a secret, or nothing.
    pub(super) input: Vec<u8>,
    pub(super) report: Report,
}

/// What a command said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Its standard output, all of it.
    pub stdout: Vec<u8>,
    /// Up to four lines of its standard error, redacted.
    pub stderr: String,
}

impl Command {
    /// Adds an argument. What comes from outside belongs behind `--`, or must have been shown not to begin with `-`.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        let arg = arg.as_ref();
        if self.verb.is_none() {
            self.verb = arg.to_str().filter(|arg| !arg.starts_with('-')).map(str::to_owned);
        }
        self.args.push(arg.to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Adds the URL of the place that is asked, in the way that its tool can be told it together with a secret.
    #[must_use]
    pub(crate) fn address(mut self) -> Self {
        let address = std::mem::take(&mut self.address);
        self.args.extend(address);
        self
    }

    /// Sets a variable of the environment. The directory in `GIT_DIR` is taken out of what the tool says.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        if name.as_ref() == "GIT_DIR" {
            self.report.redaction.hide(value.as_ref().to_string_lossy());
        }
        self
    }

    /// Sets a setting of git (`core.bare`) for this command alone; it outranks files. Other systems do not see it.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    /// The directory that it works in. Its name is taken out of what the tool says.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self.report.redaction.hide(self.dir.to_string_lossy());
        self
    }

    /// How long it may run, where that is less than all may ([`Limits::deadline`](super::Limits::deadline)).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(self.jail.limits.deadline);
        self
    }

    /// Ends it when a directory, with all below it, has more than `max_bytes`: [`Command::output`] looks four times a second.
    #[must_use]
    pub fn bound(mut self, dir: impl Into<PathBuf>, max_bytes: u64) -> Self {
        self.bound = Some((dir.into(), max_bytes));
        self
    }

    /// Lets no more than `max_bytes` pass between it and the network, in both directions together.
    #[must_use]
    pub fn traffic(self, max_bytes: u64) -> Self {
        if let Some(pass) = &self.report.pass {
            pass.limit(max_bytes);
        }
        self
    }

    /// Takes a text out of what the tool says, should it occur there.
    #[must_use]
    pub fn hide(mut self, text: impl AsRef<str>) -> Self {
        self.report.redaction.hide(text.as_ref());
        self
    }

    /// Runs it to the end, and takes up to `max_bytes` of what it writes. Dropping the future ends the command, or leaves
    /// the queue for it.
    ///
    /// # Errors
    /// [`VcsError::TooLarge`] if it writes more; [`VcsError::Crowded`] if its turn did not come;
    /// [`VcsError::Timeout`]; [`VcsError::Failed`] and what it can be told to mean, if it ends with another status than 0.
    pub async fn output(self, max_bytes: u64) -> Result<Output, VcsError> {
        let (done, ended) = oneshot::channel();
        let bound = self.bound.clone();
        let start = self.start(None, move |end| drop(done.send(end))).await?;
        let Started { running, stdout, said, taken, mut watch } = start;
        let all = async {
            let read = gather(stdout, max_bytes).await;
            if read.as_ref().is_ok_and(|stdout| stdout.len() as u64 > max_bytes) {
                return Err(VcsError::TooLarge {
                    what: format!("the answer of {}", said.name),
                    max: max_bytes,
                });
            }
            let mut ended = ended.await.map_err(|fault| local("waiting for", &said.name, fault))?;
            // Fossil tells of a server's refusals on its standard output.
            if let (System::Fossil, Some(_), Ok(stdout)) = (said.report.system, &said.report.pass, &read) {
                let before = stdout.len().saturating_sub(MAX_REFUSAL_BYTES);
                ended.words.extend(stdout.iter().skip(before));
            }
            let stderr = said.check(ended)?;
            Ok(Output { stdout: read.map_err(|fault| local("reading from", &said.name, fault))?, stderr })
        };
        let result = tokio::select! {
            result = all => result,
            too_large = growth::outgrown(bound) => Err(too_large),
            // The jail ends the group at the deadline; this is for what is in nobody's hand.
            () = sleep(said.deadline + GRACE) => Err(said.late()),
            never = watch.goes_on(|| said.bytes()) => match never {},
        };
        watch.ended(result.as_ref().err(), said.bytes());
        drop((running, taken));
        result
    }

    /// Starts it, to be read while it runs, by blocking calls.
    ///
    /// # Errors
    /// It could not be started, or its turn did not come.
    pub async fn stream(self) -> Result<Stream, VcsError> {
        let (done, ended) = mpsc::channel();
        let Started { running, stdout, said, taken, watch } =
            self.start(None, move |end| drop(done.send(end))).await?;
        Ok(Stream { stdout, ended, running, said, watch, _taken: taken })
    }

    /// Starts it, to be told things and be heard while it runs, by blocking calls: `git cat-file --batch`. The deadline is
    /// that of the whole conversation.
    ///
    /// # Errors
    /// It could not be started, or its turn did not come.
    pub async fn converse(self) -> Result<Conversation, VcsError> {
        let (done, ended) = mpsc::channel();
        let name = self.name();
        let (listening, stdin) = io::pipe().map_err(|fault| local("starting", &name, fault))?;
        let start = self.start(Some(listening), move |end| drop(done.send(end))).await?;
        let Started { running, stdout, said, taken, watch } = start;
        Ok(Conversation { stdin, stream: Stream { stdout, ended, running, said, watch, _taken: taken } })
    }

    /// The tool and what it is told to do: `git fetch`.
    fn name(&self) -> String {
        let verb = self.verb.as_deref().unwrap_or_default();
        format!("{} {verb}", self.system).trim_end().to_owned()
    }

    async fn start(
        self,
        stdin: Option<PipeReader>,
        done: impl FnOnce(Ended) + Send + 'static,
    ) -> Result<Started, VcsError> {
        let name = self.name();
        let mut watch = Watch::over(&self.jail, self.place.clone(), &name);
        let taken = self.jail.places.take(self.place.as_ref().map(Place::host)).await;
        let taken = taken.inspect_err(|error| watch.ended(Some(error), 0))?;
        let fault = |fault| local("starting", &name, fault);
        let (stdout, write) = io::pipe().map_err(fault)?;
        let stdin = match stdin {
            Some(stdin) => Stdio::from(stdin),
            None => told(&self.input).map_err(fault)?,
        };
        let order = Order { command: self.plan(stdin, write), deadline: self.deadline, done: Box::new(done) };
        let running = self.jail.starter.start(order).await.map_err(fault);
        let running = running.inspect_err(|error| watch.ended(Some(error), 0))?;
        watch.began();
        let said = Said { name, deadline: self.deadline, report: self.report };
        Ok(Started { running, stdout, said, taken, watch })
    }

    #[expect(clippy::disallowed_methods, reason = "the jail is the one place that starts children")]
    fn plan(&self, stdin: Stdio, stdout: PipeWriter) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).current_dir(&self.dir);
        if self.system == System::Git {
            command.env("GIT_CONFIG_COUNT", self.config.len().to_string());
            for (number, (key, value)) in self.config.iter().enumerate() {
                command.env(format!("GIT_CONFIG_KEY_{number}"), key);
                command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
            }
        }
        command.stdin(stdin).stdout(stdout);
        command
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and variables may hold what must not be shown.
        f.debug_struct("Command").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// A child that was started, and what is needed to hear it out.
struct Started {
    running: Running,
    stdout: PipeReader,
    said: Said,
    taken: Taken,
    watch: Watch,
}

/// What a command writes, while it writes it. Dropping it ends the command. Blocking.
#[derive(Debug)]
pub struct Stream {
    stdout: PipeReader,
    ended: mpsc::Receiver<Ended>,
    running: Running,
    said: Said,
    watch: Watch,
    _taken: Taken,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(buffer)
    }
}

impl Stream {
    /// Waits for the end, once everything that is wanted was read. A command that has more to say is ended, which is no
    /// fault; only [`Read`] to the end shows that an output was whole, and only together with this.
    ///
    /// # Errors
    /// The command failed, or took too long: what was read of it is worth nothing.
    pub fn finish(mut self) -> Result<(), VcsError> {
        let ended = self.end();
        self.watch.ended(ended.as_ref().err(), self.said.bytes());
        ended
    }

    fn end(&mut self) -> Result<(), VcsError> {
        let mut rest = [0];
        let has_more = loop {
            match self.stdout.read(&mut rest) {
                Ok(count) => break count > 0,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Err(local("reading from", &self.said.name, fault)),
            }
        };
        if has_more {
            self.running.stop();
        }
        let ended = self.ended.recv().map_err(|fault| local("waiting for", &self.said.name, fault))?;
        match ended.stop {
            Some(Stop::Unwanted) if has_more => Ok(()),
            _ => self.said.check(ended).map(drop),
        }
    }
}

/// A command that is talked with: written to, and read from. Dropping it ends the command. Blocking.
#[derive(Debug)]
pub struct Conversation {
    stdin: PipeWriter,
    stream: Stream,
}

impl Read for Conversation {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Conversation {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stdin.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.flush()
    }
}

impl Conversation {
    /// Says that nothing more will be asked, and waits for the end; see [`Stream::finish`].
    ///
    /// # Errors
    /// The command failed, or took too long.
    pub fn finish(self) -> Result<(), VcsError> {
        drop(self.stdin);
        self.stream.finish()
    }
}

/// Reads a pipe to its end, or just over `max` bytes of it.
async fn gather(pipe: PipeReader, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Receiver::from_owned_fd(pipe.into())?.take(max.saturating_add(1)).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// A standard input that says this, or nothing.
fn told(input: &[u8]) -> io::Result<Stdio> {
    if input.is_empty() {
        return Ok(Stdio::null());
    }
    let (listening, mut telling) = io::pipe()?;
    // Far less than a pipe holds, so that this does not wait for the child.
    telling.write_all(input.get(..4096).unwrap_or(input))?;
    Ok(listening.into())
}
