//! What was meant: a command with everything it needs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::args::{Args, Command, ConfigCommand, Document, Settings};
use crate::config::{
    CONFIG_FILE, Config, Environment, Loaded, Mistake, Mistakes, Sources, TextFile, config_files,
};

/// A command that is ready to run.
pub(super) enum Mode {
    /// Say what there is.
    Summary,
    /// Serve modules.
    Serve(Box<Loaded>),
    /// Take modules over.
    Import { from: PathBuf, loaded: Box<Loaded>, json: bool },
    /// Print the configuration.
    Show { loaded: Box<Loaded>, json: bool },
    /// Say that the configuration, and the file that was read, have no mistakes.
    Check { loaded: Box<Loaded>, file: Option<String> },
    /// Print a generated document.
    Reference(Document),
    /// Print the version.
    Version { json: bool },
    /// Print a shell's completions.
    Completions(Shell),
}

impl Mode {
    /// Loads what the command needs.
    pub(super) fn meant_by(args: Args, environment: Environment) -> anyhow::Result<Self> {
        let load = |settings: &Settings| load(settings, None, environment.clone()).map(|(loaded, _)| loaded);
        Ok(match args.command {
            None => Self::Summary,
            Some(Command::Serve(settings)) => Self::Serve(load(&settings)?),
            Some(Command::Import { from, json, settings }) => {
                Self::Import { from, loaded: load(&settings)?, json }
            }
            Some(Command::Version { json }) => Self::Version { json },
            Some(Command::Completions { shell }) => Self::Completions(shell),
            Some(Command::Config { command }) => match command {
                ConfigCommand::Show { json, settings } => Self::Show { loaded: load(&settings)?, json },
                ConfigCommand::Check { file, settings } => {
                    let (loaded, file) = self::load(&settings, file.as_deref(), environment)?;
                    Self::Check { loaded, file }
                }
                ConfigCommand::Reference { document } => Self::Reference(document),
            },
        })
    }
}

/// Loads the configuration, and says which file was read.
fn load(
    settings: &Settings,
    file: Option<&Path>,
    environment: Environment,
) -> Result<(Box<Loaded>, Option<String>), Mistakes> {
    let named = file.or(settings.config.as_deref()).map(Path::to_owned);
    let file = read(named, &environment).map_err(|mistake| Mistakes(vec![mistake]))?;
    let name = file.as_ref().map(|file| file.name.clone());
    let sources = Sources { file, environment, flags: settings.values() };
    Ok((Box::new(Config::load(&sources)?), name))
}

/// Reads the file that is named by a flag or the environment, else the first that exists of the usual ones.
fn read(named: Option<PathBuf>, environment: &Environment) -> Result<Option<TextFile>, Mistake> {
    let by_variable = || environment.get(CONFIG_FILE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = named.or_else(by_variable);
    let is_named = named.is_some();
    for path in named.map_or_else(|| config_files(environment), |path| vec![path]) {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some(TextFile { name: path.display().to_string(), text })),
            Err(error) if error.kind() == ErrorKind::NotFound && !is_named => {}
            Err(error) => return Err(Mistake::Unreadable { path, reason: error.to_string() }),
        }
    }
    Ok(None)
}
