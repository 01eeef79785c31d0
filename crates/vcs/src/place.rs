//! Where a repository is, and which system it speaks.

use std::fmt;
use std::sync::Arc;

/// A version control system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum System {
    /// Git.
    Git,
    /// Mercurial.
    Hg,
    /// Subversion.
    Svn,
    /// Fossil.
    Fossil,
}

/// A repository: a system and the URL that its tool is given. Its text has no userinfo, so that it may be shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    system: System,
    url: Arc<str>,
}

/// Why a URL is no place of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No scheme (cmd/go: `git remote (x) must not be local directory (use URL syntax not host:path syntax)`).
    #[error("the repository's address is no URL: write SCHEME://HOST/PATH, not HOST:PATH")]
    NoScheme,
    /// A scheme that the system is not asked over.
    #[error("{system} is not asked over {scheme}")]
    Scheme {
        /// The system.
        system: System,
        /// The scheme, in small letters.
        scheme: String,
    },
    /// Something that a tool could take for an option, or characters that no URL has.
    #[error("the repository's address has characters that no URL has, or begins like an option")]
    Characters,
    /// A user or password before the host, which would be shown.
    #[error("the repository's address holds a user or password; configure a credential instead")]
    Userinfo,
}

impl System {
    /// All systems.
    pub const ALL: [Self; 4] = [Self::Git, Self::Hg, Self::Svn, Self::Fossil];

    /// Its command, which is also what GOVCS, pages and `.info` files call it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Hg => "hg",
            Self::Svn => "svn",
            Self::Fossil => "fossil",
        }
    }

    /// The system with this command.
    pub fn parse(command: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.command() == command)
    }

    /// The schemes that its tool knows, those that keep secrets first (cmd/go `vcs.Cmd.Scheme`).
    fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Git => &["https", "ssh", "git+ssh", "http", "git", "file"],
            Self::Hg => &["https", "ssh", "http", "file"],
            Self::Svn => &["https", "svn+ssh", "http", "svn", "file"],
            Self::Fossil => &["https", "http", "file"],
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.command())
    }
}

impl Place {
    /// The repository of a system at a URL. Which schemes may be used where is for the caller to say; here they are only
    /// known or not.
    ///
    /// # Errors
    /// It is no URL that the system's tool could be given safely.
    pub fn new(system: System, url: &str) -> Result<Self, PlaceError> {
        let (scheme, rest) = url.split_once("://").ok_or(PlaceError::NoScheme)?;
        let lower = scheme.to_ascii_lowercase();
        if url.starts_with('-') || url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(PlaceError::Characters);
        }
        if !system.schemes().contains(&lower.as_str()) {
            return Err(PlaceError::Scheme { system, scheme: lower });
        }
        let authority = rest.split('/').next().unwrap_or_default();
        // A user without a password is part of an ssh address: `ssh://git@example.com/r`.
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let is_ssh = lower.contains("ssh");
        if user.is_some_and(|user| !is_ssh || user.contains(':') || user.starts_with('-')) {
            return Err(PlaceError::Userinfo);
        }
        // ssh takes a host that begins with `-` for an option (CVE-2017-1000117).
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.starts_with('-') || (host.is_empty() && lower != "file") {
            return Err(PlaceError::Characters);
        }
        Ok(Self { system, url: format!("{lower}://{rest}").into() })
    }

    /// The system.
    pub fn system(&self) -> System {
        self.system
    }

    /// The URL, its scheme in small letters.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL's scheme.
    pub fn scheme(&self) -> &str {
        self.url.split("://").next().unwrap_or_default()
    }

    /// The URL's host, with the port if it names one and without a user; empty for `file`.
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// The port that the URL names.
    pub(crate) fn port(&self) -> Option<&str> {
        let (_, port) = self.host().rsplit_once(':')?;
        // The end of an address in brackets is none.
        Some(port).filter(|port| !port.ends_with(']'))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// A text as a part of a URL, whatever is in it; these bytes of it stay as they are.
pub(crate) fn escaped(text: &str, but: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default().to_ascii_uppercase();
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || but.contains(&byte) {
            out.push(byte.into());
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}
