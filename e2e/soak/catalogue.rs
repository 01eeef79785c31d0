//! What exists at any time: module versions made by rule, so that every right byte is known, and the upstreams that
//! serve them. New ones are published all the time, or the misses would end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use testkit::{Dice, ModuleFiles, Upstream};

/// Modules that are there from the beginning and go on growing.
const MODULES: usize = 40;
/// Versions of each at the beginning.
const VERSIONS: usize = 8;
/// Of this many modules one comes from the upstream that has a route of its own.
const ROUTED_EVERY: usize = 5;
/// Of this many new modules one is asked for before it is published.
const EARLY_EVERY: usize = 4;

/// One version with its files, ready to be compared with.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) files: ModuleFiles,
    /// From here on it must be found.
    pub(crate) askable: Instant,
}

impl Version {
    /// What must be served for a file of it.
    pub(crate) fn bytes(&self, kind: &str) -> Bytes {
        match kind {
            "info" => self.files.info(),
            "mod" => self.files.mod_file(),
            _ => self.files.zip(),
        }
    }
}

/// The versions of a module in their order, with the time at which each was there at every upstream.
type Published = BTreeMap<String, Vec<(String, Option<Instant>)>>;

#[derive(Default)]
struct State {
    versions: Vec<Arc<Version>>,
    modules: Published,
}

/// Everything that exists, and where it comes from.
pub(crate) struct Catalogue {
    /// Asked first; on any error the next is asked.
    pub(crate) first: Upstream,
    /// Asked second.
    pub(crate) second: Upstream,
    /// Asked for `routed.example` alone.
    pub(crate) routed: Upstream,
    state: Mutex<State>,
    /// While set, the first upstream gets other zips than there should be.
    wrong: AtomicBool,
    /// Zips to be put right when that ends.
    to_right: Mutex<Vec<(String, Bytes)>>,
    made: AtomicUsize,
}

impl Catalogue {
    pub(crate) async fn start() -> Self {
        let (first, second, routed) =
            (Upstream::start().await, Upstream::start().await, Upstream::start().await);
        let catalogue = Self {
            first,
            second,
            routed,
            state: Mutex::default(),
            wrong: AtomicBool::new(false),
            to_right: Mutex::default(),
            made: AtomicUsize::new(0),
        };
        let mut dice = Dice::new(7);
        for _ in 0..VERSIONS {
            for module in 0..MODULES {
                catalogue.publish(&module_name(module), size(&mut dice), Duration::ZERO);
            }
        }
        catalogue
    }

    /// All upstreams.
    pub(crate) fn all(&self) -> [&Upstream; 3] {
        [&self.first, &self.second, &self.routed]
    }

    /// Makes one more version: mostly of a module that there is, sometimes of a new one. Gives the path that is to
    /// be asked for before `then` publishes it, if it is to be met absent first.
    pub(crate) fn next(&self, dice: &mut Dice) -> Next {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        if made.is_multiple_of(3) {
            let host = if made.is_multiple_of(ROUTED_EVERY) { "routed.example" } else { "example.com" };
            let is_early = (made / 3).is_multiple_of(EARLY_EVERY);
            Next { module: format!("{host}/fresh/n{made}"), size: size(dice), is_early }
        } else {
            Next { module: module_name(dice.below(MODULES)), size: size(dice), is_early: false }
        }
    }

    /// Publishes the next version of a module at its upstreams; it must be found when `after` has passed.
    pub(crate) fn publish(&self, module: &str, size: usize, after: Duration) {
        let number = self.state().modules.get(module).map_or(0, Vec::len);
        let files = ModuleFiles::new(module, &format!("v1.{number}.0"))
            .file("lib.go", format!("package lib // {number}\n"))
            .padding(size);
        // Known before any upstream has it: a list may show it from then on.
        self.announce(module, files.version());
        if module.starts_with("routed.") {
            self.routed.serve(&files);
        } else {
            self.first.serve(&files);
            self.second.serve(&files);
            if self.wrong.load(Ordering::Relaxed) {
                self.spoil(&files);
            }
        }
        let now = Instant::now();
        let mut state = self.state();
        if let Some((_, there)) = state.modules.get_mut(module).and_then(|all| all.get_mut(number)) {
            *there = Some(now);
        }
        state.versions.push(Arc::new(Version { files, askable: now + after }));
    }

    fn announce(&self, module: &str, version: &str) {
        self.state().modules.entry(module.to_owned()).or_default().push((version.to_owned(), None));
    }

    /// From now on the first upstream has the zip of another module for whatever is new.
    pub(crate) fn begin_wrong_zips(&self) {
        self.wrong.store(true, Ordering::Relaxed);
    }

    /// It has the right ones again, for all that was spoilt.
    pub(crate) fn end_wrong_zips(&self) {
        self.wrong.store(false, Ordering::Relaxed);
        let spoilt = std::mem::take(&mut *self.to_right.lock().unwrap());
        for (path, zip) in spoilt {
            self.first.put(&path, zip);
        }
    }

    fn spoil(&self, files: &ModuleFiles) {
        let other = ModuleFiles::new("example.com/other", files.version()).padding(40_000);
        self.to_right.lock().unwrap().push((files.url("zip"), files.zip()));
        self.first.put(&files.url("zip"), other.zip());
    }

    /// A version that must be found, of the newest `among`.
    pub(crate) fn version(&self, dice: &mut Dice, among: usize) -> Arc<Version> {
        let state = self.state();
        let now = Instant::now();
        loop {
            let from_end = dice.below(among.min(state.versions.len()));
            let version = &state.versions[state.versions.len() - 1 - from_end];
            if version.askable <= now || among >= state.versions.len() {
                let oldest = &state.versions[dice.below(MODULES)];
                return if version.askable <= now { version.clone() } else { oldest.clone() };
            }
        }
    }

    /// The version whose zip is at a path.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<Version>> {
        self.state().versions.iter().find(|version| version.files.url("zip") == path).cloned()
    }

    /// One of the modules that were there from the beginning.
    pub(crate) fn module(&self, dice: &mut Dice) -> String {
        module_name(dice.below(MODULES))
    }

    /// The versions of a module that were everywhere at `then`, and all of which something may be known now.
    pub(crate) fn versions_of(&self, module: &str, then: Option<Instant>) -> (usize, Vec<String>) {
        let state = self.state();
        let all = state.modules.get(module).cloned().unwrap_or_default();
        let there = |at: &Option<Instant>| then.is_some_and(|then| at.is_some_and(|at| at <= then));
        let least = all.iter().take_while(|(_, at)| there(at)).count();
        (least, all.into_iter().map(|(version, _)| version).collect())
    }

    /// How many versions there are.
    pub(crate) fn count(&self) -> usize {
        self.state().versions.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be published next.
pub(crate) struct Next {
    pub(crate) module: String,
    pub(crate) size: usize,
    /// It is asked for before.
    pub(crate) is_early: bool,
}

fn module_name(index: usize) -> String {
    let host = if index.is_multiple_of(ROUTED_EVERY) { "routed.example" } else { "example.com" };
    format!("{host}/Group/Module{index}")
}

/// Bytes of padding, 75 KiB on the average: half are served from memory and half from open files, seldom some
/// megabytes.
fn size(dice: &mut Dice) -> usize {
    match dice.below(100) {
        0..50 => 1_000 + dice.below(30_000),
        50..96 => 66_000 + dice.below(34_000),
        96..99 => 100_000 + dice.below(300_000),
        _ => 1_000_000 + dice.below(2_000_000),
    }
}
