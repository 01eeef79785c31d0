//! From `Fetched` to `Verified`: what a source sent is held against the module rules before anything is kept.
//!
//! Only this module makes a [`Verified`]. What it checks: an `.info` names the version that was asked for, a `.mod` is
//! text that could be a go.mod file, a zip obeys every rule that the go command applies when it unpacks one, and a
//! hash that is known already agrees. What breaks a rule is the fault of the source it came from. No I/O but reading
//! the spool; no clock.

pub mod sums;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gomod::h1::H1;
use gomod::info::{self, Info};
use gomod::{ModulePath, ModuleVersion, list::List};
use store::Spool;

use sums::Sums;

/// Bytes that passed the checks, with the hashes taken of them.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The bytes.
    pub(crate) content: VerifiedContent,
    /// Hashes of the bytes.
    pub(crate) sums: Sums,
    /// The Go hash, where the kind has one.
    pub(crate) h1: Option<H1>,
    /// The checksum database whose record has this Go hash. Private: whoever says so has compared the two, in this module.
    database: Option<Arc<str>>,
}

/// A zip that obeys the module rules. Whether it is the right one is not known yet.
#[derive(Clone, Debug)]
pub struct Sound {
    spool: Spool,
    sums: Sums,
    h1: H1,
}

/// What says which content is right.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'b> {
    /// The hash that a checksum database has on record, and nothing else.
    Record(H1, &'b Arc<str>),
    /// The hash that was recorded here first; if there is none, whatever obeys the rules is right.
    First(Option<&'b H1>),
}

/// Where verified bytes are.
#[derive(Clone, Debug)]
pub(crate) enum VerifiedContent {
    /// In memory.
    Memory(Bytes),
    /// In a spool that is ready to be published.
    Spool(Spool),
}

/// What is wrong with what a source sent.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The `.info` or `@latest` is not what one must be.
    #[error("the version information is malformed")]
    Info(#[source] info::InfoError),
    /// It names another version.
    #[error("it names version {got} where {asked} was asked for")]
    OtherVersion {
        /// What was asked.
        asked: String,
        /// What was named.
        got: String,
    },
    /// It names a version that cannot be one of this module.
    #[error("it names version {got}, which cannot be a version of {path}")]
    ForeignVersion {
        /// The module path.
        path: String,
        /// What was named.
        got: String,
    },
    /// The `.mod` cannot be a go.mod file.
    #[error("the go.mod file {why}")]
    Mod {
        /// What it is instead.
        why: &'static str,
    },
    /// The list is not a list.
    #[error("the version list is malformed")]
    List(#[source] gomod::list::ListError),
    /// It begins neither as a zip nor as the zip of this module.
    #[error("the zip {why}")]
    Beginning {
        /// What it is instead.
        why: &'static str,
    },
    /// The zip breaks the module rules.
    #[error("the zip breaks the module rules")]
    Zip(#[source] gomod::zip::ZipError),
    /// The content is not what was recorded first.
    #[error("its hash is {got}, but {recorded} is recorded")]
    Hash {
        /// What is recorded.
        recorded: H1,
        /// What the content has.
        got: H1,
    },
    /// The content is not what a checksum database has on record.
    #[error("its hash is {got}, but the checksum database {database} has {recorded}")]
    Record {
        /// The name of the database.
        database: Arc<str>,
        /// What is on record.
        recorded: H1,
        /// What the content has.
        got: H1,
    },
    /// More or fewer bytes than announced.
    #[error("{got} bytes came where {announced} were announced")]
    Length {
        /// What was announced.
        announced: u64,
        /// What came.
        got: u64,
    },
}

/// A zip that is what a checksum database has on record, and breaks the module rules: it is what it should be wherever it
/// comes from, and no go command takes it.
#[derive(Debug)]
pub struct Unusable {
    /// The rules, with the files that break them.
    pub broken: gomod::zip::ZipError,
    /// The name of the database.
    pub database: Arc<str>,
}

/// The rules are told a line each, as many as a client is shown.
impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        write!(f, "the zip breaks the module rules, and is what {} has on record", self.database)?;
        self.broken.to_string().lines().take(SHOWN).try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Checks the `.info` of a canonical version. Kept as it came, but for user names and passwords in URLs.
pub fn info(module: &ModuleVersion, bytes: &Bytes) -> Result<Verified, Wrong> {
    let parsed = Info::parse(bytes).map_err(Wrong::Info)?;
    if parsed.version != module.version {
        return Err(Wrong::OtherVersion {
            asked: module.version.to_string(),
            got: parsed.version.to_string(),
        });
    }
    Ok(in_memory(without_userinfo(bytes)))
}

/// Checks a go.mod file. Never rewritten, never required to have a module line: a toolchain's has none of interest. What
/// is on record is right whatever it looks like, a toolchain's empty one included.
pub fn go_mod(bytes: Bytes, bound: Bound<'_>) -> Result<Verified, Wrong> {
    if let Bound::First(_) = bound {
        could_be_go_mod(&bytes)?;
    }
    let h1 = H1::of_mod(&bytes);
    let database = bound.agrees(h1)?;
    Ok(Verified { h1: Some(h1), database, ..in_memory(bytes) })
}

fn could_be_go_mod(bytes: &[u8]) -> Result<(), Wrong> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match text.first() {
        Some(b'<') => Err(Wrong::Mod { why: "is a web page" }),
        Some(b'{' | b'[') => Err(Wrong::Mod { why: "is JSON" }),
        _ if bytes.contains(&0) => Err(Wrong::Mod { why: "contains NUL bytes" }),
        _ => Ok(()),
    }
}

impl Verified {
    /// The checksum database whose record says that this is right; none if no record was compared.
    pub fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }
}

impl Sound {
    /// The right zip, if that is what it is.
    pub fn bound_by(self, bound: Bound<'_>) -> Result<Verified, Wrong> {
        let database = bound.agrees(self.h1)?;
        let Self { spool, sums, h1 } = self;
        Ok(Verified { content: VerifiedContent::Spool(spool), sums, h1: Some(h1), database })
    }
}

impl Bound<'_> {
    /// Compares; the database whose record has the hash, where a record decides.
    fn agrees(self, got: H1) -> Result<Option<Arc<str>>, Wrong> {
        match self {
            Self::Record(recorded, database) if recorded == got => Ok(Some(database.clone())),
            Self::Record(recorded, database) => {
                Err(Wrong::Record { database: database.clone(), recorded, got })
            }
            Self::First(Some(recorded)) if *recorded != got => Err(Wrong::Hash { recorded: *recorded, got }),
            Self::First(_) => Ok(None),
        }
    }
}

