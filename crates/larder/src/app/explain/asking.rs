//! `larder explain --ask`: the sources are really asked, step by step, in the order in which the server would.
//!
//! Done by the command itself, in the environment that it is called in, with a directory of its own beside that of the
//! server; what the server remembers, or holds, has no part in it. The sources are those of the module's own chain, so that a
//! private name goes where the server would send it and nowhere else.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use gomod::info::Info;
use gomod::{ModulePath, Request};
use serde::{Deserialize, Serialize};
use source::direct::find::{Discovery, Outcome as By};
use source::{Class, Direct, Fallback, Link, Source, SourceError};

use crate::app::build;
use crate::app::direct::{self, Workshop};
use crate::app::doctor::{Scratch, in_lines, lines, told};
use crate::config::{Config, Environment, Loaded};
use crate::tasks;

/// Most bytes of an answer that is looked at: lists and `.info` files are small.
const MAX_BYTES: usize = 4 << 20;

/// One question to a source, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The name of the source.
    pub source: String,
    /// What was asked.
    pub what: What,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took_ms: u64,
    /// What was said, a line each, without secrets.
    pub said: Vec<String>,
}

/// What a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Where the module's repository is.
    Repository,
    /// What tags the repository has.
    Refs,
    /// Which versions the module has.
    List,
    /// The version or query that was named, or the latest.
    Version,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Repository => "repository",
            Self::Refs => "refs",
            Self::List => "list",
            Self::Version => "version",
        })
    }
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was told.
    Ok,
    /// There is none.
    Absent,
    /// It was not told.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Failed => "failed",
        })
    }
}

/// What was said, or why nothing was.
type Said = Result<Vec<String>, (Outcome, Vec<String>)>;

/// Asks the sources of a module for its versions and for one of them, until one has it.
///
/// # Errors
/// A setting, such as a secret's file, cannot be used.
pub fn ask(
    loaded: &Loaded,
    environment: &Environment,
    (path, want): (&ModulePath, Option<&Request>),
) -> anyhow::Result<Vec<Step>> {
    let dir = Scratch::of(&loaded.config);
    let config = Config { data: dir.0.clone(), ..loaded.config.clone() };
    tasks::runtime()?.block_on(async {
        let workshop = Workshop::new(&config, environment);
        let builder = build::builder_with(&config, &workshop.apps)?;
        let direct = direct::source(&config, &builder, &workshop)?;
        let routes = build::routes(&config, &builder.with_direct(Arc::new(direct.clone())))?;
        let asking = Asking { path, want: want.cloned(), workshop, direct, steps: Vec::new() };
        Ok(match routes.chain_for(path) {
            Ok(chain) => asking.walk(chain.links()).await,
            Err(_) => Vec::new(),
        })
    })
}

struct Asking<'a> {
    path: &'a ModulePath,
    want: Option<Request>,
    workshop: Workshop,
    direct: Direct,
    steps: Vec<Step>,
}

