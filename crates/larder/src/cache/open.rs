//! A held file that is too large for memory: open, checked block by block the first time each block is read.
//!
//! The check is remembered as long as the file stands still: when its size, inode or change time differs, all
//! blocks count as unchecked again. A block that is not what it was when it was kept is never given out; the file is
//! then `rotten`, and the next lookup treats it as lost.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use store::{Blob, Stamp, StoreError};

use super::Label;
use super::manifest::Record;
use crate::verify::sums::{self, BLOCK};

/// Why a held file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes on the disk are not those that were kept.
    #[error("block {block} of the stored file is not what was kept")]
    Rotten {
        /// Index of the block.
        block: u64,
    },
    /// The file ends too early.
    #[error("the stored file ends after {at} bytes")]
    Short {
        /// Where it ended.
        at: u64,
    },
    /// The store failed.
    #[error("the stored file could not be read")]
    Store(#[source] StoreError),
}

/// An open held file.
#[derive(Debug)]
pub struct OpenFile {
    record: Arc<Record>,
    label: Label,
    blob: Blob,
    /// What the file was when the bits below were set; none when that could not be told.
    stamp: Mutex<Option<Stamp>>,
    /// Times that the file was found to have changed.
    changes: AtomicU64,
    /// One bit a block, set once the block was found right.
    checked: Box<[AtomicU64]>,
    /// Where wrong bytes were met: the block's number; [`SOUND`] while none were.
    rot: AtomicU64,
}

/// No wrong bytes were met.
const SOUND: u64 = u64::MAX;

impl OpenFile {
    /// Takes charge of an opened object whose record is `record`.
    pub(super) fn new(record: Arc<Record>, blob: Blob) -> Self {
        let words = record.size.div_ceil(BLOCK).div_ceil(64);
        let checked = (0..words).map(|_| AtomicU64::new(0)).collect();
        let stamp = Mutex::new(Some(blob.stamp()));
        let label = Label::of_file(&record);
        Self { record, label, blob, stamp, changes: AtomicU64::new(0), checked, rot: AtomicU64::new(SOUND) }
    }

    /// What is recorded about the file.
    pub fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// What is told of it.
    pub(super) fn label(&self) -> &Label {
        &self.label
    }

    /// Whether wrong bytes were found in it.
    pub fn is_rotten(&self) -> bool {
        self.rot().is_some()
    }

    /// The block in which wrong bytes were found, or where the file ends too early.
    pub fn rot(&self) -> Option<u64> {
        Some(self.rot.load(Ordering::Relaxed)).filter(|block| *block != SOUND)
    }

    /// Forgets what was checked when the file has changed since.
    pub fn notice_change(&self) {
        let now = self.blob.stamp_now().ok();
        let mut then = self.stamp.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *then != now {
            *then = now;
            // Before the bits: whoever checks a block meanwhile looks here after setting its bit.
            self.changes.fetch_add(1, Ordering::SeqCst);
            for word in &self.checked {
                word.store(0, Ordering::SeqCst);
            }
        }
    }

    /// How often it was found to have changed.
    fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Reads at most `len` bytes at `offset` if that needs no waiting; never across the end of a block that has to be
    /// checked first. `None` when the disk must be waited for: then call [`OpenFile::read`].
    pub fn read_now(&self, offset: u64, len: usize) -> Option<Result<Bytes, ReadError>> {
        let piece = self.piece(offset, len);
        let read = self.blob.read_now(piece.offset, piece.len)?;
        Some(self.accept(&piece, offset, len, read.map_err(ReadError::Store)))
    }

    /// Reads at most `len` bytes at `offset`, waiting for the disk.
    pub async fn read(&self, offset: u64, len: usize) -> Result<Bytes, ReadError> {
        let piece = self.piece(offset, len);
        let reading = tokio::time::timeout(store::PATIENCE, self.blob.read(piece.offset, piece.len));
        let read = reading.await.unwrap_or_else(|_| {
            Err(StoreError::Stuck { operation: "read", object: self.blob.key().to_string() })
        });
        self.accept(&piece, offset, len, read.map_err(ReadError::Store))
    }

