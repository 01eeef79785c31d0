//! Appending records to a file, each with one write.
//!
//! The caller holds the lock of the key, so what is found at the end of the file stays true until the write.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::place::{is_misplaced, make_parents};
use crate::{Durability, Key, StoreError, record};

/// Appends one record as a line.
pub(super) fn append(
    path: &Path,
    key: &Key,
    record: &[u8],
    durability: Durability,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::of("append to", key, source);
    record::check(key, record)?;
    let mut file = match open(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            make_parents(path, key)?;
            open(path)
        }
        other => other,
    }
    .map_err(|source| {
        if is_misplaced(&source) { StoreError::Misplaced { key: key.clone() } } else { failed(source) }
    })?;
    let size = file.metadata().map_err(failed)?.len();
    let line = record::line(record, is_torn(&file, size).map_err(failed)?);
    if let Err(source) = file.write_all(&line) {
        // What was written of it would be closed as a torn record by the next one; better it was never there.
        let _ = file.set_len(size);
        return Err(failed(source));
    }
    match durability {
        Durability::Batched => Ok(()),
        Durability::Strict => file.sync_data().map_err(failed),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn is_torn(file: &File, size: u64) -> io::Result<bool> {
    let Some(last) = size.checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}
