//! A driver of tasks, as a server would have one, without waiting: a database in memory, a memory of proven tiles, and
//! the head that is durable.

use std::collections::HashMap;
use std::sync::Arc;

use gomod::ModuleVersion;
use sumdb::client::{Authentic, ClientError, Head, Latest, Lookup, Standing, Step, Task};
use sumdb::{Client, Proven, Tile, Verifier};
use testkit::database::Speaker;

use crate::note::{TEST, verifier};

/// Why a task came to no end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The database does not have what is needed, or the disk no room for it.
    Absent,
    /// Something is not believed.
    Refused(ClientError),
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::Refused(error)
    }
}

/// A client and what its owner has.
pub(crate) struct Driver {
    pub(crate) client: Client,
    /// What the database serves, by path from `/` on.
    pub(crate) remote: HashMap<String, Vec<u8>>,
    /// Who answers where `remote` has nothing.
    pub(crate) speaker: Option<Speaker>,
    pub(crate) memory: HashMap<Tile, Proven>,
    /// The newest head that is durable.
    pub(crate) durable: String,
    /// The tiles that were asked for, in order.
    pub(crate) asked: Vec<Tile>,
    /// How often the last task had to wait for tiles, but for those that were brought anew.
    pub(crate) rounds: u32,
    /// Whether heads can be made durable.
    pub(crate) disk_full: bool,
}

impl Driver {
    pub(crate) fn new(remembered: &[u8], height: u8) -> Result<Self, ClientError> {
        let key: Verifier = verifier(TEST);
        Ok(Self {
            client: Client::new(key, remembered)?.with_height(height),
            remote: HashMap::new(),
            speaker: None,
            memory: HashMap::new(),
            durable: String::from_utf8(remembered.to_vec()).unwrap(),
            asked: Vec::new(),
            rounds: 0,
            disk_full: false,
        })
    }

    pub(crate) fn newest(&self) -> u64 {
        self.client.newest().tree().size
    }

    pub(crate) fn lookup(&mut self, module: &ModuleVersion) -> Result<Authentic, Stopped> {
        let path = format!("/{}", Lookup::path(module));
        let answer = self.read(&path).ok_or(Stopped::Absent)?;
        let task = Lookup::new(&self.client, module.clone(), &answer)?;
        self.drive(task)
    }

    pub(crate) fn latest(&mut self, note: &str) -> Result<Standing, Stopped> {
        let head = self.client.open(note.as_bytes())?;
        self.drive(Latest::new(head))
    }

    /// Does what the steps of a task ask for.
    pub(crate) fn drive<T: Task>(&mut self, mut task: T) -> Result<T::Answer, Stopped> {
        self.rounds = 0;
        for _ in 0..20 {
            let step = task.step(&mut self.client, &|tile| self.memory.get(&tile).cloned())?;
            self.rounds += u32::from(matches!(step, Step::Bring(_)));
            match step {
                Step::Bring(tiles) | Step::BringAnew(tiles) => {
                    assert!(!tiles.is_empty());
                    for tile in tiles {
                        let bytes = self.tile(tile)?;
                        task.bring(tile, bytes);
                    }
                }
                Step::Keep(head) => self.keep(&head)?,
                Step::Done(answer) => {
                    for tile in task.fresh() {
                        self.memory.insert(tile.tile().whole(), tile.clone());
                    }
                    return Ok(answer);
                }
            }
        }
        panic!("a task that never ends");
    }

    fn tile(&mut self, tile: Tile) -> Result<Arc<[u8]>, Stopped> {
        self.asked.push(tile);
        let found = self.read(&format!("/{tile}")).or_else(|| self.read(&format!("/{}", tile.whole())));
        found.map(Arc::from).ok_or(Stopped::Absent)
    }

    /// What the database says at a path, if that is 200.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let said = || self.speaker.as_ref()?.answer(path).filter(|reply| reply.status == 200);
        self.remote.get(path).cloned().or_else(|| said().map(|reply| reply.body.to_vec()))
    }

    fn keep(&mut self, head: &Head) -> Result<(), Stopped> {
        if self.disk_full {
            return Err(Stopped::Absent);
        }
        head.note().clone_into(&mut self.durable);
        self.client.kept(head);
        Ok(())
    }
}
