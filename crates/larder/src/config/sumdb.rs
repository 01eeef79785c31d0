//! Checksum databases, named as GOSUMDB names them.
//!
//! The grammar and its messages are cmd/go's `dbDial` (modfetch/sumdb.go). Whether the key is a real point of its
//! curve is found out by the reader of signed notes when the database is opened.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::{self, Pattern};
use super::text::{as_text, redact, text_or_table};

/// Why a text does not name a checksum database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing is named.
    #[error("missing database; write sum.golang.org, NAME+HASH+KEY, or `off`")]
    Missing,
    /// More than a name and an address.
    #[error("too many fields in `{text}`; write NAME or NAME+HASH+KEY, and perhaps one blank and an address")]
    TooManyFields {
        /// The text as it was written, without secrets.
        text: String,
    },
    /// A name whose key is not known.
    #[error(
        "the key of `{name}` is not known; write {name}+HASH+KEY, as the database's operator publishes it"
    )]
    UnknownName {
        /// The name as it was written.
        name: String,
    },
    /// The key is not `name+hash+key`.
    #[error(
        "malformed verifier key `{key}`; it is NAME+HASH+KEY: 8 hexadecimal digits, then 44 characters of base64"
    )]
    MalformedKey {
        /// The key as it was written.
        key: String,
    },
    /// The name is not that of a host.
    #[error("invalid sumdb name (must be host[/path]): {name}")]
    InvalidName {
        /// The name as it was written.
        name: String,
    },
    /// The address cannot be asked.
    #[error("invalid sumdb address `{address}`; it begins with https:// (or http://)")]
    InvalidAddress {
        /// The address as it was written, without secrets.
        address: String,
    },
    /// `off` beside other databases.
    #[error("`off` stands alone: with it no checksum database is asked")]
    OffAmongOthers,
    /// An empty list.
    #[error("the list is empty; write `off` to do without a checksum database")]
    EmptyList,
    /// A table without `spec`.
    #[error("the table has no `spec`; write spec = \"sum.golang.org\"")]
    NoSpec,
    /// A pattern in `covers` is wrong.
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
}

/// The database whose key every go command knows, and that key (modfetch/key.go, `knownGOSUMDB`).
const KNOWN: (&str, &str) =
    ("sum.golang.org", "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
/// Its second address, reachable where the first is not (modfetch/sumdb.go).
const ALIAS: (&str, &str) = ("sum.golang.google.cn", "sum.golang.org https://sum.golang.google.cn");

/// One checksum database in the grammar of GOSUMDB: `sum.golang.org`, `NAME+HASH+KEY`, either perhaps followed by
/// one blank and the address to ask instead of `https://NAME`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SumDbSpec {
    text: String,
    name: String,
    verifier: String,
    address: Option<String>,
}

impl SumDbSpec {
    /// The database's name, `host[/path]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its verifier key, `NAME+HASH+KEY`, also when only a known name was written.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// The address to ask instead of `https://NAME`. It may carry a password: not for printing.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

impl FromStr for SumDbSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let meant = if text.trim() == ALIAS.0 { ALIAS.1 } else { text };
        let mut fields = meant.split_whitespace();
        let key = fields.next().ok_or(Error::Missing)?;
        let address = fields.next();
        if fields.next().is_some() {
            return Err(Error::TooManyFields { text: redact(text) });
        }
        let verifier = if key == KNOWN.0 { KNOWN.1 } else { key };
        let name = name_of(verifier)?;
        if let Some(address) = address {
            let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
                return Err(Error::InvalidAddress { address: redact(address) });
            }
        }
        Ok(Self {
            text: text.trim().to_owned(),
            name: name.to_owned(),
            verifier: verifier.to_owned(),
            address: address.map(str::to_owned),
        })
    }
}

/// The name in a verifier key, which is checked by form (x/mod `note.NewVerifier`): Ed25519 is the only algorithm,
/// so the key is 33 bytes, 44 characters of base64 without padding.
fn name_of(verifier: &str) -> Result<&str, Error> {
    let Some((name, rest)) = verifier.split_once('+') else {
        return Err(Error::UnknownName { name: verifier.to_owned() });
    };
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    let is_key = rest.split_once('+').is_some_and(|(hash, key)| {
        let is_hash = hash.len() == 8 && hash.bytes().all(|c| c.is_ascii_hexdigit());
        is_hash && key.len() == 44 && key.starts_with('A') && key.bytes().all(is_base64)
    });
    if !is_key {
        return Err(Error::MalformedKey { key: verifier.to_owned() });
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '~');
    if name.is_empty() || name.starts_with('/') || name.ends_with('/') || !name.chars().all(is_plain) {
        return Err(Error::InvalidName { name: name.to_owned() });
    }
    Ok(name)
}

impl fmt::Display for SumDbSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.text))
    }
}

impl fmt::Debug for SumDbSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact(&self.text))
    }
}

as_text!(SumDbSpec, ["sum.golang.org", "sum.golang.org https://sum.golang.google.cn"]);

/// A checksum database and the modules it answers for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SumDb {
    /// The database in the grammar of GOSUMDB: `NAME` or `NAME+HASH+KEY`, perhaps one blank and an address.
    pub spec: SumDbSpec,
    /// Patterns of the modules this database decides for. The first database decides for all public modules and
    /// needs none; the others are passed on to clients, and decide for what is listed here.
    #[serde(default)]
    pub covers: Vec<Pattern>,
}

/// The table form of a database, before it is known to be whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    spec: Option<SumDbSpec>,
    #[serde(default)]
    covers: Vec<Pattern>,
}

impl TryFrom<Table> for SumDb {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        Ok(Self { spec: table.spec.ok_or(Error::NoSpec)?, covers: table.covers })
    }
}

impl FromStr for SumDb {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self { spec: text.parse()?, covers: Vec::new() })
    }
}

impl<'de> Deserialize<'de> for SumDb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_table::<D, Self, Table>(deserializer)
    }
}

/// The database the go command asks when nothing is set (go.env, `GOSUMDB`).
pub(super) fn default() -> Vec<SumDb> {
    KNOWN.0.parse().into_iter().collect()
}

/// Writes a list of databases; none is `off`.
pub(super) fn serialize<S: Serializer>(databases: &[SumDb], serializer: S) -> Result<S::Ok, S::Error> {
    if databases.is_empty() { ["off"].serialize(serializer) } else { databases.serialize(serializer) }
}

/// Reads a list of databases, or `off` alone, which is an empty list.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SumDb>, D::Error> {
    use serde::de::Error as _;
    let listed = Vec::<Listed>::deserialize(deserializer)?;
    let databases: Vec<SumDb> = listed.iter().filter_map(|listed| listed.0.clone()).collect();
    match (listed.len(), databases.len()) {
        (0, _) => Err(D::Error::custom(Error::EmptyList)),
        (1, 0) => Ok(databases),
        (all, named) if named < all => Err(D::Error::custom(Error::OffAmongOthers)),
        _ => Ok(databases),
    }
}

/// One entry of the list: a database, or `off`.
#[derive(Clone)]
struct Listed(Option<SumDb>);

impl FromStr for Listed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.trim() == "off" { Ok(Self(None)) } else { text.parse().map(|database| Self(Some(database))) }
    }
}

impl TryFrom<Table> for Listed {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        SumDb::try_from(table).map(|database| Self(Some(database)))
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_table::<D, Self, Table>(deserializer)
    }
}
