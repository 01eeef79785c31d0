//! What was meant: a command with everything it needs.

use std::path::PathBuf;

use clap_complete::Shell;
use gomod::ModulePath;

use super::args::{
    Args, Change, Command, ConfigCommand, DoctorCommand, Document, Explain, Init, Record, Settings,
    SumdbCommand, Verify,
};
use super::named::Named;
use super::sumdb;
use crate::app::ScrubCall;
use crate::app::call::Caller;
use crate::config::{Environment, Loaded, LogName, Mistakes, Reading};

/// A command that is ready to run.
pub(super) enum Mode {
    /// Say what there is.
    Summary,
    /// Serve modules.
    Serve(Box<Reading>),
    /// Take modules over.
    Import { from: PathBuf, loaded: Box<Loaded>, json: bool },
    /// Read everything that is held again.
    Scrub { call: ScrubCall, loaded: Box<Loaded>, json: bool },
    /// Make the key pair of a checksum database.
    SumdbInit { name: LogName, key: PathBuf, loaded: Box<Loaded> },
    /// Tell how the running server does, or what it knows.
    Status { ask: Ask, named: Option<Named> },
    /// Tell which tools are installed.
    Tools { path: Option<ModulePath>, loaded: Box<Loaded>, shown: Shown },
    /// Ask the repository of a module.
    Auth { path: ModulePath, loaded: Box<Loaded>, shown: Shown },
    /// Explain which settings decide over a module.
    Explain { ask: Ask, named: Named, asks_sources: bool, reading: Box<Reading> },
    /// Have its sources asked.
    Refresh { ask: Ask, named: Named },
    /// Have it forget what may change.
    Invalidate { ask: Ask, named: Named },
    /// Check a checksum database.
    Audit { call: sumdb::AuditCall, loaded: Box<Loaded>, shown: Shown },
    /// Tell how the checksum databases do.
    Databases { name: Option<String>, loaded: Box<Loaded>, shown: Shown },
    /// Ask a closed checksum database again.
    Accept { name: String, loaded: Box<Loaded>, json: bool },
    /// Print a record, or its proof.
    Record { record: Record, is_proof: bool, loaded: Box<Loaded>, shown: Shown },
    /// Compare go.sum files or a module cache.
    Verify { verify: Verify, loaded: Box<Loaded>, shown: Shown },
    /// Print the configuration.
    Show { loaded: Box<Loaded>, json: bool },
    /// Say that the configuration has no mistakes.
    Check { loaded: Box<Loaded> },
    /// Print a generated document.
    Reference(Document),
    /// Print the version.
    Version { json: bool },
    /// Print a shell's completions.
    Completions(Shell),
}

/// What is needed to ask the running server.
pub(super) struct Ask {
    /// Its data directory.
    data: PathBuf,
    /// How it is shown what it answers.
    pub(super) shown: Shown,
}

/// How an answer is shown.
pub(super) struct Shown {
    /// As JSON.
    pub(super) json: bool,
    /// For what it says of colours.
    pub(super) environment: Environment,
}

impl Ask {
    /// Calls the server.
    pub(super) fn caller(&self) -> Caller {
        Caller::of(&self.data)
    }
}

impl Mode {
    /// Loads what the command needs.
    pub(super) fn meant_by(args: Args, environment: &Environment) -> anyhow::Result<Self> {
        let reading = |settings: &Settings| Reading {
            named: settings.config.clone(),
            environment: environment.clone(),
            flags: settings.values(),
        };
        let load = |settings: &Settings| reading(settings).load().map(Box::new);
        let shown = |json| Shown { json, environment: environment.clone() };
        let ask = |settings: &Settings, json: bool| {
            let data = reading(settings).data()?;
            Ok::<_, Mistakes>(Ask { data, shown: shown(json) })
        };
        Ok(match args.command {
            None => Self::Summary,
            Some(Command::Serve(settings)) => Self::Serve(Box::new(reading(&settings))),
            Some(Command::Import { from, json, settings }) => {
                Self::Import { from, loaded: load(&settings)?, json }
            }
            Some(Command::Scrub { modules, no_heal, json, settings }) => {
                Self::Scrub { call: ScrubCall { modules, no_heal }, loaded: load(&settings)?, json }
            }
            Some(Command::Status { named, json, settings }) => {
                Self::Status { ask: ask(&settings, json)?, named }
            }
            Some(Command::Doctor { command: DoctorCommand::Vcs { path, json, settings } }) => {
                Self::Tools { path, loaded: load(&settings)?, shown: shown(json) }
            }
            Some(Command::Doctor { command: DoctorCommand::Auth { path, json, settings } }) => {
                Self::Auth { path, loaded: load(&settings)?, shown: shown(json) }
            }
            Some(Command::Explain(Explain { asks_sources, what: Change { named, json, settings } })) => {
                let reading = Box::new(reading(&settings));
                Self::Explain { ask: ask(&settings, json)?, named, asks_sources, reading }
            }
            Some(Command::Refresh(Change { named, json, settings })) => {
                Self::Refresh { ask: ask(&settings, json)?, named }
            }
            Some(Command::Invalidate(Change { named, json, settings })) => {
                Self::Invalidate { ask: ask(&settings, json)?, named }
            }
            Some(Command::Verify(verify)) => {
                Self::Verify { loaded: load(&verify.settings())?, shown: shown(verify.json), verify }
            }
            Some(Command::Sumdb { command }) => Self::of_sumdb(command, environment, load, shown)?,
            Some(Command::Version { json }) => Self::Version { json },
            Some(Command::Completions { shell }) => Self::Completions(shell),
            Some(Command::Config { command }) => match command {
                ConfigCommand::Show { json, settings } => Self::Show { loaded: load(&settings)?, json },
                ConfigCommand::Check { file, settings } => {
                    let reading = reading(&settings);
                    let named = file.or_else(|| reading.named.clone());
                    Self::Check { loaded: Box::new(Reading { named, ..reading }.load()?) }
                }
                ConfigCommand::Reference { document } => Self::Reference(document),
            },
        })
    }

    /// The commands about checksum databases.
    fn of_sumdb(
        command: SumdbCommand,
        environment: &Environment,
        load: impl Fn(&Settings) -> Result<Box<Loaded>, Mistakes>,
        shown: impl Fn(bool) -> Shown,
    ) -> anyhow::Result<Self> {
        let (record, is_proof) = match command {
            SumdbCommand::Init(Init { name, key, settings }) => {
                return Ok(Self::SumdbInit { name, key, loaded: load(&settings)? });
            }
            SumdbCommand::Audit(audit) => {
                let (call, loaded) = (audit.call(environment)?, load(&audit.asking.settings())?);
                return Ok(Self::Audit { call, loaded, shown: shown(audit.json) });
            }
            SumdbCommand::Status { name, json, settings } => {
                return Ok(Self::Databases { name, loaded: load(&settings)?, shown: shown(json) });
            }
            SumdbCommand::Accept { name, json, settings } => {
                return Ok(Self::Accept { name, loaded: load(&settings)?, json });
            }
            SumdbCommand::Show(record) => (record, false),
            SumdbCommand::Prove(record) => (record, true),
        };
        let (loaded, shown) = (load(&record.asking.settings())?, shown(record.json));
        Ok(Self::Record { record, is_proof, loaded, shown })
    }
}
