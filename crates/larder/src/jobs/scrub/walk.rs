//! The walk of one scrub.

use std::sync::Arc;

use gomod::{EscapedPath, FileKind, ModulePath, ModuleVersion, Request, Version};
use store::{Key, Pages, StoreError};

use super::Order;
use super::report::{Event, Finding, Outcome, Report, What};
use crate::cache::Cache;
use crate::cache::evidence::FoundBy;
use crate::cache::examine::{Damage, Pace};
use crate::cache::manifest::{BadLine, Record};
use crate::observe::explain;
use crate::pipeline::{Class, Error, Pipeline};

/// Names looked at in one go.
const PAGE: usize = 1000;
/// Files without any record of their module that are taken for what a crash left: fetches under way, not a tree.
const STRAYS: usize = 100;

/// One scrub under way.
pub(super) struct Walk<'a, T> {
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) cache: &'a Cache,
    pub(super) order: &'a Order,
    pub(super) pace: &'a Pace,
    tell: &'a T,
    pub(super) report: Report,
    /// Versions in a row of which the databases told nothing.
    pub(super) in_vain: u32,
}

impl<'a, T: Fn(Event) + Send + Sync> Walk<'a, T> {
    pub(super) fn new(pipeline: &'a Arc<Pipeline>, order: &'a Order, pace: &'a Pace, tell: &'a T) -> Self {
        Self { pipeline, cache: pipeline.cache(), order, pace, tell, report: Report::default(), in_vain: 0 }
    }

    /// Both walks, and the report of them.
    pub(super) async fn run(mut self, left_over: u64) -> Result<Report, StoreError> {
        let began = crate::observe::Counters::now();
        if left_over > 0 {
            let outcome = if self.order.heal { Outcome::Removed } else { Outcome::Left };
            let detail = format!("{left_over} files that an earlier process left");
            self.found(finding("tmp", What::LeftOver, detail), outcome);
        }
        self.manifests().await?;
        if !self.report.interrupted {
            self.strays().await?;
        }
        if self.order.only.is_none() && !self.report.interrupted {
            self.own_log().await?;
        }
        self.report.finish(began.elapsed());
        Ok(self.report)
    }

    fn wants(&self, path: &ModulePath) -> bool {
        self.order.only.as_ref().is_none_or(|only| only.matches(path.as_str()))
    }

    pub(super) fn found(&mut self, finding: Finding, outcome: Outcome) {
        let finding = Finding { outcome, ..finding };
        (self.tell)(Event::Found(finding.clone()));
        self.report.add(finding);
    }

    /// Whether the server has begun to stop; what was reached until then is where the next scrub goes on.
    pub(super) fn is_stopped(&mut self) -> bool {
        self.report.interrupted |= self.pipeline.is_stopping();
        self.report.interrupted
    }

    async fn manifests(&mut self) -> Result<(), StoreError> {
        let of = self.count().await?;
        let mut modules = self.cache.modules(self.order.after.clone())?;
        while let Some(page) = modules.page().await? {
            for (manifest, path) in page {
                if self.is_stopped() {
                    return Ok(());
                }
                if !self.wants(&path) {
                    continue;
                }
                self.module(&path).await?;
                if self.report.interrupted {
                    return Ok(());
                }
                self.report.modules += 1;
                self.report.reached = Some(manifest.to_string());
                let (done, bytes) = (self.report.modules, self.report.bytes);
                (self.tell)(Event::Progress { done, of, bytes });
            }
        }
        Ok(())
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let (mut modules, mut count) = (self.cache.modules(None)?, 0);
        while let Some(page) = modules.page().await? {
            count += page.iter().filter(|(_, path)| self.wants(path)).count() as u64;
        }
        Ok(count)
    }

    /// Everything of one module.
    async fn module(&mut self, path: &ModulePath) -> Result<(), StoreError> {
        let manifest = format!("meta/{}/@manifest", path.escape());
        match self.cache.audit(path).await {
            Ok(bad) => self.lines(path, &manifest, &bad.unwrap_or_default()).await,
            Err(error) => {
                let outcome = Outcome::Broken { why: "it is tried again by the next scrub".to_owned() };
                self.found(finding(&manifest, What::Unreadable, explain(&error)), outcome);
                return Ok(());
            }
        }
        for record in self.cache.records(path).await? {
            if self.is_stopped() {
                return Ok(());
            }
            let version = Version::parse(&record.version).ok();
            let module = version.and_then(|version| ModuleVersion::new(path.clone(), version).ok());
            if let (Some(module), Some(kind)) = (module, FileKind::parse(&record.kind)) {
                self.file(&module, kind, &record).await?;
            }
        }
        self.records(path).await?;
        if self.is_stopped() {
            return Ok(());
        }
        let directory = Key::named(&format!("modules/{}/@v", path.escape()))?;
        let mut files = Pages::of(&**self.cache.blobs(), directory, None, PAGE);
        while let Some(page) = files.page().await? {
            for listed in &page {
                self.vouched(&listed.key).await?;
            }
        }
        self.list(path).await
    }