    /// What must be read from the store to give out bytes at `offset`: the bytes themselves, or their whole block.
    fn piece(&self, offset: u64, len: usize) -> Piece {
        let changes = self.changes();
        let block = offset / BLOCK;
        let start = block * BLOCK;
        let block_len = BLOCK.min(self.record.size.saturating_sub(start));
        if self.is_checked(block) {
            // To the end of the block: the next one may be unchecked.
            let left = usize::try_from(start + block_len - offset.min(start + block_len)).unwrap_or(len);
            Piece { block, offset, len: len.min(left), changes, check: false }
        } else {
            Piece { block, offset: start, len: usize::try_from(block_len).unwrap_or(0), changes, check: true }
        }
    }

    fn accept(
        &self,
        piece: &Piece,
        offset: u64,
        len: usize,
        read: Result<Bytes, ReadError>,
    ) -> Result<Bytes, ReadError> {
        let bytes = read.inspect_err(|error| self.notice_truncation(error, piece.block))?;
        if bytes.len() < piece.len || piece.len == 0 {
            self.rot.store(piece.block, Ordering::Relaxed);
            return Err(ReadError::Short { at: piece.offset + bytes.len() as u64 });
        }
        if !piece.check {
            return Ok(bytes);
        }
        if !sums::block_agrees(&self.record.blocks, piece.block, &bytes) {
            self.rot.store(piece.block, Ordering::Relaxed);
            return Err(ReadError::Rotten { block: piece.block });
        }
        self.mark_checked(piece.block, piece.changes);
        let skip = usize::try_from(offset - piece.offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.slice(skip..bytes.len().min(skip.saturating_add(len))))
    }

    fn notice_truncation(&self, error: &ReadError, block: u64) {
        if matches!(error, ReadError::Store(StoreError::Truncated { .. })) {
            self.rot.store(block, Ordering::Relaxed);
        }
    }

    fn is_checked(&self, block: u64) -> bool {
        self.word(block).is_some_and(|word| word.load(Ordering::Relaxed) & bit(block) != 0)
    }

    /// Marks a block that was read when the file had changed so often; not one that has changed since.
    fn mark_checked(&self, block: u64, changes: u64) {
        if let Some(word) = self.word(block) {
            word.fetch_or(bit(block), Ordering::SeqCst);
            if self.changes() != changes {
                word.fetch_and(!bit(block), Ordering::SeqCst);
            }
        }
    }

    fn word(&self, block: u64) -> Option<&AtomicU64> {
        self.checked.get(usize::try_from(block / 64).ok()?)
    }
}

struct Piece {
    block: u64,
    offset: u64,
    len: usize,
    /// What [`OpenFile::changes`] said before the reading.
    changes: u64,
    check: bool,
}

fn bit(block: u64) -> u64 {
    1 << (block % 64)
}

#[cfg(test)]
mod tests {
    use store::{Blobs, Disk, Durability, Key, Publish};

    use super::*;
    use crate::cache::manifest::VerifiedBy;

    #[tokio::test]
    async fn a_block_that_was_read_before_a_change_does_not_count_as_checked_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, key) = (Disk::open(dir.path()).unwrap(), Key::parse("modules/x").unwrap());
        let bytes = Bytes::from(vec![7; 1000]);
        let blob = store::put(&disk as &dyn Blobs, &key, bytes.clone(), Publish::New, Durability::Batched);
        let (blob, sums) = (blob.await.unwrap(), sums::of(&bytes));
        let record = Record {
            version: "v1.0.0".into(),
            kind: "zip".into(),
            h1: None,
            sha256: sums.sha256,
            size: sums.size,
            blocks: sums.blocks,
            source: "test".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            verified_by: VerifiedBy::FirstSeen,
            lost: false,
        };
        let file = OpenFile::new(Arc::new(record), blob);
        let piece = file.piece(0, 10);
        let mut rotten = std::fs::File::options().append(true).open(dir.path().join("modules/x")).unwrap();
        std::io::Write::write_all(&mut rotten, b"x").unwrap();
        file.notice_change();
        assert_eq!(file.accept(&piece, 0, 10, Ok(bytes.clone())).unwrap(), bytes.slice(..10));
        assert!(!file.is_checked(0), "what is there now was never checked");
        let piece = file.piece(0, 10);
        file.accept(&piece, 0, 10, Ok(bytes)).unwrap();
        assert!(file.is_checked(0));
    }
}
