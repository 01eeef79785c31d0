//! Comparing what a project or a machine has with what the checksum database says, and with what a proxy serves.
//!
//! What this is for: a go.sum file says which hashes were seen once, and a module cache which bytes there are. Whether
//! these are what everybody else sees is what a checksum database knows.
//! Why this shape: a [`Subject`] is what is looked at; it is a list of [`Claim`]s, each that a file of a module version
//! has some hash, and where that is written. Claims of one version are compared together, with one lookup.
//! What it promises: four things are never folded into each other: the database says otherwise, it has no record, it could
//! not be asked, it is not to be believed. A module that a pattern makes private is named to nobody; `golang.org/toolchain`
//! is never private (cmd/go `modfetch.useSumDB`). Lines that a go.sum does not have are no fault. Nothing is changed.
//! Not here: the directories that the go command unpacks modules to; `go mod verify` compares these with its zips.
//!
//! The rules come from cmd/go `modfetch.checkModSum`, `checkSumDB` and the Go modules reference, "Authenticating modules".

mod compare;
mod hashing;
mod proxy;
mod report;
mod subject;

use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use gomod::gosum::Summed;
use gomod::{H1, ModuleVersion, Patterns};

use crate::database::{AT_ONCE, Class, Database};

pub use proxy::{Proxy, ProxyError, way};
pub use report::{Finding, Kind, Report, Verdict};
pub use subject::{Subject, SubjectError};

/// The module that the checksum database always answers for.
const TOOLCHAIN: &str = "golang.org/toolchain";

/// Where a claim is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, of a go.sum file.
    pub line: Option<usize>,
}

/// That a file of a module version has a hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Where that is written, or the file itself.
    pub place: Place,
    /// Which file of the version.
    pub of: Summed,
    /// Its hash.
    pub hash: H1,
}

/// All claims about one module version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// The module version.
    pub module: ModuleVersion,
    /// What is claimed of it.
    pub claims: Vec<Claim>,
}

/// What is to be compared with what.
pub struct Verify {
    /// What is looked at.
    pub subject: Subject,
    /// What decides.
    pub database: Database,
    /// What is looked at besides.
    pub proxy: Option<Proxy>,
    /// Modules that the database is not asked about.
    pub private: Patterns,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Module versions that are compared.
    pub done: u64,
    /// Module versions in all.
    pub of: u64,
}

impl Verify {
    /// Compares; `tell` hears how far it is. What is found is no error: the report says it.
    pub async fn run(self, tell: impl Fn(Progress)) -> Report {
        let Self { subject, database, proxy, private } = self;
        let mut report = Report::new(&subject, &database, proxy.as_ref());
        let Subject { listed, held, .. } = subject;
        let of = (listed.len() + held.len()) as u64;
        // What has claims without being read comes first; the rest is hashed as it goes.
        let is_private = |module: &ModuleVersion| {
            module.path.as_str() != TOOLCHAIN && private.matches_folded(module.path.as_str())
        };
        // The newest tree first, so that each answer is proven in one and the same.
        if let Err(fault) = database.latest().await
            && fault.class() != Class::Absent
        {
            report.not_asked(&fault);
            return report.concluded();
        }
        let held = held.into_iter().map(hashing::Work::Hash);
        let work = listed.into_iter().map(hashing::Work::Listed).chain(held);
        let (database, proxy) = (&database, proxy.as_ref());
        let mut compared = stream::iter(work)
            .map(async |work| {
                let (claims, damage) = hashing::claims(work).await;
                let answer = if claims.claims.is_empty() || is_private(&claims.module) {
                    None
                } else {
                    Some(compare::ask(database, proxy, &claims.module).await)
                };
                (claims, damage, answer)
            })
            .buffered(AT_ONCE);
        let mut done = 0;
        while let Some((claims, damage, answer)) = compared.next().await {
            done += 1;
            report.damaged(&claims.module, damage);
            match answer {
                None => report.private(&claims),
                Some(answer) => compare::judge(&mut report, &claims, &answer),
            }
            tell(Progress { done, of });
        }
        drop(compared);
        report.tree(database);
        report.concluded()
    }
}