    /// The lines of a manifest.
    async fn lines(&mut self, path: &ModulePath, manifest: &str, bad: &[BadLine]) {
        for line in bad.iter().filter(|line| line.contradicts) {
            let detail = format!("line {}: {}", line.line, line.why);
            let why = "no command can tell which is right: compare both with a go.sum or a checksum database, stop the \
                       server, take the wrong line out of this file, start it, and scrub again";
            self.found(
                finding(manifest, What::Contradiction, detail),
                Outcome::Broken { why: why.to_owned() },
            );
        }
        let unread: Vec<&BadLine> = bad.iter().filter(|line| !line.contradicts).collect();
        let Some(first) = unread.first() else { return };
        let detail = format!("{} lines, the first is line {}: {}", unread.len(), first.line, first.why);
        // Contradictions are kept as they stand: writing the file anew would decide them.
        let outcome = if !self.order.heal {
            Outcome::Left
        } else if unread.len() < bad.len() {
            Outcome::Broken { why: "left as it is beside the contradiction".to_owned() }
        } else {
            match self.cache.rewrite_manifest(path).await {
                Ok(_) => Outcome::Healed,
                Err(error) => Outcome::Broken { why: explain(&error) },
            }
        };
        self.found(finding(manifest, What::BadLines, detail), outcome);
    }

    /// One recorded file.
    async fn file(
        &mut self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
    ) -> Result<(), StoreError> {
        let name = format!("modules/{}.{}", module.escaped_base(), kind.extension());
        if record.lost {
            let outcome = self.healed(module, kind).await;
            let detail = "it was found broken earlier".to_owned();
            self.found(finding(&name, What::Lost, detail), outcome);
            return Ok(());
        }
        let examined = tokio::select! {
            examined = self.cache.examine(module, kind, record, self.pace) => examined,
            // Reading on would hold up the stop, and changes nothing.
            () = self.pipeline.stopping() => return Ok(()),
        };
        let damage = match examined {
            Ok(damage) => damage,
            Err(error) => {
                let why = "nothing was changed; the next scrub tries again".to_owned();
                self.found(finding(&name, What::Unreadable, explain(&error)), Outcome::Broken { why });
                return Ok(());
            }
        };
        self.report.files += 1;
        self.report.bytes += record.size;
        let Some(damage) = damage else { return Ok(()) };
        let hashes = match &damage {
            Damage::Rotten { sha256: Some(found), .. } => Some((found.clone(), record.sha256.clone())),
            _ => None,
        };
        let mut finding = Finding { hashes, ..finding(&name, what(&damage), damage.to_string()) };
        if !self.order.heal {
            self.found(finding, Outcome::Left);
            return Ok(());
        }
        finding.evidence = self.cache.condemn(module, kind, record, (damage, FoundBy::Scrub)).await?;
        let outcome = self.healed(module, kind).await;
        self.found(finding, outcome);
        Ok(())
    }

    /// Has a lost file brought back.
    pub(super) async fn healed(&self, module: &ModuleVersion, kind: FileKind) -> Outcome {
        if !self.order.heal {
            return Outcome::Left;
        }
        let healed = tokio::select! {
            healed = self.pipeline.heal(module, kind) => healed,
            () = self.pipeline.stopping() => {
                return Outcome::Broken { why: "the server stops; it is tried again after the next start".to_owned() };
            }
        };
        match healed {
            Ok(true) => Outcome::Healed,
            Ok(false) => Outcome::Broken { why: "it was fetched, but could not be kept".to_owned() },
            Err(error) => Outcome::Broken { why: why_lost(&error) },
        }
    }

