//! Adopts modules from a directory: a module cache of the go command (`cache/download`), or any static GOPROXY tree.
//!
//! Nothing is taken on trust: names are un-escaped and checked, an `.info` must name its version, a zip must obey the
//! module rules and agree with its `.ziphash` where there is one. What fails is left out and reported with the
//! reason; the rest goes on. The directory is only read. The report is given when everything adopted is durable.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use gomod::h1::H1;
use gomod::{FileKind, ModuleVersion};
use serde::{Deserialize, Serialize};
use source::{Found, Offer};
use store::{Blobs, Durability, Spool};

use crate::cache::KeepError;
use crate::cache::keep::Provenance;
use crate::cache::manifest::VerifiedBy;
use crate::observe::explain;
use crate::pipeline::Pipeline;
use crate::verify::sums::{Summer, Sums};
use crate::verify::{self, Bound, Verified};

/// Module versions that are worked on at once: checking a zip keeps a core busy.
const AT_ONCE: usize = 4;
/// Largest `.info` or `.mod` that is read (x/mod's limit for go.mod).
const SMALL_FILE_BYTES: u64 = 16 << 20;
/// Largest zip that is read (x/mod's limit), and one byte more to notice a larger one.
const ZIP_BYTES: u64 = (500 << 20) + 1;

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The file, relative to the imported tree.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Files that were adopted, by kind.
    pub adopted: BTreeMap<String, u64>,
    /// Files that were held already.
    pub already_held: u64,
    /// Bytes that were adopted.
    pub bytes: u64,
    /// Files that were left out.
    pub refused: Vec<Refusal>,
    /// Module versions that were not looked at, because the server was told to stop.
    #[serde(default)]
    pub left: u64,
}

/// How far an import has come, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// So many of so many module versions are done.
    Progress {
        /// Module versions done.
        done: u64,
        /// Module versions found.
        of: u64,
    },
    /// The end.
    Done(Report),
    /// It could not be done at all.
    Failed(String),
}

/// Why a file was not adopted.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it could not be read")]
    Read(#[source] std::io::Error),
    #[error("it is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error(transparent)]
    Wrong(#[from] verify::Wrong),
    #[error("its hash is {got}, but its .ziphash says {noted}")]
    ZipHash { noted: String, got: H1 },
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error("the check was interrupted")]
    Interrupted,
}

/// Imports all that a tree offers; `tell` hears of each step. When the server is told to stop, what has been begun is
/// finished, and the rest is left.
pub async fn run(
    pipeline: &Arc<Pipeline>,
    offer: Offer,
    tell: impl Fn(Event) + Sync,
) -> Result<Report, store::StoreError> {
    let of = offer.found.len() as u64;
    let refused = offer.refused.into_iter();
    let refused = refused.map(|(file, why)| Refusal { file: file.display().to_string(), why }).collect();
    let mut report = Report { refused, ..Report::default() };
    let root: Arc<Path> = offer.root.into();
    let mut work = futures_util::stream::iter(offer.found)
        .take_while(|_| std::future::ready(!pipeline.is_stopping()))
        .map(|found| adopt_version(pipeline.clone(), root.clone(), found))
        .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(outcome) = work.next().await {
        report.merge(outcome);
        done += 1;
        tell(Event::Progress { done, of });
    }
    report.left = of - done;
    // The promise comes last: what the report names survives a loss of power.
    pipeline.cache().blobs().sync().await?;
    // What was adopted is compared with the checksum databases behind this.
    pipeline.unproven().wake();
    report.refused.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(report)
}

impl Report {
    fn merge(&mut self, other: Self) {
        for (kind, count) in other.adopted {
            *self.adopted.entry(kind).or_default() += count;
        }
        self.already_held += other.already_held;
        self.bytes += other.bytes;
        self.refused.extend(other.refused);
    }
}

