//! What the server says about its work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the server says about its work.
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
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: LogLevel::default(),
            peer: true,
            private: LogPrivate::default(),
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
