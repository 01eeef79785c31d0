//! Asking the sources again now, and forgetting what may have changed, because somebody knows better than the clock.
//!
//! Neither touches a version that is held. A fetch that is under way is waited for, since what it has asked may be old, and
//! then one more is made for all who wanted it meanwhile; when it fails, what was known stays. It counts among the fetches and
//! those who wait for them like what clients ask for, and waits for its turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use gomod::{ModulePath, Request};
use jiff::Timestamp;
use vcs::Place;

use super::flight::{Boarded, Landed, Stage};
use super::{Error, Passage, Pipeline};
use crate::cache::{Content, Held, Lookup};

/// What asking again for one thing has brought.
#[derive(Debug)]
pub struct Renewed {
    /// What was asked for.
    pub want: Request,
    /// What was known before, if anything was.
    pub before: Option<Bytes>,
    /// What is known now, or why no source gave an answer.
    pub after: Result<Held, Error>,
    /// No source gave it: it was made from what is held.
    pub is_derived: bool,
    /// Why no source did, unless they all said no.
    pub trouble: Option<Error>,
}

impl Pipeline {
    /// Asks the sources for an answer that may change, however fresh what is known of it. A file of a version is only
    /// asked for when it is not held.
    pub async fn renew(self: &Arc<Self>, want: &Request) -> Result<Renewed, Error> {
        let known = self.cache.lookup(want).await?;
        let before = body(&known);
        if let (Request::File(..), Lookup::Fresh(held)) = (want, known) {
            let (want, after) = (want.clone(), Ok(held));
            return Ok(Renewed { want, before, after, is_derived: false, trouble: None });
        }
        let _waiting = self.departures.wait(None).map_err(|refused| self.refused(refused))?;
        // Should no source answer, it is not known to be absent either.
        self.cache.forget_absence(want);
        let began = self.clock.now();
        let (mut landed, since) = self.ask_again(want).await;
        // It joined a flight that had asked before, or had found something fresh before it asked anyone.
        if since < began || matches!(&landed, Ok(Landed::Held(held)) if held.at < began) {
            (landed, _) = self.ask_again(want).await;
        }
        let is_derived = matches!(landed, Ok(Landed::Derived(_)));
        let after = landed.and_then(|landed| match landed {
            Landed::Held(held) | Landed::Derived(held) => Ok(held),
            Landed::Passed(_) => Err(Error::Lost),
        });
        let trouble = self.failures.peek(want).filter(|_| is_derived).map(|(_, error)| error);
        Ok(Renewed { want: want.clone(), before, after, is_derived, trouble })
    }

    /// What a flight brings, and since when it was under way.
    async fn ask_again(self: &Arc<Self>, want: &Request) -> (Result<Landed, Error>, Timestamp) {
        let Boarded { stage: mut watch, flight, .. } = self.depart(want, Passage::Renewal);
        let wait = self.settings.now().client_wait;
        let landing = watch.wait_for(|stage| matches!(stage, Stage::Landed(_)));
        let landed = match tokio::time::timeout(wait, landing).await {
            Err(_) => Err(Error::Waited(wait)),
            Ok(Err(_)) => Err(Error::Lost),
            Ok(Ok(stage)) => match &*stage {
                Stage::Landed(outcome) => outcome.clone(),
                Stage::Asking | Stage::Arriving { .. } => Err(Error::Lost),
            },
        };
        (landed, flight.since())
    }

    /// Forgets what is remembered on the way to a module (where its repository is, and what refs that has), so that who asks
    /// from now on is told what is there now.
    pub fn look_anew(&self, path: &ModulePath) {
        self.settings.now().direct.look_anew(path);
    }

    /// The same for all modules of the repository that these are the places of; see [`source::Direct::pushed`].
    pub fn pushed(&self, roots: BTreeSet<String>, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<String> {
        self.settings.now().direct.pushed(roots, is_meant)
    }

    /// Forgets that anything of a module is absent or has failed. How many things those were.
    pub fn forget_troubles(&self, path: &ModulePath) -> usize {
        let absences = self.cache.absences(path);
        let absent = absences.iter().filter(|(want, _)| self.cache.forget_absence(want)).count();
        absent + self.failed_of(path).iter().filter(|want| self.forget_failure(want)).count()
    }

    /// Forgets that one thing is absent or has failed. Whether it was remembered so.
    pub fn forget_trouble(&self, want: &Request) -> bool {
        let is_absent = self.cache.forget_absence(want);
        self.forget_failure(want) || is_absent
    }

    fn forget_failure(&self, want: &Request) -> bool {
        self.failures.remove(want).is_some()
    }
}

fn body(lookup: &Lookup) -> Option<Bytes> {
    match lookup {
        Lookup::Fresh(held) | Lookup::Stale(held) | Lookup::Old(held) | Lookup::Derived { held, .. } => {
            match &held.content {
                Content::Memory(bytes) => Some(bytes.clone()),
                Content::File(_) => None,
            }
        }
        Lookup::Absent(_) | Lookup::Missing => None,
    }
}
