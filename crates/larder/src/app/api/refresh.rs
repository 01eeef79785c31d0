//! `POST refresh`: asks the sources now for what may change of a module, and tells what is new.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use gomod::{FileKind, ModulePath, Request};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::modules::{failed, lines, listed, query_wants, version_of};
use super::{Answer, Asked, Parts};
use crate::cache::{Content, Held};
use crate::http::admin::{self, Refusal};
use crate::pipeline::renew::Renewed;
use crate::pipeline::{Class, Error};

/// Sources are asked for so many things at once.
const AT_ONCE: usize = 4;
/// Queries that are asked for again at most.
const QUERIES: usize = 100;

/// The body of the calls `refresh` and `invalidate`: what is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meant {
    /// The module path, not escaped.
    pub module: String,
    /// A version or a query (`main`, `latest`), not escaped; all that may change of the module without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

impl Meant {
    /// The module, and what of it is meant if not all.
    pub(super) fn parse(&self) -> Result<(ModulePath, Option<Request>), Refusal> {
        let wrong = |error: &dyn std::error::Error| Refusal::of(StatusCode::BAD_REQUEST, error.to_string());
        let path = ModulePath::parse(&self.module).map_err(|error| wrong(&error))?;
        let want = self.version.as_ref().map(|version| Request::named(&path, version));
        let want = want.transpose().map_err(|error| wrong(&error))?;
        Ok((path, want))
    }
}

/// What a refresh has brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refreshed {
    /// The module path.
    pub module: String,
    /// What the sources were asked for.
    pub asked: Vec<Outcome>,
}

/// What asking again for one thing has brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// `list`, `latest`, `query` or `version`.
    pub what: String,
    /// The query or version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What came of it.
    pub outcome: Came,
    /// The configured name of the source that answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Versions that a list has now and had not.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub new: Vec<String>,
    /// Versions that a list had and has no more.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gone: Vec<String>,
    /// The version that was named before, if another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub was: Option<String>,
    /// The version that is named now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub now: Option<String>,
    /// Why there is no answer, a line for each source.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub why: Vec<String>,
    /// What was known before is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub old_copy_stays: bool,
}

/// What came of asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// There was nothing before.
    Loaded,
    /// It is another answer.
    Changed,
    /// It is the same answer.
    Unchanged,
    /// The version is held: its content never changes, and no source was asked.
    Held,
    /// No source gives it: it is made from what is held. With a reason, sources have failed; without, they say no.
    Derived,
    /// Every source says no.
    Absent,
    /// No source gave a right answer.
    Failed,
}

pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let (path, want) = asked.body::<Meant>()?.parse()?;
        parts.pipeline.look_anew(&path);
        let wants = match want {
            Some(Request::File(version, _)) => {
                for kind in FileKind::ALL {
                    parts.pipeline.forget_trouble(&Request::File(version.clone(), kind));
                }
                vec![Request::File(version, FileKind::Info)]
            }
            Some(want) => vec![want],
            None => {
                let mut queries = query_wants(&parts, &path).await.map_err(|error| failed(&error))?;
                queries.truncate(QUERIES);
                parts.pipeline.forget_troubles(&path);
                let known = [Request::List(path.clone()), Request::Latest(path.clone())];
                known.into_iter().chain(queries).collect()
            }
        };
        let pipeline = &parts.pipeline;
        let asking = futures_util::stream::iter(wants).map(|want| async move {
            let renewed = pipeline.renew(&want).await;
            outcome(&want, renewed)
        });
        let asked = asking.buffered(AT_ONCE).collect().await;
        Ok(admin::json(&Refreshed { module: path.as_str().to_owned(), asked }))
    })
}

fn outcome(want: &Request, renewed: Result<Renewed, Error>) -> Outcome {
    let (what, name) = match want {
        Request::List(_) => ("list", None),
        Request::Latest(_) => ("latest", None),
        Request::Query(_, query) => ("query", Some(query.as_str())),
        Request::File(version, _) => ("version", Some(version.version.as_str())),
        Request::SumDb(_) => ("record", None),
    };
    let blank = Outcome {
        what: what.to_owned(),
        name: name.map(str::to_owned),
        outcome: Came::Failed,
        source: None,
        new: Vec::new(),
        gone: Vec::new(),
        was: None,
        now: None,
        why: Vec::new(),
        old_copy_stays: false,
    };
    match renewed {
        Ok(Renewed { before, after: Ok(held), is_derived, trouble, .. }) => {
            let why = trouble.map(|error| lines(&error.to_string())).unwrap_or_default();
            answered(want, before.as_deref(), &held, Outcome { outcome: came(is_derived), why, ..blank })
        }
        Ok(Renewed { before, after: Err(error), .. }) => {
            let old_copy_stays = before.is_some() && !error.is_denial();
            Outcome { old_copy_stays, ..unanswered(&error, blank) }
        }
        Err(error) => unanswered(&error, blank),
    }
}

fn came(is_derived: bool) -> Came {
    if is_derived { Came::Derived } else { Came::Unchanged }
}

fn answered(want: &Request, before: Option<&[u8]>, held: &Held, mut told: Outcome) -> Outcome {
    let after = match &held.content {
        Content::Memory(bytes) => bytes.as_ref(),
        Content::File(_) => &[],
    };
    told.source = held.label.source.to_str().ok().map(str::to_owned);
    if let Request::List(_) = want {
        let versions = |list: Option<&'_ [u8]>| -> BTreeSet<String> {
            list.map(|list| listed(list).map(str::to_owned).collect()).unwrap_or_default()
        };
        let (had, has) = (versions(before), versions(Some(after)));
        told.new = listed(after).filter(|version| !had.contains(*version)).map(str::to_owned).collect();
        told.gone = had.difference(&has).cloned().collect();
    } else {
        told.now = version_of(after);
        told.was = before.and_then(version_of).filter(|was| Some(was) != told.now.as_ref());
    }
    told.outcome = match (want, before) {
        (Request::File(..), Some(_)) => Came::Held,
        _ if told.outcome == Came::Derived => Came::Derived,
        (_, None) => Came::Loaded,
        (_, Some(before)) if before == after => Came::Unchanged,
        _ => Came::Changed,
    };
    told
}

fn unanswered(error: &Error, blank: Outcome) -> Outcome {
    let outcome = match error.class() {
        Class::Absent | Class::Withdrawn | Class::Unusable => Came::Absent,
        Class::Denied | Class::Unavailable | Class::Corrupt | Class::Internal => Came::Failed,
    };
    Outcome { outcome, why: lines(&error.to_string()), ..blank }
}
