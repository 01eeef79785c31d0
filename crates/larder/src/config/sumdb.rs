//! Checksum databases, named as GOSUMDB names them.
//!
//! The grammar is that of [`sumdb::Spec`], which is cmd/go's `dbDial` (modfetch/sumdb.go); here it is told what to
//! write instead of what is wrong.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sumdb::Verifier;
use sumdb::note::KeyError;
use sumdb::spec::{KNOWN, Spec, SpecError};

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
    /// The key has the right form and is none.
    #[error("wrong verifier key `{key}`: {reason}; copy it once more from where its operator publishes it")]
    WrongKey {
        /// The key as it was written.
        key: String,
        /// What is wrong with it.
        reason: KeyError,
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

/// One checksum database in the grammar of GOSUMDB: `sum.golang.org`, `NAME+HASH+KEY`, either perhaps followed by
/// one blank and the address to ask instead of `https://NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct SumDbSpec {
    text: String,
    spec: Spec,
}

impl SumDbSpec {
    /// What the text means.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The database's name, `host[/path]`.
    pub fn name(&self) -> &str {
        self.spec.name()
    }

    /// Its verifier key, also when only a known name was written.
    pub fn verifier(&self) -> &Verifier {
        self.spec.verifier()
    }

    /// The address to ask instead of `https://NAME`. It may carry a password: not for printing.
    pub fn address(&self) -> Option<&str> {
        self.spec.address()
    }
}

impl FromStr for SumDbSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let spec = Spec::parse(text).map_err(|error| explained(text, &error))?;
        Ok(Self { text: text.trim().to_owned(), spec })
    }
}

/// What to write instead of a text that does not name a database.
fn explained(text: &str, error: &SpecError) -> Error {
    let field = |at: usize| text.split_whitespace().nth(at).unwrap_or_default();
    let key = || field(0).to_owned();
    match error {
        SpecError::TooManyFields => Error::TooManyFields { text: redact(text) },
        SpecError::Key(KeyError::Malformed) => match key() {
            name if !name.contains('+') => Error::UnknownName { name },
            key => Error::MalformedKey { key },
        },
        SpecError::Key(reason) => Error::WrongKey { key: key(), reason: *reason },
        SpecError::Name { name } => Error::InvalidName { name: name.clone() },
        SpecError::Address => Error::InvalidAddress { address: redact(field(1)) },
        // Nothing is named, or what a later version of the grammar refuses.
        _ => Error::Missing,
    }
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
    KNOWN.iter().take(1).filter_map(|(name, _)| name.parse().ok()).collect()
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