impl Asking<'_> {
    async fn walk(mut self, links: &[Link]) -> Vec<Step> {
        for link in links {
            if link.is_direct() && self.find().await.is_none() {
                break;
            }
            let source = link.source().clone();
            if self.want.is_none() {
                let list = Request::List(self.path.clone());
                self.step(source.name(), What::List, fetched(&*source, &list, versions)).await;
            }
            let want = self.want.clone().unwrap_or_else(|| Request::Latest(self.path.clone()));
            match self.step(source.name(), What::Version, fetched(&*source, &want, version)).await {
                Outcome::Absent => {}
                Outcome::Failed if link.fallback() == Fallback::OnAnyError => {}
                Outcome::Ok | Outcome::Failed => break,
            }
        }
        self.steps
    }

    /// Where the repository is, and what tags it has; nothing if nobody can be asked for more. A proxy that a page names is
    /// asked like any other.
    async fn find(&mut self) -> Option<()> {
        let (direct, path, workshop) = (self.direct.clone(), self.path, self.workshop.clone());
        let mut discovery = None;
        let finding = async {
            let found = direct.finder().find(path).await;
            let found = found.map_err(|error| (of_class(error.class()), in_lines(&error)))?;
            let said = located(&found, direct.finder().by(path));
            discovery = Some(found);
            Ok(said)
        };
        self.step("direct", What::Repository, finding).await;
        let Discovery::Repo(found) = discovery? else { return Some(()) };
        let refs = async {
            let failed = |said| (Outcome::Failed, said);
            let terms = direct.finder().terms(path, &found.root, &found.place).await;
            let terms = terms.map_err(|error| failed(in_lines(&error)))?;
            let repo = workshop.repositories.open().and_then(|repos| repos.open(&found.place, &terms.access));
            let repo = repo.map_err(|error| failed(told(&error)))?;
            let tags = repo.tags("").await.map_err(|error| failed(told(&error)))?;
            let credential = match terms.credential {
                Some(name) => format!("with the credential {name}"),
                None => "with no credential of ours".to_owned(),
            };
            Ok(vec![format!("{} tags", tags.len()), credential])
        };
        (self.step("direct", What::Refs, refs).await == Outcome::Ok).then_some(())
    }

    async fn step(&mut self, source: &str, what: What, asked: impl Future<Output = Said>) -> Outcome {
        let (said, took) = timed(asked).await;
        let (outcome, said) = match said {
            Ok(said) => (Outcome::Ok, said),
            Err((outcome, said)) => (outcome, said),
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.steps.push(Step { source: source.to_owned(), what, outcome, took_ms, said });
        outcome
    }
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is what is asked")]
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (work.await, began.elapsed())
}

/// What a source answers, read by this.
async fn fetched(source: &dyn Source, want: &Request, read: fn(&[u8]) -> Vec<String>) -> Said {
    let failed = |error: SourceError| (of_class(error.class()), of_source(&error));
    let mut body = source.fetch(want).await.map_err(failed)?.body;
    let mut all = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(failed)? {
        if all.len() + piece.len() > MAX_BYTES {
            return Err((Outcome::Failed, vec![format!("its answer has more than {MAX_BYTES} bytes")]));
        }
        all.extend_from_slice(&piece);
    }
    Ok(read(&all))
}

fn of_class(class: Class) -> Outcome {
    if class.is_absent() { Outcome::Absent } else { Outcome::Failed }
}

fn of_source(error: &SourceError) -> Vec<String> {
    let mut said = in_lines(error);
    let text = lines(&error.text()).into_iter().filter(|line| !said.contains(line)).collect::<Vec<_>>();
    said.extend(text);
    said
}

fn located(found: &Discovery, by: Option<By>) -> Vec<String> {
    let by = match by {
        Some(By::Table) => "as the settings say",
        Some(By::Path) => "as the path says",
        _ => "as its page says",
    };
    match found {
        Discovery::Proxy(proxy) => lines(&format!("the module proxy {}, {by}", proxy.as_str())),
        Discovery::Repo(found) => {
            let top = match found.subdir.as_str() {
                "" => format!("its top is {}", found.root),
                subdir => format!("its directory {subdir} is {}", found.root),
            };
            let at = format!("{} at {}", found.place.system(), found.place.url());
            vec![at, format!("{top}, {by}")]
        }
    }
}

fn versions(list: &[u8]) -> Vec<String> {
    let list = String::from_utf8_lossy(list);
    let versions: Vec<&str> = list.split_whitespace().collect();
    let last = versions.last().map_or(String::new(), |last| format!(", the last {last}"));
    vec![format!("{} versions{last}", versions.len())]
}

fn version(info: &[u8]) -> Vec<String> {
    let Ok(info) = Info::parse(info) else { return vec!["an answer that is no .info".to_owned()] };
    let time = info.time.map_or(String::new(), |time| format!(" of {time}"));
    let origin = info.origin.unwrap_or_default();
    let hash = origin.hash.map(|hash| format!("commit {hash}"));
    [Some(format!("{}{time}", info.version)), hash].into_iter().flatten().collect()
}
