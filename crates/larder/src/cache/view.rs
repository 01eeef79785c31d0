//! What is known of a module, for whoever wants to see it or wants it forgotten. No source is asked here, and no held
//! version touched: its content never changes.

use std::sync::Arc;

use gomod::{ModulePath, Request};
use jiff::Timestamp;
use store::{Key, StoreError};

use super::manifest::Record;
use super::{Absence, Cache, Remembered, known, read};

/// Queries of one module that are looked through.
const QUERIES: usize = 1000;

/// What is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Answers.
    pub entries: u64,
    /// Bytes of them, estimated.
    pub bytes: u64,
    /// Bytes at most.
    pub limit_bytes: u64,
    /// Large files that are open.
    pub open_files: u64,
}

impl Cache {
    /// Until when no source will be asked for an answer, where that is so; as of the last lookup.
    pub fn asked_again_at(&self, want: &Request) -> Option<Timestamp> {
        let (at, lasts) = match self.memory.peek(want)? {
            Remembered::File(_) => return None,
            Remembered::Known(held) => (held.at, self.freshness.load().fresh),
            Remembered::Derived(held, lasts) => (held.at, lasts),
            Remembered::Absent(absence) => (absence.at, absence.for_),
        };
        at.checked_add(lasts).ok().filter(|then| *then > self.clock.now())
    }

    /// What is recorded of the files of a module, lost ones too.
    pub async fn records(&self, path: &ModulePath) -> Result<Vec<Arc<Record>>, StoreError> {
        let manifest = self.manifest(path).await?;
        let manifest = read(&manifest);
        Ok(manifest.records().cloned().collect())
    }

    /// The queries of a module to which a source's answer is held.
    pub async fn known_queries(&self, path: &ModulePath) -> Result<Vec<Request>, StoreError> {
        let Ok(under) = Key::parse(&format!("meta/{}/@known/query", path.escape())) else {
            return Ok(Vec::new());
        };
        let listed = self.blobs.list(Some(&under), None, QUERIES).await?;
        let query = |key: &Key| {
            let name = key.as_str().strip_prefix(under.as_str())?.strip_prefix('/')?;
            let want = Request::parse_file(path, &format!("{name}.info")).ok()?;
            matches!(want, Request::Query(..)).then_some(want)
        };
        Ok(listed.iter().filter_map(|listed| query(&listed.key)).collect())
    }

    /// What of a module is remembered as absent now.
    pub fn absences(&self, path: &ModulePath) -> Vec<(Request, Absence)> {
        let of_module = |(want, remembered)| match remembered {
            Remembered::Absent(absence) if Request::module(&want) == Some(path) => Some((want, absence)),
            _ => None,
        };
        let counts = |(_, absence): &(Request, Absence)| !self.absent_for(absence).is_zero();
        self.memory.iter().filter_map(of_module).filter(counts).collect()
    }

    /// Forgets that something is absent. Whether it was remembered so.
    pub fn forget_absence(&self, want: &Request) -> bool {
        let is_absent = matches!(self.memory.peek(want), Some(Remembered::Absent(_)));
        is_absent && self.memory.remove_if(want, |held| matches!(held, Remembered::Absent(_))).is_some()
    }

    /// Forgets an answer that may change, on the disk too. Whether there was one.
    pub async fn forget_known(&self, want: &Request) -> Result<bool, StoreError> {
        let Some(key) = known::key(want) else { return Ok(false) };
        let in_memory = self.memory.remove(want).is_some();
        let on_disk = match self.blobs.open(&key).await {
            Ok(_) => true,
            Err(error) if error.is_absent() => false,
            Err(error) => return Err(error),
        };
        self.blobs.remove(&key, None).await?;
        // A lookup may have brought it back from the disk in between.
        self.memory.remove(want);
        Ok(in_memory || on_disk)
    }

    /// What is in memory.
    pub fn memory_use(&self) -> MemoryUse {
        MemoryUse {
            entries: self.memory.len() as u64,
            bytes: self.memory.weight(),
            limit_bytes: self.memory.capacity(),
            open_files: self.open.len() as u64,
        }
    }
}
