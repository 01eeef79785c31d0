//! Records of a journal: one line each.
//!
//! A crash of the machine may leave part of a record, or zeros, at the end of a file. Such a tail is not cut off,
//! for it may be evidence; it is closed by a line feed in front of the next record, in the same write.

use crate::{Key, StoreError};

/// Refuses what would not be one line.
pub(crate) fn check(key: &Key, record: &[u8]) -> Result<(), StoreError> {
    if record.is_empty() || record.contains(&b'\n') {
        return Err(StoreError::Record { key: key.clone() });
    }
    Ok(())
}

/// What to append so that `record` becomes a whole line. `torn`: the file does not end in a line feed now.
pub(crate) fn line(record: &[u8], torn: bool) -> Vec<u8> {
    let closing: &[u8] = if torn { b"\n" } else { b"" };
    [closing, record, b"\n"].concat()
}