/// Adopts the files of one module version; what is wrong with one does not stop the others.
async fn adopt_version(pipeline: Arc<Pipeline>, root: Arc<Path>, found: Found) -> Report {
    let mut report = Report::default();
    for kind in &found.kinds {
        let file = found.file(*kind);
        match adopt(&pipeline, &root.join(&file), &found.module, *kind).await {
            Ok(Some(bytes)) => {
                *report.adopted.entry(kind.extension().to_owned()).or_default() += 1;
                report.bytes += bytes;
            }
            Ok(None) => report.already_held += 1,
            Err(refused) => {
                report.refused.push(Refusal { file: file.display().to_string(), why: explain(&refused) });
            }
        }
    }
    report
}

/// Adopts one file; `None` when it is held already.
async fn adopt(
    pipeline: &Arc<Pipeline>,
    path: &Path,
    module: &ModuleVersion,
    kind: FileKind,
) -> Result<Option<u64>, Refused> {
    let want = gomod::Request::File(module.clone(), kind);
    let held = pipeline.cache().lookup(&want).await.map_err(KeepError::from)?;
    let (path, checked) = (path.to_owned(), module.clone());
    let recorded = pipeline.cache().recorded_h1(module, kind).await.map_err(KeepError::from)?;
    let blobs = pipeline.cache().blobs().clone();
    let verified =
        tokio::task::spawn_blocking(move || check(&*blobs, &path, &checked, kind, recorded.as_ref()))
            .await
            .map_err(|_| Refused::Interrupted)??;
    if matches!(held, crate::cache::Lookup::Fresh(_)) {
        return Ok(None);
    }
    let size = verified.sums.size;
    let from = Provenance {
        source: "import".into(),
        verified_by: VerifiedBy::Import,
        durability: Durability::Batched,
    };
    pipeline.adopt(module, kind, verified, from).await?;
    Ok(Some(size))
}

fn check(
    blobs: &dyn Blobs,
    path: &Path,
    module: &ModuleVersion,
    kind: FileKind,
    recorded: Option<&H1>,
) -> Result<Verified, Refused> {
    match kind {
        FileKind::Info => Ok(verify::info(module, &read_small(path)?)?),
        FileKind::Mod => Ok(verify::go_mod(read_small(path)?, Bound::First(recorded))?),
        FileKind::Zip => {
            let (spool, sums) = copy(blobs, path)?;
            let verified = verify::zip(module, spool, sums)?.bound_by(Bound::First(recorded))?;
            agree_with_ziphash(path, &verified)?;
            Ok(verified)
        }
    }
}

/// The go command notes the h1 of a zip beside it.
fn agree_with_ziphash(zip: &Path, verified: &Verified) -> Result<(), Refused> {
    let Ok(noted) = read_small(&zip.with_extension("ziphash")) else { return Ok(()) };
    let noted = String::from_utf8_lossy(&noted).trim().to_owned();
    match &verified.h1 {
        Some(got) if noted != got.to_string() => Err(Refused::ZipHash { noted, got: *got }),
        _ => Ok(()),
    }
}

fn read_small(path: &Path) -> Result<Bytes, Refused> {
    let file = std::fs::File::open(path).map_err(Refused::Read)?;
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Refused::Read)?;
    if bytes.len() as u64 > SMALL_FILE_BYTES {
        return Err(Refused::TooLarge { limit: SMALL_FILE_BYTES });
    }
    Ok(bytes.into())
}

fn copy(blobs: &dyn Blobs, path: &Path) -> Result<(Spool, Sums), Refused> {
    let mut file = std::fs::File::open(path).map_err(Refused::Read)?.take(ZIP_BYTES);
    let spool = blobs.spool().map_err(KeepError::from)?;
    let (mut summer, mut buffer) = (Summer::default(), vec![0; 256 * 1024]);
    loop {
        let count = file.read(&mut buffer).map_err(Refused::Read)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        summer.update(bytes);
        spool.write(bytes).map_err(KeepError::from)?;
    }
    if spool.size() >= ZIP_BYTES {
        return Err(Refused::TooLarge { limit: ZIP_BYTES - 1 });
    }
    Ok((spool, summer.finish()))
}
