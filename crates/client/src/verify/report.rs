//! What a comparison found.

use std::fmt;
use std::path::PathBuf;

use gomod::gosum::Summed;
use gomod::{H1, ModuleVersion};
use serde::Serialize;

use super::{Claims, Place, Proxy, Subject};
use crate::audit::Seen;
pub(super) use crate::audit::told;
use crate::database::{Class, Database, Fault};

/// What a comparison found. Serialised, it is what scripts read.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was looked at.
    pub subject: Vec<PathBuf>,
    /// The checksum database.
    pub database: String,
    /// Who was asked for it: a configured name, never a URL.
    pub source: String,
    /// The tree that the records were proven in.
    pub tree: Option<Seen>,
    /// The proxy that was looked at besides.
    pub proxy: Option<String>,
    /// What it all means.
    pub verdict: Verdict,
    /// Hashes that are those of the database.
    pub same: u64,
    /// Files of the proxy that are those of the database.
    pub served: u64,
    /// Hashes of modules that the database is not asked about.
    pub private: u64,
    /// Hashes of a kind that is not known.
    pub unknown: u64,
    /// What is wrong, or could not be found out.
    pub findings: Vec<Finding>,
}

/// What a comparison means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that was compared is the same.
    Same,
    /// Nothing differs, but not all could be compared.
    Incomplete,
    /// Something differs.
    Differs,
}

/// What differs, or could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: Kind,
    /// The file that is looked at.
    pub file: PathBuf,
    /// The line of a go.sum file, from 1.
    pub line: Option<usize>,
    /// The module version, `path@version`.
    pub module: Option<String>,
    /// Which file of it: `zip` or `go.mod`.
    pub of: Option<&'static str>,
    /// The hash that is here.
    pub here: Option<H1>,
    /// The hash that the database has recorded.
    pub database: Option<H1>,
    /// The hash of what the proxy serves.
    pub proxy: Option<H1>,
    /// What is wrong.
    pub what: String,
}

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The database says another hash.
    Differs,
    /// Two lines of go.sum files say different hashes of one file.
    Conflict,
    /// A line or a file is of nothing that can be a module version.
    Malformed,
    /// A file of a module cache is not what it should be.
    Damaged,
    /// The proxy serves something else than the database has recorded.
    Proxy,
    /// What the database says is not proven.
    Unbelievable,
    /// The database has no record.
    Absent,
    /// The database could not be asked.
    Unreachable,
    /// The proxy could not be asked, or what it serves is no module.
    ProxyUnreachable,
}

impl Kind {
    /// What to do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::Differs => {
                "do not build with it: find out where it came from; then remove it here and download it again"
            }
            Self::Conflict => "remove the line that the checksum database does not confirm",
            Self::Malformed => "remove it; `go mod tidy` writes what is needed",
            Self::Damaged => "remove the file; the go command downloads it again",
            Self::Proxy => "do not use this proxy for the module; tell who runs it",
            Self::Unbelievable => "do not go on; keep this report, and ask from another network",
            Self::Absent => {
                "declare the module private (GOPRIVATE, --private) if it is yours; else ask why nobody knows it"
            }
            Self::Unreachable | Self::ProxyUnreachable => "try again later",
        }
    }

    /// Whether it says that something is wrong, not only that something is not known.
    pub fn is_wrong(self) -> bool {
        !matches!(self, Self::Absent | Self::Unreachable | Self::ProxyUnreachable)
    }
}

impl Finding {
    pub(super) fn of_line(kind: Kind, place: Place, what: String) -> Self {
        let Place { file, line } = place;
        Self { kind, file, line, module: None, of: None, here: None, database: None, proxy: None, what }
    }

    pub(super) fn of_file(kind: Kind, file: PathBuf, what: String) -> Self {
        Self::of_line(kind, Place { file, line: None }, what)
    }

    pub(super) fn name(&mut self, module: &ModuleVersion, of: Summed) {
        self.module = Some(module.to_string());
        self.of = Some(match of {
            Summed::Zip => "zip",
            Summed::GoMod => "go.mod",
        });
    }
}

impl Report {
    /// What to do about one of its findings. Where the database gave no answer, another way to it may: this tells which one
    /// was tried.
    pub fn advice(&self, finding: &Finding) -> String {
        let Self { database, source, .. } = self;
        match (finding.kind, &self.proxy) {
            (Kind::Unreachable, None) => format!(
                "{database} was asked at {source}: name a proxy that passes it on, --proxy https://HOST, or try again later"
            ),
            (Kind::Unreachable, Some(proxy)) if proxy != source => format!(
                "{database} was asked at {source}, not by {proxy}: name a proxy that passes it on, --proxy https://HOST, or \
                 try again later"
            ),
            (kind, _) => kind.advice().to_owned(),
        }
    }

    pub(super) fn new(subject: &Subject, database: &Database, proxy: Option<&Proxy>) -> Self {
        Self {
            subject: subject.names.clone(),
            database: database.name().to_owned(),
            source: database.source().to_owned(),
            tree: None,
            proxy: proxy.map(|proxy| proxy.name().to_owned()),
            verdict: Verdict::Incomplete,
            same: 0,
            served: 0,
            private: 0,
            unknown: subject.unknown,
            findings: subject.findings.clone(),
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// How many findings are of this kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }

    pub(super) fn private(&mut self, claims: &Claims) {
        self.private += claims.claims.len() as u64;
    }

    pub(super) fn damaged(&mut self, module: &ModuleVersion, findings: Vec<Finding>) {
        for mut finding in findings {
            finding.module.get_or_insert_with(|| module.to_string());
            self.find(finding);
        }
    }

    /// The database could not even be asked for its newest tree.
    pub(super) fn not_asked(&mut self, fault: &Fault) {
        let kind = if fault.class() == Class::Wrong { Kind::Unbelievable } else { Kind::Unreachable };
        self.find(Finding::of_file(kind, PathBuf::new(), told(fault)));
    }

    pub(super) fn tree(&mut self, database: &Database) {
        self.tree = Some(Seen::of(database.head().tree()));
    }

    pub(super) fn concluded(mut self) -> Self {
        self.verdict = if self.findings.iter().any(|finding| finding.kind.is_wrong()) {
            Verdict::Differs
        } else if self.findings.is_empty() {
            Verdict::Same
        } else {
            Verdict::Incomplete
        };
        self
    }
}

/// `go.sum:17`, or the file alone.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}
