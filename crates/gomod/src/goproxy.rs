//! Lists of sources of modules, as in GOPROXY: `https://proxy.example.com,https://other.example.com|direct`.
//!
//! The separator after an entry says when the next one is asked: after a comma only where the entry says that
//! there is no such module, after a bar on any error. `direct` and `off` end the list, and what comes after them
//! is left out, as Go does for the sake of later meanings. The rules and messages are cmd/go
//! `modfetch.proxyList` and `newProxyRepo`. Not here: how a list is walked, and GONOPROXY.
//!
//! A URL may carry a name and password. They are in [`ProxyUrl::as_str`] alone: every message, `Display` and
//! `Debug` shows `xxxxx` in their place.

use std::fmt;

pub(crate) mod url;

pub use url::UrlFault;

/// A list of at least one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyList(Vec<ProxyEntry>);

/// A source, and when the one after it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyEntry {
    /// What is asked.
    pub target: ProxyTarget,
    /// When the next entry is asked.
    pub fallback: Fallback,
}

/// What an entry of a list asks for modules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProxyTarget {
    /// A module proxy.
    Url(ProxyUrl),
    /// The repositories themselves.
    Direct,
    /// Nothing: everything is refused.
    Off,
}

/// When the entry after one is asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fallback {
    /// If there is no such module or version here (404 or 410). Written as a comma.
    OnAbsent,
    /// After any error. Written as a bar.
    OnAnyError,
}

/// The URL of a module proxy, of scheme http, https or file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProxyUrl {
    text: String,
    scheme: ProxyScheme,
}

/// How a module proxy is reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProxyScheme {
    /// Over HTTP without encryption.
    Http,
    /// Over HTTP with encryption.
    Https,
    /// A tree of files, named by a path alone.
    File,
}

/// Why a text is no list of sources. The texts are Go's, but for the names and passwords left out; each field
/// is an entry without them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProxyListError {
    /// There is no entry.
    #[error("GOPROXY list is not the empty string, but contains no entries")]
    NoEntries,
    /// An entry is no URL.
    #[error("parse {}: {fault}", crate::quote::quoted(entry))]
    Url {
        /// The entry, with `https://` in front if that was left out.
        entry: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// An entry is a single word that has no meaning.
    #[error("invalid proxy URL missing scheme: {0}")]
    MissingScheme(String),
    /// An entry has a scheme that is not supported.
    #[error("invalid proxy URL scheme (must be https, http, file): {0}")]
    Scheme(String),
    /// An entry of scheme file has a host or query or other things that are not a path.
    #[error("invalid file:// proxy URL with non-path elements: {0}")]
    NotJustPath(String),
}

impl ProxyList {
    /// Reads a list.
    pub fn parse(list: &str) -> Result<Self, ProxyListError> {
        let mut entries = Vec::new();
        let mut rest = list;
        while !rest.is_empty() {
            let end = rest.find([',', '|']).unwrap_or(rest.len());
            let (entry, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let fallback = if after.starts_with('|') { Fallback::OnAnyError } else { Fallback::OnAbsent };
            rest = after.get(1..).unwrap_or("");
            let target = match entry.trim() {
                "" => continue,
                "off" => ProxyTarget::Off,
                "direct" => ProxyTarget::Direct,
                url => ProxyTarget::Url(ProxyUrl::parse(url)?),
            };
            if !matches!(target, ProxyTarget::Url(_)) {
                entries.push(ProxyEntry { target, fallback: Fallback::OnAbsent });
                break;
            }
            entries.push(ProxyEntry { target, fallback });
        }
        if entries.is_empty() { Err(ProxyListError::NoEntries) } else { Ok(Self(entries)) }
    }

    /// The entries, in the order in which they are asked.
    pub fn entries(&self) -> &[ProxyEntry] {
        &self.0
    }
}

impl ProxyUrl {
    /// Makes a URL of one entry of a list. What looks like a host has `https://` put in front.
    pub fn parse(entry: &str) -> Result<Self, ProxyListError> {
        let is_host = entry.contains(['.', ':', '/']) && !entry.contains(":/") && !entry.starts_with('/');
        let text = if is_host { format!("https://{entry}") } else { entry.to_owned() };
        let parts = match url::parse(&text) {
            Ok(parts) => parts,
            Err(fault) => return Err(ProxyListError::Url { entry: url::show(&text, &fault), fault }),
        };
        let scheme = match parts.scheme.as_str() {
            "http" => ProxyScheme::Http,
            "https" => ProxyScheme::Https,
            "file" if !parts.is_just_path => return Err(ProxyListError::NotJustPath(url::redact(&text))),
            "file" => ProxyScheme::File,
            "" => return Err(ProxyListError::MissingScheme(url::redact(&text))),
            _ => return Err(ProxyListError::Scheme(url::redact(&text))),
        };
        Ok(Self { text, scheme })
    }

    /// The URL, with name and password if it has them: not to be shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the proxy is reached.
    pub fn scheme(&self) -> ProxyScheme {
        self.scheme
    }
}

impl fmt::Display for ProxyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for entry in &self.0 {
            write!(f, "{separator}{}", entry.target)?;
            separator = match entry.fallback {
                Fallback::OnAbsent => ",",
                Fallback::OnAnyError => "|",
            };
        }
        Ok(())
    }
}

impl fmt::Display for ProxyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => fmt::Display::fmt(url, f),
            Self::Direct => f.write_str("direct"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&url::redact(&self.text))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
