//! Where a secret is: never the secret itself.
//!
//! A setting for a secret names a file or a variable, so that the configuration can be shown, copied and kept with other
//! files. The variable's value is looked up when the configuration is read, from the same environment as everything
//! else; a file is read by whoever needs it, again with each reload, so that a secret can be changed there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::environment::Environment;
use super::text::as_text;

/// What stands before the name of a variable.
const VARIABLE: &str = "env:";

/// Why a text is not the place of a secret. It is not repeated: it may be the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a path nor a variable.
    #[error(
        "not shown, since it may be the secret itself: write the path of a file that holds it, \
         beginning with / or ./, or env:NAME for a variable"
    )]
    NeitherPathNorVariable,
    /// `env:` without a name.
    #[error("there is no name behind `env:`; write env:NAME")]
    NoName,
}

/// Where a secret is: a file's path, beginning with `/` or `./`, or `env:NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Variable { name: String, value: Option<String> },
}

/// What a place has to say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// The secret, from a variable. Not for printing.
    Value(&'a str),
    /// The file that holds it.
    File(&'a Path),
    /// The variable that should hold it is not set, or empty.
    Unset(&'a str),
}

impl Secret {
    /// Looks for it.
    pub fn find(&self) -> Found<'_> {
        match &self.0 {
            Place::File(path) => Found::File(path),
            Place::Variable { value: Some(value), .. } => Found::Value(value),
            Place::Variable { name, value: None } => Found::Unset(name),
        }
    }

    /// Takes the value of its variable, if it is in one. An empty variable counts as unset.
    pub(super) fn resolve(&mut self, environment: &Environment) {
        if let Place::Variable { name, value } = &mut self.0 {
            *value = environment.get(name).filter(|value| !value.is_empty()).cloned();
        }
    }
}

impl FromStr for Secret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix(VARIABLE) {
            let is_name = !name.is_empty() && !name.contains(['=', '\0']);
            let place = Place::Variable { name: name.to_owned(), value: None };
            return if is_name { Ok(Self(place)) } else { Err(Error::NoName) };
        }
        let path = Path::new(text);
        if path.is_absolute() || text.starts_with("./") || text.starts_with("../") {
            Ok(Self(Place::File(path.to_owned())))
        } else {
            Err(Error::NeitherPathNorVariable)
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Variable { name, .. } => write!(f, "{VARIABLE}{name}"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

as_text!(Secret, ["/run/secrets/proxy-token", "env:PROXY_TOKEN"]);
