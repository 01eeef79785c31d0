//! A log over a store and a memory beside its key, both of which fail when told to; and an auditor who trusts neither.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gomod::request::SumDbOperation;
use gomod::{H1, ModulePath, ModuleVersion, Version};
use larder::log::remember::{Remember, RememberError};
use larder::log::{Log, Refusal, Setup};
use larder::tasks::Tasks;
use store::{Blobs, Key};
use sumdb::client::Head;
use sumdb::record::{LookupAnswer, Sums};
use sumdb::{Client, Hash, Signer, Tile};
use testkit::Faulty;
use testkit::eventually;
use testkit::faulty::{Hold, Operation};

pub(super) const NAME: &str = "sum.corp.example.com";

pub(super) fn signer() -> Signer {
    Signer::from_seed(sumdb::note::Name::parse(NAME).unwrap(), &[7; 32])
}

pub(super) fn module(path: &str, version: &str) -> ModuleVersion {
    ModuleVersion::new(ModulePath::parse(path).unwrap(), Version::parse(version).unwrap()).unwrap()
}

pub(super) fn nth(n: u64) -> ModuleVersion {
    module(&format!("corp.example.com/Mod{}", n % 7), &format!("v1.{n}.0"))
}

pub(super) fn sums(n: u64) -> Sums {
    let sum = |what: &str| H1::of_mod(format!("{what}{n}").as_bytes());
    Sums { zip: sum("zip"), go_mod: sum("mod") }
}

/// What is beside the key: in memory, failing when told to.
#[derive(Default)]
pub(super) struct Beside {
    head: Mutex<Option<Vec<u8>>>,
    /// The next replacement fails; whether it has its effect.
    fault: Mutex<Option<bool>>,
    /// Somebody else holds the lock.
    pub(super) taken: bool,
}

impl Beside {
    pub(super) fn fail_next(&self, has_effect: bool) {
        *self.fault.lock().unwrap() = Some(has_effect);
    }

    pub(super) fn head(&self) -> Option<Vec<u8>> {
        self.head.lock().unwrap().clone()
    }

    pub(super) fn put(&self, head: Option<Vec<u8>>) {
        *self.head.lock().unwrap() = head;
    }
}

/// One process's hold of what is beside the key: a process that is dead writes nothing.
struct Hand {
    beside: Arc<Beside>,
    is_dead: Mutex<bool>,
}

impl Remember for Hand {
    fn is_ours(&self) -> bool {
        self.beside.is_ours()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, RememberError> {
        self.beside.read()
    }

    fn replace(&self, before: &[u8], head: &[u8]) -> Result<(), RememberError> {
        let is_dead = self.is_dead.lock().unwrap();
        if *is_dead {
            let source = io::Error::other("this process is dead");
            return Err(RememberError::Io { path: "state".into(), source });
        }
        self.beside.replace(before, head)
    }
}

impl Remember for Beside {
    fn is_ours(&self) -> bool {
        !self.taken
    }

    fn read(&self) -> Result<Option<Vec<u8>>, RememberError> {
        Ok(self.head())
    }

    fn replace(&self, before: &[u8], head: &[u8]) -> Result<(), RememberError> {
        let mut held = self.head.lock().unwrap();
        if held.as_deref().unwrap_or_default() != before {
            return Err(RememberError::Changed);
        }
        let fault = self.fault.lock().unwrap().take();
        if fault != Some(false) {
            *held = Some(head.to_vec());
        }
        match fault {
            None => Ok(()),
            Some(_) => Err(RememberError::Io {
                path: "state".into(),
                source: io::Error::other("a fault on purpose"),
            }),
        }
    }
}

/// A log, what it stands on, and everything that it has acknowledged.
pub(super) struct World {
    pub(super) blobs: Faulty,
    pub(super) beside: Arc<Beside>,
    pub(super) log: Arc<Log>,
    hand: Arc<Hand>,
    tasks: Tasks,
    acknowledged: Vec<(ModuleVersion, Bytes)>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::over(Faulty::new(store::Memory::new()), Arc::default())
    }

    pub(super) fn over(blobs: Faulty, beside: Arc<Beside>) -> Self {
        let tasks = Tasks::default();
        let hand = Arc::new(Hand { beside: beside.clone(), is_dead: Mutex::new(false) });
        let setup = Setup { signer: signer(), remember: hand.clone(), blobs: Arc::new(blobs.clone()) };
        let log = Log::open(setup, &tasks);
        Self { blobs, beside, log, hand, tasks, acknowledged: Vec::new() }
    }

    /// Ends the process where it stands, and starts another.
    pub(super) async fn killed(self) -> Self {
        // What it has handed to another thread does not go on either.
        *self.hand.is_dead.lock().unwrap() = true;
        self.tasks.stop();
        self.tasks.finished().await;
        let acknowledged = self.acknowledged;
        Self { acknowledged, ..Self::over(self.blobs, self.beside) }
    }

    /// Another process over a copy of the store, with the same memory beside the key or another.
    pub(super) async fn copied(&self, beside: Arc<Beside>) -> Self {
        let copy = store::Memory::new();
        for key in self.keys().await {
            // A tile that has become full leaves those before it behind while this goes on.
            let Ok(blob) = self.blobs.open(&key).await else { continue };
            let bytes = blob.read_all(1 << 24).await.unwrap();
            let (new, strict) = (store::Publish::New, store::Durability::Strict);
            store::put(&copy as &dyn Blobs, &key, bytes, new, strict).await.unwrap();
        }
        Self { acknowledged: self.acknowledged.clone(), ..Self::over(Faulty::new(copy), beside) }
    }

