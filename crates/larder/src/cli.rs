//! The command line: from words to deeds.
//!
//! Two stages, each a type: [`args::Args`] is what was written (parsed by clap), [`mode::Mode`] is what was meant
//! (a command with everything it needs, the configuration loaded). [`main`] is the table of contents: parse, mean,
//! do, exit. This is the only place where the process's environment is read, and where exit codes are chosen.

mod args;
mod completions;
mod config;
mod doctor;
mod explain;
mod failure;
mod import;
mod invalidate;
mod mode;
mod named;
mod paper;
mod progress;
mod refresh;
mod scrub;
mod serve;
mod status;
mod sumdb;
mod through;
mod verdict;
mod verify;
mod version;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde::Serialize;

use self::args::Args;
use self::mode::{Mode, Shown};
use self::paper::Paper;
use crate::config::Environment;

/// How the process ends. Scripts depend on the numbers; `larder --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Fine = 0,
    /// Something failed.
    Failed = 1,
    /// The command line or the configuration has a mistake; nothing was done.
    Usage = 2,
    /// An import left something out because it was not right; a scrub left something broken; a checksum database is
    /// wrong, or a hash is not the one that it has recorded.
    Refused = 3,
    /// Somebody should look at something: at the server, at a checksum database that is closed, or at settings by which
    /// a module can come from nowhere.
    Attention = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs the command that the process was started with.
#[expect(clippy::disallowed_methods, reason = "the door: read once, and handed to `config`")]
pub fn main() -> ExitCode {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let mut environment: Environment =
        std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
    keep_own(&mut environment);
    if let Some(exit) = through::asked(std::env::args_os().skip(1), &environment) {
        return exit.into();
    }
    // clap prints its own mistakes and help, and ends the process with 2 or 0.
    let args = Args::parse();
    let done = Mode::meant_by(args, &environment).and_then(run);
    done.unwrap_or_else(|error| failure::report(&error)).into()
}

/// Drops what systemd said to another process, from which it was inherited (`sd_listen_fds(3)`,
/// `sd_watchdog_enabled(3)`).
fn keep_own(environment: &mut Environment) {
    let own = std::process::id().to_string();
    let is_own = |pid: Option<&String>| pid == Some(&own);
    if !is_own(environment.get("LISTEN_PID")) {
        environment.remove("LISTEN_FDS");
    }
    if environment.contains_key("WATCHDOG_PID") && !is_own(environment.get("WATCHDOG_PID")) {
        environment.remove("WATCHDOG_USEC");
    }
}

/// Does what was meant.
fn run(mode: Mode) -> anyhow::Result<Exit> {
    match mode {
        // clap knows where colours may be: on a terminal, and not against NO_COLOR.
        Mode::Summary => Args::command().print_help().map(|()| Exit::Fine).map_err(Into::into),
        Mode::Serve(reading) => serve::run(*reading),
        Mode::Import { from, loaded, json } => import::run(&from, &loaded, json),
        Mode::Scrub { call, loaded, json } => scrub::run(&call, &loaded, json),
        Mode::SumdbInit { name, key, loaded } => sumdb::init::run(&name, &key, &loaded),
        Mode::Status { ask, named } => status::run(&ask, named.as_ref()),
        Mode::Tools { path, loaded, shown } => doctor::tools(path.as_ref(), &loaded, &shown),
        Mode::Auth { path, loaded, shown } => doctor::auth(&path, &loaded, &shown),
        Mode::Explain { ask, named, asks_sources, reading } => {
            explain::run(&ask, &named, asks_sources, &reading)
        }
        Mode::Refresh { ask, named } => refresh::run(&ask, &named),
        Mode::Invalidate { ask, named } => invalidate::run(&ask, &named),
        Mode::Audit { call, loaded, shown } => sumdb::audit::run(call, &loaded, &shown),
        Mode::Databases { name, loaded, shown } => sumdb::status::run(name.as_deref(), &loaded, &shown),
        Mode::Accept { name, loaded, json } => sumdb::accept::run(&name, &loaded, json),
        Mode::Record { record, is_proof, loaded, shown } => {
            sumdb::record::run(&record, is_proof, &loaded, &shown)
        }
        Mode::Verify { verify, loaded, shown } => verify::run(&verify, &loaded, &shown),
        Mode::Show { loaded, json } => print(&config::show(&loaded, json)),
        Mode::Check { loaded } => print(&config::check(&loaded)),
        Mode::Reference(document) => print(&config::reference(document)),
        Mode::Version { json } => print(&version::text(json)),
        Mode::Completions(shell) => print(&completions::script(shell)),
    }
}

/// Prints to standard output. A reader that has left early is no failure.
fn print(text: &str) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Fine),
    }
}

/// Prints what a command has to tell: as JSON on one line, or in words.
fn print_answer<T: Serialize>(
    as_json: bool,
    answer: &T,
    in_words: impl FnOnce() -> String,
) -> anyhow::Result<Exit> {
    print(&if as_json { serde_json::to_string(answer)? + "\n" } else { in_words() })
}

/// The same, in words on paper; and what else `describe` made of the answer.
fn print_described<T: Serialize, R>(
    shown: &Shown,
    answer: &T,
    describe: impl FnOnce(&mut Paper, &T) -> R,
) -> anyhow::Result<R> {
    let mut paper = Paper::for_stdout(&shown.environment);
    let made = describe(&mut paper, answer);
    print_answer(shown.json, answer, || paper.text())?;
    Ok(made)
}
