//! Push events: what may have changed of the modules in a repository is asked for at once.
//!
//! A host says by several addresses which repository it is; each is read as the path that a module in it would have
//! (`https://git.example.com/team/lib.git` is `git.example.com/team/lib`). To these come the paths that led to the repository
//! by other ways, such as a table or a page ([`source::Direct::pushed`]). What is remembered of its refs and of such pages,
//! and absences and failures of modules at and below these paths, are forgotten before the host is answered; of modules of which
//! something is known here, lists, latest versions and branches are asked for behind the answer. What nobody has asked for
//! yet is not asked for now.

mod address;
mod numbers;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use gomod::{ModulePath, Request};
use http::StatusCode;
use jiff::Timestamp;
use store::StoreError;
use tokio::time::Instant;
use vcs::Place;

use crate::clock::Clock;
use crate::http::admin::Refusal;
use crate::http::hook::{Push, Pushed};
use crate::observe::Samples;
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;
use numbers::{Numbers, Outcome};

/// For how long the same event is the same.
const MEMORY: Duration = Duration::from_mins(1);
/// Events that are remembered.
const EVENTS: usize = 256;
/// Modules of one repository that are asked for again.
const MODULES: usize = 1000;
/// Sources are asked for so many things at once.
const AT_ONCE: usize = 8;

/// Takes push events.
pub(super) struct Hook {
    pipeline: Arc<Pipeline>,
    tasks: Tasks,
    clock: Clock,
    past: Arc<Past>,
}

/// What came of events.
#[derive(Default)]
struct Past {
    seen: Mutex<VecDeque<([u8; 32], Timestamp)>>,
    numbers: Numbers,
}

impl Hook {
    pub(super) fn over(pipeline: Arc<Pipeline>, tasks: Tasks, clock: Clock) -> Self {
        Self { pipeline, tasks, clock, past: Arc::default() }
    }

    /// Adds the numbers of events.
    pub(super) fn tell(&self, samples: &mut Samples) {
        self.past.numbers.tell(samples);
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What is known here cannot be read.
    pub(super) async fn take(&self, push: Push) -> Result<Pushed, Refusal> {
        if self.past.is_repeated(push.digest, &self.clock) {
            self.past.numbers.count(Outcome::Repeated);
            return Ok(Pushed { repeated: true, ..Pushed::default() });
        }
        let roots = self.roots(&push.addresses);
        let failed = |error: StoreError| {
            self.past.forget(&push.digest);
            tracing::warn!(
                event = "push_failed",
                error = &error as &dyn std::error::Error,
                "a push event could not be followed"
            );
            Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, format!("the store failed: {error}"))
        };
        let (pushed, wants) = self.due(&roots).await.map_err(failed)?;
        let repository: Arc<str> = roots.into_iter().collect::<Vec<_>>().join(" ").into();
        tracing::info!(
            event = "push",
            repository = &*repository,
            modules = pushed.modules.len(),
            asked = pushed.asked,
            "something was pushed to a repository"
        );
        let is_known = !pushed.modules.is_empty();
        self.past.numbers.count(if is_known { Outcome::Known } else { Outcome::Unknown });
        if is_known {
            self.ask(wants, Event { repository, digest: push.digest, arrived: push.arrived });
        }
        Ok(pushed)
    }

    /// The import paths that modules in the repository begin with. Nothing that was remembered of it counts any more.
    fn roots(&self, addresses: &[String]) -> BTreeSet<String> {
        let roots = addresses.iter().filter_map(|text| address::root(text)).collect();
        let meant: BTreeSet<String> = addresses.iter().filter_map(|text| address::identity(text)).collect();
        let is_meant = |place: &Place| address::identity(place.url()).is_some_and(|it| meant.contains(&it));
        self.pipeline.pushed(roots, is_meant)
    }

    /// The modules at and below the roots of which something is known, and what is to be asked of them.
    async fn due(&self, roots: &BTreeSet<String>) -> Result<(Pushed, Vec<Request>), StoreError> {
        let pipeline = &self.pipeline;
        let mut modules = BTreeSet::new();
        for root in roots.iter().filter_map(|root| ModulePath::parse(root).ok()) {
            modules.extend(pipeline.cache().modules_below(&root, MODULES).await?);
            modules.extend(pipeline.troubled_below(&root));
        }
        let left_out = modules.len().saturating_sub(MODULES) as u64;
        let (mut wants, mut forgotten) = (Vec::new(), 0);
        for path in modules.iter().take(MODULES) {
            forgotten += pipeline.forget_troubles(path) as u64;
            for want in [Request::List(path.clone()), Request::Latest(path.clone())] {
                if pipeline.cache().has_known(&want).await? {
                    wants.push(want);
                }
            }
            wants.extend(pipeline.cache().known_queries(path).await?);
        }
        let modules = modules.iter().take(MODULES).map(|path| path.as_str().to_owned()).collect();
        let pushed = Pushed { repeated: false, modules, asked: wants.len() as u64, forgotten, left_out };
        Ok((pushed, wants))
    }

    /// Asks the sources, behind the answer. What they say is what clients get from the moment it is here.
    fn ask(&self, wants: Vec<Request>, event: Event) {
        let (pipeline, past, asked) = (self.pipeline.clone(), self.past.clone(), wants.len());
        self.tasks.spawn(async move {
            let asking = futures_util::stream::iter(wants).map(|want| {
                let pipeline = &pipeline;
                async move {
                    let renewed = pipeline.renew(&want).await;
                    let trouble = renewed.and_then(|renewed| renewed.after.map(drop)).err()?;
                    (!trouble.class().is_absence()).then(|| trouble.to_string())
                }
            });
            let troubles: Vec<Option<String>> = asking.buffer_unordered(AT_ONCE).collect().await;
            let Event { repository, digest, arrived } = event;
            let Some(trouble) = troubles.into_iter().flatten().next() else {
                let after = arrived.elapsed();
                past.numbers.seen(after);
                tracing::info!(
                    event = "push_visible",
                    repository = &*repository,
                    asked,
                    duration_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                    "what was pushed is what clients get"
                );
                return;
            };
            // Sent again, it is not a repetition.
            past.forget(&digest);
            tracing::warn!(
                event = "push_unseen",
                repository = &*repository,
                error = trouble,
                "what was pushed could not be asked for; it is, when it is next wanted"
            );
        });
    }
}

/// An event that is being followed.
struct Event {
    /// Import paths of the repository's top, for the log.
    repository: Arc<str>,
    digest: [u8; 32],
    arrived: Instant,
}

impl Past {
    fn is_repeated(&self, digest: [u8; 32], clock: &Clock) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(_, at)| clock.since(*at) < MEMORY);
        if seen.iter().any(|(earlier, _)| *earlier == digest) {
            return true;
        }
        if seen.len() == EVENTS {
            seen.pop_front();
        }
        seen.push_back((digest, clock.now()));
        false
    }

    fn forget(&self, digest: &[u8; 32]) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|(earlier, _)| earlier != digest);
    }
}
