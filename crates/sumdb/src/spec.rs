//! Which checksum database is meant: the grammar of GOSUMDB.
//!
//! ```text
//! sum.golang.org
//! sum.golang.google.cn
//! sum.example.org/log+1f2e3d4c+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk https://sum.example.org
//! ```
//!
//! What it promises: refuses all that cmd/go refuses. It also refuses names and addresses that cmd/go takes though no
//! request could be sent to them, as the settings of Larder do: a name is made of letters, digits and `.-_~/:`, an
//! address begins with `https://` or `http://`.
//! Not here: `off`, which names no database.
//!
//! The rules come from cmd/go `modfetch.dbDial` and `knownGOSUMDB`.

use std::fmt;
use std::str::FromStr;

use crate::note::{KeyError, Verifier};

/// The databases whose keys every go command knows: name and verifier key (cmd/go `modfetch.knownGOSUMDB`).
pub const KNOWN: &[(&str, &str)] =
    &[("sum.golang.org", "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")];

/// Other names of known databases, and what they stand for (cmd/go `modfetch.dbDial`).
pub const ALIASES: &[(&str, &str)] =
    &[("sum.golang.google.cn", "sum.golang.org https://sum.golang.google.cn")];

/// One checksum database: its key, and perhaps an address to ask instead of `https://NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct Spec {
    verifier: Verifier,
    address: Option<String>,
}

/// Why a text does not name a checksum database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Nothing is named.
    #[error("missing GOSUMDB")]
    Missing,
    /// More than a key and an address.
    #[error("invalid GOSUMDB: too many fields")]
    TooManyFields,
    /// The key is none.
    #[error("invalid GOSUMDB")]
    Key(#[source] KeyError),
    /// The name is not that of a host.
    #[error("invalid sumdb name (must be host[/path]): {name}")]
    Name {
        /// The name as it is written.
        name: String,
    },
    /// The address cannot be asked. It is not shown, since it may hold a password.
    #[error("invalid GOSUMDB URL")]
    Address,
}

impl Spec {
    /// Reads the value of GOSUMDB (cmd/go `modfetch.dbDial`).
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let alias = ALIASES.iter().find(|(name, _)| *name == text.trim());
        let mut fields = alias.map_or(text, |(_, meant)| *meant).split_whitespace();
        let key = fields.next().ok_or(SpecError::Missing)?;
        let address = fields.next();
        if fields.next().is_some() {
            return Err(SpecError::TooManyFields);
        }
        let key = KNOWN.iter().find(|(name, _)| *name == key).map_or(key, |(_, known)| *known);
        let verifier = Verifier::parse(key).map_err(SpecError::Key)?;
        let name = verifier.name().as_str();
        if !is_host_and_path(name) {
            return Err(SpecError::Name { name: name.to_owned() });
        }
        if address.is_some_and(|address| !is_address(address)) {
            return Err(SpecError::Address);
        }
        Ok(Self { verifier, address: address.map(str::to_owned) })
    }

    /// The key of the database.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The name of the database, `host[/path]`.
    pub fn name(&self) -> &str {
        self.verifier.name().as_str()
    }

    /// The address to ask instead of `https://NAME`, and without asking proxies. It may hold a password.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

/// Whether a name can be put after `https://`, and nothing is lost then.
fn is_host_and_path(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '~');
    let host = name.split('/').next().unwrap_or_default();
    let (host, port) = host.split_once(':').map_or((host, "0"), |(host, port)| (host, port));
    !host.is_empty()
        && !port.is_empty()
        && port.bytes().all(|c| c.is_ascii_digit())
        && !name.ends_with('/')
        && name.chars().all(is_plain)
}

fn is_address(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::parse(text)
    }
}

/// The key alone, since the address may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spec({}{})", self.verifier, if self.address.is_some() { " ****" } else { "" })
    }
}
