//! What decides whether the files of a version are right: the record of a checksum database, where one covers the module.
//!
//! The lookup begins beside the download and runs in a task of its own: whoever fetches waits for it only at the end, before
//! anything is released that nobody has vouched for. The databases share one lookup among all who want the same, so the
//! three files of a version cost one. An outage of the database is no proof of anything: the setting says whether it
//! refuses what arrives or lets it in, marked.

use std::sync::Arc;

use gomod::{FileKind, H1, ModuleVersion};
use tokio::sync::watch;

use super::{Error, Pipeline};
use crate::cache::manifest::VerifiedBy;
use crate::trust::{Cover, LookupError, Recorded};
use crate::verify::{Bound, Verified};

/// What will decide.
pub(super) enum Proof {
    /// No record can: the reason that is kept instead.
    None(VerifiedBy),
    /// The record that is being looked up.
    Sought(Sought),
}

/// A record that is being looked up.
pub(super) struct Sought {
    outcome: watch::Receiver<Option<Result<Recorded, LookupError>>>,
    /// What cannot be verified now is let in.
    may_hold: bool,
}

/// What has decided.
#[derive(Clone)]
pub(super) enum Ruling {
    /// The content must be what this record says.
    Record(Recorded),
    /// Nothing binds it but what was recorded here before; this is what is kept of why it is trusted.
    Unbound(VerifiedBy),
}

impl Ruling {
    /// What a file must be: as on record, else as it was recorded here first.
    pub(super) fn bound<'b>(&'b self, kind: FileKind, first: Option<&'b H1>) -> Bound<'b> {
        match self {
            Self::Record(recorded) => Bound::Record(recorded.sums_of(kind), &recorded.database),
            Self::Unbound(_) => Bound::First(first),
        }
    }

    /// Why content that was found right is trusted.
    pub(super) fn verified_by(&self, verified: &Verified) -> VerifiedBy {
        match (verified.database(), self) {
            (Some(database), _) => VerifiedBy::Record { database: database.clone() },
            (None, Self::Unbound(by)) => by.clone(),
            // Nothing was compared with the record: an `.info` is on none.
            (None, Self::Record(_)) => VerifiedBy::FirstSeen,
        }
    }
}

impl Pipeline {
    /// Begins to find out what decides whether a file is right. For an `.info`, which no record binds, the lookup begins
    /// all the same: the other files are asked for next.
    pub(super) fn prove(&self, module: &ModuleVersion, kind: FileKind) -> Proof {
        let database = match self.cover(module) {
            Cover::By(database) => database,
            Cover::Unchecked if kind != FileKind::Info => return Proof::None(VerifiedBy::Unverified),
            Cover::Unchecked | Cover::Nothing => return Proof::None(VerifiedBy::FirstSeen),
        };
        let (tell, outcome) = watch::channel(None);
        let module = module.clone();
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                looked_up = database.lookup(&module) => drop(tell.send_replace(Some(looked_up))),
                // Nobody waits for it: it does not hold up the end of the server.
                _ = async { tokio::join!(tell.closed(), tasks.stopping()) } => {}
            }
        });
        match kind {
            FileKind::Info => Proof::None(VerifiedBy::FirstSeen),
            FileKind::Mod | FileKind::Zip => {
                Proof::Sought(Sought { outcome, may_hold: self.settings.now().holds_unverified })
            }
        }
    }
}

impl Proof {
    /// Waits for what decides.
    ///
    /// # Errors
    /// What arrives must not be let in: the database does not know it, is not believed, or cannot be asked.
    pub(super) async fn ruling(&self) -> Result<Ruling, Error> {
        match self {
            Self::None(by) => Ok(Ruling::Unbound(by.clone())),
            Self::Sought(sought) => sought.ruling().await,
        }
    }

    /// Resolves when it is known that what arrives must not be let in.
    pub(super) async fn refused(&self) -> Error {
        match self.ruling().await {
            Err(error) => error,
            Ok(_) => std::future::pending().await,
        }
    }

    /// Whether a record says what is right, so that any source may be asked. Waits for the lookup.
    pub(super) async fn binds(&self) -> bool {
        matches!(self.ruling().await, Ok(Ruling::Record(_)))
    }
}

impl Sought {
    async fn ruling(&self) -> Result<Ruling, Error> {
        let mut outcome = self.outcome.clone();
        let outcome = outcome.wait_for(Option::is_some).await.map_err(|_| Error::Lost)?.clone();
        match outcome.ok_or(Error::Lost)? {
            Ok(recorded) => Ok(Ruling::Record(recorded)),
            Err(LookupError::Unreachable { .. } | LookupError::Absent { transient: true, .. })
                if self.may_hold =>
            {
                Ok(Ruling::Unbound(VerifiedBy::Unverified))
            }
            Err(LookupError::Lost { .. }) => Err(Error::Lost),
            Err(error) => Err(Error::Unverified(Arc::new(error))),
        }
    }
}
