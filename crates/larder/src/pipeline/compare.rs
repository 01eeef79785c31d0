//! Comparing what is held with what a checksum database has on record: it came in before it could be, or somebody wants
//! to know again.
//!
//! The record decides, also over what was recorded here first. What contradicts it is set aside as evidence and counts
//! as lost, so that it is fetched anew when it is next asked for. The bytes are not read: what they are is the manifest's
//! word, which each reading and the scrub hold them to.

use std::time::Duration;

use gomod::{FileKind, H1, ModuleVersion};
use store::StoreError;

use super::Pipeline;
use super::departures::Place;
use super::unproven::Unproven;
use crate::cache::evidence::{FoundBy, Witness};
use crate::cache::examine::{Charge, Damage};
use crate::cache::manifest::{Record, VerifiedBy};
use crate::trust::{Cover, LookupError, Recorded};

/// Before it is looked again whether there is a place for what nobody waits for.
const NO_PLACE: Duration = Duration::from_millis(500);

/// What came of comparing the files of a version.
#[derive(Debug)]
pub enum Compared {
    /// No database covers it, or nothing of it that a record binds is held.
    Nothing,
    /// What is held is what is on record.
    Agrees {
        /// Files for which the database had not vouched before.
        news: u64,
    },
    /// Files that are not what is on record.
    Differs(Vec<Difference>),
    /// The database does not know the version.
    Unrecorded(LookupError),
    /// The database could not be asked, or is not believed: nothing is known.
    Untold(LookupError),
}

/// A held file that is not what is on record.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which file of the version.
    pub kind: FileKind,
    /// Its hash.
    pub held: H1,
    /// The hash on record.
    pub recorded: H1,
    /// Where in the data directory it lies now, if it was set aside.
    pub evidence: Option<String>,
}

impl Pipeline {
    /// What is held without that the database covering it has vouched for it.
    pub fn unproven(&self) -> &Unproven {
        &self.unproven
    }

    /// How long to wait before comparing again what could not be compared; zero for not by itself.
    pub fn compares_every(&self) -> Duration {
        self.settings.now().compares_every
    }

    /// Whether the database that covers a file must still vouch for it.
    pub fn is_unproven(&self, module: &ModuleVersion, record: &Record) -> bool {
        let Some(kind) = FileKind::parse(&record.kind) else { return false };
        !record.lost && kind != FileKind::Info && self.awaits_proof(module, &record.verified_by)
    }

    /// Whether what is trusted for this reason is covered by a database that has not vouched for it.
    pub(super) fn awaits_proof(&self, module: &ModuleVersion, by: &VerifiedBy) -> bool {
        let Cover::By(covering) = self.cover(module) else { return false };
        !matches!(by, VerifiedBy::Record { database } if **database == *covering.name())
    }

    /// Who says what the files of a module version are.
    pub(super) fn cover(&self, module: &ModuleVersion) -> Cover {
        self.settings.now().databases.cover(&module.path)
    }

    /// Compares the held files of a version with the record that covers it. With `act`, notes what the database vouches
    /// for, and sets aside what contradicts it, as found by whom.
    ///
    /// # Errors
    /// The manifest could not be read, or not be written.
    pub async fn compare(
        &self,
        module: &ModuleVersion,
        act: Option<FoundBy>,
    ) -> Result<Compared, StoreError> {
        let Cover::By(database) = self.cover(module) else { return Ok(Compared::Nothing) };
        let mut held = Vec::new();
        for kind in [FileKind::Mod, FileKind::Zip] {
            let record = self.cache.record(module, kind).await?.filter(|record| !record.lost);
            held.extend(record.and_then(|record| Some((kind, record.h1?, record))));
        }
        if held.is_empty() {
            return Ok(Compared::Nothing);
        }
        let recorded = match database.lookup(module).await {
            Ok(recorded) => recorded,
            Err(LookupError::Private { .. }) => return Ok(Compared::Nothing),
            Err(error @ LookupError::Absent { transient: false, .. }) => {
                return Ok(Compared::Unrecorded(error));
            }
            Err(error) => return Ok(Compared::Untold(error)),
        };
        let (mut news, mut different) = (0, Vec::new());
        for (kind, h1, record) in held {
            let right = recorded.sums_of(kind);
            if h1 != right {
                let evidence = match act {
                    Some(found_by) => {
                        self.set_aside((module, kind), &record, (&recorded, h1), found_by).await?
                    }
                    None => None,
                };
                different.push(Difference { kind, held: h1, recorded: right, evidence });
            } else if self.awaits_proof(module, &record.verified_by) {
                news += 1;
                if act.is_some() {
                    let by = VerifiedBy::Record { database: recorded.database.clone() };
                    self.cache.vouch(module, kind, &record, by).await?;
                }
            }
        }
        Ok(if different.is_empty() { Compared::Agrees { news } } else { Compared::Differs(different) })
    }

    async fn set_aside(
        &self,
        (module, kind): (&ModuleVersion, FileKind),
        record: &Record,
        (recorded, got): (&Recorded, H1),
        found_by: FoundBy,
    ) -> Result<Option<String>, StoreError> {
        let witness = Some(Witness::of(recorded, kind));
        let charge = Charge { damage: Damage::Differs { got }, found_by, witness };
        self.cache.condemn(module, kind, record, charge).await
    }

    /// A place for work that nobody waits for, when there is one to spare.
    pub async fn place_to_spare(&self) -> Spare {
        loop {
            if let Some(place) = self.departures.place_behind() {
                return Spare { _place: place };
            }
            tokio::time::sleep(NO_PLACE).await;
        }
    }
}

/// A place among the fetches, free again when it is dropped.
pub struct Spare {
    _place: Place,
}
