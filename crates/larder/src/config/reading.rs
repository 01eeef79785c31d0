//! Where the configuration is read from, now and at every reload.
//!
//! The file may change while the server runs; the environment and the flags of a process cannot. A reload therefore
//! reads the file only, the same one as before, and puts the other layers around it again.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::environment::{CONFIG_FILE, Environment, config_files};
use super::layers::{FlagValue, Loaded, Sources, TextFile};
use super::mistake::{Mistake, Mistakes};
use super::{Config, Origin};

/// The layers, with the file still unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The file that was named by a flag.
    pub named: Option<PathBuf>,
    /// The environment of the process.
    pub environment: Environment,
    /// The flags of the command line, in their order.
    pub flags: Vec<FlagValue>,
}

impl Reading {
    /// Reads the file that is named by a flag or the environment, else the first that exists of the usual ones.
    ///
    /// # Errors
    /// All mistakes; a named file that cannot be read is one.
    pub fn load(&self) -> Result<Loaded, Mistakes> {
        let file = self.file().map_err(|mistake| Mistakes(vec![mistake]))?;
        self.with(file)
    }

    /// The data directory; also where only other settings have mistakes, so that the server which goes on without
    /// them can be asked.
    ///
    /// # Errors
    /// All mistakes, where the directory cannot be told.
    pub fn data(&self) -> Result<PathBuf, Mistakes> {
        let mistakes = match self.load() {
            Ok(loaded) => return Ok(loaded.config.data),
            Err(mistakes) => mistakes,
        };
        let in_file = self.file().ok().flatten().and_then(|file| {
            let file: toml::Table = file.text.parse().ok()?;
            file.get("data")?.as_str().map(PathBuf::from)
        });
        let is_above = |origin: &Origin| match origin {
            Origin::Flag { .. } => true,
            Origin::Environment { variable } => variable.starts_with("LARDER_"),
            _ => false,
        };
        let without_file = self.with(None).ok();
        let above = without_file.as_ref().filter(|it| it.origins.get("data").is_some_and(is_above));
        let above = above.map(|it| it.config.data.clone());
        above.or(in_file).or(without_file.map(|it| it.config.data)).ok_or(mistakes)
    }

    /// Reads the file again from which `before` came. If there was none, the usual ones are looked for.
    ///
    /// # Errors
    /// All mistakes. That the file is gone or empty is one: the defaults would declare nothing private.
    pub fn load_again(&self, before: &Loaded) -> Result<Loaded, Mistakes> {
        let Some(name) = &before.file else { return self.load() };
        let path = PathBuf::from(name);
        let file = read(path).and_then(|file| {
            if file.text.trim().is_empty() {
                let at = Origin::File { name: file.name, line: 1 };
                let reason = "the file is empty now; write a comment into it if that is meant".to_owned();
                return Err(Mistake::Syntax { at, reason });
            }
            Ok(file)
        });
        self.with(Some(file.map_err(|mistake| Mistakes(vec![mistake]))?))
    }

    /// The files that may be read: the named one, else the usual ones, of which the first that exists counts.
    pub fn files(&self) -> Vec<PathBuf> {
        self.named().map_or_else(|| config_files(&self.environment), |path| vec![path])
    }

    fn named(&self) -> Option<PathBuf> {
        let by_variable = || self.environment.get(CONFIG_FILE).filter(|path| !path.is_empty());
        self.named.clone().or_else(|| by_variable().map(PathBuf::from))
    }

    fn with(&self, file: Option<TextFile>) -> Result<Loaded, Mistakes> {
        let environment = self.environment.clone();
        Config::load(&Sources { file, environment, flags: self.flags.clone() })
    }

    fn file(&self) -> Result<Option<TextFile>, Mistake> {
        if let Some(path) = self.named() {
            return read(path).map(Some);
        }
        for path in config_files(&self.environment) {
            match fs::metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                _ => return read(path).map(Some),
            }
        }
        Ok(None)
    }
}

fn read(path: PathBuf) -> Result<TextFile, Mistake> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(TextFile { name: path.display().to_string(), text }),
        Err(error) => Err(Mistake::Unreadable { path, reason: error.to_string() }),
    }
}
