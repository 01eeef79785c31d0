//! What the server says about its work, and the log of checksums that it keeps.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use gomod::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::secret::{Found, Secret};
use super::text::as_text;

/// What the server says about its work; and the checksum database of its own that it keeps, where it has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Form of the lines: `text` for people, `json` for machines; `auto` is `text` on a terminal, else `json`.
    #[schemars(extend("x-flag" = true, "x-restart" = true))]
    pub format: LogFormat,
    /// The least important lines that are written: `error`, `warn`, `info`, `debug` or `trace`.
    #[schemars(extend("x-flag" = true))]
    pub level: LogLevel,
    /// Whether the line of a request tells the address it came from. Behind another server that is the other
    /// server's.
    pub peer: bool,
    /// Whether lines name modules that `private` matches. `hide` writes `private` in place of each word that holds
    /// such a path, however it is escaped or cased, and of the version: set it where the log is shipped outside.
    pub private: LogPrivate,
    /// Name of a checksum database that this server keeps itself and signs, for private and public modules:
    /// `sum.corp.example.com`. `larder sumdb init` makes its key. Unset: none is kept.
    #[schemars(extend("x-restart" = true))]
    pub name: Option<LogName>,
    /// Where the private key of that database is: a file that only the server may read, or `env:NAME`. Never in the data
    /// directory.
    #[schemars(extend("x-restart" = true))]
    pub key: Option<Secret>,
    /// File that remembers the newest head that was signed, so that a data directory put back from a backup is noticed.
    /// Never in the data directory. It must be named where the key comes from a variable.
    #[schemars(extend("x-restart" = true, "x-default" = "the file of `log.key` with `.state` behind it"))]
    pub state: Option<PathBuf>,
}

/// The name of a checksum database of our own: `sum.corp.example.com`, or with a path behind it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LogName(String);

/// A text is not the name of a checksum database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("write it as a host with, perhaps, a path: sum.corp.example.com, corp.example.com/sumdb")]
pub struct NoLogName;

impl LogName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogName {
    type Err = NoLogName;

    fn from_str(text: &str) -> Result<Self, NoLogName> {
        let text = text.trim();
        let path = format!("sumdb/{text}/latest");
        let is_name = Request::parse(&path).is_ok_and(|request| request.to_string() == path);
        let is_known = sumdb::spec::KNOWN.iter().chain(sumdb::spec::ALIASES).any(|(known, _)| *known == text);
        let is_host = text.contains('.') || text.starts_with("localhost");
        if is_name && is_host && !is_known { Ok(Self(text.to_owned())) } else { Err(NoLogName) }
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(LogName, ["sum.corp.example.com"]);

impl Log {
    /// The file that remembers the newest head: as it is set, else beside the key.
    pub fn state_file(&self) -> Option<PathBuf> {
        let beside = |key: &Path| {
            let name = key.file_name().unwrap_or_default().to_string_lossy();
            key.with_file_name(format!("{name}.state"))
        };
        self.state.clone().or_else(|| match self.key.as_ref()?.find() {
            Found::File(key) => Some(beside(key)),
            Found::Value(_) | Found::Unset(_) => None,
        })
    }

    /// Takes the key out of its variable, if it is in one.
    pub(super) fn resolve(&mut self, environment: &Environment) {
        if let Some(key) = &mut self.key {
            key.resolve(environment);
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: LogLevel::default(),
            peer: true,
            private: LogPrivate::default(),
            name: None,
            key: None,
            state: None,
        }
    }
}

/// Whether private modules are named in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogPrivate {
    /// They are.
    #[default]
    Show,
    /// Their paths and versions are left out.
    Hide,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Importance of log lines, from the fewest lines to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogLevel {
    /// What an operator must act on.
    Error,
    /// What an operator should know.
    Warn,
    /// The course of things.
    #[default]
    Info,
    /// For finding a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level as the settings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
