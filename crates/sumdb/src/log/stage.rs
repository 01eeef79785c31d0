//! The way of new records into the log, a type for each thing that has to be durable before the next.

use std::collections::HashSet;
use std::fmt;

use super::{Edge, Head, Log, ModuleVersion, NewRecord, Note, Record, Tile};
use crate::note::SignError;

/// A file of the store: a tile, and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// The tile; its path is the file's, below the directory that is served.
    pub tile: Tile,
    /// The whole content.
    pub bytes: Vec<u8>,
}

/// Why records are not staged. Nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is nothing to be logged.
    #[error("no records to be logged")]
    Nothing,
    /// The module version has a record, and never gets another one.
    #[error("{module} is record {id} of the log")]
    Recorded {
        /// The module version.
        module: ModuleVersion,
        /// Its record.
        id: u64,
    },
    /// The module version is there twice.
    #[error("{module} is to be logged twice")]
    Twice {
        /// The module version.
        module: ModuleVersion,
    },
    /// The log cannot have more records.
    #[error("the log is full")]
    Full,
}

/// Records on their way: their tiles are to be written.
#[derive(Clone, Debug)]
pub struct Staged {
    log: Log,
    edge: Edge,
    records: Vec<Record>,
    files: Vec<File>,
}

/// Records whose tiles are durable: their tree can be signed.
#[derive(Clone, Debug)]
pub struct Written {
    log: Log,
    edge: Edge,
    records: Vec<Record>,
}

/// A tree that is signed: its head is to be remembered beside the key.
#[derive(Clone, Debug)]
pub struct Signed {
    written: Written,
    head: Head,
}

/// A tree whose head is remembered: it is to be published.
#[derive(Clone, Debug)]
pub struct Remembered {
    written: Written,
    head: Head,
}

impl Log {
    /// Gives records the next numbers. `recorded` looks a module version up in the index of what is logged.
    ///
    /// # Errors
    /// The log as it was, and why the records are refused.
    pub fn stage(
        self,
        records: &[NewRecord],
        recorded: impl Fn(&ModuleVersion) -> Option<u64>,
    ) -> Result<Staged, Box<(Log, Refused)>> {
        if let Err(refused) = admit(records, recorded) {
            return Err(Box::new((self, refused)));
        }
        let mut staged =
            Staged { edge: self.edge.clone(), records: Vec::new(), files: Vec::new(), log: self };
        for NewRecord { module, sums } in records {
            let record = Record::of_module(staged.edge.size(), module, sums);
            staged.records.push(record.clone());
            match staged.edge.push(record) {
                Some(files) => staged.files.extend(files),
                None => return Err(Box::new((staged.log, Refused::Full))),
            }
        }
        match staged.edge.partial(staged.log.size()) {
            Some(files) => staged.files.extend(files),
            None => return Err(Box::new((staged.log, Refused::Full))),
        }
        Ok(staged)
    }
}

/// One record for a module version, for ever.
fn admit(records: &[NewRecord], recorded: impl Fn(&ModuleVersion) -> Option<u64>) -> Result<(), Refused> {
    let mut seen = HashSet::new();
    for NewRecord { module, .. } in records {
        if let Some(id) = recorded(module) {
            return Err(Refused::Recorded { module: module.clone(), id });
        }
        if !seen.insert(module) {
            return Err(Refused::Twice { module: module.clone() });
        }
    }
    if records.is_empty() { Err(Refused::Nothing) } else { Ok(()) }
}

impl Staged {
    /// The tiles to be written, whole, over what may be there: full ones, then those that are not full.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The records with their numbers. Nobody is told yet.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Gives the log back as it was, when a file could not be written.
    pub fn abandon(self) -> Log {
        self.log
    }

    /// All [`Staged::files`] are durable, and so are the directories that name them.
    pub fn written(self) -> Written {
        Written { log: self.log, edge: self.edge, records: self.records }
    }
}

impl Written {
    /// Signs the tree.
    ///
    /// # Errors
    /// None that can be: the text of a tree is one that can be signed.
    pub fn sign(self) -> Result<Signed, SignError> {
        let tree = self.edge.tree();
        let note = Note::new(tree.to_string())?.signed(&self.log.signer);
        Ok(Signed { head: Head::signed(tree, &note), written: self })
    }
}

impl Signed {
    /// The head to be made durable beside the key, outside of the store.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The head that is remembered until now. If another one is found there, another writer is at work: stop.
    pub fn replaces(&self) -> &Head {
        &self.written.log.head
    }

    /// [`Signed::head`] is durable beside the key. From here on there is no way back.
    pub fn remembered(self) -> Remembered {
        Remembered { written: self.written, head: self.head }
    }
}

impl Remembered {
    /// The head to be made durable as the newest of the store.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// [`Remembered::head`] is durable in the store: the log as it is now, and the records that whoever asked for them is
    /// told.
    pub fn published(self) -> (Log, Vec<Record>) {
        let Written { log, edge, records } = self.written;
        (Log { signer: log.signer, head: self.head, edge }, records)
    }
}

/// The path of the file.
impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.tile, f)
    }
}
