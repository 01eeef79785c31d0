//! The manifest of a module: what is held of it, and why it is trusted.
//!
//! One file a module, `meta/<escaped path>/@manifest`, one JSON record a line, appended and never rewritten; a later
//! record about the same file replaces the earlier. A file without a record is not held, whatever lies in the
//! tree: the record is written last. A torn last line (a crash while it was written) is no record.
//!
//! ```text
//! {"version":"v1.0.0","kind":"zip","h1":"h1:…","sha256":"9f86…","size":4096,"blocks":"1c291ca3…",
//!  "source":"proxy.example","at":"2026-11-21T04:00:00Z","verified_by":"record","database":"sum.golang.org"}
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gomod::h1::H1;
use gomod::{FileKind, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why the bytes of a held file are trusted. As text `record sum.golang.org`, `first-seen`, `import`, `unverified`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verified_by", rename_all = "kebab-case")]
pub enum VerifiedBy {
    /// No database covered them: nothing vouched for them but the source they came from first, and the module rules.
    FirstSeen,
    /// They were adopted from a directory; the module rules held.
    Import,
    /// They are what the authenticated record of a checksum database says.
    Record {
        /// The name of the database.
        database: Arc<str>,
    },
    /// A database should have said whether they are right and could not be asked, or none is configured.
    Unverified,
}

impl fmt::Display for VerifiedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstSeen => f.write_str("first-seen"),
            Self::Import => f.write_str("import"),
            Self::Record { database } => write!(f, "record {database}"),
            Self::Unverified => f.write_str("unverified"),
        }
    }
}

/// What is known of one held file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The version, as text.
    pub version: String,
    /// `info`, `mod` or `zip`.
    pub kind: String,
    /// The Go hash: of the zip's content, or of the go.mod file; none for `.info`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub h1: Option<H1>,
    /// SHA-256 of the bytes, lower-case hex; the `ETag`.
    pub sha256: String,
    /// Length in bytes.
    pub size: u64,
    /// CRC-32 of each block of [`crate::verify::sums::BLOCK`] bytes, 8 hex digits a block.
    pub blocks: String,
    /// The configured name of the source it came from.
    pub source: Arc<str>,
    /// When it was kept.
    pub at: Timestamp,
    /// Why it is trusted.
    #[serde(flatten)]
    pub verified_by: VerifiedBy,
    /// The file was found broken or taken away since; its hashes still bind what may take its place.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub lost: bool,
}

impl Record {
    fn is_about_a_file(&self) -> bool {
        FileKind::parse(&self.kind).is_some() && Version::parse(&self.version).is_ok()
    }
}

/// All records of one module.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    records: HashMap<(String, &'static str), Arc<Record>>,
}

impl Manifest {
    /// Reads a manifest; lines that are no record (torn by a crash) are passed over.
    pub fn parse(text: &[u8]) -> Self {
        let mut manifest = Self::default();
        let whole = text.iter().rposition(|byte| *byte == b'\n').and_then(|end| text.get(..end));
        for line in whole.unwrap_or_default().split(|byte| *byte == b'\n') {
            if let Some(record) = serde_json::from_slice::<Record>(line).ok().filter(Record::is_about_a_file)
            {
                manifest.insert(Arc::new(record));
            }
        }
        manifest
    }

    /// Adds a record, replacing an earlier one about the same file.
    pub fn insert(&mut self, record: Arc<Record>) {
        if let Some(kind) = FileKind::parse(&record.kind) {
            self.records.insert((record.version.clone(), kind.extension()), record);
        }
    }

    /// The record of one file, lost or not.
    pub fn record(&self, version: &Version, kind: FileKind) -> Option<&Arc<Record>> {
        self.records.get(&(version.as_str().to_owned(), kind.extension()))
    }

    /// All records, in no order.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The source that the version's first file came from: later files must come from there too.
    pub fn pinned_source(&self, version: &Version) -> Option<Arc<str>> {
        FileKind::ALL
            .iter()
            .filter_map(|kind| self.record(version, *kind))
            .min_by_key(|record| record.at)
            .map(|record| record.source.clone())
    }

    /// Versions whose three files are all held, unsorted.
    pub fn whole_versions(&self) -> Vec<Version> {
        let mut count: HashMap<&str, usize> = HashMap::new();
        for ((version, _), record) in &self.records {
            if !record.lost {
                *count.entry(version).or_default() += 1;
            }
        }
        count
            .into_iter()
            .filter(|(_, files)| *files == FileKind::ALL.len())
            .filter_map(|(version, _)| Version::parse(version).ok())
            .collect()
    }

    /// Records held, for weighing the manifest in memory.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// A line of a manifest that is not what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    /// Its number, from one.
    pub line: u64,
    /// It is a record, but says something else of a file than an earlier one did: nothing mends that.
    pub contradicts: bool,
    /// What is wrong.
    pub why: String,
}

/// Looks through a manifest for lines that [`Manifest::parse`] passes over, and for records that contradict earlier
/// ones: what was verified first binds for ever.
pub fn audit(text: &[u8]) -> Vec<BadLine> {
    let (mut bad, mut known) = (Vec::new(), HashMap::<(String, String), Record>::new());
    let torn =
        (text.last().is_some_and(|last| *last != b'\n')).then(|| text.split(|byte| *byte == b'\n').count());
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
    for (line, bytes) in (1_u64..).zip(lines).filter(|_| !text.is_empty()) {
        let mut add = |contradicts, why: &str| bad.push(BadLine { line, contradicts, why: why.to_owned() });
        if torn.is_some_and(|torn| torn as u64 == line) {
            add(false, "it was cut short");
            continue;
        }
        let Ok(record) = serde_json::from_slice::<Record>(bytes) else {
            add(false, "it is no record");
            continue;
        };
        if !record.is_about_a_file() {
            add(false, "it is about no file of a version");
            continue;
        }
        let earlier = known.get(&(record.version.clone(), record.kind.clone()));
        if let Some(why) = earlier.and_then(|earlier| contradiction(earlier, &record)) {
            add(true, &why);
        }
        known.insert((record.version.clone(), record.kind.clone()), record);
    }
    bad
}

fn contradiction(earlier: &Record, later: &Record) -> Option<String> {
    let file = format!("{}.{}", later.version, later.kind);
    match (&earlier.h1, &later.h1) {
        // What was set aside because a database has something else on record.
        _ if earlier.lost && matches!(later.verified_by, VerifiedBy::Record { .. }) => None,
        (Some(first), Some(other)) if first != other => {
            Some(format!("it says that {file} has {other}, but an earlier line says {first}"))
        }
        // Framing may change only where the file was lost in between.
        _ if earlier.sha256 != later.sha256 && !earlier.lost => {
            Some(format!("it says that {file} has other bytes than an earlier line says"))
        }
        _ => None,
    }
}

/// The line that is appended for a record; the store ends it.
pub fn line(record: &Record) -> Bytes {
    // A record holds nothing that JSON cannot: the fallback is never taken.
    serde_json::to_vec(record).unwrap_or_default().into()
}
