//! Bringing back what was held and is lost, by the door that clients use.

use std::sync::Arc;

use gomod::{FileKind, ModuleVersion, Request};

use super::{AnswerContent, Error, Pipeline, Reach};
use crate::auth::Identity;
use crate::cache::Lookup;

impl Pipeline {
    /// Asks for a lost file, and waits until it is held again; the record of the lost one binds what may be. False if
    /// it came but could not be kept.
    ///
    /// # Errors
    /// Why it is still lost.
    pub async fn heal(self: &Arc<Self>, module: &ModuleVersion, kind: FileKind) -> Result<bool, Error> {
        let want = Request::File(module.clone(), kind);
        let answer = self.answer(&Identity::ourselves(), &want, Reach::Anywhere).await?;
        if let AnswerContent::Arriving(mut follower, _) = answer.content {
            follower.held().await?;
        }
        Ok(matches!(self.cache.lookup(&want).await?, Lookup::Fresh(_)))
    }
}
