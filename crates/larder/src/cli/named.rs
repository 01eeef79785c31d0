//! `MODULE[@VERSION]` as a word of the command line.

use std::fmt::Write;

use gomod::{ModulePath, Request};

use crate::app::api::refresh::Meant;

/// A module, or a version or query of it, that was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    path: ModulePath,
    /// What stood behind the `@`, with what it is asked by.
    version: Option<(String, Request)>,
}

impl Named {
    /// Reads `MODULE` or `MODULE@VERSION`. A module path has no `@`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let path = ModulePath::parse(path).map_err(|error| error.to_string())?;
        let named = |version: &str| {
            let want = Request::named(&path, version).map_err(|error| error.to_string())?;
            Ok::<_, String>((version.to_owned(), want))
        };
        let version = version.map(named).transpose()?;
        Ok(Self { path, version })
    }

    /// The module path.
    pub(super) fn path(&self) -> &ModulePath {
        &self.path
    }

    /// What is asked for it, if not the module as a whole.
    pub(super) fn want(&self) -> Option<&Request> {
        self.version.as_ref().map(|(_, want)| want)
    }

    /// The call that tells its state.
    pub(super) fn call(&self) -> String {
        self.call_below("modules")
    }

    /// The call about it that begins with this word.
    pub(super) fn call_below(&self, word: &str) -> String {
        let name = match &self.version {
            None => self.path.escape().to_string(),
            Some((_, Request::Latest(path))) => format!("{}/@v/latest", path.escape()),
            Some((_, want)) => want.to_string().trim_end_matches(".info").to_owned(),
        };
        format!("{word}/{}", percent_encoded(&name))
    }

    /// Whether it is one version, not a module or a query.
    pub(super) fn is_version(&self) -> bool {
        matches!(self.version, Some((_, Request::File(..))))
    }

    /// Whether it is a module as a whole.
    pub(super) fn is_module(&self) -> bool {
        self.version.is_none()
    }

    /// What the calls that change something are told.
    pub(super) fn meant(&self) -> Meant {
        Meant {
            module: self.path.as_str().to_owned(),
            version: self.version.as_ref().map(|(version, _)| version.clone()),
        }
    }
}

/// A name as it stands in a URL.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!@+$,=:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
