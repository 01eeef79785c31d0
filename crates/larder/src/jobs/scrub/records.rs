//! The part of a scrub that holds what is held against the checksum databases.
//!
//! A record decides over what was recorded here first. A file that contradicts it is healed like a rotten one: set aside,
//! and fetched anew. A version that the database does not know is told and left: it may have been imported, and a person
//! must say whether it is private.

use std::collections::BTreeSet;

use gomod::{FileKind, ModulePath, ModuleVersion, Version};
use store::StoreError;

use super::report::{Event, Finding, Outcome, What};
use super::walk::{Walk, finding};
use crate::cache::evidence::FoundBy;
use crate::pipeline::compare::{Compared, Difference};

/// After so many versions in a row of which nothing could be learned, no database is asked any more.
const IN_VAIN: u32 = 3;

impl<T: Fn(Event) + Send + Sync> Walk<'_, T> {
    /// All held versions of a module.
    pub(super) async fn records(&mut self, path: &ModulePath) -> Result<(), StoreError> {
        if !self.pipeline.has_databases() {
            return Ok(());
        }
        let (mut versions, mut unproven) = (BTreeSet::new(), BTreeSet::new());
        for record in self.cache.records(path).await? {
            let version = Version::parse(&record.version).ok();
            let module = version.and_then(|version| ModuleVersion::new(path.clone(), version).ok());
            let binds = !record.lost && FileKind::parse(&record.kind) != Some(FileKind::Info);
            let Some(module) = module.filter(|_| binds) else { continue };
            if self.pipeline.is_unproven(&module, &record) {
                unproven.insert(module.clone());
            }
            versions.insert(module);
        }
        for module in versions {
            if self.is_stopped() {
                return Ok(());
            }
            self.version(&module, unproven.contains(&module)).await?;
        }
        Ok(())
    }

    async fn version(&mut self, module: &ModuleVersion, is_unproven: bool) -> Result<(), StoreError> {
        if self.in_vain >= IN_VAIN {
            if is_unproven {
                self.unverified(
                    module,
                    "the checksum database could not be asked for others before it".to_owned(),
                );
            }
            return Ok(());
        }
        let act = self.order.heal.then_some(FoundBy::Scrub);
        let pipeline = self.pipeline.clone();
        let compared = tokio::select! {
            compared = pipeline.compare(module, act) => compared?,
            () = pipeline.stopping() => return Ok(()),
        };
        self.in_vain = if matches!(compared, Compared::Untold(_)) { self.in_vain + 1 } else { 0 };
        match compared {
            Compared::Agrees { .. } => self.report.agreed += 1,
            Compared::Differs(different) => {
                for difference in different {
                    self.contradicted(module, difference).await;
                }
            }
            Compared::Unrecorded(error) => {
                let name = format!("modules/{}", module.escaped_base());
                let detail = format!("the checksum database {} does not know {module}", error.database());
                let why = format!("declare it private if it is yours ({error})");
                self.found(finding(&name, What::Unrecorded, detail), Outcome::Unproven { why });
            }
            Compared::Untold(error) if is_unproven => self.unverified(module, error.to_string()),
            Compared::Nothing | Compared::Untold(_) => {}
        }
        Ok(())
    }

    fn unverified(&mut self, module: &ModuleVersion, why: String) {
        let name = format!("modules/{}", module.escaped_base());
        let detail = format!("the checksum database has not vouched for {module}");
        self.found(finding(&name, What::Unverified, detail), Outcome::Unproven { why });
    }

    async fn contradicted(&mut self, module: &ModuleVersion, difference: Difference) {
        let Difference { kind, held, recorded, evidence } = difference;
        let name = format!("modules/{}.{}", module.escaped_base(), kind.extension());
        let detail = format!("its hash is {held}, but the checksum database has {recorded} on record");
        let found = Finding { evidence, ..finding(&name, What::Contradicted, detail) };
        let outcome = self.healed(module, kind).await;
        self.found(found, outcome);
    }
}
