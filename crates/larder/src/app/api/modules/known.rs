//! What is known of an answer that may change.

use gomod::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::app::api::Parts;
use crate::cache::{Content, Held, Lack, Lookup};
use crate::pipeline::view::LastFailure;

/// How an answer that may change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loaded {
    /// Nothing is known; the next who asks waits for the sources.
    NotLoaded,
    /// A source said it so lately that none is asked.
    Fresh,
    /// The next who asks gets it at once, and a source is asked behind the answer.
    Stale,
    /// The next who asks waits a moment for a source, and gets it if none answers.
    Old,
    /// No source gave it: made from what is held.
    Derived,
    /// Every source said no.
    Absent,
}

/// What is known of an answer that may change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    /// How it stands.
    pub state: Loaded,
    /// A source is being asked now.
    pub refreshing: bool,
    /// The configured name of the source that said it; `held` for what was made from what is held.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// When it was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// Seconds since then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub age_s: Option<u64>,
    /// Its length.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// Versions that a list names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub versions: Option<u64>,
    /// The version that it names, if it is no list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// No source will be asked before this, unless by `refresh`; left out where the next asker makes one be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_again_at: Option<Timestamp>,
    /// What the sources said of what is absent, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub said: Vec<String>,
    /// A source said that it was withdrawn.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub withdrawn: bool,
    /// The last try to fetch it failed, and none has succeeded since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<Failure>,
}

/// A fetch that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// `denied`, `unavailable`, `corrupt` or `internal`.
    pub class: String,
    /// Why, a line for each source.
    pub text: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// The first who asks after this makes the sources be asked again.
    pub retried_after: Timestamp,
}

impl From<LastFailure> for Failure {
    fn from(failure: LastFailure) -> Self {
        Self {
            class: failure.class.as_str().to_owned(),
            text: lines(&failure.text),
            at: failure.at,
            retried_after: failure.retried_after,
        }
    }
}

/// What is known of a list, a latest version or a query.
pub(in crate::app::api) async fn of(parts: &Parts, want: &Request) -> Result<Known, StoreError> {
    let state = parts.pipeline.state(want).await?;
    let mut known = match state.lookup {
        Lookup::Missing => told(Loaded::NotLoaded),
        Lookup::Fresh(held) => held_as(parts, Loaded::Fresh, want, &held),
        Lookup::Stale(held) => held_as(parts, Loaded::Stale, want, &held),
        Lookup::Old(held) => held_as(parts, Loaded::Old, want, &held),
        Lookup::Derived { held, .. } => held_as(parts, Loaded::Derived, want, &held),
        Lookup::Absent(absence) => Known {
            at: Some(absence.at),
            age_s: Some(parts.clock.since(absence.at).as_secs()),
            said: lines(&absence.text),
            withdrawn: absence.lack == Lack::Withdrawn,
            ..told(Loaded::Absent)
        },
    };
    known.refreshing = state.is_refreshing;
    known.asked_again_at = state.asked_again_at;
    known.failure = state.failure.map(Into::into);
    Ok(known)
}

fn held_as(parts: &Parts, state: Loaded, want: &Request, held: &Held) -> Known {
    let is_list = matches!(want, Request::List(_));
    let body = match &held.content {
        Content::Memory(bytes) => bytes.as_ref(),
        Content::File(_) => &[],
    };
    Known {
        source: held.label.source.to_str().ok().map(str::to_owned),
        at: Some(held.at),
        age_s: Some(parts.clock.since(held.at).as_secs()),
        size_bytes: Some(held.size()),
        versions: is_list.then(|| listed(body).count() as u64),
        version: if is_list { None } else { version(body) },
        ..told(state)
    }
}

fn told(state: Loaded) -> Known {
    Known {
        state,
        refreshing: false,
        source: None,
        at: None,
        age_s: None,
        size_bytes: None,
        versions: None,
        version: None,
        asked_again_at: None,
        said: Vec::new(),
        withdrawn: false,
        failure: None,
    }
}

/// The versions that a list names.
pub(in crate::app::api) fn listed(list: &[u8]) -> impl Iterator<Item = &str> {
    list.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.split(' ').next())
        .filter(|version| !version.is_empty())
}

/// The version that an `.info` names.
pub(in crate::app::api) fn version(info: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        version: String,
    }
    serde_json::from_slice::<Info>(info).ok().map(|info| info.version)
}

/// Text of sources, a line each, as clients are shown it.
pub(in crate::app::api) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