/// Looks at the first bytes of a module zip: no proof, but a page of a captive portal and another module's zip are
/// told from the right one before anything of them is sent. Every sound zip of a module, but for one without files,
/// begins with the local header of a file below `path@version/`.
pub fn zip_begins(module: &ModuleVersion, bytes: &[u8]) -> Result<(), Wrong> {
    const NAME_AT: usize = 30;
    if bytes.starts_with(b"PK\x05\x06") {
        return Ok(());
    }
    if !bytes.starts_with(b"PK\x03\x04") {
        return Err(Wrong::Beginning { why: "does not begin as a zip does" });
    }
    let prefix = format!("{module}/");
    let name = bytes.get(NAME_AT..).unwrap_or_default();
    if name.len() >= prefix.len() && !name.starts_with(prefix.as_bytes()) {
        return Err(Wrong::Beginning { why: "begins with a file of another module version" });
    }
    Ok(())
}

/// Checks that a zip obeys the module rules, whole. Blocking: reads and inflates all of it.
pub fn zip(module: &ModuleVersion, spool: Spool, sums: Sums) -> Result<Sound, Wrong> {
    let checked = gomod::zip::check(&mut spool.reader(), sums.size, module).map_err(Wrong::Zip)?;
    Ok(Sound { spool, sums, h1: checked.h1 })
}

/// The hash of a zip that breaks the module rules, if all of its files can be read: then it may still be what a checksum
/// database has on record. Blocking, as [`zip()`].
pub fn zip_h1(spool: &Spool, size: u64) -> Option<H1> {
    gomod::zip::hash(&mut spool.reader(), size).ok()
}

/// Checks a version list and returns it as it is served: canonical versions of the right major, in order.
pub fn list(path: &ModulePath, bytes: &[u8]) -> Result<Bytes, Wrong> {
    let list = List::parse(bytes, path).map_err(Wrong::List)?;
    Ok(Bytes::from(list.to_text()))
}

/// Checks the answer to `@latest` or to a query: it must name a version that the module can have.
pub fn resolved(path: &ModulePath, bytes: &Bytes) -> Result<Bytes, Wrong> {
    let parsed = Info::parse(bytes).map_err(Wrong::Info)?;
    if ModuleVersion::new(path.clone(), parsed.version.clone()).is_err() {
        return Err(Wrong::ForeignVersion { path: path.to_string(), got: parsed.version.to_string() });
    }
    Ok(without_userinfo(bytes))
}

fn without_userinfo(bytes: &Bytes) -> Bytes {
    match info::without_userinfo(bytes) {
        std::borrow::Cow::Borrowed(_) => bytes.clone(),
        std::borrow::Cow::Owned(changed) => Bytes::from(changed),
    }
}

fn in_memory(bytes: Bytes) -> Verified {
    Verified { sums: sums::of(&bytes), content: VerifiedContent::Memory(bytes), h1: None, database: None }
}
