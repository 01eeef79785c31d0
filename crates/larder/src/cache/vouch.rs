//! Why a held file is trusted, changed after it was kept: a database has vouched for it since, or what it said was
//! wrong.

use std::sync::{Arc, PoisonError};

use gomod::{FileKind, ModuleVersion, Request};
use store::{Durability, StoreError};

use super::manifest::{self, Record, VerifiedBy};
use super::{Cache, manifest_key, read};

impl Cache {
    /// Notes why a held file is trusted now, by a further line in the manifest: in turn with the module's writers, and only
    /// if `record`, which was looked at, is still the one in force. Whether it is noted.
    ///
    /// The line is durable with the next batch: should it be lost, the file is vouched for anew.
    ///
    /// # Errors
    /// The manifest could not be read or written; nothing has changed then.
    pub async fn vouch(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
        by: VerifiedBy,
    ) -> Result<bool, StoreError> {
        let _turn = self.turn(&module.path).await;
        let manifest = self.manifest_in_turn(&module.path).await?;
        let is_current =
            read(&manifest).record(&module.version, kind).is_some_and(|now| **now == *record && !now.lost);
        if !is_current {
            return Ok(false);
        }
        let vouched = Arc::new(Record { verified_by: by, ..record.clone() });
        let line = manifest::line(&vouched);
        self.blobs.append(&manifest_key(&module.path)?, line, Durability::Batched).await?;
        manifest.write().unwrap_or_else(PoisonError::into_inner).insert(vouched);
        self.forget(&Request::File(module.clone(), kind));
        Ok(true)
    }
}