    /// Whether a record stands behind a file of the tree; if none does, it is taken out.
    async fn vouched(&mut self, file: &Key) -> Result<(), StoreError> {
        let is_vouched = match Request::parse_name(file.as_str().strip_prefix("modules/").unwrap_or_default())
        {
            Ok(Request::File(module, kind)) => {
                let records = self.cache.records(&module.path).await?;
                let version = module.version.as_str();
                records.iter().any(|record| {
                    record.version == version && record.kind == kind.extension() && !record.lost
                })
            }
            Ok(Request::List(_)) => true,
            _ => false,
        };
        if is_vouched {
            return Ok(());
        }
        let mut found = finding(file.as_str(), What::Unvouched, Damage::Unvouched.to_string());
        if !self.order.heal {
            self.found(found, Outcome::Left);
            return Ok(());
        }
        match self.cache.take_out(file, FoundBy::Scrub).await {
            // Its record was on its way.
            Ok(None) => {}
            Ok(evidence) => {
                found.evidence = evidence;
                self.found(found, Outcome::Removed);
            }
            Err(error) => self.found(found, Outcome::Broken { why: explain(&error) }),
        }
        Ok(())
    }

    async fn list(&mut self, path: &ModulePath) -> Result<(), StoreError> {
        if !self.order.heal {
            return Ok(());
        }
        let name = format!("modules/{}/@v/list", path.escape());
        let found = finding(&name, What::List, "it did not name the versions that are held".to_owned());
        match self.cache.mend_list(path).await {
            Ok(false) => {}
            Ok(true) => self.found(found, Outcome::Healed),
            Err(error) => self.found(found, Outcome::Broken { why: explain(&error) }),
        }
        Ok(())
    }

    /// What lies in the tree where no manifest is: a crash leaves a little. Very much of it means that the records are
    /// gone, and then nothing is touched: the files may be all there is.
    async fn strays(&mut self) -> Result<(), StoreError> {
        let strays = self.without_manifest().await?;
        if strays.len() <= STRAYS {
            for stray in &strays {
                self.vouched(stray).await?;
            }
            return Ok(());
        }
        let detail = format!("more than {STRAYS} files of modules that have no records in meta/");
        let why = "nothing was removed: was meta/ lost? Bring it back from a copy, or stop the server, move modules/ \
                   away and `larder import` it";
        self.found(finding("modules", What::Unvouched, detail), Outcome::Broken { why: why.to_owned() });
        Ok(())
    }

    /// Files of modules without a manifest, no more than needed to tell that there are too many.
    async fn without_manifest(&self) -> Result<Vec<Key>, StoreError> {
        let mut tree = Pages::of(&**self.cache.blobs(), Key::named("modules")?, None, PAGE);
        let (mut known, mut strays): (Option<(String, bool)>, _) = (None, Vec::new());
        while let Some(page) = tree.page().await? {
            for listed in &page {
                let name = listed.key.as_str().strip_prefix("modules/").unwrap_or_default();
                let module = name.split_once("/@v/").map_or("", |(module, _)| module);
                if name.starts_with("sumdb/") || (module.is_empty() && self.order.only.is_some()) {
                    continue;
                }
                if known.as_ref().is_none_or(|(known, _)| known != module) {
                    known = Some((module.to_owned(), self.has_manifest(module).await?));
                }
                if known.as_ref().is_some_and(|(_, has_manifest)| !has_manifest) {
                    strays.push(listed.key.clone());
                }
            }
            if strays.len() > STRAYS {
                break;
            }
        }
        Ok(strays)
    }

    /// Whether the first walk was there, or should not have been.
    async fn has_manifest(&self, module: &str) -> Result<bool, StoreError> {
        let Ok(path) = EscapedPath::unescape(module) else { return Ok(self.order.only.is_some()) };
        Ok(!self.wants(&path) || self.cache.audit(&path).await?.is_some())
    }
}

pub(super) fn finding(file: &str, what: What, detail: String) -> Finding {
    Finding { file: file.to_owned(), what, detail, outcome: Outcome::Left, evidence: None, hashes: None }
}

fn what(damage: &Damage) -> What {
    match damage {
        Damage::Missing => What::Missing,
        Damage::Short { .. } => What::Truncated,
        Damage::Long { .. } => What::Grown,
        Damage::Rotten { .. } | Damage::Differs { .. } => What::Rotten,
        Damage::Misrecorded { .. } => What::Misrecorded,
        Damage::Unvouched => What::Unvouched,
    }
}

/// What helps where the sources do not.
const FROM_A_COPY: &str = "mend the source, or `larder import DIR` from a good copy";

fn why_lost(error: &Error) -> String {
    let told = explain(error);
    match error.class() {
        Class::Corrupt => {
            format!("refused: what the source has now is not what is recorded ({told}); {FROM_A_COPY}")
        }
        Class::Unavailable => format!("the source cannot be asked now; it is tried again ({told})"),
        Class::Unusable => format!("what is on record cannot be used ({told})"),
        Class::Absent | Class::Withdrawn => format!("no source has it any more ({told}); {FROM_A_COPY}"),
        _ => told,
    }
}
