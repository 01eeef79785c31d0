//! Push events: what may have changed of the modules in a repository is asked for at once.
//!
//! A host says by several addresses which repository it is; each is read as the path that a module in it would have
//! (`https://git.example.com/team/lib.git` is `git.example.com/team/lib`). Whoever knows repositories ([`Repositories`]) adds
//! the paths of modules that are found there by other names. Of the modules at and below these paths, of which something
//! is known here, absences and failures are forgotten before the host is answered; lists, latest versions and branches are
//! asked for behind the answer. What nobody has asked for yet is not asked for now.

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

/// Knows where modules were found, and keeps copies of repositories.
pub trait Repositories: Send + Sync + 'static {
    /// Something was pushed to a repository: what is remembered of its branches and tags is old. Returns the import paths
    /// of the tops of all that was found there.
    fn refresh(&self, place: &Place) -> Vec<String>;
}

/// What push events need.
pub(super) struct Parts {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) repositories: Arc<dyn Repositories>,
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
}

/// Takes push events.
pub(super) struct Hook {
    parts: Parts,
    seen: Mutex<VecDeque<([u8; 32], Timestamp)>>,
    numbers: Arc<Numbers>,
}

impl Hook {
    pub(super) fn over(parts: Parts) -> Self {
        Self { parts, seen: Mutex::default(), numbers: Arc::default() }
    }

    /// Adds the numbers of events.
    pub(super) fn tell(&self, samples: &mut Samples) {
        self.numbers.tell(samples);
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What is known here cannot be read.
    pub(super) async fn take(&self, push: Push) -> Result<Pushed, Refusal> {
        let began = self.parts.clock.now();
        if self.is_repeated(push.digest, began) {
            self.numbers.count(Outcome::Repeated);
            return Ok(Pushed { repeated: true, ..Pushed::default() });
        }
        let roots = self.roots(&push.addresses);
        let failed = |error: StoreError| {
            self.forget(&push.digest);
            tracing::warn!(
                event = "push_failed",
                error = &error as &dyn std::error::Error,
                "a push event could not be followed"
            );
            Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, format!("the store failed: {error}"))
        };
        let (pushed, wants) = self.due(&roots).await.map_err(failed)?;
        let roots = roots.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        tracing::info!(
            event = "push",
            repository = roots,
            modules = pushed.modules.len(),
            asked = pushed.asked,
            "something was pushed to a repository"
        );
        if pushed.modules.is_empty() {
            self.numbers.count(Outcome::Unknown);
            return Ok(pushed);
        }
        self.numbers.count(Outcome::Known);
        self.ask(wants, began);
        Ok(pushed)
    }

    fn is_repeated(&self, digest: [u8; 32], now: Timestamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(_, at)| self.parts.clock.since(*at) < MEMORY);
        if seen.iter().any(|(earlier, _)| *earlier == digest) {
            return true;
        }
        if seen.len() == EVENTS {
            seen.pop_front();
        }
        seen.push_back((digest, now));
        false
    }

    fn forget(&self, digest: &[u8; 32]) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|(earlier, _)| earlier != digest);
    }

    /// The import paths that modules in the repository begin with.
    fn roots(&self, addresses: &[String]) -> BTreeSet<String> {
        let mut roots: BTreeSet<String> = addresses.iter().filter_map(|text| address::root(text)).collect();
        for place in addresses.iter().flat_map(|text| address::places(text)) {
            roots.extend(self.parts.repositories.refresh(&place));
        }
        roots
    }

    /// The modules at and below the roots of which something is known, and what is to be asked of them.
    async fn due(&self, roots: &BTreeSet<String>) -> Result<(Pushed, Vec<Request>), StoreError> {
        let pipeline = &self.parts.pipeline;
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

    /// Asks the sources, behind the answer.
    fn ask(&self, wants: Vec<Request>, began: Timestamp) {
        let (pipeline, clock, numbers) =
            (self.parts.pipeline.clone(), self.parts.clock.clone(), self.numbers.clone());
        self.parts.tasks.spawn(async move {
            let asking = futures_util::stream::iter(wants).map(|want| {
                let pipeline = &pipeline;
                async move {
                    let renewed = pipeline.renew(&want).await;
                    let trouble = renewed.and_then(|renewed| renewed.after.map(drop)).err()?;
                    (!trouble.class().is_absence()).then(|| trouble.to_string())
                }
            });
            let troubles: Vec<Option<String>> = asking.buffer_unordered(AT_ONCE).collect().await;
            match troubles.into_iter().flatten().next() {
                None => numbers.seen(clock.since(began)),
                Some(trouble) => tracing::warn!(
                    event = "push_unseen",
                    error = trouble,
                    "what was pushed could not be asked for; it is, when it is next wanted"
                ),
            }
        });
    }
}
