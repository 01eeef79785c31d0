//! What a scrub tells: step by step, and at its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Findings that are named; more are counted.
pub const NAMED: usize = 10_000;

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Bytes are not those that were kept.
    Rotten,
    /// The file ends too early.
    Truncated,
    /// The file goes on behind its end.
    Grown,
    /// The bytes are those of another held file.
    Swapped,
    /// The file is not there.
    Missing,
    /// The file was found lost earlier, and is not held again yet.
    Lost,
    /// The hashes of a record do not belong together.
    Misrecorded,
    /// No record vouches for the file.
    Unvouched,
    /// The file, or a manifest, could not be read.
    Unreadable,
    /// Lines of a manifest are no records.
    BadLines,
    /// Records of a manifest contradict each other.
    Contradiction,
    /// The list of the tree does not name what is held.
    List,
    /// Spools that an earlier process left.
    LeftOver,
    /// A file is not what the checksum database has on record.
    Contradicted,
    /// The checksum database does not know a held version.
    Unrecorded,
    /// A version is held for which the checksum database could not be asked to vouch.
    Unverified,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is right again.
    Healed,
    /// It was taken away; nothing is missing without it.
    Removed,
    /// It was only looked at, as was asked.
    Left,
    /// It is held and served, and no database vouches for it.
    Unproven {
        /// Why.
        why: String,
    },
    /// It is as wrong as it was, or still lost.
    Broken {
        /// Why.
        why: String,
    },
}

/// Something that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The file, by its name in the data directory.
    pub file: String,
    /// What is wrong.
    pub what: What,
    /// The same in words.
    pub detail: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Where in the data directory it lies now: this name with `.body`, and with `.json` a note about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
    /// The bytes found and those that were expected, by SHA-256, to tell what was swapped.
    #[serde(skip)]
    pub(super) hashes: Option<(String, String)>,
}

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Modules looked at.
    pub modules: u64,
    /// Files read.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Findings that are right again, or were taken away.
    pub mended: u64,
    /// Findings that are not.
    pub broken: u64,
    /// Versions that are what the checksum database covering them has on record.
    #[serde(default)]
    pub agreed: u64,
    /// Held versions for which the checksum database covering them does not vouch.
    #[serde(default)]
    pub unproven: u64,
    /// What was found, the first of them by name.
    pub findings: Vec<Finding>,
    /// The last manifest that was looked through.
    #[serde(skip)]
    pub(super) reached: Option<String>,
    /// It did not reach the end: the server stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub interrupted: bool,
}

/// How far a scrub has come, or what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// So many of so many modules are done.
    Progress {
        /// Modules done.
        done: u64,
        /// Modules there are.
        of: u64,
        /// Bytes read.
        bytes: u64,
    },
    /// Something was found.
    Found(Finding),
    /// The end.
    Done(Report),
    /// It could not be done at all.
    Failed(String),
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        match finding.outcome {
            Outcome::Healed | Outcome::Removed => self.mended += 1,
            Outcome::Unproven { .. } => self.unproven += 1,
            Outcome::Left | Outcome::Broken { .. } => self.broken += 1,
        }
        if self.findings.len() < NAMED {
            self.findings.push(finding);
        }
    }

    /// The end: what turns out only when all is known.
    pub(super) fn finish(&mut self, took: Duration) {
        self.took_s = took.as_secs_f64();
        let expected: std::collections::HashMap<String, String> = self
            .findings
            .iter()
            .filter_map(|finding| Some((finding.hashes.clone()?.1, finding.file.clone())))
            .collect();
        for finding in &mut self.findings {
            let other = finding.hashes.as_ref().and_then(|(found, _)| expected.get(found));
            if let Some(other) = other.filter(|other| **other != finding.file) {
                finding.what = What::Swapped;
                finding.detail = format!("its bytes are those of {other}");
            }
        }
    }
}
