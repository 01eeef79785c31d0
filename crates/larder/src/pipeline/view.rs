//! What is known and what is under way, for whoever wants to see it. Nobody is asked for anything here.

use std::time::Duration;

use gomod::{ModulePath, Request};
use http::HeaderValue;
use jiff::Timestamp;
use store::StoreError;

use super::flight::Stage;
use super::{Class, Error, FAILURE_MEMORY, Pipeline, REFRESH_PAUSE};
use crate::cache::Lookup;

/// What is known of one thing that can be asked for.
#[derive(Debug)]
pub struct State {
    /// What the cache says.
    pub lookup: Lookup,
    /// It is being fetched now.
    pub is_refreshing: bool,
    /// Until when no source will be asked for it, where that is so.
    pub asked_again_at: Option<Timestamp>,
    /// The last fetch failed, and none has succeeded since.
    pub failure: Option<LastFailure>,
}

/// A fetch that failed.
#[derive(Clone, Debug)]
pub struct LastFailure {
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub class: Class,
    /// Why, a line for each source.
    pub text: String,
    /// The first who asks after this makes the sources be asked again.
    pub retried_after: Timestamp,
}

/// A fetch that is under way.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// What is fetched.
    pub want: Request,
    /// Since when.
    pub since: Timestamp,
    /// The source whose answer arrives; none while one is still being asked.
    pub source: Option<HeaderValue>,
    /// Bytes that have arrived.
    pub arrived_bytes: u64,
    /// The length that the source announced.
    pub size_bytes: Option<u64>,
    /// Requests that wait for it or follow it.
    pub followers: usize,
}

impl Pipeline {
    /// The kept copies of repositories; nothing before the first of them is asked.
    pub fn kept_copies(&self) -> Option<vcs::Kept> {
        self.settings.now().direct.kept()
    }

    /// What is known of one thing.
    pub async fn state(&self, want: &Request) -> Result<State, StoreError> {
        let lookup = self.cache.lookup(want).await?;
        let has_copy = matches!(lookup, Lookup::Stale(_) | Lookup::Old(_) | Lookup::Derived { .. });
        let pause = if has_copy { REFRESH_PAUSE } else { FAILURE_MEMORY };
        Ok(State {
            asked_again_at: self.cache.asked_again_at(want),
            is_refreshing: self.flights.find(want).is_some(),
            failure: self.last_failure(want, pause),
            lookup,
        })
    }

    fn last_failure(&self, want: &Request, pause: Duration) -> Option<LastFailure> {
        let (at, error) = self.failures.peek(want)?;
        Some(LastFailure {
            at,
            class: error.class(),
            text: error.to_string(),
            retried_after: at.checked_add(pause).unwrap_or(at),
        })
    }

    /// Everything of a module whose last fetch failed, in no order.
    pub fn failed_of(&self, path: &ModulePath) -> Vec<Request> {
        self.failures.iter().map(|(want, _)| want).filter(|want| want.module() == Some(path)).collect()
    }

    /// Modules at and below an import path of which something is absent or has failed, in no order, some perhaps twice.
    pub fn troubled_below(&self, root: &ModulePath) -> Vec<ModulePath> {
        let failed = self.failures.iter().filter_map(|(want, _)| want.module().cloned());
        let failed = failed.filter(|path| gomod::repo::below(path.as_str(), root.as_str()).is_some());
        self.cache.absent_below(root).into_iter().chain(failed).collect()
    }

    /// Everything of a module that is being fetched, in no order.
    pub fn under_way_of(&self, path: &ModulePath) -> Vec<Request> {
        let wants = self.flights.all().into_iter().map(|flight| flight.want().clone());
        wants.filter(|want| want.module() == Some(path)).collect()
    }

    /// What is being fetched now, the longest under way first.
    pub fn under_way(&self) -> Vec<UnderWay> {
        let mut all: Vec<_> = self.flights.all().iter().map(|flight| flight.under_way()).collect();
        all.sort_by_key(|flight| flight.since);
        all
    }

    /// The configured names of the sources that a module may come from, in order, or why it may come from none.
    pub fn sources_of(&self, path: &ModulePath) -> Result<Vec<String>, Error> {
        let chain = self.chain(&Request::List(path.clone()))?;
        Ok(chain.links().iter().map(|link| link.source().name().to_owned()).collect())
    }
}

impl super::flight::Flight {
    fn under_way(&self) -> UnderWay {
        let watch = self.watch();
        let (source, size_bytes, arrived_bytes) = match &*watch.borrow() {
            Stage::Arriving { size, source, written } => (Some(source.clone()), *size, *written),
            Stage::Asking | Stage::Landed(_) => (None, None, 0),
        };
        UnderWay {
            want: self.want().clone(),
            since: self.since(),
            source,
            arrived_bytes,
            size_bytes,
            followers: self.followers().saturating_sub(1),
        }
    }
}
