//! How much is held: counted once behind each start by listing the tree, and kept up to date from then on.
//!
//! The count walks the tree in the order of keys while files come and go. What changes behind the place it has reached
//! is added to what it has counted; what changes ahead of it, it will see. A whole scrub counts anew.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use gomod::{FileKind, ModuleVersion, Request};
use store::{Key, Pages, StoreError};

use super::load::in_tree;
use super::manifest::{Manifest, Record};
use super::{Cache, file_key, read};

/// Names looked at in one go; short, so that a count behind a start stands in nobody's way.
const PAGE: usize = 500;
/// Between two pages.
const PAUSE: Duration = Duration::from_millis(2);

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Modules of which a file is held.
    pub modules: u64,
    /// Versions of which a file is held.
    pub versions: u64,
    /// Files held.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Everything was counted since the start; before, the numbers grow.
    pub is_counted: bool,
}

/// The numbers, and how far a count has come.
#[derive(Default)]
pub(super) struct Ledger(Mutex<State>);

#[derive(Default)]
struct State {
    facts: Facts,
    count: Count,
}

#[derive(Default)]
enum Count {
    /// None was begun.
    #[default]
    Ahead,
    /// It has seen everything up to this key.
    At(Key),
    /// It is done.
    Done,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds what a page held; none was the last.
    fn add(&mut self, more: Facts, reached: Option<Key>) {
        self.facts = Facts {
            modules: self.facts.modules + more.modules,
            versions: self.facts.versions + more.versions,
            files: self.facts.files + more.files,
            bytes: self.facts.bytes + more.bytes,
            is_counted: reached.is_none(),
        };
        self.count = reached.map_or(Count::Done, Count::At);
    }

    /// Whether a count has passed the key, so that a change there must be added.
    fn has_passed(&self, key: &Key) -> bool {
        match &self.count {
            Count::Ahead => false,
            Count::At(reached) => key <= reached,
            Count::Done => true,
        }
    }
}

impl Cache {
    /// How much is held.
    pub fn facts(&self) -> Facts {
        self.ledger.lock().facts
    }

    /// Notes that a file has come (or gone), after it is in (or lost to) the manifest.
    pub(super) fn note_change(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        record: &Record,
        manifest: &RwLock<Manifest>,
    ) {
        let Ok(key) = file_key(module, kind) else { return };
        let held = |of: &dyn Fn(&Record) -> bool| {
            read(manifest).records().filter(|record| !record.lost && of(record)).count()
        };
        // What is there without this file: none when it came, or went, as the first, or last.
        let own = usize::from(!record.lost);
        let is_only_of_module = held(&|_| true) == own;
        let is_only_of_version = held(&|other| other.version == record.version) == own;
        let mut state = self.ledger.lock();
        if !state.has_passed(&key) {
            return;
        }
        let add = |number: &mut u64, by: u64| {
            *number = if record.lost { number.saturating_sub(by) } else { number.saturating_add(by) };
        };
        let facts = &mut state.facts;
        add(&mut facts.files, 1);
        add(&mut facts.bytes, record.size);
        add(&mut facts.versions, u64::from(is_only_of_version));
        add(&mut facts.modules, u64::from(is_only_of_module));
    }

    /// Counts everything that lies in the tree, anew. A file that comes while its page is listed may be counted twice or
    /// not at all; the next count puts that right.
    ///
    /// # Errors
    /// The tree could not be listed; the numbers stay incomplete.
    pub async fn count(&self) -> Result<(), StoreError> {
        let mut tree = Pages::of(&*self.blobs, Key::named("modules")?, None, PAGE);
        let mut last = None::<ModuleVersion>;
        *self.ledger.lock() = State::default();
        while let Some(page) = tree.page().await? {
            let mut more = Facts::default();
            for listed in &page {
                let Some(Request::File(module, _)) = in_tree(&listed.key) else { continue };
                more.files += 1;
                more.bytes += listed.stamp.size;
                more.versions += u64::from(last.as_ref() != Some(&module));
                more.modules += u64::from(last.as_ref().is_none_or(|last| last.path != module.path));
                last = Some(module);
            }
            self.ledger.lock().add(more, tree.reached().cloned());
            if tree.reached().is_some() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}
