//! Checking a checksum database from outside, as one who does not trust it.
//!
//! What is checked, in this order: the newest tree is signed by the key, and continues the tree of the last visit; the
//! records that were logged since are all there, are those of the tree, are each of one module version with both of its
//! hashes, and none is of a version that another one is of; a sample of them is what lookups answer with.
//! Why this shape: an [`Audit`] is what is wanted, [`Report`] what was found. What the database does wrong is a
//! [`Finding`], and the audit goes on after it where it can; what could not be found out ends it.
//! What it promises: a tree is remembered only when every record up to it was in order, so a fault is found again until
//! it is gone. Memory is bounded whatever the size of the log: a few tiles, the sample, and the versions of the last
//! [`WINDOW`](seen::WINDOW) records and more.
//! Not here: whether what the records say is true. That is for who has the modules; [`crate::verify`] does it.
//!
//! The rules come from the Go modules reference, section "Checksum database", and RFC 6962 section 5.4 (auditors).

mod entry;
mod range;
mod report;
mod sample;
mod seen;
mod walk;

use std::sync::Arc;

use source::Source;
use sumdb::Spec;
use sumdb::client::Standing;

use crate::database::{Class, Database, Fault};
use crate::state::{State, StateError};

pub use range::{FIRST_VISIT, Range};
pub(crate) use report::told;
pub use report::{Finding, Kind, Report, Seen, Verdict};
use walk::Walk;

/// What is to be checked.
pub struct Audit {
    /// The database.
    pub spec: Spec,
    /// Where it is asked.
    pub way: Arc<dyn Source>,
    /// What is remembered of it.
    pub state: State,
    /// Which records are read.
    pub range: Range,
    /// How many of them are looked up.
    pub lookups: usize,
}

/// How far an audit is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Records that are read.
    pub done: u64,
    /// Records that are to be read.
    pub of: u64,
    /// Bytes that came.
    pub bytes: u64,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The last visit cannot be remembered, or this one.
    #[error(transparent)]
    State(#[from] StateError),
    /// What is remembered is not of this database.
    #[error("{path} is not the state of {name}: it holds no tree that its key has signed")]
    Foreign {
        /// The file.
        path: String,
        /// The database.
        name: String,
    },
}

impl Audit {
    /// Checks; `tell` hears how far it is.
    ///
    /// # Errors
    /// The state cannot be read or written. What is wrong with the database is no error: the report says it.
    pub async fn run(self, tell: impl Fn(Progress)) -> Result<Report, AuditError> {
        let Self { spec, way, state, range, lookups } = self;
        let remembered = state.read()?;
        let database = Database::remembering(&spec, way, &remembered).map_err(|_| AuditError::Foreign {
            path: state.path().display().to_string(),
            name: spec.name().to_owned(),
        })?;
        let mut report = Report::new(&database, &spec, !remembered.is_empty());
        match database.latest().await {
            Ok(standing) => {
                report.behind = if let Standing::Older(by) = standing { by } else { 0 };
                let head = database.head();
                report.tree = Some(Seen::of(head.tree()));
                let span = range.of(report.before.map_or(0, |before| before.size), head.tree().size);
                let walk = Walk::new(&database, span, lookups);
                walk.run(&mut report, tell).await;
                report.conclude(&database);
                if report.verdict == Verdict::Fine {
                    state.write(&head)?;
                    report.state = Some(state.path().to_owned());
                }
            }
            Err(fault) => {
                first_contact(&mut report, &fault, &state)?;
                report.conclude(&database);
            }
        }
        Ok(report)
    }
}

/// What it means that the newest tree could not be taken over.
fn first_contact(report: &mut Report, fault: &Fault, state: &State) -> Result<(), StateError> {
    if let Some(evidence) = fault.evidence() {
        report.find(Kind::Fork, "latest", "two signed trees, of which neither continues the other");
        report.evidence = Some(state.write_evidence(evidence)?);
        report.proof = Some(evidence.to_string());
        return Ok(());
    }
    match (fault.class(), fault) {
        // What it takes to compare the tree with the one of the last visit.
        (Class::Absent, Fault::Absent { what, .. }) if what.starts_with("tile/") => {
            report.find(Kind::Missing, what, &report::told(fault));
        }
        // At a wrong address nothing is found either.
        (Class::Absent | Class::Unreachable, _) => report.stop(fault),
        (Class::Wrong, _) => report.find(Kind::Tree, "latest", &report::told(fault)),
    }
    Ok(())
}
