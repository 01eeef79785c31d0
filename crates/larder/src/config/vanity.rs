//! Where repositories are whose hosts do not tell.

use std::fmt;
use std::str::FromStr;

use source::direct::find::{Vanity, VanityError};

use super::text::as_text;

/// Why a text is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No path and repository.
    #[error(
        "write PATH=URL, PATH=SYSTEM URL or PATH=SYSTEM URL DIRECTORY, where SYSTEM is git, hg, svn or fossil"
    )]
    Form,
    /// One of them is wrong.
    #[error(transparent)]
    Entry(#[from] VanityError),
}

/// Where the repository of the modules below a path is: `corp.example.com/lib=https://code.corp.example.com/lib.git`, or with
/// its system and the directory in it, `corp.example.com/mono=git ssh://git@code.corp.example.com/mono.git libs/go`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VanityRule {
    prefix: String,
    target: String,
}

impl VanityRule {
    /// The path.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `[SYSTEM] URL [DIRECTORY]`.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl FromStr for VanityRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (prefix, target) = text.split_once('=').ok_or(Error::Form)?;
        let (prefix, target) = (prefix.trim().to_owned(), target.trim().to_owned());
        Vanity::default().with(&prefix, &target)?;
        Ok(Self { prefix, target })
    }
}

impl fmt::Display for VanityRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.prefix, self.target)
    }
}

as_text!(VanityRule, ["corp.example.com/lib=https://code.corp.example.com/lib.git"]);
