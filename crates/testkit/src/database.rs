//! A checksum database on a loopback socket: sound until it is told to lie.
//!
//! Why this shape: what it says is computed from a [`History`] when it is asked, so it grows while it serves, and any width
//! of any tile is there; how it says it is [`Upstream`]'s, with its record of requests, its scripts (stalls, cuts,
//! statuses, redirects, whatever is asked) and its stopping and coming back. A database can also be mounted below
//! `/sumdb/NAME` of another upstream, which then fronts it as a module proxy does.
//! The tree is computed here, so that Larder's code does not judge itself; notes are signed by `sumdb`, which is tested
//! against Go's own signatures.
//!
//! ```no_run
//! # use testkit::{Database, ModuleFiles, database::Lie};
//! # async fn example() {
//! let hello = ModuleFiles::new("example.com/hello", "v1.0.0");
//! let database = Database::start().await;
//! database.record(&hello);
//! let gosumdb = database.spec(); // name+hash+key http://127.0.0.1:…
//! database.on("/latest").once().status(503);
//! database.tell(&[Lie::BadSignature]);
//! database.be_honest();
//! # }
//! ```

mod history;
mod lie;
mod speaker;
mod trouble;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sumdb::note::Name;
use sumdb::{Signer, Verifier};

use crate::module::ModuleFiles;
use crate::upstream::{Reply, Upstream};

pub use history::{History, NodeHash, node_hash, record_hash, record_text, synthetic_module, synthetic_text};
pub use lie::{ALL as LIES, Lie, forged_lines};
pub use speaker::Speaker;
pub use trouble::{TROUBLE, Trouble};

/// The key pair that cmd/go publishes for tests: the private key, of the database `localhost.localdev/sumdb`.
pub const TEST_SIGNER: &str =
    "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk";

/// The fake checksum database. It is an [`Upstream`] too, with all that one can do. Dropped, it is gone.
#[derive(Debug)]
pub struct Database {
    upstream: Upstream,
    told: Arc<Mutex<Speaker>>,
}

impl Database {
    /// Starts with the published test key, and no records.
    pub async fn start() -> Self {
        Self::with(Signer::parse(TEST_SIGNER).unwrap(), History::default()).await
    }

    /// Starts with the published test key and these records.
    pub async fn of(history: History) -> Self {
        Self::with(Signer::parse(TEST_SIGNER).unwrap(), history).await
    }

    /// Starts with a key of its own, always the same for a name, and no records.
    pub async fn named(name: &str) -> Self {
        Self::with(signer(name), History::default()).await
    }

    /// Starts with this key and these records.
    pub async fn with(signer: Signer, history: History) -> Self {
        let upstream = Upstream::start().await;
        let told = Arc::new(Mutex::new(Speaker::new(signer, history)));
        upstream.mount("", site(&told));
        Self { upstream, told }
    }

    /// The name, `host[/path]`.
    pub fn name(&self) -> String {
        self.verifier().name().to_string()
    }

    /// The key that its notes are checked with.
    pub fn verifier(&self) -> Verifier {
        self.told().signer.verifier().clone()
    }

    /// The value of GOSUMDB: the verifier key, and where it listens.
    pub fn spec(&self) -> String {
        format!("{} {}", self.verifier(), self.upstream.url())
    }

    /// Logs a module version as it is; gives its record's number.
    pub fn record(&self, files: &ModuleFiles) -> u64 {
        self.log(&files.sum_lines())
    }

    /// Logs a record of this text, whatever it is; gives its number.
    pub fn log(&self, text: &str) -> u64 {
        Arc::make_mut(&mut self.told().truth).push(text)
    }

    /// Logs made-up records until there are that many.
    pub fn grow(&self, size: u64) {
        let mut told = self.told();
        let truth = Arc::make_mut(&mut told.truth);
        for id in truth.size()..size {
            truth.push(&synthetic_text(id, ""));
        }
    }

    /// What is logged.
    pub fn truth(&self) -> Arc<History> {
        Arc::clone(&self.told().truth)
    }

    /// The signed head of the tree over the first records.
    pub fn head(&self, size: u64) -> String {
        self.told().head(size)
    }

    /// The honest answer at one of its own paths, such as `/lookup/example.com/m@v1.0.0`; nothing where that is an error.
    pub fn says(&self, path: &str) -> Option<bytes::Bytes> {
        let reply = self.told().honest(path);
        reply.filter(|reply| reply.status == 200).map(|reply| reply.body)
    }

    /// Is another database from now on, under the same key: one that was rolled back, or has another past.
    pub fn rewrite(&self, history: History) {
        self.told().truth = Arc::new(history);
    }

    /// The history for the lies that need another one than the truth.
    pub fn forge(&self, history: History) {
        self.told().forged = Arc::new(history);
    }

    /// Tells these lies from now on, and no others; of each part of an answer, the later ones change what the earlier left.
    pub fn tell(&self, lies: &[Lie]) {
        self.told().lies = lies.to_vec();
    }

    /// Tells the truth again.
    pub fn be_honest(&self) {
        self.tell(&[]);
    }

    /// Lets another upstream front it, below `/sumdb/NAME`, with `supported`.
    pub fn mirror_on(&self, upstream: &Upstream) {
        let below = format!("/sumdb/{}", self.name());
        upstream.put(&format!("{below}/supported"), "");
        upstream.mount(&below, site(&self.told));
    }

    fn told(&self) -> MutexGuard<'_, Speaker> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Database {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

/// Answers as the database does at the time.
fn site(told: &Arc<Mutex<Speaker>>) -> impl Fn(&str) -> Option<Reply> + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |path| {
        let speaker = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        speaker.answer(path)
    }
}

/// A key that is always the same for a name.
pub fn signer(name: &str) -> Signer {
    Signer::from_seed(Name::parse(name).unwrap(), &record_hash(name))
}

/// Where a module version is asked for: `/lookup/example.com/!m@v1.0.0`.
pub fn lookup_path(module: &str, version: &str) -> String {
    format!("/lookup/{}@{}", crate::module::escape(module), crate::module::escape(version))
}
