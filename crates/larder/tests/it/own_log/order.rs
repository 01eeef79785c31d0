//! In which order an append writes, and what of it must survive a crash of the machine.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use larder::log::remember::{Remember, RememberError};
use larder::log::{Log, Setup};
use larder::tasks::Tasks;
use store::{Blob, Blobs, Durability, Key, Listed, Memory, Publish, Spool, StoreError};

use super::world::{NAME, nth, signer, sums};

/// A store, and a memory beside the key, that note what became durable, one after the other.
#[derive(Default)]
struct Noting {
    store: Memory,
    head: Mutex<Vec<u8>>,
    notes: Mutex<Vec<String>>,
}

impl Noting {
    fn note(&self, what: String) {
        self.notes.lock().unwrap().push(what);
    }
}

/// What was noted without the files that are only for other servers.
fn of_the_log(notes: &[String]) -> Vec<String> {
    let is_copy = |note: &&String| note.contains("/lookup/") || note.contains("/supported");
    notes.iter().filter(|note| !is_copy(note)).cloned().collect()
}

impl Blobs for Noting {
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Blob, StoreError>> {
        self.store.open(key)
    }

    fn spool(&self) -> Result<Spool, StoreError> {
        self.store.spool()
    }

    fn publish<'a>(
        &'a self,
        spool: &'a Spool,
        key: &'a Key,
        mode: Publish,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Blob, StoreError>> {
        let published = self.store.publish(spool, key, mode, durability);
        published.inspect_ok(move |_| self.note(format!("{durability:?} {key}"))).boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a Key,
        record: Bytes,
        durability: Durability,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.append(key, record, durability)
    }

    fn remove<'a>(&'a self, key: &'a Key, aside: Option<&'a Key>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.remove(key, aside)
    }

    fn list<'a>(
        &'a self,
        under: Option<&'a Key>,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        self.store.list(under, after, limit)
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.sync()
    }
}

impl Remember for Noting {
    fn is_ours(&self) -> bool {
        true
    }

    fn read(&self) -> Result<Option<Vec<u8>>, RememberError> {
        Ok(Some(self.head.lock().unwrap().clone()).filter(|head| !head.is_empty()))
    }

    fn replace(&self, _: &[u8], head: &[u8]) -> Result<(), RememberError> {
        *self.head.lock().unwrap() = head.to_vec();
        self.note("remembered".to_owned());
        Ok(())
    }
}

/// [`Noting`] behind two handles.
struct Shared(Arc<Noting>);

impl Remember for Shared {
    fn is_ours(&self) -> bool {
        self.0.is_ours()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, RememberError> {
        self.0.read()
    }

    fn replace(&self, before: &[u8], head: &[u8]) -> Result<(), RememberError> {
        self.0.replace(before, head)
    }
}

#[tokio::test]
async fn tiles_are_durable_before_their_head_is_remembered_and_that_before_it_is_published() {
    let tasks = Tasks::default();
    let noting = Arc::new(Noting::default());
    let remember = Arc::new(Shared(noting.clone()));
    let log = Log::open(Setup { signer: signer(), remember, blobs: noting.clone() }, &tasks);
    for (from, tiles) in [
        (0, vec!["8/0/000.p/1", "8/data/000.p/1"]),
        (255, vec!["8/0/000", "8/1/000.p/1", "8/data/000"]),
        (256, vec!["8/0/001.p/1", "8/data/001.p/1"]),
    ] {
        let before = (log.view().size.unwrap_or(0)..from).map(|n| log.append(nth(n), sums(n)));
        futures_util::future::try_join_all(before).await.unwrap();
        noting.notes.lock().unwrap().clear();
        log.append(nth(from), sums(from)).await.unwrap();
        let mut noted = of_the_log(&noting.notes.lock().unwrap());
        // Tiles in any order, all of them before the rest.
        noted.get_mut(..tiles.len()).unwrap().sort();
        let strict = |file: &str| format!("Strict modules/sumdb/{NAME}/{file}");
        let mut expected: Vec<String> = tiles.iter().map(|tile| strict(&format!("tile/{tile}"))).collect();
        expected.extend(["remembered".to_owned(), strict("latest")]);
        assert_eq!(noted, expected);
    }
    tasks.dismiss();
}
