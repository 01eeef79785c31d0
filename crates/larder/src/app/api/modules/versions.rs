//! What is known of versions and their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use gomod::{FileKind, H1, ModulePath, ModuleVersion, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::known::{Failure, lines};
use super::{Version, named, troubles};
use crate::app::api::Parts;
use crate::cache::Lookup;
use crate::cache::manifest::{Record, VerifiedBy};
use crate::pipeline::view::State;

/// How a file of a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Nothing is known; the next who asks waits for the sources.
    NotLoaded,
    /// Held: its content never changes.
    Held,
    /// It was held, and was found broken or missing. It is fetched again when it is next asked for.
    Lost,
    /// Every source said no.
    Absent,
}

/// What is known of one version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionState {
    /// The version.
    pub version: String,
    /// The source that its first file came from: the others come from there too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pinned_source: Option<String>,
    /// Bytes of its files that are held.
    pub size_bytes: u64,
    /// Its files by kind: `info`, `mod`, `zip`. In the answer about a module, those of which something is known.
    pub files: BTreeMap<String, FileState>,
}

/// What is known of one file of a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileState {
    /// How it stands.
    pub state: Kept,
    /// It is being fetched now.
    pub refreshing: bool,
    /// The Go hash; none for `.info`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub h1: Option<H1>,
    /// SHA-256 of the bytes, lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// Length.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// The configured name of the source it came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// When it was kept, or was found absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// Seconds since then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub age_s: Option<u64>,
    /// Why it is trusted; of `record`, the `database` beside it.
    #[serde(flatten)]
    pub verified_by: Option<VerifiedBy>,
    /// No source will be asked before this, unless by `refresh`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_again_at: Option<Timestamp>,
    /// What the sources said of what is absent, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub said: Vec<String>,
    /// The last try to fetch it failed, and none has succeeded since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<Failure>,
}

/// One version, all its files, each looked at on the disk.
pub(super) async fn all_of(parts: &Parts, version: &ModuleVersion) -> Result<Version, StoreError> {
    let mut files = BTreeMap::new();
    for kind in FileKind::ALL {
        files.insert(kind.extension().to_owned(), file(parts, version, kind).await?);
    }
    let pinned_source = parts.pipeline.cache().pinned_source(version).await?;
    let version_state = gathered(version.version.as_str(), pinned_source, files);
    Ok(Version { named: named(parts, &version.path), version: version_state })
}

/// The versions of a module of which something is known, by what is recorded of them; the newest first.
pub(super) async fn some_of(parts: &Parts, path: &ModulePath) -> Result<Vec<VersionState>, StoreError> {
    let mut versions: BTreeMap<gomod::Version, BTreeMap<String, FileState>> = BTreeMap::new();
    for record in parts.pipeline.cache().records(path).await? {
        if let Ok(version) = gomod::Version::parse(&record.version) {
            let state = recorded(parts, &record);
            versions.entry(version).or_default().insert(record.kind.clone(), state);
        }
    }
    for want in troubles(parts, path) {
        if let Request::File(version, kind) = want {
            let state = file(parts, &version, kind).await?;
            let files = versions.entry(version.version).or_default();
            files.insert(kind.extension().to_owned(), state);
        }
    }
    let mut states = Vec::new();
    for (version, files) in versions.into_iter().rev() {
        let module = ModuleVersion::new(path.clone(), version.clone());
        let pinned = match &module {
            Ok(module) => parts.pipeline.cache().pinned_source(module).await?,
            Err(_) => None,
        };
        states.push(gathered(version.as_str(), pinned, files));
    }
    Ok(states)
}

async fn file(parts: &Parts, version: &ModuleVersion, kind: FileKind) -> Result<FileState, StoreError> {
    let want = Request::File(version.clone(), kind);
    let state = parts.pipeline.state(&want).await?;
    let record = parts.pipeline.cache().record(version, kind).await?;
    let mut told = record.map_or_else(nothing, |record| recorded(parts, &record));
    note(parts, &mut told, state);
    Ok(told)
}

/// Adds what is not recorded but happening or remembered.
fn note(parts: &Parts, told: &mut FileState, state: State) {
    told.refreshing = state.is_refreshing;
    told.asked_again_at = state.asked_again_at;
    told.failure = state.failure.map(Into::into);
    if let Lookup::Absent(absence) = state.lookup {
        told.state = Kept::Absent;
        told.at = Some(absence.at);
        told.age_s = Some(parts.clock.since(absence.at).as_secs());
        told.said = lines(&absence.text);
    }
}

fn recorded(parts: &Parts, record: &Record) -> FileState {
    FileState {
        state: if record.lost { Kept::Lost } else { Kept::Held },
        h1: record.h1,
        sha256: Some(record.sha256.clone()),
        size_bytes: Some(record.size),
        source: Some(record.source.to_string()),
        at: Some(record.at),
        age_s: Some(parts.clock.since(record.at).as_secs()),
        verified_by: Some(record.verified_by.clone()),
        ..nothing()
    }
}

fn nothing() -> FileState {
    FileState {
        state: Kept::NotLoaded,
        refreshing: false,
        h1: None,
        sha256: None,
        size_bytes: None,
        source: None,
        at: None,
        age_s: None,
        verified_by: None,
        asked_again_at: None,
        said: Vec::new(),
        failure: None,
    }
}

fn gathered(
    version: &str,
    pinned_source: Option<Arc<str>>,
    files: BTreeMap<String, FileState>,
) -> VersionState {
    let held = files.values().filter(|file| file.state == Kept::Held);
    VersionState {
        version: version.to_owned(),
        pinned_source: pinned_source.map(|source| source.to_string()),
        size_bytes: held.filter_map(|file| file.size_bytes).sum(),
        files,
    }
}
