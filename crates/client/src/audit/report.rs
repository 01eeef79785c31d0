//! What an audit found.

use std::error::Error;
use std::path::PathBuf;

use serde::Serialize;
use sumdb::{Spec, Tree};

use super::range::Span;
use crate::database::{Database, Fault};

/// Findings that are named; more are counted.
const NAMED: usize = 100;

/// What an audit found. Serialised, it is what scripts read.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The name of the database.
    pub database: String,
    /// Its verifier key.
    pub key: String,
    /// Who was asked: a configured name, never a URL.
    pub source: String,
    /// What it all means.
    pub verdict: Verdict,
    /// The tree of the last visit.
    pub before: Option<Seen>,
    /// The newest tree that is known.
    pub tree: Option<Seen>,
    /// By how many records the tree that the database shows is smaller than the one that it showed before.
    pub behind: u64,
    /// The first record that was to be read.
    pub from: u64,
    /// The record after the last one that was to be read.
    pub to: u64,
    /// How many were read and are those of the tree.
    pub records: u64,
    /// Records since the last visit that were not to be read.
    pub skipped: u64,
    /// How many of them were looked up with the same result.
    pub lookups: u64,
    /// Answers of the database.
    pub requests: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, the first 100.
    pub findings: Vec<Finding>,
    /// How much is wrong.
    pub wrong: u64,
    /// Why the audit did not come to its end.
    pub stopped: Option<String>,
    /// Where the tree is remembered, if it is.
    pub state: Option<PathBuf>,
    /// Where the evidence of a fork is.
    pub evidence: Option<PathBuf>,
    /// The evidence of a fork, which anyone can check who has the key.
    pub proof: Option<String>,
}

/// What an audit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that was looked at is in order.
    Fine,
    /// Nothing wrong was found, but not all could be looked at.
    Incomplete,
    /// The database is wrong.
    Wrong,
}

/// A tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// How many records it has.
    pub size: u64,
    /// Its hash, in base64.
    #[serde(serialize_with = "as_text")]
    pub hash: sumdb::Hash,
}

/// Something that is wrong with the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: Kind,
    /// Where: a path of the database, or `record N`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What can be wrong with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The newest tree is not signed by the key, or not proven.
    Tree,
    /// Two trees were signed of which neither continues the other.
    Fork,
    /// A tile that the tree has is not there.
    Missing,
    /// A tile, or a record in it, is not that of the tree.
    Tile,
    /// A record is not that of one module version with both hashes.
    Record,
    /// Two records are of one module version.
    Repeated,
    /// A lookup does not answer with the record.
    Lookup,
}

impl Seen {
    pub(crate) fn of(tree: &Tree) -> Self {
        Self { size: tree.size, hash: tree.hash }
    }
}

impl Report {
    pub(super) fn new(database: &Database, spec: &Spec, is_known: bool) -> Self {
        Self {
            database: spec.name().to_owned(),
            key: spec.verifier().to_string(),
            source: database.source().to_owned(),
            verdict: Verdict::Incomplete,
            before: is_known.then(|| Seen::of(database.head().tree())),
            tree: None,
            behind: 0,
            from: 0,
            to: 0,
            records: 0,
            skipped: 0,
            lookups: 0,
            requests: 0,
            bytes: 0,
            findings: Vec::new(),
            wrong: 0,
            stopped: None,
            state: None,
            evidence: None,
            proof: None,
        }
    }

    pub(super) fn cover(&mut self, span: Span) {
        (self.from, self.to, self.skipped) = (span.from, span.to, span.skipped);
    }

    pub(super) fn find(&mut self, kind: Kind, place: &str, what: &str) {
        self.wrong += 1;
        if self.findings.len() < NAMED {
            self.findings.push(Finding { kind, place: place.to_owned(), what: what.to_owned() });
        }
    }

    pub(super) fn stop(&mut self, fault: &Fault) {
        self.stopped.get_or_insert_with(|| told(fault));
    }

    pub(super) fn conclude(&mut self, database: &Database) {
        (self.requests, self.bytes) = database.answers();
        self.verdict = match (self.wrong, &self.stopped) {
            (0, None) => Verdict::Fine,
            (0, Some(_)) => Verdict::Incomplete,
            _ => Verdict::Wrong,
        };
    }
}

/// A fault and its causes in one text.
pub(crate) fn told(fault: &Fault) -> String {
    let mut text = fault.to_string();
    // What a source says is in the fault's own text.
    let mut cause = if let Fault::Unreachable { .. } = fault { None } else { fault.source() };
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn as_text<S: serde::Serializer>(hash: &sumdb::Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}
