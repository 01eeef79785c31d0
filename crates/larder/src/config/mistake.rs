//! Mistakes in a configuration: where, what, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::layers::Origin;
use super::text::redact;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// The file is not TOML.
    #[error("{}: {reason}", .at.place())]
    Syntax {
        /// The file and line.
        at: Origin,
        /// What the reader of TOML says.
        reason: String,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}; check the path, or leave it out to use the defaults", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A key or a variable that does not exist.
    #[error("{}: {}", .at.place(), unknown(.name, .meant.as_deref()))]
    Unknown {
        /// Where it stands.
        at: Origin,
        /// The name as it was written.
        name: String,
        /// The name that may have been meant.
        meant: Option<String>,
    },
    /// A value that its key cannot take, or that does not go with another one.
    #[error("{}: {key}: {}", .at.place(), redact(.reason))]
    Unfit {
        /// Where the value stands.
        at: Origin,
        /// The key.
        key: String,
        /// What is wrong with the value, and what to write.
        reason: String,
    },
    /// Nothing says where to keep things.
    #[error("data: there is no home directory to keep things in; name a directory by --data or LARDER_DATA")]
    NoDataDirectory,
}

fn unknown(name: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
        None => format!("unknown key `{name}`; `larder config show` lists all keys"),
    }
}

impl Mistake {
    /// Orders mistakes for reading: those in the file by their lines, then the others as they were found.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Syntax { at, .. } | Self::Unknown { at, .. } | Self::Unfit { at, .. } => {
                at.line().unwrap_or(usize::MAX)
            }
            Self::Unreadable { .. } | Self::NoDataDirectory => usize::MAX,
        }
    }
}

/// All mistakes of a configuration, at least one: those in the file by their lines, then the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
