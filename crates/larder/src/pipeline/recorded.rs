//! Our own checksum database, as requests meet it: what has a record is answered from it; what has none is brought,
//! verified and recorded.
//!
//! The hashes of a module that a checksum database covers are that database's, proven; those of all others are of the
//! files that are held, brought by the door that clients use. Both lines are always recorded, so the zip is brought
//! though somebody asks for the go.mod file alone: a record is never added to. Nothing under the name of our own log is
//! ever asked of anybody else.

use std::sync::Arc;

use bytes::Bytes;
use gomod::request::{SumDbOperation, SumDbRequest};
use gomod::{FileKind, H1, ModuleVersion, Request};
use http::HeaderValue;
use sumdb::record::Sums;

use super::flight::{Landed, Passed};
use super::{Answer, AnswerContent, CacheState, Error, Pipeline, Reach};
use crate::auth::Identity;
use crate::log::{Log, Refusal};
use crate::trust::Cover;

impl Pipeline {
    /// Our own log, if the request is for it.
    pub(super) fn own_log(&self, request: &SumDbRequest) -> Option<&Arc<Log>> {
        self.log.as_ref().filter(|log| **log.name() == *request.name)
    }

    /// Answers a request to our own log.
    pub(super) async fn answer_recorded(
        self: &Arc<Self>,
        who: &Identity,
        want: &Request,
        (log, request): (&Arc<Log>, &SumDbRequest),
        reach: Reach,
    ) -> Result<Answer, Error> {
        if let Some(bytes) = log.read(&request.operation).await? {
            let mut answer = self.passed(want, recorded(bytes), CacheState::Hit);
            // Records name modules.
            answer.private |=
                matches!(&request.operation, SumDbOperation::Tile(tile) if tile.contains("/data/"));
            return Ok(answer);
        }
        match &request.operation {
            SumDbOperation::Lookup(_) if reach == Reach::HeldOnly => Err(Error::NotHeld),
            SumDbOperation::Lookup(_) => self.fill(who, want).await,
            _ => Err(beyond(want)),
        }
    }

    /// Records what has no record, for all who ask for it.
    pub(super) async fn bring_recorded(
        self: &Arc<Self>,
        log: &Arc<Log>,
        want: &Request,
        operation: &SumDbOperation,
    ) -> Result<Landed, Error> {
        if let Some(bytes) = log.read(operation).await? {
            return Ok(Landed::Passed(recorded(bytes)));
        }
        let SumDbOperation::Lookup(module) = operation else { return Err(beyond(want)) };
        let sums = Box::pin(self.sums_of(module)).await?;
        Ok(Landed::Passed(recorded(log.append(module.clone(), sums).await?)))
    }

    /// The hashes of a module version, verified.
    async fn sums_of(self: &Arc<Self>, module: &ModuleVersion) -> Result<Sums, Error> {
        match self.cover(module) {
            Cover::By(database) => return Ok(database.lookup(module).await?.sums),
            Cover::Unchecked => return Err(Error::Unverifiable),
            Cover::Nothing => {}
        }
        let go_mod = self.h1_of(module, FileKind::Mod).await?;
        Ok(Sums { go_mod, zip: self.h1_of(module, FileKind::Zip).await? })
    }

    /// The hash that binds a file here: that of what was held, else what our own log says of a module that no database
    /// covers. A log that waits for an operator binds nothing new: the clients have its records.
    pub(super) async fn bound_h1(&self, module: &ModuleVersion, kind: FileKind) -> Result<Option<H1>, Error> {
        let recorded = self.cache.recorded_h1(module, kind).await?;
        let (None, Some(log), false) = (recorded, &self.log, kind == FileKind::Info) else {
            return Ok(recorded);
        };
        if !matches!(self.cover(module), Cover::Nothing) {
            return Ok(None);
        }
        match log.record(module).await {
            Ok(sums) => Ok(sums.map(|sums| if kind == FileKind::Zip { sums.zip } else { sums.go_mod })),
            Err(Refusal::Stopped(_)) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The hash of a file that is held, brought if it was not.
    async fn h1_of(self: &Arc<Self>, module: &ModuleVersion, kind: FileKind) -> Result<H1, Error> {
        let want = Request::File(module.clone(), kind);
        let answer = self.answer(&Identity::ourselves(), &want, Reach::Anywhere).await?;
        if let AnswerContent::Arriving(mut follower, _) = answer.content {
            follower.held().await?;
        }
        let record = self.cache.record(module, kind).await?.filter(|record| !record.lost);
        record.and_then(|record| record.h1).ok_or(Error::Unrecorded)
    }
}

fn recorded(bytes: Bytes) -> Passed {
    Passed { bytes, source: HeaderValue::from_static("log") }
}

fn beyond(want: &Request) -> Error {
    Error::absent_here(want, "the log does not have it")
}