    pub(super) async fn append(&mut self, n: u64) -> Result<Bytes, Refusal> {
        let appended = self.log.append(nth(n), sums(n)).await;
        if let Ok(answer) = &appended {
            self.acknowledged.push((nth(n), answer.clone()));
        }
        appended
    }

    /// Appends many in few batches.
    pub(super) async fn append_all(&mut self, range: std::ops::Range<u64>) {
        let log = &self.log;
        let all = range.map(|n| async move { (nth(n), log.append(nth(n), sums(n)).await.unwrap()) });
        let all = futures_util::future::join_all(all).await;
        self.acknowledged.extend(all);
    }

    pub(super) async fn lookup(&self, n: u64) -> Option<Bytes> {
        self.log.read(&SumDbOperation::Lookup(nth(n))).await.unwrap()
    }

    /// Waits until the files for other servers are there as well.
    pub(super) async fn mirrored(&self) {
        let size = self.log.view().size.unwrap();
        eventually("the file of the newest lookup", || async {
            self.keys().await.iter().filter(|key| key.as_str().contains("/lookup/")).count() as u64 == size
        })
        .await;
    }

    pub(super) async fn keys(&self) -> Vec<Key> {
        let listed = self.blobs.list(None, None, 1_000_000).await.unwrap();
        listed.into_iter().map(|listed| listed.key).collect()
    }

    pub(super) async fn file(&self, name: &str) -> Option<Bytes> {
        let key = Key::parse(&format!("modules/sumdb/{NAME}/{name}")).unwrap();
        let blob = self.blobs.open(&key).await.ok()?;
        Some(blob.read_all(1 << 24).await.unwrap())
    }

    /// The newest head of the store.
    pub(super) async fn published(&self) -> Head {
        let note = self.file("latest").await.unwrap_or_default();
        Client::new(signer().verifier().clone(), &note).unwrap().newest().clone()
    }

    /// Audits what is on the disk from its beginning, as somebody would who has only the files: the records make up the
    /// signed tree, every tile of it is there and right, nothing is recorded twice, and all that was ever acknowledged is
    /// where it was said to be.
    pub(super) async fn audit(&self) -> u64 {
        let head = self.published().await;
        let size = head.tree().size;
        let mut records: Vec<String> = Vec::new();
        for number in 0..size.div_ceil(256) {
            let tile = Tile::new(8, None, number, 1).unwrap().in_tree(size).unwrap();
            let text = String::from_utf8(self.tile(tile).await.to_vec()).unwrap();
            records.extend(
                text.split_inclusive("\n\n").map(|record| record.trim_end_matches('\n').to_owned() + "\n"),
            );
        }
        assert_eq!(records.len() as u64, size);
        let leaves: Vec<Hash> = records.iter().map(|text| Hash::of_record(text.as_bytes())).collect();
        if size > 0 {
            let last = records.last();
            assert_eq!(
                merkle(&leaves),
                head.tree().hash,
                "{size} records to {last:?} are not those of the signed tree"
            );
        }
        for tile in Tile::added(8, 0, size) {
            let span = 1 << (8 * usize::from(tile.level().unwrap()));
            let nodes = leaves.chunks(span).skip(usize::try_from(tile.number()).unwrap() * 256);
            let hashes = nodes.take(tile.width() as usize).flat_map(|leaves| merkle(leaves).0);
            assert_eq!(self.tile(tile).await, hashes.collect::<Vec<u8>>(), "{tile}");
        }
        let mut named: Vec<&str> = records.iter().map(|text| text.rsplit_once(' ').unwrap().0).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), records.len(), "something is recorded twice");
        for (module, answer) in &self.acknowledged {
            let answer = LookupAnswer::parse(answer).unwrap();
            let at = usize::try_from(answer.record.id()).unwrap();
            assert_eq!(records.get(at).map(String::as_str), Some(answer.record.text()), "{module} was lost");
            answer.record.sums(module).unwrap();
            let client = Client::new(signer().verifier().clone(), &answer.note).unwrap();
            assert!(client.newest().tree().size > answer.record.id());
            assert!(client.newest().tree().size <= size);
            let older = usize::try_from(client.newest().tree().size).unwrap();
            assert_eq!(merkle(&leaves[..older]), client.newest().tree().hash, "a second history was signed");
        }
        size
    }

    /// A tile as another server would give it: as it is asked for, or the full one.
    async fn tile(&self, tile: Tile) -> Bytes {
        if let Some(bytes) = self.file(&tile.to_string()).await {
            return bytes;
        }
        let whole = self.file(&tile.whole().to_string()).await.unwrap_or_else(|| panic!("{tile} is missing"));
        match tile.level() {
            None => {
                let text = String::from_utf8(whole.to_vec()).unwrap();
                text.split_inclusive("\n\n").take(tile.width() as usize).collect::<String>().into()
            }
            Some(_) => whole.slice(..tile.size_bytes()),
        }
    }

    /// Lets `n` operations of a kind pass; the next one hangs.
    pub(super) fn hang_after(&self, operation: Operation, n: usize) -> Hold {
        for _ in 0..n {
            self.blobs.hang_next(operation).release();
        }
        self.blobs.hang_next(operation)
    }

    pub(super) fn end(self) {
        self.tasks.dismiss();
    }
}

/// RFC 6962, section 2.1, word by word.
fn merkle(leaves: &[Hash]) -> Hash {
    if let [one] = leaves {
        return *one;
    }
    let split = leaves.len().next_power_of_two() / 2;
    Hash::of_node(&merkle(&leaves[..split]), &merkle(&leaves[split..]))
}
